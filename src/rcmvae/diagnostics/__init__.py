"""What a trained model says of a split, in bounded memory."""

from rcmvae.diagnostics.bundle import Bundle as Bundle
from rcmvae.diagnostics.bundle import Pictures as Pictures
from rcmvae.diagnostics.clustering import Clustering as Clustering
from rcmvae.diagnostics.clustering import clustering as clustering
from rcmvae.diagnostics.survey import Extent as Extent
from rcmvae.diagnostics.survey import survey as survey

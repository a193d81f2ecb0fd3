"""What a trained model says of a split, in bounded memory."""

from rcmvae.diagnostics.clustering import Clustering as Clustering
from rcmvae.diagnostics.clustering import clustering as clustering

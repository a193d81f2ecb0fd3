"""What a trained model says of a split, in bounded memory."""

from rcmvae.diagnostics.clustering import Clustering as Clustering
from rcmvae.diagnostics.clustering import clustering as clustering
from rcmvae.diagnostics.responsibilities import compile_responsibilities as compile_responsibilities

"""Ask where the label is least certain: H(p(y | x))."""

import numpy as np
from jaxtyping import Float

from rcmvae.labels.acquisition.base import Pool
from rcmvae.labels.uncertainty import uncertainty


def entropy(pool: Pool) -> Float[np.ndarray, " N"]:
    """In nats."""
    return uncertainty(pool.tau, pool.r).total

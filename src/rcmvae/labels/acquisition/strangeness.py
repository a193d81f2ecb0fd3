"""Ask for what no channel stands for: samples of a kind that has no name yet."""

import numpy as np
from jaxtyping import Float

from rcmvae.labels.acquisition.base import Pool
from rcmvae.labels.ood import by_doubt


def strangeness(pool: Pool) -> Float[np.ndarray, " N"]:
    """1 − max_c r_c max_y τ_cy."""
    return by_doubt(pool.tau, pool.r)

"""Ask for any sample: what every other strategy has to beat."""

import numpy as np
from jaxtyping import Float

from rcmvae.labels.acquisition.base import Pool


def chance(pool: Pool) -> Float[np.ndarray, " N"]:
    """Uniform in [0, 1)."""
    return pool.rng.random(len(pool.r))

"""Ask where the two most probable labels are about as probable."""

import numpy as np
from jaxtyping import Float

from rcmvae.labels.acquisition.base import Pool


def margin(pool: Pool) -> Float[np.ndarray, " N"]:
    """p₂ − p₁: 0 where they are equal, −1 where one is certain."""
    ordered = np.sort(pool.tau.predict_proba(pool.r), axis=1)
    second = ordered[:, -2] if ordered.shape[1] > 1 else 0.0
    return second - ordered[:, -1]

"""How far a share may be from what was seen, by chance."""

from statistics import NormalDist

import numpy as np
from jaxtyping import Float, Int

LEVEL = 0.95  # of intervals


def wilson(
    share: Float[np.ndarray, "*n"] | float, samples: Int[np.ndarray, "*n"] | int
) -> tuple[Float[np.ndarray, "*n"], Float[np.ndarray, "*n"]]:
    """Between what shares may lie that so many samples gave: the interval of Wilson.

    >>> [bound.round(3).tolist() for bound in wilson(np.array([0.5, 1.0]), np.array([10, 10]))]
    [[0.237, 0.722], [0.763, 1.0]]
    """
    weight = NormalDist().inv_cdf((1 + LEVEL) / 2) ** 2 / np.asarray(samples)
    middle = (share + weight / 2) / (1 + weight)
    half = np.sqrt(weight * (share * (1 - np.asarray(share)) + weight / 4)) / (1 + weight)
    return np.asarray(np.maximum(middle - half, 0)), np.asarray(np.minimum(middle + half, 1))

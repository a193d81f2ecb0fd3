"""Ask for samples that many others are like."""

import numpy as np
from jaxtyping import Float

from rcmvae.labels.acquisition.base import Pool

NEIGHBOURS = 20
CLOSEST = 1e-3  # relative distance below which samples count as the same


def typicality(pool: Pool) -> Float[np.ndarray, " N"]:
    """1 / the mean distance to the nearest codes of the same channel, relative to that channel's own mean.

    Relative, so that a channel whose codes lie closely is not preferred.
    """
    from scipy.spatial import KDTree  # noqa: PLC0415 — slow to import

    found, channel = np.zeros(len(pool.r)), pool.channel
    for k in np.unique(channel):
        mine = np.flatnonzero(channel == k)
        near = min(NEIGHBOURS, len(mine) - 1)
        if near < 1:
            continue
        distance, _ = KDTree(pool.code[mine]).query(pool.code[mine], k=near + 1)
        mean = np.asarray(distance)[:, 1:].mean(axis=1)
        # Codes that all coincide are as typical as the mean code of any other channel.
        relative = mean / mean.mean() if mean.any() else np.ones_like(mean)
        found[mine] = 1 / np.maximum(relative, CLOSEST)
    return found

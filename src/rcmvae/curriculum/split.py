"""Where to cut a channel in two: between the two halves that its own codes fall into."""

import dataclasses

import numpy as np
from jaxtyping import Bool, Float

ROUNDS = 20  # of 2-means, which mostly needs fewer
TIGHTEST = 1e-6  # the least spread of a cluster, as a share of the squared distance: the odds stay numbers


@dataclasses.dataclass(frozen=True)
class Cut:
    """A plane in latent space: the child's side is where axis · z > offset."""

    axis: Float[np.ndarray, " D"]
    offset: float


def halves(z: Float[np.ndarray, "N D"], weight: Float[np.ndarray, " N"]) -> Cut:
    """The plane between the two centres of weighted 2-means, as the log-odds of two round clusters.

    It starts from the principal axis, so that nothing is drawn. With s² the mean square distance to the nearer centre,
    per dimension, log-odds = ((c₁ − c₀) · z − ½ (‖c₁‖² − ‖c₀‖²)) / s².

    >>> z = np.array([[-1.0, 0.1], [-1.2, -0.1], [1.0, 0.1], [1.2, -0.1]])
    >>> cut = halves(z, np.ones(4))
    >>> (z @ cut.axis > cut.offset).tolist() in ([False, False, True, True], [True, True, False, False])
    True
    """
    z, weight = z.astype(float), weight.astype(float)
    share = weight / max(float(weight.sum()), np.finfo(float).tiny)
    centred = z - share @ z
    _, axes = np.linalg.eigh((centred * share[:, None]).T @ centred)
    side = centred @ axes[:, -1] > 0
    for _ in range(ROUNDS):
        if not (share[side].any() and share[~side].any()):  # a single point: there is nothing to cut
            return Cut(np.zeros(z.shape[1]), 0.0)
        before, side = side, _square_distances(z, share, side) < _square_distances(z, share, ~side)
        if (side == before).all():
            break
    low, high = _centre(z, share, ~side), _centre(z, share, side)
    spread = share @ np.where(side, _square_distances(z, share, side), _square_distances(z, share, ~side))
    scale = z.shape[1] / max(float(spread), TIGHTEST * float(np.square(high - low).sum()))
    return Cut(scale * (high - low), 0.5 * scale * float(high @ high - low @ low))


def _centre(
    z: Float[np.ndarray, "N D"], share: Float[np.ndarray, " N"], side: Bool[np.ndarray, " N"]
) -> Float[np.ndarray, " D"]:
    return share[side] @ z[side] / share[side].sum()


def _square_distances(
    z: Float[np.ndarray, "N D"], share: Float[np.ndarray, " N"], side: Bool[np.ndarray, " N"]
) -> Float[np.ndarray, " N"]:
    """From every point to the centre of one side."""
    return np.square(z - _centre(z, share, side)).sum(axis=1)

"""Where to cut a channel in two: between the two clusters that its own codes fall into."""

import dataclasses
from collections.abc import Callable

import numpy as np
from jaxtyping import Bool, Float
from scipy.special import entr, expit

ROUNDS = 20  # of 2-means, which mostly needs fewer
MORE_ROUNDS = 200  # of expectation and maximisation
SETTLED = 1e-6  # largest change of a membership after which they stop
TIGHTEST = 1e-6  # the least spread of a cluster, as a share of the squared distance: the odds stay numbers
SMALLEST = 1e-3  # share of the codes below which a cluster is none


@dataclasses.dataclass(frozen=True)
class Boundary:
    """A plane in latent space: the log-odds of the child's side are axis · z − offset."""

    axis: Float[np.ndarray, " D"]
    offset: float

    def tells(self, z: Float[np.ndarray, "N D"], weight: Float[np.ndarray, " N"]) -> float:
        """How much the codes say about their side, in nats: the entropy of its shares less what z leaves open.

        >>> apart, together = np.array([[-9.0], [9.0]]), np.zeros((2, 1))
        >>> [round(Boundary(np.ones(1), 0.0).tells(z, np.ones(2)), 2) for z in (apart, together)]
        [0.69, 0.0]
        """
        odds = z @ self.axis - self.offset
        share, sides = _share(weight), np.stack([expit(odds), expit(-odds)])
        return float(entr(sides @ share).sum() - (entr(sides) @ share).sum())


Cutter = Callable[[Float[np.ndarray, "N D"], Float[np.ndarray, " N"]], Boundary]


def two_clusters(z: Float[np.ndarray, "N D"], weight: Float[np.ndarray, " N"]) -> Boundary:
    """The plane between two Gaussians of one shape and any sizes, as their log-odds; the child's is the smaller.

    Expectation and maximisation from the two halves of 2-means, so that nothing is drawn. 2-means alone would halve a
    large cluster that a small one lies beside.

    >>> z = np.array([[-1.0, 0.1], [-1.2, -0.1], [1.0, 0.1], [1.2, -0.1], [1.1, 0.0]])
    >>> cut = two_clusters(z, np.ones(5))
    >>> (z @ cut.axis > cut.offset).tolist()
    [True, True, False, False, False]
    """
    z, weight = z.astype(float), weight.astype(float)
    share, side = _share(weight), _sides(z, weight)
    if side is None:
        return Boundary(np.zeros(z.shape[1]), 0.0)
    cut = _log_odds(z, share, side.astype(float))
    for _ in range(MORE_ROUNDS):
        odds = expit(z @ cut.axis - cut.offset)
        if not SMALLEST < share @ odds < 1 - SMALLEST:
            break
        cut, before = _log_odds(z, share, odds), odds
        if np.abs(expit(z @ cut.axis - cut.offset) - before).max() < SETTLED:
            break
    return cut if share @ expit(z @ cut.axis - cut.offset) <= 0.5 else Boundary(-cut.axis, -cut.offset)


def halves(z: Float[np.ndarray, "N D"], weight: Float[np.ndarray, " N"]) -> Boundary:
    """The plane half-way between the centres of 2-means, as the log-odds of two Gaussians of one shape and size.

    It cuts where there is no gap as well.

    >>> z = np.array([[-1.0, 0.1], [-1.2, -0.1], [1.0, 0.1], [1.2, -0.1]])
    >>> cut = halves(z, np.ones(4))
    >>> (z @ cut.axis > cut.offset).tolist() in ([False, False, True, True], [True, True, False, False])
    True
    """
    z, weight = z.astype(float), weight.astype(float)
    share, side = _share(weight), _sides(z, weight)
    if side is None:
        return Boundary(np.zeros(z.shape[1]), 0.0)
    low, high = _centre(z, share, ~side), _centre(z, share, side)
    spread = share @ np.where(side, _square_distances(z, share, side), _square_distances(z, share, ~side))
    scale = z.shape[1] / max(float(spread), TIGHTEST * float(np.square(high - low).sum()))
    return Boundary(scale * (high - low), 0.5 * scale * float(high @ high - low @ low))


def _share(weight: Float[np.ndarray, " N"]) -> Float[np.ndarray, " N"]:
    return weight / max(float(weight.sum()), np.finfo(float).tiny)


def _log_odds(
    z: Float[np.ndarray, "N D"], share: Float[np.ndarray, " N"], odds: Float[np.ndarray, " N"]
) -> Boundary:
    """Where two Gaussians with these members and one covariance are as likely.

    log-odds = (c₁ − c₀)ᵀ Σ⁻¹ z − ½ (c₁ᵀ Σ⁻¹ c₁ − c₀ᵀ Σ⁻¹ c₀) + log(π₁ / π₀)
    """
    one, zero = share * odds, share * (1 - odds)
    high, low = one @ z / one.sum(), zero @ z / zero.sum()
    about_high, about_low = z - high, z - low
    spread = (about_high * one[:, None]).T @ about_high + (about_low * zero[:, None]).T @ about_low
    spread += TIGHTEST * float(np.square(high - low).sum()) * np.eye(z.shape[1])
    axis = np.linalg.solve(spread, high - low)
    return Boundary(axis, float(0.5 * axis @ (high + low) - np.log(one.sum() / zero.sum())))


def _sides(z: Float[np.ndarray, "N D"], weight: Float[np.ndarray, " N"]) -> Bool[np.ndarray, " N"] | None:
    """The halves of weighted 2-means, from those along the principal axis; None of a single point."""
    share = _share(weight)
    centred = z - share @ z
    _, axes = np.linalg.eigh((centred * share[:, None]).T @ centred)
    side = centred @ axes[:, -1] > 0
    for _ in range(ROUNDS):
        if not (share[side].any() and share[~side].any()):
            return None
        before, side = side, _square_distances(z, share, side) < _square_distances(z, share, ~side)
        if (side == before).all():
            break
    return side if share[side].any() and share[~side].any() else None


def _centre(
    z: Float[np.ndarray, "N D"], share: Float[np.ndarray, " N"], side: Bool[np.ndarray, " N"]
) -> Float[np.ndarray, " D"]:
    return share[side] @ z[side] / share[side].sum()


def _square_distances(
    z: Float[np.ndarray, "N D"], share: Float[np.ndarray, " N"], side: Bool[np.ndarray, " N"]
) -> Float[np.ndarray, " N"]:
    """From every point to the centre of one side."""
    return np.square(z - _centre(z, share, side)).sum(axis=1)

"""Is a weighted cloud of codes compatible with one Gaussian? The test of Henze and Zirkler (1990), with weights.

The statistic is the distance between the characteristic functions of the whitened codes and of N(0, I), under a
Gaussian window. It sees skewness, tails, clusters and rings alike, and no affine change of the codes changes it.
"""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.special import ndtr

FLAT = 1e-12  # a direction with a smaller share of the variance holds nothing but rounding


class Gaussianity(NamedTuple):
    """What the test says; `effective_size` is (Σw)² / Σw², the number of equally weighted codes that tell as much."""

    statistic: float
    p_value: float
    effective_size: float


def gaussianity(z: Float[np.ndarray, "N D"], weight: Float[np.ndarray, " N"]) -> Gaussianity:
    """Test one Gaussian on codes that count `weight` each; the scale of the weights does not matter.

    The p-value is that of n equally weighted codes, n being the effective size: right as long as the weights do not
    depend on the codes. Codes that are too few to span their space say nothing, so their p-value is 1.

    >>> one = np.random.default_rng(0).normal(size=(200, 2))
    >>> two = one + 4 * (np.arange(200) % 2)[:, None]
    >>> gaussianity(one, np.ones(200)).p_value > 0.05, gaussianity(two, np.ones(200)).p_value < 1e-6
    (True, True)
    """
    held = weight > 0
    size = effective_size(weight)
    if size <= 1:
        return Gaussianity(0.0, 1.0, size)
    share = weight[held].astype(float) / weight[held].sum(dtype=float)
    y = whitened(z[held].astype(float), share)
    D = y.shape[1]
    if D == 0 or size <= D + 1:
        return Gaussianity(0.0, 1.0, size)
    beta2 = window(size, D)
    statistic = henze_zirkler(y, share, beta2)
    return Gaussianity(statistic, tail(statistic, beta2, D), size)


def effective_size(weight: Float[np.ndarray, " N"]) -> float:
    """(Σw)² / Σw², 0 where there is no weight.

    >>> effective_size(np.array([0.5, 0.5, 0.0])), effective_size(np.zeros(3))
    (2.0, 0.0)
    """
    if not np.any(weight > 0):
        return 0.0
    scaled = weight.astype(float) / weight.max()
    return float(scaled.sum() ** 2 / (scaled**2).sum())


def whitened(z: Float[np.ndarray, "N D"], share: Float[np.ndarray, " N"]) -> Float[np.ndarray, "N R"]:
    """The codes with mean 0 and covariance I, in the R directions in which they vary at all.

    >>> whitened(np.array([[1.0, 5.0], [3.0, 5.0]]), np.array([0.5, 0.5])).round(6).tolist()
    [[-1.0], [1.0]]
    """
    centred = z - share @ z
    spread = np.sqrt(share @ centred**2)
    moving = spread > np.sqrt(FLAT) * np.abs(z).max(axis=0)
    centred = centred[:, moving] / spread[moving]
    variance, direction = np.linalg.eigh((centred * share[:, None]).T @ centred)
    kept = variance > FLAT
    return centred @ (direction[:, kept] / np.sqrt(variance[kept]))


def window(size: float, dimensions: int) -> float:
    """β², the width of the window that the test uses for this many codes.

    >>> round(window(100, 2), 4)
    2.5
    """
    # β = ((2D + 1) n / 4)^(1 / (D + 4)) / √2
    return ((2 * dimensions + 1) * size / 4) ** (2 / (dimensions + 4)) / 2


def henze_zirkler(y: Float[np.ndarray, "N D"], share: Float[np.ndarray, " N"], beta2: float) -> float:
    """The statistic of whitened codes; 0 is a perfect Gaussian.

    >>> y = np.array([[-1.0], [1.0]])
    >>> round(henze_zirkler(y, np.array([0.5, 0.5]), 1.0), 4)
    0.0873
    """
    D = y.shape[1]
    gram = y @ y.T
    norm2 = np.diagonal(gram)
    distance2 = norm2[:, None] + norm2[None] - 2 * gram
    # T / n = Σij pi pj exp(−β² |yi − yj|² / 2)
    #         − 2 (1 + β²)^(−D/2) Σi pi exp(−β² |yi|² / (2 (1 + β²))) + (1 + 2β²)^(−D/2)
    pairs = share @ np.exp(-beta2 / 2 * distance2) @ share
    single = share @ np.exp(-beta2 / (2 * (1 + beta2)) * norm2)
    between = pairs - 2 * (1 + beta2) ** (-D / 2) * single + (1 + 2 * beta2) ** (-D / 2)
    return float(effective_size(share) * between)


def tail(statistic: float, beta2: float, dimensions: int) -> float:
    """The share of Gaussian samples with a larger statistic: a log-normal law with the moments of the limit.

    >>> round(tail(1.0, window(100, 2), 2), 3)
    0.04
    """
    D, b2 = dimensions, beta2
    a, w = 1 + 2 * b2, (1 + b2) * (1 + 3 * b2)
    mean = 1 - a ** (-D / 2) * (1 + D * b2 / a + D * (D + 2) * b2**2 / (2 * a**2))
    variance = (
        2 * (1 + 4 * b2) ** (-D / 2)
        + 2 * a**-D * (1 + 2 * D * b2**2 / a**2 + 3 * D * (D + 2) * b2**4 / (4 * a**4))
        - 4 * w ** (-D / 2) * (1 + 3 * D * b2**2 / (2 * w) + D * (D + 2) * b2**4 / (2 * w**2))
    )
    spread2 = np.log1p(variance / mean**2)
    # log of the statistic ~ N(log mean − ½ spread², spread²)
    if statistic <= 0:
        return 1.0
    return float(ndtr((np.log(mean) - spread2 / 2 - np.log(statistic)) / np.sqrt(spread2)))


def thinned(
    weight: Float[np.ndarray, " N"], most: int
) -> tuple[Int[np.ndarray, " M"], Float[np.ndarray, " M"]]:
    """At most so many rows to judge all by, and what each counts; the same ones every time.

    A row is drawn with chance πᵢ = min(1, c wᵢ), Σπ = `most`, and then counts wᵢ / πᵢ, so that every weighted mean
    is kept on average. Rows of equal weight stay equal; the draw steps through the rows in their order.

    >>> rows, weight = thinned(np.array([1.0, 0.0, 0.5, 0.5, 1.0, 1.0]), 2)
    >>> rows.tolist(), weight.tolist()
    ([0, 4], [2.0, 2.0])
    """
    rows = np.flatnonzero(weight > 0)
    held = weight[rows].astype(float)
    if len(rows) <= most:
        return rows, held
    falling = np.sort(held)[::-1]
    # With the m largest certain, the others share c = (most − m) / Σ_{i > m} wᵢ; right for the first m with c wₘ₊₁ ≤ 1.
    rest = np.cumsum(falling[::-1])[::-1][:most]
    rate = (most - np.arange(most)) / rest
    c = rate[np.argmax(rate * falling[:most] <= 1)]
    passed = np.cumsum(np.minimum(1.0, c * held))
    # One row at each of ½, 1½, 2½, …
    drawn = np.floor(passed + 0.5) > np.floor(np.append(0.0, passed[:-1]) + 0.5)
    return rows[drawn], np.maximum(held[drawn], 1 / c)

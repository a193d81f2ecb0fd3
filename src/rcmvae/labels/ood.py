"""Which samples are like nothing that was learned, and how well a score tells them from the others."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from rcmvae.errors import DataError
from rcmvae.labels.tau import Tau

TAIL = 0.05  # share of the normal samples that the tail is fitted to
FEWEST = 20
PER_FEATURE = 4  # samples, that a covariance needs
RIDGE = 0.01  # of a feature's variance, added to it
SPREAD = 1e-3


def by_doubt(tau: Tau, r: Float[np.ndarray, "N K"]) -> Float[np.ndarray, " N"]:
    """1 − max_c r_c max_y τ_cy: no channel that stands for something holds the sample."""
    return 1 - (r * tau.certainty).max(axis=1)


def surprise(score: Float[np.ndarray, " N"], normal: Float[np.ndarray, " M"]) -> Float[np.ndarray, " N"]:
    """−log of the chance that a normal sample scores as high, in nats: scores of any kind become comparable.

    Chances are counted among normal samples; the highest twentieth of them is taken for an exponential tail, so that a
    score that none of them reaches still says how far out it lies.

    >>> normal = np.linspace(0, 1, 1001)
    >>> surprise(np.array([0.5, 2.0]), normal).round(2).tolist()
    [0.69, 44.17]
    """
    if len(normal) < FEWEST:
        raise DataError(
            f"{len(normal)} normal samples are too few to say what is normal: {FEWEST} are needed."
        )
    ordered = np.sort(normal.astype(float))
    start = np.quantile(ordered, 1 - TAIL)
    excess = ordered[ordered > start] - start
    # Where the highest scores are all alike, a part of the whole range stands for their spread.
    alike = SPREAD * max(float(ordered[-1] - ordered[0]), np.finfo(float).eps)
    scale = excess.mean() if len(excess) else alike
    counted = (len(ordered) - np.searchsorted(ordered, score, side="left")) / len(ordered)
    beyond = np.maximum(score - start, 0) / scale
    return np.where(score > start, beyond - np.log(TAIL), -np.log(np.maximum(counted, TAIL)))


def unlike_its_channel(
    x: Float[np.ndarray, "N F"],
    channel: Int[np.ndarray, " N"],
    normal: Float[np.ndarray, "M F"],
    normal_channel: Int[np.ndarray, " M"],
) -> Float[np.ndarray, " N"]:
    """How far samples lie from the normal ones of the same channel: their squared Mahalanobis distance.

    Too cheap is as odd as too dear, and a usual cost at an unusual place is odd as well. A channel with too few normal
    samples is compared with all of them.
    """
    found = np.zeros(len(x))
    for k in np.unique(channel):
        same = normal[normal_channel == k]
        beside = same if len(same) >= max(FEWEST, PER_FEATURE * x.shape[1]) else normal
        centre, scale = beside.mean(axis=0), np.maximum(beside.std(axis=0), np.finfo(float).eps)
        covariance = np.cov((beside - centre) / scale, rowvar=False, bias=True) + RIDGE * np.eye(x.shape[1])
        away = (x[channel == k] - centre) / scale
        found[channel == k] = np.einsum("nf,fn->n", away, np.linalg.solve(covariance, away.T))
    return found


def combined(scores: Float[np.ndarray, "N S"], normal: Float[np.ndarray, "M S"]) -> Float[np.ndarray, " N"]:
    """The surprises at several scores, added up: chances multiply where scores have nothing to do with each other."""
    each = [surprise(mine, ours) for mine, ours in zip(scores.T, normal.T, strict=True)]
    return np.sum(each, axis=0)


class Detection(NamedTuple):
    """How well a score tells outliers from normal samples."""

    auroc: float  # chance that a random outlier scores higher than a random normal sample; ties count half
    fpr95: float  # share of normal samples above the threshold that finds 95 % of the outliers


def detection(normal: Float[np.ndarray, " N"], outliers: Float[np.ndarray, " M"]) -> Detection:
    """From the scores of samples of either kind.

    >>> detection(np.array([0.1, 0.2, 0.3]), np.array([0.25, 0.9]))
    Detection(auroc=0.8333333333333334, fpr95=0.3333333333333333)
    """
    from scipy.stats import rankdata  # noqa: PLC0415 — slow to import

    if not (len(normal) and len(outliers)):
        raise DataError("Normal samples and outliers are both needed to tell how well they are told apart.")
    ranks = rankdata(np.concatenate([normal, outliers]))
    above = ranks[len(normal) :].sum() - len(outliers) * (len(outliers) + 1) / 2
    threshold = np.sort(outliers)[int(0.05 * len(outliers))]
    return Detection(float(above / (len(normal) * len(outliers))), float(np.mean(normal >= threshold)))

"""How well channels and labels agree. Labelled samples only; −1 is left out."""

import dataclasses
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from rcmvae.structs import UNLABELLED


@dataclasses.dataclass(frozen=True)
class Clustering:
    """Agreement of a partition with labels."""

    accuracy: float  # best one-to-one matching of channels and labels (Hungarian)
    purity: float  # every channel named by its most frequent label
    nmi: float  # normalised mutual information, arithmetic mean
    ari: float  # adjusted Rand index
    garbage_channels: int  # used by at least 1 % of the samples, and less than 60 % pure


def contingency(channel: Int[np.ndarray, " N"], label: Int[np.ndarray, " N"]) -> Int[np.ndarray, "K Y"]:
    """Samples of each label in each channel.

    >>> contingency(np.array([0, 0, 1]), np.array([1, 1, 0])).tolist()
    [[0, 2], [1, 0]]
    """
    table = np.zeros((channel.max() + 1, label.max() + 1), int)
    np.add.at(table, (channel, label), 1)
    return table


def clustering(channel: Int[np.ndarray, " N"], label: Int[np.ndarray, " N"]) -> Clustering | None:
    """The metrics of hard assignments, or None where nothing is labelled."""
    # Slow to import, and not needed before the first epoch.
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415
    from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score  # noqa: PLC0415

    known = label >= 0
    if not known.any():
        return None
    channel, label = channel[known], label[known]
    table = contingency(channel, label)
    rows, columns = linear_sum_assignment(table, maximize=True)
    total, size, top = len(label), table.sum(axis=1), table.max(axis=1)
    used = size >= 0.01 * total
    return Clustering(
        accuracy=float(table[rows, columns].sum() / total),
        purity=float(top.sum() / total),
        nmi=float(normalized_mutual_info_score(label, channel)),
        ari=float(adjusted_rand_score(label, channel)),
        garbage_channels=int((used & (top < 0.6 * size)).sum()),
    )


class Contents(NamedTuple):
    """What is in each part of a partition."""

    samples: Int[np.ndarray, " P"]
    label: Int[np.ndarray, " P"]  # the commonest; −1 where none is labelled
    purity: Float[np.ndarray, " P"]  # its share of the labelled ones; NaN where there are none
    labelled: Int[np.ndarray, " P"]


def contents(index: Int[np.ndarray, " N"], count: int, truth: Int[np.ndarray, " N"]) -> Contents:
    """Samples, commonest label and purity of each of so many parts.

    >>> contents(np.array([0, 0, 0, 2]), 3, np.array([1, 1, 0, -1])).purity.round(2).tolist()
    [0.67, nan, nan]
    """
    known = truth != UNLABELLED
    table = np.zeros((count, int(truth.max()) + 1 if known.any() else 1), int)
    np.add.at(table, (index[known], truth[known]), 1)
    total, top = table.sum(axis=1), table.max(axis=1)
    return Contents(
        samples=np.bincount(index, minlength=count),
        label=np.where(total > 0, table.argmax(axis=1), UNLABELLED),
        purity=np.divide(top, total, out=np.full(count, np.nan), where=total > 0),
        labelled=total,
    )


def ownership(r: Float[np.ndarray, "N K"], truth: Int[np.ndarray, " N"]) -> float | None:
    """The mean over labels of their own channel's mean responsibility, or None where nothing is labelled.

    Labels and channels are matched one to one, as well as they can be; a label that gets no channel counts as 0.

    >>> ownership(np.array([[0.5, 0.5], [1.0, 0.0], [0.25, 0.75]]), np.array([0, 0, 1]))
    0.75
    """
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415

    labels = np.unique(truth[truth != UNLABELLED])
    if not len(labels):
        return None
    table = np.stack([r[truth == label].mean(axis=0, dtype=float) for label in labels])
    rows, columns = linear_sum_assignment(table, maximize=True)
    return float(table[rows, columns].sum() / len(labels))


def elsewhere(
    index: Int[np.ndarray, " N"], count: int, truth: Int[np.ndarray, " N"]
) -> Bool[np.ndarray, " N"]:
    """Labelled samples whose part holds another label more often.

    >>> elsewhere(np.array([0, 0, 0, 1]), 2, np.array([1, 1, 0, -1])).tolist()
    [False, False, True, False]
    """
    return (truth != UNLABELLED) & (contents(index, count, truth).label[index] != truth)

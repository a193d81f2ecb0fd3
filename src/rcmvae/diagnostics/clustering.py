"""How well channels and labels agree. Labelled samples only; −1 is left out."""

import dataclasses

import numpy as np
from jaxtyping import Int


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

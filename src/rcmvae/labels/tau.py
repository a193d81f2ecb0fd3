"""τ: which label a channel stands for, learned by counting.

s_cy = Σ r_c(x) over the samples x that are labelled y         how much of label y lies in channel c
τ_cy = (s_cy + α) / Σ_y (s_cy + α)                             p(y | c)
p(y | x) = Σ_c r_c(x) τ_cy

Where groups of channels are known, what a group stands for counts as one label in each of its channels, so that a
channel without labels is called what its family is called:

τ_gy = (Σ_{c∈g} s_cy + α) / Σ_y …     τ_cy = (s_cy + τ_gy) / Σ_y …

Nothing of the model changes: labels may come, and be taken back, at any time.
"""

import dataclasses

import numpy as np
from jaxtyping import Float, Int

from rcmvae.errors import DataError

ROUNDING = 1e-4  # of a label


@dataclasses.dataclass(frozen=True)
class Tau:
    """Counts of labels in channels. Several channels may stand for one label, and a channel for several.

    >>> r = np.array([[1.0, 0.0], [0.0, 1.0], [0.5, 0.5]])
    >>> tau = Tau.blank(num_channels=2, num_labels=2).taught(r, np.array([0, 1, -1]))
    >>> tau.counts.tolist()
    [[1.0, 0.0], [0.0, 1.0]]
    >>> tau.predict(r[:2]).tolist()
    [0, 1]
    """

    counts: Float[np.ndarray, "K Y"]
    smoothing: float  # α: what every label counts in every channel, or group, before any is seen
    groups: Int[np.ndarray, " K"] | None = None  # of channels; −1 is in none

    def __post_init__(self) -> None:
        if not self.smoothing > 0:
            raise DataError(
                f"smoothing is {self.smoothing:g}; it must be more than 0: a channel may have no label."
            )
        if not np.isfinite(self.counts).all() or (self.counts < 0).any():
            raise DataError("The counts of labels in channels must be finite, and 0 or more.")

    @classmethod
    def blank(cls, num_channels: int, num_labels: int, smoothing: float | None = None) -> "Tau":
        """Nothing counted yet; without a word on smoothing, a channel without labels weighs as much as one label."""
        return cls(np.zeros((num_channels, num_labels)), 1 / num_labels if smoothing is None else smoothing)

    def taught(self, r: Float[np.ndarray, "N K"], label: Int[np.ndarray, " N"]) -> "Tau":
        """With these samples counted as well; −1 is unlabelled."""
        num_labels = self.counts.shape[1]
        if len(label) and label.max() >= num_labels:
            raise DataError(
                f"A label is {label.max()}, but there are {num_labels} labels: 0 to {num_labels - 1}."
            )
        return dataclasses.replace(self, counts=self.counts + self._sums(r, label))

    def forgot(self, r: Float[np.ndarray, "N K"], label: Int[np.ndarray, " N"]) -> "Tau":
        """Without these samples, which were counted before; what rounding leaves of them is nothing.

        >>> r, label = np.array([[0.3, 0.7]]), np.array([0])
        >>> Tau.blank(2, 1).taught(r, label).forgot(r, label).counts.tolist()
        [[0.0], [0.0]]
        """
        left = self.counts - self._sums(r, label)
        # Untouched counts stay as they are, however small.
        rest = np.where(left > ROUNDING, left, 0)
        return dataclasses.replace(self, counts=np.where(left == self.counts, self.counts, rest))

    def _sums(self, r: Float[np.ndarray, "N K"], label: Int[np.ndarray, " N"]) -> Float[np.ndarray, "K Y"]:
        """Σ r_c(x) over the samples of each label."""
        named = label >= 0
        sums = np.zeros_like(self.counts)
        np.add.at(sums.T, label[named], r[named])
        return sums

    def with_labels(self, num_labels: int) -> "Tau":
        """Room for labels that have not been seen before."""
        before = self.counts.shape[1]
        if num_labels < before:
            raise DataError(f"There are {before} labels already; {num_labels} would forget some.")
        return dataclasses.replace(self, counts=np.pad(self.counts, ((0, 0), (0, num_labels - before))))

    def merged(self, kept: int, closed: int) -> "Tau":
        """What was counted for `closed` counts for `kept`."""
        counts = self.counts.copy()
        counts[kept] += counts[closed]
        counts[closed] = 0
        return dataclasses.replace(self, counts=counts)

    def shared_within(self, groups: Int[np.ndarray, " K"]) -> "Tau":
        """Every channel with the counts of its whole group: one label names a family of channels.

        >>> tau = Tau(np.array([[2.0, 0.0], [0.0, 0.0], [0.0, 1.0]]), 0.5)
        >>> tau.shared_within(np.array([0, 0, -1])).counts.tolist()
        [[2.0, 0.0], [2.0, 0.0], [0.0, 1.0]]
        """
        same = (groups[:, None] == groups[None]) & (groups >= 0)[:, None] | np.eye(len(groups), dtype=bool)
        return dataclasses.replace(self, counts=same.astype(float) @ self.counts)

    @property
    def table(self) -> Float[np.ndarray, "K Y"]:
        """τ: rows sum to 1.

        >>> tau = Tau(np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]), 0.5, np.array([0, 0, 1]))
        >>> tau.table.tolist()
        [[0.875, 0.125], [0.75, 0.25], [0.125, 0.875]]
        """
        if self.groups is None:
            return _shares(self.counts + self.smoothing)
        # τ_cy ∝ s_cy + τ_gy
        family = self.shared_within(self.groups).counts
        return _shares(self.counts + _shares(family + self.smoothing))

    @property
    def certainty(self) -> Float[np.ndarray, " K"]:
        """How sure each channel is of its label: max_y τ_cy."""
        return self.table.max(axis=1)

    @property
    def label_of(self) -> Int[np.ndarray, " K"]:
        """The label that each channel stands for; −1 where none was seen."""
        return np.where(self.counts.sum(axis=1) > 0, self.counts.argmax(axis=1), -1)

    def predict_proba(self, r: Float[np.ndarray, "N K"]) -> Float[np.ndarray, "N Y"]:
        """p(y | x)."""
        return r @ self.table

    def predict(self, r: Float[np.ndarray, "N K"]) -> Int[np.ndarray, " N"]:
        """The most probable label."""
        return self.predict_proba(r).argmax(axis=1)


def _shares(counts: Float[np.ndarray, "K Y"]) -> Float[np.ndarray, "K Y"]:
    return counts / counts.sum(axis=1, keepdims=True)

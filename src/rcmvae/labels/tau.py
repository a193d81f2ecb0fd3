"""τ: which label a channel stands for, learned by counting.

s_cy = Σ r_c(x) over the samples x that are labelled y         how much of label y lies in channel c
τ_cy = (s_cy + α) / Σ_y (s_cy + α)                             p(y | c)
p(y | x) = Σ_c r_c(x) τ_cy

Where groups of channels are known, what a group stands for counts as one label in each of its channels, so that a
channel without labels is called what its family is called. And each label owns a group, o(y), where there are enough:
if two labels fall into one group, and one that either might own has none, then one of the two is there by mistake.

τ_gy = (Σ_{c∈g} s_cy + α + β [g = o(y)]) / Σ_y …     τ_cy = (s_cy + τ_gy) / Σ_y …

Nothing of the model changes: labels may come, and be taken back, at any time.
"""

import dataclasses

import numpy as np
from jaxtyping import Bool, Float, Int

from rcmvae.errors import DataError
from rcmvae.structs import UNLABELLED

ROUNDING = 1e-4  # of a label
OWNED = 1.0  # β: labels that its owner counts for in a group
LEAST = 1e-9  # of a label: a group with less of it has nothing of it but rounding, and is not its own
HALF = 0.5  # of a label: a channel in whose family less was counted has no name


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
    def blank(
        cls,
        num_channels: int,
        num_labels: int,
        smoothing: float | None = None,
        groups: Int[np.ndarray, " K"] | None = None,
    ) -> "Tau":
        """Nothing counted yet; without a word on smoothing, a channel without labels weighs as much as one label."""
        alpha = 1 / num_labels if smoothing is None else smoothing
        return cls(np.zeros((num_channels, num_labels)), alpha, groups)

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

    @property
    def same_family(self) -> Float[np.ndarray, "K K"]:
        """1 where two channels are of one family; each is of its own."""
        return _same(np.full(len(self.counts), UNLABELLED) if self.groups is None else self.groups)

    @property
    def family_counts(self) -> Float[np.ndarray, "K Y"]:
        """What was counted in each channel and its family; in the channel alone where no families are known."""
        return self.same_family @ self.counts

    @property
    def has_name(self) -> Bool[np.ndarray, " K"]:
        """Which channels stand for something: half a label was counted in the family, or a label owns it."""
        family = self.family_counts
        owned = np.zeros_like(family) if self.groups is None else _owned(family, self.groups)
        return (family.sum(axis=1) >= HALF) | owned.any(axis=1)

    @property
    def table(self) -> Float[np.ndarray, "K Y"]:
        """τ: rows sum to 1.

        >>> tau = Tau(np.array([[1.0, 0.0], [0.0, 0.0], [0.0, 1.0]]), 0.5, np.array([0, 0, 1]))
        >>> tau.table.round(2).tolist()
        [[0.92, 0.08], [0.83, 0.17], [0.08, 0.92]]
        """
        return self._table(self.counts[None])[0]

    def _table(self, counts: Float[np.ndarray, "n K Y"]) -> Float[np.ndarray, "n K Y"]:
        """τ by several counts."""
        if self.groups is None:
            return _shares(counts + self.smoothing)
        family = self.same_family @ counts
        owned = np.stack([_owned(one, self.groups) for one in family])
        return _shares(counts + _shares(family + self.smoothing + OWNED * owned))

    def left_out(
        self, r: Float[np.ndarray, "N K"], label: Int[np.ndarray, " N"]
    ) -> tuple[Float[np.ndarray, "N Y"], Bool[np.ndarray, " N"]]:
        """What p(y | x) of samples that were counted would be had each not been; and which of them others speak for.

        A sample whose channel would have no name without it says nothing about how good names are.
        """
        Y = self.counts.shape[1]
        counts = np.maximum(self.counts - r[:, :, None] * np.eye(Y)[label][:, None, :], 0)
        p = np.einsum("nk,nky->ny", r, self._table(counts))
        left = counts.sum(axis=2) @ self.same_family
        return p, left[np.arange(len(r)), r.argmax(axis=1)] >= HALF

    @property
    def certainty(self) -> Float[np.ndarray, " K"]:
        """How sure each channel is of its label: max_y τ_cy."""
        return self.table.max(axis=1)

    def predict_proba(self, r: Float[np.ndarray, "N K"]) -> Float[np.ndarray, "N Y"]:
        """p(y | x)."""
        return r @ self.table

    def predict(self, r: Float[np.ndarray, "N K"]) -> Int[np.ndarray, " N"]:
        """The most probable label."""
        return self.predict_proba(r).argmax(axis=1)


def _shares(counts: Float[np.ndarray, "*n K Y"]) -> Float[np.ndarray, "*n K Y"]:
    return counts / counts.sum(axis=-1, keepdims=True)


def _same(groups: Int[np.ndarray, " K"]) -> Float[np.ndarray, "K K"]:
    alike = (groups[:, None] == groups[None]) & (groups >= 0)[:, None]
    return (alike | np.eye(len(groups), dtype=bool)).astype(float)


def _owned(family: Float[np.ndarray, "K Y"], groups: Int[np.ndarray, " K"]) -> Float[np.ndarray, "K Y"]:
    """1 where the group of a channel is the one that a label owns; 0 everywhere with more labels than groups.

    >>> _owned(np.array([[0.97, 0.99], [0.03, 0.01], [0.0, 0.0]]), np.array([0, 1, 2])).tolist()
    [[0.0, 1.0], [1.0, 0.0], [0.0, 0.0]]
    """
    from scipy.optimize import linear_sum_assignment  # noqa: PLC0415 — slow to import

    owned = np.zeros_like(family)
    _, first = np.unique(groups, return_index=True)
    first = first[groups[first] >= 0]
    labels = np.flatnonzero(family.sum(axis=0) > 0)
    if len(first) < len(labels):
        return owned
    group, label = linear_sum_assignment(-np.log(family[np.ix_(first, labels)] + LEAST))
    seen = family[first[group], labels[label]] > LEAST
    for g, y in zip(groups[first[group[seen]]], labels[label[seen]], strict=True):
        owned[groups == g, y] = 1
    return owned

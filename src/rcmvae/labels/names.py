"""What the channels of one set of weights are called, and from which samples that is known."""

import dataclasses
import hashlib
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float, Int, UInt64

from rcmvae.labels.calibration import Fitted, fit_temperature, left_out_temperature, tempered
from rcmvae.labels.tau import Tau
from rcmvae.structs import UNLABELLED


@dataclasses.dataclass(frozen=True)
class Names:
    """Counts of labels in channels, and marks of the samples that were counted.

    >>> r, mark = np.array([[0.9, 0.1], [0.2, 0.8]]), np.array([7, 8], np.uint64)
    >>> names = Names.blank(np.array([0, 1])).taught(r, np.array([0, 1]), ["cat", "dog"], mark)
    >>> [names.name(k) for k in (0, 1)], names.predict(r).tolist()
    (['cat', 'dog'], ['cat', 'dog'])
    >>> names.taught(r[:1], np.array([0]), ["cow"], mark[:1]).predict(r).tolist()
    ['cow', 'dog']
    """

    tau: Tau
    labels: tuple[str, ...]
    mark: UInt64[np.ndarray, " n"]  # of each sample that was counted
    label: Int[np.ndarray, " n"]  # what it was counted for
    temperature: float = 1.0
    held_out: int = 0  # samples, held out or left out, that the temperature was fitted on; it is 1 for none

    @classmethod
    def blank(cls, groups: Int[np.ndarray, " K"], labels: Sequence[str] = ()) -> "Names":
        """Nothing counted yet in channels of these groups; labels that are known beforehand keep their numbers."""
        tau = Tau.blank(len(groups), max(1, len(labels)), groups=groups)
        return cls(tau, tuple(labels), np.zeros(0, np.uint64), np.zeros(0, int))

    def __len__(self) -> int:
        return len(self.mark)

    @property
    def groups(self) -> Int[np.ndarray, " K"]:
        """The family of each channel; −1 is none."""
        alone = np.full(len(self.tau.counts), -1)
        return alone if self.tau.groups is None else self.tau.groups

    def taught(
        self,
        r: Float[np.ndarray, "N K"],
        label: Int[np.ndarray, " N"],
        labels: Sequence[str],
        mark: UInt64[np.ndarray, " N"],
    ) -> "Names":
        """With these samples counted as well, whose labels are numbers of these `labels`; −1 is unlabelled.

        What was said of one of them before no longer counts, so saying a thing twice changes nothing. A label that was
        never seen gets the next number. The temperature is fitted anew if these samples say more of it than others did.
        """
        known = label != UNLABELLED
        r, label, mark = r[known], label[known], mark[known]
        new = [name for y, name in enumerate(labels) if name not in self.labels and (label == y).any()]
        names = (*self.labels, *new)
        number = {name: y for y, name in enumerate(names)}
        own = np.array([number.get(name, UNLABELLED) for name in labels], int)[label]
        again, row = _found(self.mark, mark)
        tau = self.tau.forgot(r[row], self.label[again]).with_labels(max(1, len(names)))
        tau = dataclasses.replace(tau, smoothing=1 / max(1, len(names))).taught(r, own)
        fitted = Fitted(self.temperature, self.held_out).unless(left_out_temperature(tau, r, own))
        mark, own = np.append(self.mark[~again], mark), np.append(self.label[~again], own)
        return Names(tau, names, mark, own, *fitted)

    def calibrated(self, r: Float[np.ndarray, "N K"], label: Int[np.ndarray, " N"]) -> "Names":
        """With the temperature under which these samples, which were not counted, most probably have their labels.

        −1 is unlabelled; without any label the temperature stays as it is.
        """
        held_out = int((label != UNLABELLED).sum())
        if not held_out:
            return self
        temperature = fit_temperature(self.tau.predict_proba(r), label)
        return dataclasses.replace(self, temperature=temperature, held_out=held_out)

    @property
    def fingerprint(self) -> str:
        """Equal where everything that is predicted is equal."""
        digest = hashlib.sha256(repr((self.labels, self.temperature, self.groups.tolist())).encode())
        digest.update(np.ascontiguousarray(self.tau.counts).tobytes())
        return digest.hexdigest()[:16]

    def counted(self, mark: UInt64[np.ndarray, " N"]) -> Bool[np.ndarray, " N"]:
        """Which samples were counted."""
        return np.isin(mark, self.mark)

    def predict_proba(self, r: Float[np.ndarray, "N K"]) -> Float[np.ndarray, "N Y"]:
        """p(y | x), at the temperature."""
        return tempered(self.tau.predict_proba(r), self.temperature)

    def predict(self, r: Float[np.ndarray, "N K"]) -> np.ndarray:
        """The most probable label of each sample, by name."""
        return np.array(self.labels)[self.tau.predict(r)]

    def name(self, channel: int) -> str | None:
        """The label that a channel stands for, if it stands for any."""
        return self.labels[int(self.tau.table[channel].argmax())] if self.tau.has_name[channel] else None


def _found(
    mark: UInt64[np.ndarray, " n"], among: UInt64[np.ndarray, " N"]
) -> tuple[Bool[np.ndarray, " n"], Int[np.ndarray, " m"]]:
    """Which marks are among others, and the rows of those that are."""
    ordered, row = np.unique(among, return_index=True)
    is_there = np.isin(mark, among)
    return is_there, row[np.searchsorted(ordered, mark[is_there])]

"""Labels of any sortable type, numbered in their order."""

import dataclasses
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped

from rcmvae.data.intake import stands_for_none
from rcmvae.errors import DataError
from rcmvae.labels import Tau
from rcmvae.labels.calibration import Fitted, left_out_temperature, tempered
from rcmvae.labels.tau import HALF
from rcmvae.structs import UNLABELLED


class Labels(NamedTuple):
    """The classes in their order, and which of them each sample is; −1 is unlabelled."""

    classes: Shaped[np.ndarray, " Y"]
    place: Int[np.ndarray, " N"]


def read_labels(y: Any, num_samples: int) -> Labels:
    """From one label per sample; −1, None, NaN and empty texts stand for none.

    >>> read_labels(["b", "a", ""], 3)
    Labels(classes=array(['a', 'b'], dtype='<U1'), place=array([ 1,  0, -1]))
    """
    if y is None:
        return Labels(np.zeros(0, int), np.full(num_samples, UNLABELLED))
    given = _as_column(y)
    if len(given) != num_samples:
        raise DataError(f"X has {num_samples} samples, but y has {len(given)} labels.")
    known = ~_is_missing(given)
    present = given[known]
    _refuse_mixed(present)
    if _is(present, np.object_):
        present = np.array(present.tolist())
    if len(present) and not _is(present, np.number, np.bool_, np.character):
        raise DataError(f"y has labels of type {given.dtype}, which cannot be sorted: give numbers or texts.")
    if _is(present, np.floating) and (present % 1).any():
        odd = present[present % 1 != 0][0]
        raise DataError(f"y has the label {odd}: numbers that stand for classes are whole.")
    classes, inside = np.unique(present, return_inverse=True)
    place = np.full(num_samples, UNLABELLED)
    place[known] = inside
    return Labels(classes, place)


def _is(values: np.ndarray, *types: type[np.generic]) -> bool:
    return any(np.issubdtype(values.dtype, one) for one in types)


def _as_column(y: Any) -> np.ndarray:
    plain = list(y) if isinstance(y, list | tuple) else y
    mixed = isinstance(plain, list) and len({isinstance(value, str) for value in plain}) > 1
    given = np.asarray(plain, object) if mixed or _holds_none(plain) else np.asarray(plain)
    if given.ndim == 2 and given.shape[1] == 1:
        given = given[:, 0]
    if given.ndim != 1:
        raise DataError(f"y has the shape {given.shape}; there has to be one label per sample.")
    return given


def _holds_none(plain: Any) -> bool:
    return isinstance(plain, list) and any(value is None for value in plain)


def _is_missing(given: np.ndarray) -> np.ndarray:
    if _is(given, np.object_):
        return np.array([stands_for_none(value) for value in given.tolist()], bool)
    if _is(given, np.character):
        return given == given.dtype.type()
    if _is(given, np.floating):
        return np.isnan(given) | (given == UNLABELLED)
    return given == UNLABELLED if _is(given, np.signedinteger) else np.zeros(len(given), bool)


def _refuse_mixed(present: np.ndarray) -> None:
    texts = [isinstance(value, str) for value in present.tolist()]
    if any(texts) and not all(texts):
        number, text = present[texts.index(False)], present[texts.index(True)]
        raise DataError(f"y mixes numbers (such as {number}) and texts (such as {text!r}): use one of both.")


class Taught(NamedTuple):
    """What labels have said of channels so far. A class keeps its place; new ones come after those before."""

    classes: Shaped[np.ndarray, " Y"]
    tau: Tau
    fitted: Fitted = Fitted()

    def further(self, r: Float[np.ndarray, "N K"], labels: Labels) -> "Taught":
        """With these samples counted as well."""
        classes = _joined(self.classes, labels.classes)
        # As for a blank τ: a channel without labels weighs as much as one label.
        tau = dataclasses.replace(self.tau.with_labels(len(classes)), smoothing=1 / max(len(classes), 1))
        return self._replace(classes=classes, tau=tau.taught(r, numbered(classes, labels)))

    def calibrated(self, r: Float[np.ndarray, "N K"], labels: Labels) -> "Taught":
        """With the temperature that these samples, which were counted, ask for, if they say more of it than others."""
        label = numbered(self.classes, labels)
        known = label != UNLABELLED
        found = left_out_temperature(self.tau, r[known], label[known])
        return self._replace(fitted=self.fitted.unless(found))

    def predict_proba(self, r: Float[np.ndarray, "N K"]) -> Float[np.ndarray, "N Y"]:
        """p(y | x), at the temperature."""
        return tempered(self.tau.predict_proba(r), self.fitted.temperature)

    def within(self, groups: Int[np.ndarray, " K"]) -> "Taught":
        """The same with these families of channels: what a family is called counts as one label in each of them.

        There may be channels that were added, of which nothing is known.
        """
        added = len(groups) - len(self.tau.counts)
        counts = np.pad(self.tau.counts, ((0, added), (0, 0)))
        return self._replace(tau=dataclasses.replace(self.tau, counts=counts, groups=groups))

    @property
    def nameless(self) -> Bool[np.ndarray, " K"]:
        """In which channels, with their families, hardly a label was counted: what they are called is a guess."""
        return self.tau.family_counts.sum(axis=1) < HALF


def numbered(classes: Shaped[np.ndarray, " Y"], labels: Labels) -> Int[np.ndarray, " N"]:
    """The place of each sample's label among these classes; −1 where it has none there."""
    place = np.full(len(labels.classes) + 1, UNLABELLED)  # the last is that of no label
    for at, name in enumerate(labels.classes):
        place[at] = next(iter(np.flatnonzero(classes == name)), UNLABELLED)
    return place[labels.place]


def nothing_taught(num_channels: int) -> Taught:
    """No label yet."""
    return Taught(np.zeros(0, int), Tau(np.zeros((num_channels, 0)), 1.0))


def _joined(known: Shaped[np.ndarray, " Y"], new: Shaped[np.ndarray, " Z"]) -> Shaped[np.ndarray, " U"]:
    if not len(known) or not len(new):
        return new if len(new) else known
    if _is(known, np.character) != _is(new, np.character):
        ours, theirs = known.tolist()[0], new.tolist()[0]
        raise DataError(
            f"y has the label {theirs!r}, but labels taught before are such as {ours!r}: use one kind of both."
        )
    return np.concatenate([known, np.setdiff1d(new, known)])

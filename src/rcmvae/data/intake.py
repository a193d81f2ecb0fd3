"""The door through which all data come in: every sample and label is looked at here, whatever its source."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from jaxtyping import Int32, Shaped

from rcmvae.data.arrays import Raw, Samples, Stored
from rcmvae.errors import DataError, in_words
from rcmvae.structs import UNLABELLED

_NUMBERS = np.typecodes["AllInteger"] + np.typecodes["Float"] + "?"


def take_in(
    x: Any, label: Any = None, x_test: Any = None, label_test: Any = None, *, where: str, where_test: str = ""
) -> Raw:
    """Check samples and labels of any kind and bring them into the form that is stored.

    >>> raw = take_in([[0.0], [1.0], [2.0]], ["cat", "ant", ""], where="x")
    >>> raw.train.x.shape, raw.train.label.tolist(), raw.label_names
    ((3, 1), [1, 0, -1], ('ant', 'cat'))
    """
    where_test = where_test or f"the test part of {where}"
    train = as_stored(x, where)
    test = None if x_test is None else as_stored(x_test, where_test)
    if test is None and label_test is not None:
        raise DataError(f"There are labels for {where_test}, but no samples.")
    if test is not None and test.shape[1:] != train.shape[1:]:
        raise DataError(
            f"The samples of {where} have shape {train.shape[1:]}, those of {where_test} {test.shape[1:]}."
        )
    if test is not None and test.dtype != train.dtype:
        raise DataError(f"The samples of {where} are {train.dtype}, those of {where_test} {test.dtype}.")
    values = as_labels(label, len(train), where)
    values_test = as_labels(label_test, 0 if test is None else len(test), where_test)
    codes, names = encode([*values, *values_test])
    return Raw(
        Samples(train, codes[: len(train)]),
        None if test is None else Samples(test, codes[len(train) :]),
        names,
        columns_of(x),
    )


def columns_of(x: Any) -> tuple[str, ...]:
    """What the columns of a data frame are called; nothing where any has a name that is no text, or that of another.

    >>> columns_of(np.zeros((2, 3)))
    ()
    """
    names = tuple(getattr(x, "columns", ()))
    are_texts = all(isinstance(name, str) for name in names)
    return names if are_texts and len({*names}) == len(names) else ()


def as_stored(x: Any, where: str) -> Stored:
    """Samples as uint8 or float32, images with a colour axis, nothing missing and nothing infinite."""
    given = _as_array(x, where)
    if given.dtype.char not in _NUMBERS:
        odd = [name for name in columns_of(x) if np.asarray(x[name]).dtype.char not in _NUMBERS]
        which = f" No numbers are in {in_words(odd)}: choose the other columns." if odd else ""
        raise DataError(f"The samples of {where} are of type {given.dtype}; they need to be numbers.{which}")
    if given.ndim not in {2, 3, 4}:
        raise DataError(
            f"The samples of {where} have shape {given.shape}; they need to be [N, F] (vectors), [N, H, W] "
            f"(grey images) or [N, H, W, C] (images with colours)."
        )
    if 0 in given.shape:
        raise DataError(f"{where} has shape {given.shape}: there is nothing in it.")
    x = given if given.dtype == np.uint8 else _as_float32(given, where)
    return x[..., None] if x.ndim == 3 else x


def _as_array(x: Any, where: str) -> np.ndarray:
    names = columns_of(x)
    try:
        columns = [np.asarray(x[name]) for name in names]
        if columns and all(column.dtype.char in _NUMBERS for column in columns):
            return np.stack(columns, axis=1)  # of several types, such as yes-or-no beside fractions
        return np.asarray(x)
    except ValueError as error:  # a list of samples of several shapes
        shapes = [_shape_of(sample) for sample in x]
        odd = next((i for i, shape in enumerate(shapes) if shape != shapes[0]), 0)
        raise DataError(
            f"The samples of {where} need to be alike: sample {odd} has {shapes[odd]}, sample 0 {shapes[0]}."
        ) from error


def _shape_of(sample: Any) -> str:
    try:
        return f"the shape {np.shape(sample)}"
    except ValueError:
        return "rows of several lengths"


def _as_float32(given: np.ndarray, where: str) -> np.ndarray:
    with np.errstate(over="ignore"):
        x = np.asarray(given, np.float32)
    bad = ~np.isfinite(x)
    if bad.any():
        sample, *rest = (int(i) for i in np.unravel_index(int(np.argmax(bad)), bad.shape))
        place = f"feature {rest[0]}" if len(rest) == 1 else f"position {tuple(rest)}"
        value = given[sample, *rest]
        raise DataError(
            f"Sample {sample} of {where} has {value} at {place}, which is no finite float32 number; "
            f"{int(bad.reshape(len(x), -1).any(axis=1).sum())} of {len(x)} samples are like that. "
            f"Repair or remove them."
        )
    return x


def as_labels(label: Any, num_samples: int, where: str) -> list[int | str | None]:
    """One plain label per sample; None where there is none (−1, an empty string, NaN or nothing at all)."""
    if label is None:
        return [None] * num_samples
    # a list of numbers and texts would become all texts, were its type not kept open
    given = label if isinstance(label, np.ndarray) else np.asarray(label, object)
    if given.ndim != 1:
        raise DataError(
            f"The labels of {where} have shape {given.shape}; there has to be one label per sample."
        )
    if len(given) != num_samples:
        raise DataError(f"{where} has {num_samples} samples but {len(given)} labels.")
    return [_plain(value, i, where) for i, value in enumerate(given.tolist())]


def stands_for_none(value: Any) -> bool:
    """Whether a label is that of an unlabelled sample: −1, None, NaN, an empty text, or a missing value of pandas.

    >>> [stands_for_none(value) for value in (None, "", float("nan"), -1.0, 0, "a")]
    [True, True, True, True, False, False]
    """
    if value is None or isinstance(value, str | np.ndarray):
        return value is None or (isinstance(value, str) and not value)
    differs = value != value  # noqa: PLR0124 — NaN differs from itself; what is missing in pandas says neither
    return not isinstance(differs, bool | np.bool_) or bool(differs) or bool(value == UNLABELLED)


def _plain(value: Any, position: int, where: str) -> int | str | None:
    if stands_for_none(value):
        return None
    match value.item() if isinstance(value, np.generic) else value:
        case str(text) if _is_writable(text):
            return text
        case bool(truth):
            return str(truth)
        case int(number):
            return number
        case float(number) if number.is_integer():
            return int(number)
    raise DataError(
        f"The label of sample {position} of {where} is {value!r}; a label is a whole number or a text (in UTF-8), "
        f"and −1, NaN or an empty text where there is none."
    )


def _is_writable(text: str) -> bool:
    """Whether a text can go into files: a folder's name may hold bytes that are no UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def encode(labels: Iterable[int | str | None]) -> tuple[Int32[np.ndarray, " N"], tuple[str, ...]]:
    """Number the classes 0..Y−1 in their natural order; the names keep what they were called.

    >>> codes, names = encode([30, 4, None])
    >>> codes.tolist(), names
    ([1, 0, -1], ('4', '30'))
    """
    labels = list(labels)
    present = {label for label in labels if label is not None}
    if len({type(label) for label in present}) > 1:
        numbers, texts = (min(v for v in present if isinstance(v, kind)) for kind in (int, str))
        raise DataError(
            f"Labels mix numbers (such as {numbers}) and texts (such as {texts!r}); use one of both."
        )
    classes: list[Any] = list(present)
    classes.sort()
    code = {None: UNLABELLED} | {label: i for i, label in enumerate(classes)}
    codes: Shaped[np.ndarray, " N"] = np.fromiter((code[label] for label in labels), np.int32, len(labels))
    return codes, tuple(str(label) for label in classes)

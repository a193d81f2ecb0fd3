"""From a source to a data set: read, split, hide labels, scale."""

from typing import Any

import numpy as np
from jaxtyping import Int, Int32

from rcmvae.data.arrays import Arrays, Dataset, Raw, Samples, fingerprint
from rcmvae.data.in_memory import ArraysSource
from rcmvae.data.intake import take_in
from rcmvae.data.scaling import fit_scaling
from rcmvae.data.source import Source
from rcmvae.data.splits import Purpose, draw, keep_labels, size_of, split, stream, thin
from rcmvae.errors import ConfigError
from rcmvae.structs import UNLABELLED

Rows = Int[np.ndarray, "_"]


def load(source: Source) -> Dataset:
    """Read a source and prepare it for training.

    >>> from rcmvae.data.digits import Digits
    >>> dataset = load(Digits(num_labeled=20))
    >>> [len(split) for split in dataset.splits.values()], int((dataset.train.label >= 0).sum())
    ([1455, 162, 180], 20)
    """
    return assemble(source, source.read())


def dataset_from_arrays(
    x: Any,
    label: Any = None,
    *,
    options: ArraysSource | None = None,
    x_test: Any = None,
    label_test: Any = None,
) -> Dataset:
    """Prepare samples that are already in memory; labels may be of any kind, −1 where there is none.

    >>> dataset_from_arrays(np.zeros((20, 5, 4), np.uint8), options=ArraysSource(test=0.25)).test.x.shape
    (5, 5, 4, 1)
    """
    raw = take_in(x, label, x_test, label_test, where="x", where_test="x_test")
    return assemble(options or ArraysSource(), raw)


def assemble(source: Source, raw: Raw) -> Dataset:
    """Split what was read as the source's options say, and fit the scaling to the training split."""
    samples = raw.train
    rows, test_rows = np.arange(len(samples)), None
    if raw.test is None:
        rows, test_rows = _set_aside(samples, rows, source.test, source.seed, Purpose.TEST)
    rows = _subset(samples, _thinned(samples, rows, source), source)
    rows, validation_rows = _set_aside(samples, rows, source.validation, source.seed, Purpose.VALIDATION)

    train, validation = _take(samples, rows), _take(samples, validation_rows)
    test = raw.test if test_rows is None else _take(samples, test_rows)
    assert test is not None
    splits = {
        "train": Arrays(train.x, _visible(train.label, source), train.label),
        "validation": Arrays(validation.x, _held_out(validation.label, source), validation.label),
        "test": Arrays(test.x, _held_out(test.label, source), test.label),
    }
    return Dataset(
        **splits,
        scaling=fit_scaling(source.scaling, train.x, validation.x, test.x),
        shape=train.x.shape[1:],
        num_classes=len(raw.label_names),
        label_names=raw.label_names,
        fingerprint=fingerprint(splits, raw.label_names),
        name=source.name,
        source=source,
        columns=raw.columns,
        left_out=raw.left_out,
        numbering=raw.numbering,
    )


def _take(samples: Samples, rows: Rows) -> Samples:
    return Samples(samples.x[rows], samples.label[rows])


def _set_aside(
    samples: Samples, rows: Rows, part: int | float, seed: int, purpose: Purpose
) -> tuple[Rows, Rows]:
    count = size_of(part, len(rows))
    if count >= len(rows):
        raise ConfigError(
            f"data.{purpose.name.lower()} is {part}, which takes {count} of {len(rows)} samples and leaves none "
            f"to train on."
        )
    stay, drawn = split(samples.label[rows], count, stream(seed, purpose))
    return rows[stay], rows[drawn]


def _thinned(samples: Samples, rows: Rows, source: Source) -> Rows:
    if source.imbalance is None:
        return rows
    label = samples.label[rows]
    if (label == UNLABELLED).any():
        raise ConfigError(
            f"data.imbalance is {source.imbalance:g}, but {(label == UNLABELLED).sum()} of the {len(label)} samples "
            "have no label to thin them by."
        )
    return rows[thin(label, source.imbalance, stream(source.seed, Purpose.IMBALANCE))]


def _subset(samples: Samples, rows: Rows, source: Source) -> Rows:
    count = source.num_samples
    if count is None:
        return rows
    if count > len(rows):
        raise ConfigError(
            f"data.num_samples is {count}, but there are {len(rows)} samples besides the test part."
        )
    return rows[draw(samples.label[rows], count, stream(source.seed, Purpose.SUBSET))]


def _visible(label: Int32[np.ndarray, " N"], source: Source) -> Int32[np.ndarray, " N"]:
    count, labelled = source.num_labeled, int((label != UNLABELLED).sum())
    if count is None:
        return label
    if count > labelled:
        raise ConfigError(
            f"data.num_labeled is {count}, but {labelled} of the {len(label)} training samples have a label."
        )
    return keep_labels(label, count, stream(source.seed, Purpose.LABELS))


def _held_out(label: Int32[np.ndarray, " N"], source: Source) -> Int32[np.ndarray, " N"]:
    # who may see only a few labels must not choose a model by thousands of others
    return label if source.num_labeled is None else np.full_like(label, UNLABELLED)

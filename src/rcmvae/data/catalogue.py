"""What a person asks about data from the command line: which sources there are, and what is in one."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np

from rcmvae.data import SOURCES
from rcmvae.data.arrays import Arrays, Dataset
from rcmvae.data.source import Source
from rcmvae.errors import ConfigError, listed, nearest
from rcmvae.structs import UNLABELLED


@dataclasses.dataclass(frozen=True)
class Description:
    """One source, for a listing."""

    kind: str
    summary: str
    at_hand: bool  # readable without a network, now


def catalogue() -> tuple[Description, ...]:
    """Every source."""
    return tuple(describe(kind) for kind in SOURCES)


def describe(kind: str) -> Description:
    """One source by name.

    >>> describe("digits").at_hand
    True
    """
    source = _source(kind)
    return Description(kind, source.about(), source.is_at_hand())


def readers_of(path: Path) -> list[type[Source]]:
    """The sources that can read what lies at a path, as far as the path alone tells."""
    return [cls for cls in SOURCES.values() if issubclass(cls, Source) and cls.takes(path)]


def fetch(kind: str) -> Path:
    """Get a source's files now, so that later runs need no network; says where they are."""
    return _source(kind).fetch()


def info(dataset: Dataset) -> dict[str, Any]:
    """A data set in numbers, ready for JSON."""
    return {
        "name": dataset.name,
        "fingerprint": dataset.fingerprint,
        "shape": list(dataset.shape),
        "dtype": str(dataset.train.x.dtype),
        "num_classes": dataset.num_classes,
        "label_names": list(dataset.label_names),
        "splits": {name: _info(arrays, dataset.label_names) for name, arrays in dataset.splits.items()},
    }


def _info(arrays: Arrays, names: tuple[str, ...]) -> dict[str, Any]:
    counts = np.bincount(arrays.truth[arrays.truth != UNLABELLED], minlength=len(names)).tolist()
    return {
        "samples": len(arrays),
        "labelled": int((arrays.label != UNLABELLED).sum()),
        "samples_per_label": dict(zip(names, counts, strict=True)),
    }


def _source(kind: str) -> type[Source]:
    source = SOURCES.get(kind)
    if source is None:
        hint = nearest(kind, SOURCES)
        raise ConfigError(f"There is no data source {kind!r}; there are {listed(SOURCES)}.{hint}")
    assert issubclass(source, Source)
    return source

"""What data look like on their way in: as read from a source, then split and ready to train on."""

import dataclasses
import hashlib
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float32, Int32, UInt8, UInt64

from rcmvae.data.scaling import Scaling
from rcmvae.options import Options
from rcmvae.splits import SPLITS

Stored = UInt8[np.ndarray, "N *S"] | Float32[np.ndarray, "N *S"]


@dataclasses.dataclass(frozen=True, eq=False)
class Samples:
    """Samples with what their source says of their class; −1 is unlabelled."""

    x: Stored
    label: Int32[np.ndarray, " N"]

    def __len__(self) -> int:
        return len(self.x)


@dataclasses.dataclass(frozen=True, eq=False)
class Raw:
    """All that a source holds, before it is split."""

    train: Samples
    test: Samples | None  # None: the source makes no distinction
    label_names: tuple[str, ...]
    columns: tuple[str, ...] = ()  # what the values of a vector are called; empty where they have no names
    left_out: tuple[str, ...] = ()  # columns of a table, and their types, that are no numbers
    numbering: tuple[str, ...] = ()  # columns of a table whose whole numbers rise from row to row


@dataclasses.dataclass(frozen=True, eq=False)
class Arrays:
    """One split. Samples stay as stored; `Scaling` turns them into what the model sees."""

    x: Stored
    label: Int32[np.ndarray, " N"]  # what training may look at; −1 is unlabelled
    truth: Int32[np.ndarray, " N"]  # for metrics only; −1 where nobody knows

    def __len__(self) -> int:
        return len(self.x)


@dataclasses.dataclass(frozen=True, eq=False)
class Dataset:
    """Three disjoint splits with one scaling and one list of classes."""

    train: Arrays
    validation: Arrays
    test: Arrays
    scaling: Scaling
    shape: tuple[int, ...]  # (H, W, C) of an image, (F,) of a vector
    num_classes: int
    label_names: tuple[str, ...]
    fingerprint: str  # of the three splits and the names: equal exactly when training would see the same data
    name: str
    source: Options  # where it came from, and how it was split
    columns: tuple[str, ...] = ()  # what the values of a vector are called; empty where they have no names
    left_out: tuple[str, ...] = ()  # columns of a table, and their types, that are no numbers
    numbering: tuple[str, ...] = ()  # columns of a table whose whole numbers rise from row to row

    @property
    def splits(self) -> dict[str, Arrays]:
        """The splits by name."""
        return dict(zip(SPLITS, (self.train, self.validation, self.test), strict=True))


def fingerprint(splits: Mapping[str, Arrays], label_names: tuple[str, ...]) -> str:
    """SHA-256 over every split's name, types, shapes and bytes, and the class names."""
    digest = hashlib.sha256(repr(label_names).encode())
    for name, arrays in splits.items():
        for array in (arrays.x, arrays.label, arrays.truth):
            digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
            digest.update(np.ascontiguousarray(array).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()


def marks(x: Stored) -> UInt64[np.ndarray, " N"]:
    """A number for each sample, by its bytes: samples that are equal, and no others, have the same.

    >>> marks(np.array([[1], [2], [1]], np.uint8))[[0, 2]].tolist() == [int(marks(np.array([[1]], np.uint8))[0])] * 2
    True
    """
    rows = np.ascontiguousarray(x).reshape(len(x), -1).view(np.uint8)
    digests = (hashlib.blake2b(row.data, digest_size=8).digest() for row in rows)
    return np.frombuffer(b"".join(digests), "<u8").astype(np.uint64)

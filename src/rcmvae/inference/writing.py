"""Files that results are written to, whole or not at all."""

import csv
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from rcmvae.errors import ConfigError, nearest
from rcmvae.inference.apply import Prediction, together
from rcmvae.inference.pictures import write_png

Parts = Iterable[Prediction]


def refuse_file(path: Path, suffixes: Sequence[str], *, force: bool) -> None:
    """A sentence for a file that could not be written, before anything is computed."""
    if path.suffix not in suffixes:
        hint = nearest(path.suffix, suffixes)
        raise ConfigError(f"--output is {path}, but it has to end in {', '.join(suffixes)}.{hint}")
    if not path.parent.is_dir():
        raise ConfigError(f"--output is {path}, but there is no folder {path.parent}.")
    if path.exists() and not force:
        raise ConfigError(f"{path} exists already: name another file, or write over it with --force.")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Another name to write to; the file appears once all is there."""
    part = path.with_name(f"{path.name}.part")
    try:
        yield part
        os.replace(part, path)
    except OSError as error:
        raise ConfigError(f"{path} cannot be written: {error.strerror}.") from error
    finally:
        part.unlink(missing_ok=True)


def write_csv(file: Any, parts: Parts) -> None:
    """A line for each sample, with its row."""
    writer = csv.writer(file)
    for number, columns in enumerate(_numbered(parts)):
        if number == 0:
            writer.writerow(columns)
        writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))


def _numbered(parts: Parts) -> Iterator[dict[str, np.ndarray]]:
    """The columns of each part, the rows of its samples first."""
    row = 0
    for part in parts:
        yield {"row": np.arange(row, row + len(part)), **part.columns()}
        row += len(part)


def _csv(path: Path, parts: Parts) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        write_csv(file, parts)


def _npz(path: Path, parts: Parts) -> None:
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, **together([*parts]).arrays())


def _parquet(path: Path, parts: Parts) -> None:
    import pyarrow as arrow  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    writer: Any = None
    try:
        for columns in _numbered(parts):
            table = arrow.table(columns)
            writer = writer or parquet.ParquetWriter(path, table.schema)
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()


TABLES: Mapping[str, Callable[[Path, Parts], None]] = {".parquet": _parquet, ".csv": _csv, ".npz": _npz}


def write_table(path: Path, parts: Parts) -> None:
    """Results in the form that the name of the file asks for, a row for each sample in their order."""
    with replacing(path) as part:
        TABLES[path.suffix](part, parts)


def _samples_npz(path: Path, x: np.ndarray) -> None:
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, x=x)


SAMPLES: Mapping[str, Callable[[Path, np.ndarray], None]] = {".png": write_png, ".npz": _samples_npz}


def write_samples(path: Path, x: np.ndarray) -> None:
    """Samples as one picture, or as the array `x` of an .npz."""
    with replacing(path) as part:
        SAMPLES[path.suffix](part, x)

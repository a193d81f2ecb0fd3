"""Files that results are written to, whole or not at all."""

import csv
import itertools
import os
import zipfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np

from rcmvae.errors import ConfigError, nearest
from rcmvae.inference.apply import Prediction, together
from rcmvae.inference.pictures import write_png

Parts = Iterable[Prediction]
Beside = Mapping[str, Any]  # what else is known of each sample, by columns as Arrow has them
NOTHING: Beside = MappingProxyType({})


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


def write_csv(file: Any, parts: Parts, beside: Beside = NOTHING) -> None:
    """A line for each sample, with its row and what else is known of it."""
    writer = csv.writer(file)
    known = {name: np.array(_texts(name, column), dtype=object) for name, column in beside.items()}
    for number, columns in enumerate(_numbered(parts, known)):
        if number == 0:
            writer.writerow(columns)
        writer.writerows(zip(*(column.tolist() for column in columns.values()), strict=True))


def _texts(name: str, column: Any) -> list[str]:
    """The values of a column as texts, empty where there is none."""
    import pyarrow as arrow  # noqa: PLC0415

    try:
        return ["" if text is None else text for text in column.cast(arrow.string()).to_pylist()]
    except (arrow.ArrowException, UnicodeDecodeError) as error:
        raise ConfigError(
            f"{name!r} cannot be kept in this form of file: its values are of type {column.type}, and no texts. A "
            f".parquet takes them."
        ) from error


def _numbered(parts: Parts, beside: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The columns of each part: the rows of its samples, what else is known of them, what was found."""
    row = 0
    for part in parts:
        end = row + len(part)
        known = {name: values[row:end] for name, values in beside.items()}
        yield _apart({"row": np.arange(row, end)}, known, part.columns())
        row = end


def _apart(*columns: Mapping[str, Any]) -> dict[str, Any]:
    """All of them, none of which has the name of another."""
    for mine, other in itertools.combinations(columns, 2):
        for name in mine.keys() & other.keys():
            raise ConfigError(
                f"{name!r} cannot be kept: what is written has a column of that name already; rename it in the table."
            )
    return dict(itertools.chain.from_iterable(one.items() for one in columns))


def _csv(path: Path, parts: Parts, beside: Beside) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        write_csv(file, parts, beside)


def _npz(path: Path, parts: Parts, beside: Beside) -> None:
    known = {name: _array(name, column) for name, column in beside.items()}
    kept = []
    for part in parts:
        _apart(known, part.arrays())  # a clash is told before all are computed
        kept.append(part)
    _write_npz(path, _apart(known, together(kept).arrays()))


def _array(name: str, column: Any) -> np.ndarray:
    """A column as an array: as texts, unless arrays have such values and none is missing."""
    if not column.null_count and getattr(column.type, "tz", None) is None:
        found = np.array(column)
        if found.dtype != object:
            return found
    return np.array(_texts(name, column))


def _write_npz(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """As `numpy.savez` does, which takes no array called `file`."""
    with zipfile.ZipFile(path, "w") as archive:
        for name, array in arrays.items():
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def _parquet(path: Path, parts: Parts, beside: Beside) -> None:
    import pyarrow as arrow  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    writer: Any = None
    try:
        for columns in _numbered(parts, beside):
            table = arrow.table(columns)
            writer = writer or parquet.ParquetWriter(path, table.schema)
            writer.write_table(table)
    finally:
        if writer is not None:
            writer.close()


TABLES: Mapping[str, Callable[[Path, Parts, Beside], None]] = {
    ".parquet": _parquet,
    ".csv": _csv,
    ".npz": _npz,
}


def write_table(path: Path, parts: Parts, beside: Beside = NOTHING) -> None:
    """Results in the form that the name of the file asks for, a row for each sample in their order."""
    with replacing(path) as part:
        TABLES[path.suffix](part, parts, beside)


def _samples_npz(path: Path, x: np.ndarray) -> None:
    with path.open("wb") as file:
        np.savez(file, allow_pickle=False, x=x)


SAMPLES: Mapping[str, Callable[[Path, np.ndarray], None]] = {".png": write_png, ".npz": _samples_npz}


def write_samples(path: Path, x: np.ndarray) -> None:
    """Samples as one picture, or as the array `x` of an .npz."""
    with replacing(path) as part:
        SAMPLES[path.suffix](part, x)

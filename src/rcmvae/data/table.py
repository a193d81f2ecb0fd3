"""Columns of tables as NumPy arrays, complete or refused."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float32, Shaped, UInt8

from rcmvae.errors import DataError, in_words, listed, nearest

MANY = 20  # rows, whose numbers do not rise in order by chance
TOLD = 5  # columns with gaps that are told by name
MOST_BYTES = 2**31 - 1  # that PyArrow looks at at once


class Table:
    """An opened table. Of Parquet files a column is read when it is asked for."""

    def __init__(self, path: Path, dataset: Any, nameless: Mapping[int, Any] | None = None) -> None:
        import pyarrow as arrow  # noqa: PLC0415

        self.path = path
        self.nameless = nameless or {}  # the first value in each column without a name, by the column's place
        self._types: Any = arrow.types
        self._dataset = dataset
        self.names: list[str] = dataset.schema.names
        twice = next((name for name, count in Counter(self.names).items() if count > 1), None)
        if twice is not None:
            raise DataError(f"{path} has the column {twice!r} twice: a name has to stand for one.")
        try:
            self._num_rows: int = dataset.count_rows()
        except _failures() as error:
            raise DataError(f"{path} cannot be read ({error}).") from error
        if self._num_rows == 0:
            raise DataError(f"{path} has no rows.")

    @classmethod
    def parquet(cls, path: Path) -> "Table":
        """A Parquet file, or a folder of them."""
        from pyarrow import dataset  # noqa: PLC0415

        return cls(path, _opened(path, "Parquet", lambda: dataset.dataset(path, format="parquet")))

    @classmethod
    def csv(cls, path: Path, delimiter: str, decimal: str, as_written: Sequence[str] = ()) -> "Table":
        """A file of text. All of it says what is in a column: whole numbers may be followed by others.

        A column without a name is none of the table's: mostly it holds row numbers, or is what a trailing comma makes.
        Those that are asked for `as_written` are texts, whatever they look like.
        """
        from pyarrow import csv, dataset, string  # noqa: PLC0415

        nameless: dict[int, Any] = {}

        def read() -> Any:
            at_once = csv.ReadOptions(block_size=min(max(path.stat().st_size, 1), MOST_BYTES))
            parts = csv.ParseOptions(delimiter=delimiter)
            values = csv.ConvertOptions(
                decimal_point=decimal,
                strings_can_be_null=not as_written,
                column_types=dict.fromkeys(as_written, string()),
            )
            table = csv.read_csv(path, at_once, parts, values)
            named = [place for place, name in enumerate(table.column_names) if name]
            nameless.update(_nameless(table))
            return dataset.dataset(table.select(named))

        return cls(path, _opened(path, "CSV", read), nameless)

    @property
    def numeric_names(self) -> list[str]:
        """The columns of whole numbers and floats; yes-or-no columns have to be asked for by name."""
        return [name for name in self.names if self._is_number(self._type(name))]

    @property
    def text_names(self) -> list[str]:
        """The columns of texts."""
        kinds = self._types
        return [
            name
            for name in self.names
            if kinds.is_string(self._type(name)) or kinds.is_large_string(self._type(name))
        ]

    def holds_bytes(self, name: str) -> bool:
        """Whether a column's values are bytes, as texts are of which some are not in UTF-8."""
        return self._types.is_binary(self._type(name)) or self._types.is_large_binary(self._type(name))

    def described(self, name: str) -> str:
        """A column and what it holds, in words for a person."""
        kind, kinds = self._type(name), self._types
        kind = kind.value_type if kinds.is_dictionary(kind) else kind
        words = {
            "nothing": kinds.is_null(kind),
            "text": kinds.is_string(kind) or kinds.is_large_string(kind),
            "yes or no": kinds.is_boolean(kind),
            "time": kinds.is_temporal(kind),
            "bytes": kinds.is_binary(kind) or kinds.is_large_binary(kind),
        }
        found = next((word for word, holds in words.items() if holds), str(kind).partition("<")[0])
        return f"{name} ({found})"

    def rises(self, name: str) -> bool:
        """Whether a column of whole numbers rises from each of many rows to the next."""
        if self._num_rows < MANY or not self._types.is_integer(self._type(name)):
            return False
        column = self.column(name)
        values = column.to_numpy()
        return not column.null_count and bool((values[1:] > values[:-1]).all())

    def column(self, name: str) -> Any:
        """A column as it is stored, as Arrow has it."""
        self.refuse_unknown(name)
        return self._read([name]).column(name)

    def values(self, name: str) -> list[Any]:
        """A column as Python values, None where there is none."""
        kind = self._type(name)
        column = self._read([name]).column(name)
        try:
            return column.to_pylist()
        except (
            ValueError,
            OverflowError,
        ) as error:  # text that is no UTF-8, a time that Python has no type for
            raise DataError(
                f"{self.path}: the column {name!r} of type {kind} has a value that cannot be read ({error})."
            ) from error

    def numbers(self, names: Sequence[str]) -> UInt8[np.ndarray, "N F"] | Float32[np.ndarray, "N F"]:
        """Numeric columns side by side: bytes if all of them are, else floats."""
        for name in names:
            self.refuse_unknown(name, besides=names)
            kind = self._type(name)
            if not (self._is_number(kind) or self._types.is_boolean(kind)):
                raise DataError(f"{self.path}: the column {name!r} is of type {kind}; a feature is a number.")
        table = self._read(list(dict.fromkeys(names)))
        self._refuse_gaps(table)
        all_bytes = all(self._types.is_uint8(self._type(name)) for name in names)
        x = np.empty((self._num_rows, len(names)), np.uint8 if all_bytes else np.float32)
        for i, name in enumerate(names):
            with np.errstate(over="ignore"):
                x[:, i] = table.column(name).to_numpy()
            finite = np.isfinite(x[:, i])
            if not finite.all():
                row = int(np.argmin(finite))
                raise DataError(
                    f"{self.path}: row {row} of {name!r} is {x[row, i]}, not a finite float32 number."
                )
        return x

    def holds_lists(self, name: str) -> bool:
        """Whether each row of a column is a list of numbers."""
        kind, types = self._type(name), self._types
        is_list = types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind)
        return is_list and self._is_number(kind.value_type)

    def lists(self, name: str) -> Shaped[np.ndarray, "N F"]:
        """A column of lists of numbers, all of one length."""
        chunks = self._complete(self._read([name]), name).chunks
        lengths = np.asarray([len(row) for chunk in chunks for row in chunk])
        if (lengths != lengths[0]).any():
            row = int(np.argmax(lengths != lengths[0]))
            raise DataError(
                f"{self.path}: row {row} of {name!r} has {lengths[row]} numbers, row 0 has {lengths[0]}."
            )
        parts = [chunk.flatten() for chunk in chunks]
        if any(part.null_count for part in parts):
            raise DataError(f"{self.path}: a list in {name!r} has a gap in it.")
        flat = np.concatenate([part.to_numpy(zero_copy_only=False) for part in parts])
        return flat.reshape(self._num_rows, -1)

    def binary(self, name: str) -> list[bytes]:
        """A column of bytes; or of structures with a field `bytes`, as image data sets are often stored."""
        kind, types = self._type(name), self._types
        nested = types.is_struct(kind) and kind.get_field_index("bytes") >= 0
        held = kind.field("bytes").type if nested else kind
        if not (types.is_binary(held) or types.is_large_binary(held) or types.is_fixed_size_binary(held)):
            raise DataError(
                f"{self.path}: the column {name!r} is of type {kind}; images are bytes or lists of numbers."
            )
        rows = self._complete(self._read([name]), name).to_pylist()
        contents = [row["bytes"] for row in rows] if nested else rows
        if None in contents:
            raise DataError(f"{self.path}: row {contents.index(None)} of {name!r} holds no bytes.")
        return contents

    def _is_number(self, kind: Any) -> bool:
        return self._types.is_integer(kind) or self._types.is_floating(kind)

    def refuse_unknown(self, name: str, otherwise: str = "", besides: Sequence[str] = ()) -> None:
        """A sentence where there is no such column, and what to do if none was meant; it is none of those `besides`."""
        if name not in self.names:
            free = [other for other in self.names if other not in besides]
            hint = f"{nearest(name, free)}{otherwise}"
            raise DataError(f"{self.path} has no column {name!r}; it has {listed(self.names)}.{hint}")

    def _type(self, name: str) -> Any:
        self.refuse_unknown(name)
        return self._dataset.schema.field(name).type

    def _read(self, names: list[str]) -> Any:
        try:
            return self._dataset.to_table(columns=names)
        except _failures() as error:
            raise DataError(f"{self.path} cannot be read ({error}).") from error

    def _complete(self, table: Any, name: str) -> Any:
        self._refuse_gaps(table.select([name]))
        return table.column(name)

    def _refuse_gaps(self, table: Any) -> None:
        """All columns with gaps at once, so that nobody mends one after the other."""
        gaps = {name: table.column(name).null_count for name in table.column_names}
        counts = [(name, count) for name, count in gaps.items() if count]
        if not counts:
            return
        name, count = counts[0]
        row = table.column(name).is_null().to_pylist().index(True)
        where = f"{self.path}: row {row} of {name!r} is empty"
        if len(counts) == 1:
            raise DataError(f"{where}, as are {count} of {self._num_rows} rows. Fill or remove them.")
        told = [f"{count} {'has' if count == 1 else 'have'} no {name!r}" for name, count in counts]
        more = len(told) - TOLD
        told = told if more < 2 else [*told[:TOLD], f"{more} more columns have gaps"]
        raise DataError(f"{where}. Of {self._num_rows} rows, {in_words(told)}. Fill or remove them.")


def _nameless(table: Any) -> dict[int, Any]:
    """The first value in each column without a name that does more than count rows, by the column's place."""
    found = {}
    for place, name in enumerate(table.column_names):
        column = table.column(place)
        if not name and column.null_count < len(column) and not _counts_rows(column):
            found[place] = next(value for value in column.to_pylist() if value is not None)
    return found


def _counts_rows(column: Any) -> bool:
    import pyarrow as arrow  # noqa: PLC0415

    if column.null_count or not arrow.types.is_integer(column.type):
        return False
    values = column.to_numpy()
    return values[0] in {0, 1} and bool((values == values[0] + np.arange(len(values))).all())


def _opened(path: Path, called: str, read: Callable[[], Any]) -> Any:
    if not path.exists():
        raise DataError(f"{path} does not exist.")
    try:
        return read()
    except _failures() as error:
        raise DataError(f"{path} cannot be read as {called} ({error}).") from error


def _failures() -> tuple[type[Exception], ...]:
    """What PyArrow raises where a file is not what it should be."""
    import pyarrow as arrow  # noqa: PLC0415

    return (arrow.ArrowException, OSError)

"""Tables of text, as spreadsheets and data frames write them."""

import csv
import itertools
import json
import math
import re
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from rcmvae.data.table import Table
from rcmvae.data.tabular import Tabular
from rcmvae.errors import ConfigError, DataError

TABS, USUAL = ".tsv", (",", ";", "\t", "|")
WHOLE = re.compile(r"\s*[-+]?\d+\s*")
FRACTION = re.compile(r"\s*[-+]?\d*,\d+([eE][-+]?\d+)?\s*")
THOUSANDS = re.compile(r"\s*[-+]?[1-9]\d{0,2},\d{3}\s*")
STRAYS = 0.1  # up to this share of words in a column is taken for slips among numbers


class Csv(Tabular):
    """Rows of a CSV file, whose first line names the columns.

    Samples are the columns named in `features`, or all numeric ones when null, but for those in `without`; a column
    without a name, as data frames write their row numbers, is none of them. `shape` folds a row into an image.
    """

    summary: ClassVar[str] = "A table of text (.csv, .tsv) with numeric columns."

    kind: Literal["csv"] = "csv"
    delimiter: str | None = Field(
        default=None,
        description="What stands between two columns; if null a tab in a .tsv, a comma in any other file.",
    )
    decimal: Literal[".", ","] = Field(
        default=".", description="What stands before the fraction of a number."
    )

    @field_validator("delimiter")
    @classmethod
    def _is_one_character(cls, delimiter: str | None) -> str | None:
        if delimiter is not None and (len(delimiter) != 1 or not delimiter.isascii() or delimiter in '\r\n"'):
            raise ConfigError(
                f"{json.dumps(delimiter)} cannot stand between columns: give one character, such as ;"
            )
        return delimiter

    @classmethod
    def takes(cls, path: Path) -> bool:
        return path.suffix in {".csv", TABS}

    def _between(self, path: Path) -> str:
        return self.delimiter or ("\t" if path.suffix == TABS else ",")

    def as_written(self, path: Path, names: Sequence[str]) -> Table:
        if path.is_file():
            _refuse_what_names_nothing(path, self._between(path))
        return Table.csv(path, self._between(path), self.decimal, names)

    def open(self, path: Path) -> Table:
        table = self.as_written(path, ())
        if not table.numeric_names and self.decimal == "." and self._between(path) != ",":
            raise DataError(
                f"{path} has no numeric column. If its numbers have a comma before the fraction, say so: "
                "'data.decimal=\",\"'."
            )
        self._refuse_what_has_no_name(table)
        self._refuse_what_is_no_number(table)
        self._refuse_other_encodings(table)
        return table

    def _refuse_what_has_no_name(self, table: Table) -> None:
        """A column that can be named nowhere would be left out in silence."""
        if not table.nameless or self.features is not None or "" in self.without:
            return
        place, value = next(iter(table.nameless.items()))
        raise DataError(
            f"{table.path}: column {place + 1} from the left has no name, but holds values such as {value!r}. Give it "
            f"one in the first line, or read the table without it: 'data.without={self._with_out('')}'."
        )

    def _refuse_what_is_no_number(self, table: Table) -> None:
        """A column of numbers that is read as one of texts would be left out in silence."""
        asked = table.names if self.features is None else self.features
        for name in table.text_names:
            if name in asked and name not in (self.label_column, *self.without):
                values = table.values(name)
                self._refuse_commas(table, name, values)
                self._refuse_stray_words(table, name, values)

    def _refuse_commas(self, table: Table, name: str, values: list[str | None]) -> None:
        """Numbers with a comma before their fraction, where a point is expected."""
        given = [value for value in values if value is not None]
        fractions = [value for value in given if FRACTION.fullmatch(value)]
        # Between columns that are parted by commas, a comma in quotes may as well part thousands.
        if self._between(table.path) == ",":
            fractions = [] if all(THOUSANDS.fullmatch(value) for value in fractions) else fractions
        numbers = len(fractions) + sum(WHOLE.fullmatch(value) is not None for value in given)
        if self.decimal == "," or not fractions or numbers < (1 - STRAYS) * len(given):
            return
        raise DataError(
            f"{table.path}: row {values.index(fractions[0])} of {name!r} is {fractions[0]!r}, a text, not a number. If "
            f"numbers have a comma before the fraction there, say so: 'data.decimal=\",\"'; if not, "
            f"{self._how_to_leave_out(name)}."
        )

    def _refuse_stray_words(self, table: Table, name: str, values: list[str | None]) -> None:
        """Numbers with a word among them."""
        strays = [row for row, value in enumerate(values) if value is not None and not _is_number(value)]
        given = sum(value is not None for value in values)
        if 0 < len(strays) <= STRAYS * given:
            raise DataError(
                f"{table.path}: row {strays[0]} of {name!r} is {values[strays[0]]!r}, but {given - len(strays)} of "
                f"{given} values there are numbers. Mend it, or {self._how_to_leave_out(name)}."
            )

    def _how_to_leave_out(self, name: str) -> str:
        if self.features is not None:
            return "take it out of data.features"
        return f"leave the column out: 'data.without={self._with_out(name)}'"

    def _with_out(self, name: str) -> str:
        return json.dumps([*self.without, name], ensure_ascii=False)

    def _refuse_other_encodings(self, table: Table) -> None:
        """Where some labels are not in UTF-8, all are read as bytes: the first that really is not is told."""
        name = self.label_column
        if name is None or name not in table.names or not table.holds_bytes(name):
            return
        for row, value in enumerate(table.values(name)):
            if value is not None and not _is_utf8(value):
                raise DataError(
                    f"{table.path}: the label of row {row} is {value!r}, no text in UTF-8. Save the file as UTF-8: "
                    f"editors and spreadsheets ask for the encoding where they save or export."
                )


def _refuse_what_names_nothing(path: Path, between: str) -> None:
    """The first line has to name the columns."""
    try:
        with path.open("rb") as file:
            first = file.readline().decode("utf-8-sig")
        names = next(csv.reader([first], delimiter=between), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"{path} cannot be read as CSV: its first line is no text in UTF-8 ({error})."
        ) from error
    other = next((mark for mark in USUAL if len(names) == 1 and mark in names[0]), None)
    if other is not None:
        raise DataError(
            f"{path} has a single column, {names[0]!r}. If {json.dumps(other)} stands between its columns, say so: "
            f"'data.delimiter={json.dumps(other)}'."
        )
    numbers = [name for name in names if _is_number(name)]
    # Years may be names, and so may `inf` and `nan`.
    has_fractions = any(math.isfinite(float(name)) and not name.strip().isdigit() for name in numbers)
    if has_fractions or (numbers == names and not _counts(names)):
        raise DataError(
            f"{path} begins with a line that holds numbers ({', '.join(numbers[:3])}), but the first line has to name "
            f"the columns: put one before it."
        )


def _counts(names: list[str]) -> bool:
    """Whether names are whole numbers one after another, as data frames call columns that have no names.

    >>> _counts(["0", "1", "2"]), _counts(["5", "0", "0"])
    (True, False)
    """
    return all(name.strip().isdigit() for name in names) and all(
        int(after) == int(before) + 1 for before, after in itertools.pairwise(names)
    )


def _is_number(text: str) -> bool:
    """Whether a text reads as a number.

    >>> _is_number("5.1"), _is_number("height"), _is_number("")
    (True, False, False)
    """
    try:
        float(text)
    except ValueError:
        return False
    return True


def _is_utf8(content: bytes) -> bool:
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return True

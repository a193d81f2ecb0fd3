"""Tables of text, as spreadsheets and data frames write them."""

import csv
import itertools
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from rcmvae.data.table import Table
from rcmvae.data.tabular import Tabular
from rcmvae.errors import ConfigError, DataError

TABS, USUAL = ".tsv", (",", ";", "\t", "|")
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
        self._refuse_stray_words(table)
        return table

    def _refuse_stray_words(self, table: Table) -> None:
        """A column of numbers with a word in it is one of texts, and would be left out in silence."""
        asked = table.names if self.features is None else self.features
        for name in table.text_names:
            if name not in asked or name in (self.label_column, *self.without):
                continue
            values = table.values(name)
            strays = [row for row, value in enumerate(values) if value is not None and not _is_number(value)]
            given = sum(value is not None for value in values)
            without = json.dumps([*self.without, name], ensure_ascii=False)
            if 0 < len(strays) <= STRAYS * given:
                raise DataError(
                    f"{table.path}: row {strays[0]} of {name!r} is {values[strays[0]]!r}, but {given - len(strays)} of "
                    f"{given} values there are numbers. Mend it, or leave the column out: 'data.without={without}'."
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

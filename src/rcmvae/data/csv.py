"""Tables of text, as spreadsheets and data frames write them."""

from pathlib import Path
from typing import ClassVar, Literal

from pydantic import Field, field_validator

from rcmvae.data.table import Table
from rcmvae.data.tabular import Tabular
from rcmvae.errors import ConfigError, DataError

TABS, USUAL = ".tsv", (",", ";", "\t", "|")


class Csv(Tabular):
    """Rows of a CSV file, whose first line names the columns.

    Samples are the columns named in `features`, or all numeric ones when null; a column without a name, as data frames
    write their row numbers, is none of them. `shape` folds a row into an image.
    """

    summary: ClassVar[str] = "A table of text (.csv, .tsv) with numeric columns."

    kind: Literal["csv"] = "csv"
    delimiter: str | None = Field(
        default=None,
        description="What stands between two columns; if null a tab in a .tsv, a comma in any other file.",
    )

    @field_validator("delimiter")
    @classmethod
    def _is_one_character(cls, delimiter: str | None) -> str | None:
        if delimiter is not None and len(delimiter) != 1:
            raise ConfigError(f'"{delimiter}" is no single character, such as ";"')
        return delimiter

    @classmethod
    def takes(cls, path: Path) -> bool:
        return path.suffix in {".csv", TABS}

    def open(self, path: Path) -> Table:
        between = self.delimiter or ("\t" if path.suffix == TABS else ",")
        table = Table.csv(path, between)
        first = table.names[0]
        other = next((mark for mark in USUAL if mark in first and mark != between), None)
        if len(table.names) == 1 and other is not None:
            raise DataError(
                f"{path} has a single column, {first!r}. If {other!r} stands between its columns, say so: "
                f'data.delimiter="{other}".'
            )
        if all(_is_number(name) for name in table.names):
            raise DataError(
                f"{path} begins with a line of numbers ({', '.join(table.names[:3])} …), but the first line has to "
                f"name the columns: put one before it."
            )
        return table


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

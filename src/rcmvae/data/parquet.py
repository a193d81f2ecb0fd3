"""Parquet tables: one column per feature, or one column of images."""

import math
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from rcmvae.data.images import Color, Size, decode_images
from rcmvae.data.table import Table
from rcmvae.data.tabular import Tabular
from rcmvae.errors import ConfigError, DataError


class Parquet(Tabular):
    """Rows of a Parquet file, or of a folder of them.

    Samples are either the columns named in `features` (all numeric ones but those in `without` when null), or
    `image_column`: encoded images (PNG, JPEG …), raw bytes of `shape`, or lists of numbers. `shape` folds a row into an
    image.
    """

    summary: ClassVar[str] = "A Parquet table of numeric columns, or with a column of images."

    kind: Literal["parquet"] = "parquet"
    path: Path = Field(description="The file, or a folder of such files.")
    image_column: str | None = Field(
        default=None, description="The column of images instead: encoded, raw bytes, or lists of numbers."
    )
    resize: Size | None = Field(
        default=None, description="[height, width] that encoded images are brought to; as they are if null."
    )
    color: Color | None = Field(
        default=None,
        description="What encoded images are converted to; as they are if null, and then they have to agree.",
    )

    @model_validator(mode="after")
    def _one_way(self) -> "Parquet":
        if self.features is not None and self.image_column is not None:
            raise ConfigError("features and image_column exclude each other; name one of them")
        if self.image_column is not None and self.without:
            raise ConfigError("without is for columns of numbers, of which image_column takes none")
        if self.label_column is not None and self.label_column == self.image_column:
            raise ConfigError(f"label_column {self.label_column} is among the samples' columns as well")
        encoded = self.image_column is not None and self.shape is None
        if not encoded and (self.resize is not None or self.color is not None):
            raise ConfigError("resize and color are for encoded images: an image_column without a shape")
        return self

    @classmethod
    def takes(cls, path: Path) -> bool:
        return path.suffix == ".parquet" or any(path.glob("*.parquet"))

    def open(self, path: Path) -> Table:
        return Table.parquet(path)

    def columns_of(self, table: Table) -> tuple[str, ...]:
        return () if self.image_column is not None else super().columns_of(table)

    def numbers_of(self, table: Table, features: tuple[str, ...]) -> np.ndarray:
        if self.image_column is None:
            return super().numbers_of(table, features)
        if table.holds_lists(self.image_column):
            self._refuse_to_draw(table, self.image_column)
            return table.lists(self.image_column)
        return self._images(table, self.image_column)

    def _images(self, table: Table, name: str) -> np.ndarray:
        encoded = table.binary(name)
        rows = [f"{table.path}, row {i} of {name!r}" for i in range(len(encoded))]
        if self.shape is None:
            return decode_images(encoded, rows, self.color, self.resize)
        size = math.prod(self.shape)
        odd = next((i for i, content in enumerate(encoded) if len(content) != size), None)
        if odd is not None:
            raise DataError(
                f"{rows[odd]} has {len(encoded[odd])} bytes; data.shape {list(self.shape)} needs {size}. Leave "
                f"shape out if the column holds encoded images (PNG, JPEG)."
            )
        return np.frombuffer(b"".join(encoded), np.uint8).reshape(len(encoded), size)

    def _refuse_to_draw(self, table: Table, name: str) -> None:
        """Lists of numbers are taken as they are: what changes images must not be passed over in silence."""
        given = {"resize": self.resize, "color": self.color}
        asked = [f"data.{key}" for key, value in given.items() if value is not None]
        if asked:
            raise DataError(
                f"{table.path}: the column {name!r} holds lists of numbers, but {' and '.join(asked)} can only be "
                f"used for encoded images (PNG, JPEG). Leave {'it' if len(asked) == 1 else 'both'} out; data.shape "
                f"folds the lists into images."
            )

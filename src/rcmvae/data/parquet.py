"""Parquet tables: one column per feature, or one column of images."""

import dataclasses
import math
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field, PositiveInt, model_validator

from rcmvae.data.arrays import Raw
from rcmvae.data.images import Color, Size, decode_images
from rcmvae.data.intake import take_in
from rcmvae.data.source import Source, located
from rcmvae.data.table import Table
from rcmvae.errors import ConfigError, DataError, listed


class Parquet(Source):
    """Rows of a Parquet file, or of a folder of them.

    Samples are either the columns named in `features` (all numeric ones when null), or `image_column`:
    encoded images (PNG, JPEG …), raw bytes of `shape`, or lists of numbers. `shape` folds a row into an image.
    """

    summary: ClassVar[str] = "A Parquet table of numeric columns, or with a column of images."

    kind: Literal["parquet"] = "parquet"
    path: Path = Field(description="The file, or a folder of such files.")
    test_path: Path | None = Field(default=None, description="A second such table, for testing.")
    label_column: str | None = Field(default=None, description="The column of labels; none if null.")
    features: tuple[str, ...] | None = Field(
        default=None, description="The columns of numbers that make a sample; all numeric ones if null."
    )
    image_column: str | None = Field(
        default=None, description="The column of images instead: encoded, raw bytes, or lists of numbers."
    )
    shape: tuple[PositiveInt, ...] | None = Field(
        default=None, description="What each row is folded into: [F], [H, W] or [H, W, C]."
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
        if self.features is not None and not self.features:
            raise ConfigError(
                "features is empty; name at least one column, or leave it out for all numeric ones"
            )
        if self.features is not None and len(set(self.features)) < len(self.features):
            raise ConfigError(f"features names a column twice: {', '.join(self.features)}")
        if self.label_column in (*(self.features or ()), self.image_column) and self.label_column is not None:
            raise ConfigError(f"label_column {self.label_column} is among the samples' columns as well")
        encoded = self.image_column is not None and self.shape is None
        if not encoded and (self.resize is not None or self.color is not None):
            raise ConfigError("resize and color are for encoded images: an image_column without a shape")
        if self.shape is not None and len(self.shape) not in {1, 2, 3}:
            raise ConfigError(f"shape is {list(self.shape)}; give [F], [H, W] or [H, W, C]")
        return self

    @classmethod
    def takes(cls, path: Path) -> bool:
        return path.suffix == ".parquet" or any(path.glob("*.parquet"))

    @property
    def name(self) -> str:
        return self.path.stem

    def read(self) -> Raw:
        table = Table(located(self.path))
        # a test table has to have the very columns that were found in the first one
        features = self.features or (() if self.image_column else self._numeric_columns(table))
        x, label = self._samples(table, features)
        test = (
            (None, None)
            if self.test_path is None
            else self._samples(Table(located(self.test_path)), features)
        )
        raw = take_in(x, label, *test, where=str(self.path), where_test=str(self.test_path or ""))
        return dataclasses.replace(raw, columns=features)

    def _numeric_columns(self, table: Table) -> tuple[str, ...]:
        names = tuple(name for name in table.numeric_names if name != self.label_column)
        if not names:
            raise DataError(
                f"{table.path} has no numeric column besides the label; it has {listed(table.names)}."
            )
        return names

    def _samples(self, table: Table, features: tuple[str, ...]) -> tuple[np.ndarray, list[Any] | None]:
        x = table.numbers(features) if self.image_column is None else self._images(table, self.image_column)
        if self.shape is not None:
            x = _fold(x, self.shape, str(table.path))
        return x, None if self.label_column is None else table.values(self.label_column)

    def _images(self, table: Table, name: str) -> np.ndarray:
        if table.holds_lists(name):
            self._refuse_to_draw(table, name)
            return table.lists(name)
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


def _fold(x: np.ndarray, shape: tuple[int, ...], where: str) -> np.ndarray:
    has, needs = math.prod(x.shape[1:]), math.prod(shape)
    if has != needs:
        raise DataError(f"{where} has {has} numbers per row; data.shape {list(shape)} needs {needs}.")
    return x.reshape(len(x), *shape)

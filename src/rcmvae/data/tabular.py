"""What tables have in common, however they are stored: a row is a sample, and columns of numbers are its features."""

import dataclasses
import math
from abc import abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from pydantic import Field, PositiveInt, model_validator

from rcmvae.data.arrays import Raw
from rcmvae.data.intake import take_in
from rcmvae.data.source import Source, located
from rcmvae.data.table import Table
from rcmvae.errors import ConfigError, DataError, listed


class Tabular(Source):
    """Base of the sources that read tables."""

    labels_in: ClassVar[tuple[str, ...]] = ("label_column",)

    path: Path = Field(description="The file.")
    test_path: Path | None = Field(default=None, description="A second such table, for testing.")
    label_column: str | None = Field(default=None, description="The column of labels; none if null.")
    features: tuple[str, ...] | None = Field(
        default=None, description="The columns of numbers that make a sample; all numeric ones if null."
    )
    without: tuple[str, ...] = Field(
        default=(), description="Numeric columns that are no part of a sample, such as row numbers."
    )
    shape: tuple[PositiveInt, ...] | None = Field(
        default=None, description="What each row is folded into: [F], [H, W] or [H, W, C]."
    )

    @model_validator(mode="after")
    def _makes_samples(self) -> "Tabular":
        if self.features is not None and not self.features:
            raise ConfigError(
                "features is empty; name at least one column, or leave it out for all numeric ones"
            )
        if self.features is not None and len(set(self.features)) < len(self.features):
            raise ConfigError(f"features names a column twice: {', '.join(self.features)}")
        if self.features is not None and self.without:
            raise ConfigError("features and without exclude each other: what is not named is left out anyway")
        if self.label_column is not None and self.label_column in (self.features or ()):
            raise ConfigError(f"label_column {self.label_column} is among the samples' columns as well")
        if self.shape is not None and len(self.shape) not in {1, 2, 3}:
            raise ConfigError(f"shape is {list(self.shape)}; give [F], [H, W] or [H, W, C]")
        return self

    @property
    def name(self) -> str:
        return self.path.stem

    @abstractmethod
    def open(self, path: Path) -> Table:
        """The table that lies there."""

    def read(self) -> Raw:
        table = self.open(located(self.path))
        # a test table has to have the very columns that were found in the first one
        features = self.columns_of(table)
        x, label = self._samples(table, features)
        test = (
            (None, None)
            if self.test_path is None
            else self._samples(self.open(located(self.test_path)), features)
        )
        raw = take_in(x, label, *test, where=str(self.path), where_test=str(self.test_path or ""))
        named = {} if self.features is not None or not features else self._worth_a_word(table, features)
        return dataclasses.replace(raw, columns=features, **named)

    def beside(self, names: Sequence[str]) -> dict[str, Any]:
        if not names:
            return {}
        table = self.as_written(located(self.path), names)
        return {name: table.column(name) for name in names}

    def as_written(self, path: Path, names: Sequence[str]) -> Table:
        """The table that lies there, with these columns as they stand in it."""
        return self.open(path)

    def columns_of(self, table: Table) -> tuple[str, ...]:
        """The columns whose numbers make a sample."""
        if self.features is not None:
            return self.features
        for name in self.without:
            if name or not table.nameless:  # "" stands for all columns that have no name
                table.refuse_unknown(name)
        left_out = {self.label_column, *self.without}
        names = tuple(name for name in table.numeric_names if name not in left_out)
        if not names:
            raise DataError(
                f"{table.path} has no numeric column besides the label; it has {listed(table.names)}."
            )
        return names

    def _worth_a_word(self, table: Table, features: tuple[str, ...]) -> dict[str, tuple[str, ...]]:
        """The columns that are left out for what they hold, and those that are taken and may only count the rows."""
        known = {*features, *self.without, self.label_column}
        left_out = tuple(table.described(name) for name in table.names if name not in known)
        return {"left_out": left_out, "numbering": tuple(name for name in features if table.rises(name))}

    def numbers_of(self, table: Table, features: tuple[str, ...]) -> np.ndarray:
        """Its samples, a row each."""
        return table.numbers(features)

    def _samples(self, table: Table, features: tuple[str, ...]) -> tuple[np.ndarray, list[Any] | None]:
        x = self.numbers_of(table, features)
        if self.shape is not None:
            x = _fold(x, self.shape, str(table.path))
        if self.label_column is None:
            return x, None
        table.refuse_unknown(
            self.label_column,
            " Labels are in label_column=NAME; if there are none, label_column=null.",
            besides=self.features or (),
        )
        return x, table.values(self.label_column)


def _fold(x: np.ndarray, shape: tuple[int, ...], where: str) -> np.ndarray:
    has, needs = math.prod(x.shape[1:]), math.prod(shape)
    if has != needs:
        raise DataError(f"{where} has {has} numbers per row; data.shape {list(shape)} needs {needs}.")
    return x.reshape(len(x), *shape)

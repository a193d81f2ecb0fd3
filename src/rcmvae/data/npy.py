"""NumPy's own files."""

import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field, model_validator

from rcmvae.data.arrays import Raw
from rcmvae.data.intake import take_in
from rcmvae.data.source import Source, located
from rcmvae.errors import ConfigError, DataError, listed, nearest

# What NumPy and zipfile raise for files that are damaged, encrypted or not theirs.
_UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    MemoryError,  # a damaged header asks for any size
    RuntimeError,  # encrypted, or compressed in a way that is not supported
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
SUFFIXES = (".npy", ".npz")


class Npy(Source):
    """One .npy of samples, maybe with a second one of labels; or one .npz that holds both and a test part."""

    summary: ClassVar[str] = "Samples and labels from .npy files or one .npz."
    labels_in: ClassVar[tuple[str, ...]] = ("y",)
    tests_in: ClassVar[tuple[str, ...]] = ("x_test", "y_test")

    kind: Literal["npy"] = "npy"
    path: Path = Field(description="The .npy of samples, or the .npz.")
    labels: Path | None = Field(
        default=None, description="A second .npy with one label per sample, beside a .npy."
    )
    x: str = Field(default="x", description="Which array of the .npz holds the samples.")
    y: str | None = Field(
        default=None, description="Which one holds their labels; `y` if null, where the file has it."
    )
    x_test: str | None = Field(
        default=None,
        description="Which one holds the samples for testing; `x_test` if null, where the file has it.",
    )
    y_test: str | None = Field(
        default=None, description="Which one holds their labels; `y_test` if null, where the file has it."
    )

    @model_validator(mode="after")
    def _suffix(self) -> "Npy":
        if self.path.suffix not in SUFFIXES:
            raise ConfigError(f"path is {self.path}; it has to end in .npy or .npz")
        if self.path.suffix == ".npz" and self.labels is not None:
            raise ConfigError("labels belongs to a .npy; name the labels within an .npz by y")
        if self.path.suffix == ".npy" and (self.x, self.y, self.x_test, self.y_test) != (
            "x",
            None,
            None,
            None,
        ):
            raise ConfigError(
                "x, y, x_test and y_test name the arrays of an .npz; a .npy holds one without a name"
            )
        return self

    @classmethod
    def takes(cls, path: Path) -> bool:
        return path.suffix in SUFFIXES

    @property
    def name(self) -> str:
        return self.path.stem

    def read(self) -> Raw:
        with _opened(self.path) as content:
            if isinstance(content, np.ndarray):
                return take_in(content, self._labels(), where=str(self.path))
            named = {"y": self.y, "x_test": self.x_test, "y_test": self.y_test}
            optional = {
                key: None if name is None and key not in content else self._member(content, key, name or key)
                for key, name in named.items()
            }
            x = self._member(content, "x", self.x)
        return take_in(x, optional["y"], optional["x_test"], optional["y_test"], where=str(self.path))

    def _labels(self) -> np.ndarray | None:
        if self.labels is None:
            return None
        with _opened(self.labels) as content:
            if isinstance(content, np.ndarray):
                return content
        raise DataError(f"{self.labels} is an archive; data.labels has to be a .npy.")

    def _member(self, archive: Any, key: str, name: str) -> np.ndarray:
        if name not in archive:
            hint = nearest(name, archive.files) or f" Name the one that is meant in data.{key}."
            raise DataError(
                f"{self.path} has no array {name!r}; it has {listed(archive.files) or 'none'}."
                f"{hint if archive.files else ''}"
            )
        try:
            return archive[name]
        except _UNREADABLE as error:
            raise DataError(f"{self.path}: the array {name!r} cannot be read ({error}).") from error


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """An array, or an archive while it is open. Pickled objects are refused, since reading them would run code."""
    place = located(path)
    with ExitStack() as stack:
        try:
            file = stack.enter_context(place.open("rb"))
            content = np.load(file, allow_pickle=False)
        except FileNotFoundError as error:
            raise DataError(f"{path} does not exist.") from error
        except _UNREADABLE as error:
            raise DataError(f"{path} cannot be read as NumPy's format ({error}).") from error
        yield content

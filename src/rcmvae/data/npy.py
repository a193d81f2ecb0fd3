"""NumPy's own files."""

import zipfile
import zlib
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import model_validator

from rcmvae.data.arrays import Raw
from rcmvae.data.intake import take_in
from rcmvae.data.source import Source
from rcmvae.errors import ConfigError, DataError, listed, nearest


class Npy(Source):
    """One .npy of samples, maybe with a second one of labels; or one .npz that holds both and a test part."""

    summary: ClassVar[str] = "Samples and labels from .npy files or one .npz."

    kind: Literal["npy"] = "npy"
    path: Path
    labels: Path | None = None  # beside a .npy
    x: str = "x"  # the arrays of an .npz; where a name is null, its usual one is taken if the file has it
    y: str | None = None
    x_test: str | None = None
    y_test: str | None = None

    @model_validator(mode="after")
    def _suffix(self) -> "Npy":
        if self.path.suffix not in {".npy", ".npz"}:
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

    @property
    def name(self) -> str:
        return self.path.stem

    def read(self) -> Raw:
        opened = _open(self.path)
        if isinstance(opened, np.ndarray):
            label = None if self.labels is None else _open_array(self.labels)
            return take_in(opened, label, where=str(self.path))
        with opened as archive:
            named = {"y": self.y, "x_test": self.x_test, "y_test": self.y_test}
            optional = {
                usual: None if name is None and usual not in archive else self._member(archive, name or usual)
                for usual, name in named.items()
            }
            x = self._member(archive, self.x)
        return take_in(x, optional["y"], optional["x_test"], optional["y_test"], where=str(self.path))

    def _member(self, archive: Any, name: str) -> np.ndarray:
        if name not in archive:
            hint = nearest(name, archive.files)
            raise DataError(f"{self.path} has no array {name!r}; it has {listed(archive.files)}.{hint}")
        try:
            return archive[name]
        except (ValueError, zipfile.BadZipFile, zlib.error) as error:
            raise DataError(f"{self.path}: the array {name!r} cannot be read ({error}).") from error


def _open_array(path: Path) -> np.ndarray:
    opened = _open(path)
    if isinstance(opened, np.ndarray):
        return opened
    opened.close()
    raise DataError(f"{path} is an archive; one .npy array is needed here.")


def _open(path: Path) -> Any:
    """An array or an open archive. Pickled objects are refused, since reading them would run code."""
    try:
        return np.load(path.expanduser(), allow_pickle=False)
    except FileNotFoundError as error:
        raise DataError(f"{path} does not exist.") from error
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DataError(f"{path} cannot be read as NumPy's format ({error}).") from error

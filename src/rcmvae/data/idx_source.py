"""Published data sets in idx files: found in a folder, or fetched once and verified."""

import dataclasses
import logging
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field

from rcmvae.data.arrays import Raw
from rcmvae.data.idx import read_bytes, read_idx, verify
from rcmvae.data.intake import take_in
from rcmvae.data.source import Source, located
from rcmvae.errors import DataError

IMAGES, LABELS = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"
TEST_IMAGES, TEST_LABELS = "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"
FILES = {IMAGES: 3, LABELS: 1, TEST_IMAGES: 3, TEST_LABELS: 1}  # with the number of axes in each

ENVIRONMENT = "RCMVAE_DATA"


class IdxSource(Source):
    """Base of the sources that are four idx files. A leaf says which files and where they are published.

    Files are looked for in `path` alone if it is given; else in the folder that the environment variable
    RCMVAE_DATA names, then among those fetched before; else they are fetched. What lies in `path` may be
    anyone's data in that layout. Everything else has to be the published files, byte for byte.
    """

    offline: ClassVar[bool] = False
    title: ClassVar[str]
    folder: ClassVar[str]
    sha256: ClassVar[Mapping[str, str]]  # of each file, uncompressed: the gzip bytes differ between mirrors
    class_names: ClassVar[Mapping[str, str]] = {}

    path: Path | None = Field(
        default=None,
        description="The folder with the four idx files; if null, where RCMVAE_DATA says, or fetched.",
    )
    url: str = Field(description="Where the files are fetched from.")

    def read(self) -> Raw:
        if self.path is not None:
            files, sha256 = all_in(located(self.path)), {}
        else:
            files, sha256 = self._published(), self.sha256
        arrays = {name: read_idx(files[name], ndim, sha256.get(name)) for name, ndim in FILES.items()}
        folder = files[IMAGES].parent
        raw = take_in(
            arrays[IMAGES],
            arrays[LABELS],
            arrays[TEST_IMAGES],
            arrays[TEST_LABELS],
            where=str(folder / IMAGES),
            where_test=str(folder / TEST_IMAGES),
        )
        names = tuple(self.class_names.get(name, name) for name in raw.label_names)
        return dataclasses.replace(raw, label_names=names)

    @classmethod
    def is_at_hand(cls) -> bool:
        folder = cls._at_hand()
        return folder is not None and not lacking(folder)

    def is_ready(self) -> bool:
        return self.path is not None or super().is_ready()

    @classmethod
    def fetch(cls) -> Path:
        files = cls()._published()  # pyright: ignore[reportCallIssue]  # leaves have a default url
        damage = []
        for name, path in files.items():
            try:
                verify(path, read_bytes(path), cls.sha256[name])
            except DataError as error:
                damage.append(str(error))
        if damage:
            raise DataError("\n".join([*damage, "Delete what is damaged and fetch again."]))
        return files[IMAGES].parent

    def _published(self) -> dict[str, Path]:
        """The four files, from where they are or else fetched."""
        named = f" {ENVIRONMENT} names it: add them, or unset {ENVIRONMENT} to have all four fetched."
        return all_in(self._at_hand() or self._fetched(), hint=named)

    @classmethod
    def _at_hand(cls) -> Path | None:
        cache = cache_folder() / cls.folder
        return cls._in_environment() or (None if lacking(cache) else cache)

    @classmethod
    def _in_environment(cls) -> Path | None:
        named = os.environ.get(ENVIRONMENT)
        if not named:
            return None
        root = located(Path(named))
        if not root.is_dir():
            raise DataError(f"The environment variable {ENVIRONMENT} names {root}, which is no folder.")
        folders = (root / cls.folder, root)
        # one with some of the files is meant too, and is refused by those it lacks
        return next((f for f in folders if len(lacking(f)) < len(FILES)), None)

    def _fetched(self) -> Path:
        import pooch  # noqa: PLC0415
        import requests  # noqa: PLC0415

        folder = cache_folder() / self.folder
        files = [f"{name}.gz" for name in FILES]
        pooch.get_logger().setLevel(logging.ERROR)  # what fails is told once, by us
        shelf = pooch.create(folder, self.url, registry=dict.fromkeys(files), retry_if_failed=1)
        try:
            for file in files:
                shelf.fetch(file, processor=self._keep_only_published)
        except requests.RequestException as error:
            places = f"in {folder}, or in a folder that data.path or {ENVIRONMENT} names"
            raise DataError(
                f"{self.title} could not be fetched from {self.url}: {_in_short(error)}. Download the four files "
                f"{', '.join(files)} on a machine with a network and put them {places}."
            ) from error
        except OSError as error:
            raise DataError(
                f"{self.title} cannot be kept in {folder}: {error.filename or folder}: {error.strerror or error}. "
                f"Mend it, or put the four files {', '.join(files)} in a folder that data.path or {ENVIRONMENT} names."
            ) from error
        return folder

    def _keep_only_published(self, file: str, action: str, shelf: Any) -> str:
        """Pooch runs this on each file; `action` is how the file was come by: `fetch` if it was there already."""
        path = Path(file)
        try:
            verify(path, read_bytes(path), self.sha256[path.stem])
        except DataError as error:
            if action == "fetch":
                raise DataError(f"{error} Once it is deleted, it is fetched anew.") from error
            path.unlink()
            raise DataError(f"What {self.url} served was thrown away: {error}") from error
        return file


def _in_short(error: Exception) -> str:
    """What went wrong in the first place, without all who passed it on."""
    first: BaseException = error
    while first.__context__ is not None:
        first = first.__context__
    return first.strerror if isinstance(first, OSError) and first.strerror else str(error)


def cache_folder() -> Path:
    """Where fetched files are kept: the user's cache folder, as pooch finds it on every system."""
    import pooch  # noqa: PLC0415

    return Path(pooch.os_cache("rcmvae"))


def lacking(folder: Path) -> list[str]:
    """Which of the four files a folder does not have."""
    return [name for name in FILES if _present(folder, name) is None]


def all_in(folder: Path, hint: str = "") -> dict[str, Path]:
    """The four files of a folder, plain or gzipped; the hint is for those who lack some."""
    if absent := lacking(folder):
        which = "none of the files" if len(absent) == len(FILES) else f"no {' and no '.join(absent)}"
        lacks = f"has {which}, plain or gzipped (.gz)"
        raise DataError(
            f"{folder} {lacks if folder.is_dir() else 'is no folder'}. These four files are needed: "
            f"{', '.join(FILES)}.{hint}"
        )
    return {name: path for name in FILES if (path := _present(folder, name))}


def _present(folder: Path, name: str) -> Path | None:
    return next((p for p in (folder / name, folder / f"{name}.gz") if p.is_file()), None)

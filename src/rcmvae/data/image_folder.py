"""Folders of images, one folder per class."""

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from rcmvae.data.arrays import Raw
from rcmvae.data.images import Color, Size, decode_images
from rcmvae.data.intake import take_in
from rcmvae.data.source import Source, located
from rcmvae.errors import DataError

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"})


class ImageFolder(Source):
    """Images in `path/<class>/`; those that lie in `path` itself are unlabelled."""

    summary: ClassVar[str] = "A folder of images, with one folder per class where classes are known."

    kind: Literal["image_folder"] = "image_folder"
    path: Path = Field(
        description="The folder, with a folder of images for each class; images in the folder itself are unlabelled."
    )
    test_path: Path | None = Field(default=None, description="A second such folder, for testing.")
    resize: Size | None = Field(
        default=None, description="[height, width] that all images are brought to; as they are if null."
    )
    color: Color | None = Field(
        default=None,
        description="What all images are converted to; as they are if null, and then they have to agree.",
    )

    @classmethod
    def takes(cls, path: Path) -> bool:
        return path.is_dir() and not any(path.glob("*.parquet"))

    @property
    def name(self) -> str:
        return located(self.path).resolve().name

    def beside(self, names: Sequence[str]) -> dict[str, Any]:
        import pyarrow as arrow  # noqa: PLC0415

        known, root = super().beside([name for name in names if name != "file"]), located(self.path)
        files = [_legible(file.relative_to(root)) for file in _listing(root)[0]]
        return {"file": arrow.array(files, arrow.string()), **known}

    def read(self) -> Raw:
        files, label = _listing(located(self.path))
        test_files, test_label = ([], []) if self.test_path is None else _listing(located(self.test_path))
        every = [*files, *test_files]
        x = decode_images(every, [str(file) for file in every], self.color, self.resize)
        cut = len(files)
        return take_in(
            x[:cut],
            label,
            None if self.test_path is None else x[cut:],
            None if self.test_path is None else test_label,
            where=str(self.path),
            where_test=str(self.test_path),
        )


def _listing(root: Path) -> tuple[list[Path], list[str]]:
    """All images and their classes, in the order of their names."""
    if not root.is_dir():
        raise DataError(f"{root} is no folder; a folder of images is needed.")
    files = _images_in(root)
    label = [""] * len(files)
    for folder in sorted(f for f in root.iterdir() if f.is_dir() and not f.name.startswith(".")):
        images = _images_in(folder)
        if not images:
            raise DataError(
                f"{folder} holds no images ({' '.join(sorted(SUFFIXES))}); every folder in {root} stands for a "
                f"class and holds its images."
            )
        files += images
        label += [folder.name] * len(images)
    if not files:
        raise DataError(f"{root} holds no images ({' '.join(sorted(SUFFIXES))}) and no folders of images.")
    return files, label


def _legible(path: Path) -> str:
    """A path as text, also where its bytes are none."""
    return os.fsencode(path.as_posix()).decode("utf-8", "backslashreplace")


def _images_in(folder: Path) -> list[Path]:
    return sorted(
        file
        for file in folder.iterdir()
        if file.suffix.lower() in SUFFIXES and not file.is_dir() and not file.name.startswith(".")
    )

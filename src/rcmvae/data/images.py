"""Image files and encoded images, decoded to bytes per pixel without losing anything in silence."""

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import UInt8
from pydantic import PositiveInt

from rcmvae.errors import DataError

Color = Literal["grey", "rgb"]
Size = tuple[PositiveInt, PositiveInt]

_PILLOW_MODE: dict[Color, str] = {"grey": "L", "rgb": "RGB"}
_GREY_MODES = frozenset({"1", "L", "LA"})
# What Pillow's plugins raise for damaged files, besides what it is documented to raise.
_DAMAGED = (OSError, SyntaxError, ValueError, EOFError, TypeError, LookupError)
_WIDE_MODES = ("I", "F")  # more than 8 bits per pixel: conversion would clip


def decode_images(
    encoded: Sequence[Path | bytes], names: Sequence[str], color: Color | None, resize: Size | None
) -> UInt8[np.ndarray, "N H W C"]:
    """Decode all images into one array. They have to agree in size unless resized, in colour unless converted."""
    first, color_of_first = _decode(encoded[0], names[0], color, resize)
    x = np.empty((len(encoded), *first.shape), np.uint8)
    for i, (source, name) in enumerate(zip(encoded, names, strict=True)):
        image, its_color = _decode(source, name, color, resize)
        if its_color != color_of_first:
            raise DataError(
                f"{name} is {its_color}, {names[0]} is {color_of_first}. Set data.color to grey or rgb."
            )
        if image.shape != first.shape:
            raise DataError(
                f"{name} has {_extent(image)} pixels, {names[0]} has {_extent(first)}. Set data.resize to "
                f"[height, width] to bring all images to one size."
            )
        x[i] = image
    return x


def _decode(
    source: Path | bytes, name: str, color: Color | None, resize: Size | None
) -> tuple[UInt8[np.ndarray, "H W C"], Color]:
    from PIL import Image, ImageOps  # noqa: PLC0415

    try:
        with Image.open(io.BytesIO(source) if isinstance(source, bytes) else source) as opened:
            frames = _frames(opened)
            image = ImageOps.exif_transpose(opened)
            image.load()
    except (*_DAMAGED, Image.DecompressionBombError) as error:
        raise DataError(f"{name} cannot be read as an image ({error}).") from error
    if frames > 1:
        raise DataError(f"{name} has {frames} frames or pages; a sample is a single image. Save one of them.")
    _refuse_lossy(image, name)
    wanted = color or ("grey" if image.mode in _GREY_MODES else "rgb")
    image = image.convert(_PILLOW_MODE[wanted])
    if resize is not None:
        image = image.resize((resize[1], resize[0]), Image.Resampling.BICUBIC)
    pixels = np.asarray(image, np.uint8)
    return pixels.reshape(*pixels.shape[:2], -1), wanted


def _frames(opened: Any) -> int:
    """How many images a file holds that count alike. What cameras append to a photo (MPO) is no second one."""
    return 1 if opened.format == "MPO" else getattr(opened, "n_frames", 1)


def _refuse_lossy(image: Any, name: str) -> None:
    if image.mode.startswith(_WIDE_MODES):
        raise DataError(
            f"{name} has more than 8 bits per pixel (mode {image.mode}). Convert it, or give the numbers as .npy."
        )
    if image.has_transparency_data and image.convert("RGBA").getchannel("A").getextrema()[0] < 255:
        raise DataError(f"{name} has transparent pixels. Put it on a background first.")


def _extent(image: UInt8[np.ndarray, "H W C"]) -> str:
    return f"{image.shape[0]}×{image.shape[1]}"

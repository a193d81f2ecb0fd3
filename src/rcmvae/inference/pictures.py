"""Samples as one picture."""

import math
from pathlib import Path

import numpy as np
from jaxtyping import Shaped, UInt8

from rcmvae.errors import ConfigError, spelled

GAP = 2  # pixels between images
VISIBLE = 64  # pixels of a side
COLOURS = (1, 3)


def refuse_picture(shape: tuple[int, ...]) -> None:
    """A sentence for samples that are no images."""
    if len(shape) != 3 or shape[2] not in COLOURS:
        told = spelled(shape)
        raise ConfigError(
            f"A .png holds images, grey or in colours, and samples of {told} are none: write an .npz with --output."
        )


def tiles(images: Shaped[np.ndarray, "N H W C"]) -> UInt8[np.ndarray, "height width C"]:
    """Images side by side on white, in rows from the upper left; floats from black, their lowest, to white.

    >>> tiles(np.zeros((5, 4, 3, 1), np.uint8)).shape
    (10, 13, 1)
    """
    N, H, W, C = images.shape
    columns = math.ceil(math.sqrt(N))
    rows = math.ceil(N / columns)
    sheet = np.full((rows * (H + GAP) - GAP, columns * (W + GAP) - GAP, C), 255, np.uint8)
    for at, image in enumerate(_as_bytes(images)):
        top, left = at // columns * (H + GAP), at % columns * (W + GAP)
        sheet[top : top + H, left : left + W] = image
    return sheet


def enlarged(images: Shaped[np.ndarray, "N H W C"]) -> Shaped[np.ndarray, "N h w C"]:
    """As large as a person can see them, pixel for pixel.

    >>> enlarged(np.zeros((5, 8, 8, 1), np.uint8)).shape, enlarged(np.zeros((5, 65, 9, 1), np.uint8)).shape
    ((5, 64, 64, 1), (5, 65, 9, 1))
    """
    times = max(1, VISIBLE // max(images.shape[1:3]))
    return images.repeat(times, axis=1).repeat(times, axis=2)


def _as_bytes(images: Shaped[np.ndarray, "N H W C"]) -> UInt8[np.ndarray, "N H W C"]:
    if images.dtype == np.uint8:
        return images
    low, high = float(images.min()), float(images.max())
    return np.rint((images - low) * (255 / (high - low if high > low else 1))).astype(np.uint8)


def write_png(path: Path, images: Shaped[np.ndarray, "N H W C"]) -> None:
    """The tiles as a PNG, small images enlarged."""
    from PIL import Image  # noqa: PLC0415

    sheet = tiles(enlarged(images))
    Image.fromarray(sheet[..., 0] if sheet.shape[2] == 1 else sheet).save(path, format="PNG")

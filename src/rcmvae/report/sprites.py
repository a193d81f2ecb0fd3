"""Samples as pictures of bytes, and many of them as one image in text."""

import base64
import io
import math
from pathlib import Path

import numpy as np
from jaxtyping import UInt8
from PIL import Image

from rcmvae.diagnostics import Bundle
from rcmvae.figures.tiles import tiles_of

MOST_BYTES = 9_000_000  # of all pictures together, before they are packed


def most(bundle: Bundle) -> int:
    """How many pictures one page carries."""
    return max(1, MOST_BYTES // tiles_of(bundle).sprites(bundle.pictures.thumbnail[:1]).size)


def sheet(drawn: UInt8[np.ndarray, "n h w c"]) -> tuple[str, int]:
    """All pictures in one image, row by row, and how many there are in a row."""
    n, h, w, c = drawn.shape
    columns = max(1, math.ceil(math.sqrt(n * h / w)))
    rows = -(-n // columns)
    whole = np.zeros((rows * columns, h, w, c), np.uint8)
    whole[:n] = drawn
    whole = whole.reshape(rows, columns, h, w, c).swapaxes(1, 2).reshape(rows * h, columns * w, c)
    return as_text(whole), columns


def strip(drawn: UInt8[np.ndarray, "n h w c"]) -> str:
    """Pictures beside each other."""
    return as_text(np.concatenate(list(drawn), axis=1))


def as_text(picture: UInt8[np.ndarray, "h w c"]) -> str:
    """A PNG within the page."""
    file = io.BytesIO()
    Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture).save(file, "png", optimize=True)
    return _address(file.getvalue())


def file_as_text(path: Path) -> str:
    """A PNG file within the page."""
    return _address(path.read_bytes())


def _address(png: bytes) -> str:
    return f"data:image/png;base64,{base64.b64encode(png).decode()}"

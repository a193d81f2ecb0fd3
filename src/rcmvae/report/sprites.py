"""Samples as pictures of bytes, and many of them as one image in text."""

import base64
import io
import math
from pathlib import Path

import numpy as np
from jaxtyping import Shaped, UInt8
from PIL import Image

from rcmvae.diagnostics import Bundle
from rcmvae.figures.tiles import Images, Vectors, tiles_of

MOST_BYTES = 9_000_000  # of all pictures together, before they are packed
WIDTH, HEIGHT = 64, 40  # of a vector's picture
INK, PAPER = 40, 255


def pictures(bundle: Bundle, samples: Shaped[np.ndarray, "n *S"]) -> UInt8[np.ndarray, "n h w c"]:
    """Samples as the figures show them: grey or in colours; a vector as bars around its mean."""
    tiles = tiles_of(bundle)
    if isinstance(tiles, Images):
        coloured = tiles.pixels(samples)
        return coloured if bundle.shape[-1] == 3 else coloured[..., :1]
    assert isinstance(tiles, Vectors)
    heights = tiles.heights(samples)  # from −½ to ½
    bar = np.arange(WIDTH) * heights.shape[1] // WIDTH
    end = np.rint((0.5 - heights[:, None, bar]) * (HEIGHT - 1))
    row, middle = np.arange(HEIGHT)[:, None], (HEIGHT - 1) // 2
    inside = (row >= np.minimum(end, middle)) & (row <= np.maximum(end, middle))
    return np.where(inside, INK, PAPER).astype(np.uint8)[..., None]


def most(bundle: Bundle) -> int:
    """How many pictures one page carries."""
    return max(1, MOST_BYTES // pictures(bundle, bundle.pictures.thumbnail[:1]).size)


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

"""The idx format of the MNIST family: a big-endian header, then bytes. Plain or gzipped."""

import gzip
import hashlib
import math
import zlib
from pathlib import Path

import numpy as np
from jaxtyping import UInt8

from rcmvae.errors import DataError

# two zero bytes, the type (8: unsigned byte), the number of axes
_MAGIC = {1: 2049, 3: 2051}
_HOLDS = {2049: "labels", 2051: "images"}


def read_idx(path: Path, ndim: int, sha256: str | None = None) -> UInt8[np.ndarray, "N *S"]:
    """The array in an idx file of `ndim` axes; given `sha256`, its uncompressed bytes have to have that hash."""
    content = read_bytes(path)
    if sha256 is not None:
        verify(path, content, sha256)
    return parse_idx(content, ndim, where=str(path))


def read_bytes(path: Path) -> bytes:
    """A file's bytes, decompressed if its name ends in .gz."""
    try:
        return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{path} is not a complete gzip file ({error}).") from error
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}.") from error


def verify(path: Path, content: bytes, sha256: str) -> None:
    """Refuse content that is not the published one."""
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise DataError(
            f"{path} is not the published file of that name: its uncompressed bytes have the sha256 {found}, "
            f"not {sha256}. Delete it if it is damaged; name its folder in data.path if the data are your own."
        )


def parse_idx(content: bytes, ndim: int, where: str) -> UInt8[np.ndarray, "N *S"]:
    """The array that idx bytes describe, without copying them.

    >>> parse_idx(bytes([0, 0, 8, 1, 0, 0, 0, 2, 7, 9]), 1, where="labels").tolist()
    [7, 9]
    """
    header = 4 * (1 + ndim)
    magic = int.from_bytes(content[:4], "big")
    if magic != _MAGIC[ndim]:
        meaning = f", which stands for {_HOLDS[magic]}" if magic in _HOLDS else ""
        raise DataError(
            f"{where} begins with the number {magic}{meaning}; an idx file of {_HOLDS[_MAGIC[ndim]]} begins "
            f"with {_MAGIC[ndim]}."
        )
    if len(content) < header:
        raise DataError(f"{where} ends after {len(content)} bytes, within its header of {header}.")
    shape = tuple(int(size) for size in np.frombuffer(content, ">u4", ndim, offset=4))
    promised, found = math.prod(shape), len(content) - header
    if found != promised:
        fault = "is cut short" if found < promised else "has something behind its end"
        raise DataError(f"{where} {fault}: its header says {shape}, {promised} bytes, but {found} follow.")
    return np.frombuffer(content, np.uint8, offset=header).reshape(shape)

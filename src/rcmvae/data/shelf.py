"""Arrays that take long to make and depend on nothing but their name, kept in the user's cache folder."""

import contextlib
import hashlib
import io
import os
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np

from rcmvae.data.idx_source import cache_folder


def kept(folder: str, name: str, make: Callable[[], np.ndarray]) -> np.ndarray:
    """The array of that name, made if it is not there or no longer what was put there.

    Where nothing can be kept, it is made each time: only time depends on it.
    """
    path = cache_folder() / folder / f"{name}.npy.sha256"
    found = _found(path)
    if found is not None:
        return found
    made = make()
    with contextlib.suppress(OSError):
        _put(path, made)
    return made


def _found(path: Path) -> np.ndarray | None:
    """What lies there, if its bytes are those that were put there."""
    try:
        content = path.read_bytes()
    except OSError:
        return None
    digest, array = content[: hashlib.sha256().digest_size], content[hashlib.sha256().digest_size :]
    if hashlib.sha256(array).digest() != digest:
        return None
    return np.load(io.BytesIO(array), allow_pickle=False)


def _put(path: Path, array: np.ndarray) -> None:
    """Written beside its place and moved there as a whole, so that nobody reads half a file."""
    written = io.BytesIO()
    np.save(written, array, allow_pickle=False)
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, part = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".part")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(hashlib.sha256(written.getbuffer()).digest())
            file.write(written.getbuffer())
        os.replace(part, path)
    finally:
        Path(part).unlink(missing_ok=True)

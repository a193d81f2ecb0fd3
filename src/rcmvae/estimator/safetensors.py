"""Arrays with a text in one file, in the format of safetensors: nothing in it can run when it is read.

8 bytes: the length of the header        header: JSON, what each array is and where, and texts        the arrays' bytes
"""

import hashlib
import json
import math
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Shaped

from rcmvae.errors import RunError
from rcmvae.inference.writing import replacing

WRITER, VERSION = "rcmvae.MixtureVAE", 1
TYPES = {"F64": "<f8", "F32": "<f4", "I64": "<i8", "I32": "<i4", "U32": "<u4", "U8": "|u1", "BOOL": "|b1"}
CODES = {np.dtype(name): code for code, name in TYPES.items()}


class Contents(NamedTuple):
    """What a file holds."""

    arrays: dict[str, Shaped[np.ndarray, "..."]]
    told: dict[str, Any]


def write(path: Path, contents: Contents) -> None:
    """Everything to one file, whole or not at all."""
    header: dict[str, Any] = {}
    parts, at = [], 0
    for name, array in contents.arrays.items():
        raw = array.astype(array.dtype.newbyteorder("<")).tobytes()
        place = [at, at + len(raw)]
        header[name] = {"dtype": CODES[array.dtype], "shape": list(array.shape), "data_offsets": place}
        parts.append(raw)
        at += len(raw)
    body, told = b"".join(parts), json.dumps(contents.told)
    texts = {"writer": WRITER, "version": str(VERSION), "told": told, "sha256": _seal(header, told, body)}
    head = json.dumps({"__metadata__": texts} | header).encode()
    head += b" " * (-len(head) % 8)
    with replacing(path) as part:
        part.write_bytes(struct.pack("<Q", len(head)) + head + body)


def read(path: Path) -> Contents:
    """What `write` wrote, or a sentence on why the file cannot be used."""
    if not path.is_file():
        raise RunError(f"{path} is not there: give the file that save(path) wrote.")
    whole = path.read_bytes()
    head, body = _parted(path, whole)
    texts = head.pop("__metadata__", None)
    if not isinstance(texts, Mapping) or texts.get("writer") != WRITER:
        raise RunError(f"{path} holds arrays, but it was not written by MixtureVAE.save.")
    version, told = str(texts.get("version")), str(texts.get("told"))
    if version.isdecimal() and int(version) > VERSION:
        raise RunError(
            f"{path} was written by a newer version of rcmvae: it has format {version}, and this one reads {VERSION}."
        )
    if version != str(VERSION) or texts.get("sha256") != _seal(head, told, body):
        raise RunError(f"{path} is damaged, or was cut short: its bytes are not those that were written.")
    try:
        return Contents({name: _array(about, body) for name, about in head.items()}, json.loads(told))
    except (KeyError, TypeError, ValueError) as error:
        raise damaged(path, error) from error


def damaged(path: Path, error: Exception) -> RunError:
    """The sentence for a file whose contents do not make sense."""
    told = (str(error).splitlines() or [type(error).__name__])[0]
    return RunError(f"{path} holds no estimator that can be used here: {told.rstrip('.')}.")


def _parted(path: Path, whole: bytes) -> tuple[dict[str, Any], bytes]:
    foreign = RunError(
        f"{path} was not written by MixtureVAE.save, or was cut short: it has no readable header."
    )
    if len(whole) < 8:
        raise foreign
    (length,) = struct.unpack("<Q", whole[:8])
    if 8 + length > len(whole):
        raise foreign
    try:
        head = json.loads(whole[8 : 8 + length])
    except ValueError as error:  # no JSON, or no text at all
        raise foreign from error
    if not isinstance(head, dict):
        raise foreign
    return head, whole[8 + length :]


def _array(about: Mapping[str, Any], body: bytes) -> Shaped[np.ndarray, "..."]:
    first, last = about["data_offsets"]
    flat = np.frombuffer(body[first:last], TYPES[about["dtype"]])
    shape = tuple(about["shape"])
    if flat.size != math.prod(shape):
        raise ValueError(f"{flat.size} numbers do not fill the shape {shape}")
    return flat.reshape(shape).copy()


def _seal(header: Mapping[str, Any], told: str, body: bytes) -> str:
    return hashlib.sha256(json.dumps([header, told], sort_keys=True).encode() + body).hexdigest()

"""Small files in the formats that the sources read."""

import gzip
import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

Encode = Callable[[np.ndarray], bytes]
IdxFolder = Callable[..., Path]


@pytest.fixture(autouse=True)
def _no_data_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Tests neither see nor touch what was fetched on the machine that runs them."""
    monkeypatch.setattr("rcmvae.data.idx_source.cache_folder", lambda: tmp_path / "cache")


@pytest.fixture
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RCMVAE_DATA", raising=False)


@pytest.fixture(scope="session")
def encode_idx() -> Encode:
    """The idx format, written from its description: magic 0x0000 08 ndim, sizes, bytes."""

    def encode(array: np.ndarray) -> bytes:
        header = bytes([0, 0, 8, array.ndim]) + b"".join(size.to_bytes(4, "big") for size in array.shape)
        return header + array.astype(np.uint8).tobytes()

    return encode


@pytest.fixture
def idx_contents(encode_idx: Encode) -> dict[str, bytes]:
    """A tiny data set in the layout of MNIST: 40 training and 10 test images of 4×3."""
    rng = np.random.default_rng(0)
    return {
        "train-images-idx3-ubyte": encode_idx(rng.integers(0, 256, (40, 4, 3))),
        "train-labels-idx1-ubyte": encode_idx(np.arange(40) % 4),
        "t10k-images-idx3-ubyte": encode_idx(rng.integers(0, 256, (10, 4, 3))),
        "t10k-labels-idx1-ubyte": encode_idx(np.arange(10) % 4),
    }


@pytest.fixture
def idx_hashes(idx_contents: dict[str, bytes]) -> dict[str, str]:
    return {name: hashlib.sha256(content).hexdigest() for name, content in idx_contents.items()}


@pytest.fixture
def write_idx(idx_contents: dict[str, bytes]) -> IdxFolder:
    """Write the tiny data set into a folder, gzipped (`.gz`) or plain."""

    def write(folder: Path, suffix: str = ".gz", **replaced: bytes) -> Path:
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in idx_contents.items():
            written = replaced.get(name.replace("-", "_"), content)
            (folder / f"{name}{suffix}").write_bytes(gzip.compress(written) if suffix else written)
        return folder

    return write

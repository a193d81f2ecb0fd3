import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rcmvae.data.idx import parse_idx, read_idx
from rcmvae.errors import DataError

shapes = st.one_of(st.tuples(st.integers(0, 9)), st.tuples(*[st.integers(0, 5)] * 3))
Encode = Callable[[np.ndarray], bytes]


@pytest.fixture(scope="session")
def images(encode_idx: Encode) -> bytes:
    return encode_idx(np.arange(24).reshape(2, 3, 4))


@given(hnp.arrays(np.uint8, shapes))
def test_round_trip(encode_idx: Encode, array: np.ndarray) -> None:
    np.testing.assert_array_equal(parse_idx(encode_idx(array), array.ndim, where="f"), array)


@given(st.integers(0, 39))
def test_every_cut_is_noticed(images: bytes, length: int) -> None:
    with pytest.raises(DataError, match=r"^f (begins with|ends after|is cut short)"):
        parse_idx(images[:length], 3, where="f")


@given(st.binary(min_size=1, max_size=9))
def test_everything_behind_the_end_is_noticed(images: bytes, more: bytes) -> None:
    with pytest.raises(
        DataError, match=f"^f has something behind its end.*24 bytes, but {24 + len(more)} follow"
    ):
        parse_idx(images + more, 3, where="f")


def test_images_are_not_labels(images: bytes, encode_idx: Encode) -> None:
    with pytest.raises(
        DataError, match=r"number 2051, which stands for images; an idx file of labels .* 2049"
    ):
        parse_idx(images, 1, where="f")
    with pytest.raises(
        DataError, match=r"number 2049, which stands for labels; an idx file of images .* 2051"
    ):
        parse_idx(encode_idx(np.arange(9)), 3, where="f")


def test_other_bytes_are_no_idx() -> None:
    with pytest.raises(DataError, match="begins with the number 1013478509; an idx"):
        parse_idx(b"<htm", 3, where="f")


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_files_plain_and_gzipped(tmp_path: Path, images: bytes, suffix: str) -> None:
    path = tmp_path / f"images{suffix}"
    path.write_bytes(gzip.compress(images) if suffix else images)
    np.testing.assert_array_equal(read_idx(path, 3), np.arange(24).reshape(2, 3, 4))


@pytest.mark.parametrize("damage", ["plain", "cut", "flipped"])
def test_damaged_gzip(tmp_path: Path, images: bytes, damage: str) -> None:
    whole = gzip.compress(images)
    flipped = bytearray(whole)
    flipped[-6] ^= 255  # in the checksum
    content = {"plain": images, "cut": whole[:-9], "flipped": bytes(flipped)}[damage]
    path = tmp_path / "images.gz"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"images\.gz is not a complete gzip file"):
        read_idx(path, 3)


def test_hash_is_of_the_uncompressed_bytes(
    tmp_path: Path, idx_hashes: dict[str, str], write_idx: Callable[..., Path]
) -> None:
    name = "train-labels-idx1-ubyte"
    for suffix in ("", ".gz"):
        path = write_idx(tmp_path, suffix) / f"{name}{suffix}"
        assert read_idx(path, 1, idx_hashes[name]).shape == (40,)
    with pytest.raises(DataError, match=r"not the published file of that name.*, not 00ff"):
        read_idx(path, 1, "00ff")


def test_missing_file_and_folder(tmp_path: Path) -> None:
    for path in (tmp_path / "absent", tmp_path):
        with pytest.raises(DataError, match="cannot be read: "):
            read_idx(path, 1)

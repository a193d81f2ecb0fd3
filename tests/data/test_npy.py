import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from rcmvae.data import Npy, load
from rcmvae.errors import DataError

X = np.arange(60, dtype=np.uint8).reshape(20, 3)
Y = np.arange(20) % 2
EMPTY_ZIP = b"PK\5\6" + bytes(18)


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    np.savez(tmp_path / "cells.npz", x=X, y=Y, x_test=X[:4], y_test=Y[:4], other=X[:5])
    return tmp_path / "cells.npz"


def test_npy_alone_and_with_labels(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    np.save(tmp_path / "y.npy", Y)
    raw = Npy(path=tmp_path / "x.npy").read()
    np.testing.assert_array_equal(raw.train.x, X)
    assert (raw.train.label == -1).all()
    raw = Npy(path=tmp_path / "x.npy", labels=tmp_path / "y.npy").read()
    np.testing.assert_array_equal(raw.train.label, Y)
    assert raw.test is None


def test_npz_with_the_usual_names(archive: Path) -> None:
    dataset = load(Npy(path=archive))
    assert dataset.name == "cells"
    assert [len(part) for part in dataset.splits.values()] == [18, 2, 4]
    assert dataset.num_classes == 2


def test_npz_with_other_names_and_without_labels(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "a.npz", images=X, kinds=Y)
    raw = Npy(path=tmp_path / "a.npz", x="images", y="kinds").read()
    assert raw.label_names == ("0", "1")
    assert Npy(path=tmp_path / "a.npz", x="images").read().label_names == ()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"x": "imgaes"},
            r"cells\.npz has no array 'imgaes'; it has other, x, x_test, y, y_test\."
            r" Name the one that is meant in data\.x\.$",
        ),
        ({"y": "othre"}, "no array 'othre'.* Did you mean 'other'"),
        ({"y": "other"}, r"labels of .*cells\.npz have shape \(5, 3\)"),
        ({"y_test": "y"}, "the test part of .* has 4 samples but 20 labels"),
    ],
)
def test_wrong_names(archive: Path, options: dict[str, str], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        Npy.model_validate({"path": archive, **options}).read()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"path": "x.csv"}, "path is x.csv; it has to end in .npy or .npz"),
        ({"path": "x.npz", "labels": "y.npy"}, "labels belongs to a .npy"),
        ({"path": "x.npy", "y": "y"}, "name the arrays of an .npz"),
    ],
)
def test_options_that_do_not_go_together(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Npy.model_validate(options)


def test_files_that_are_not_what_they_claim(tmp_path: Path, archive: Path) -> None:
    pickled, whole = io.BytesIO(), archive.read_bytes()
    np.save(pickled, np.asarray([{"a": 1}], object), allow_pickle=True)
    flipped = bytearray(whole)
    flipped[200] ^= 255
    encrypted = whole.replace(whole[4:8], b"\x14\0\1\0").replace(
        b"PK\1\2\x14\x03\x14\0\0", b"PK\1\2\x14\x03\x14\0\1"
    )
    for name, content, sentence in [
        ("text.npy", b"1,2,3", "cannot be read as NumPy's format"),
        ("empty.npy", b"", "cannot be read as NumPy's format"),
        ("pickled.npy", pickled.getvalue(), "cannot be read as NumPy's format .*allow_pickle"),
        ("cut.npz", whole[:-40], "cannot be read as NumPy's format"),
        ("flipped.npz", bytes(flipped), r"flipped\.npz: the array 'x' cannot be read"),
        ("cut.npy", _npy_bytes()[:-1], "cannot be read as NumPy's format"),
        (
            "huge.npy",
            _npy_bytes().replace(b"(20, 3), }      ", b"(999999999, 99)}"),
            "cannot be read as NumPy's format",
        ),
        (
            "unclosed.npy",
            _npy_bytes().replace(b"(20, 3), }", b"(20, 3    "),
            "cannot be read as NumPy's format",
        ),
        ("encrypted.npz", encrypted, "cannot be read .*encrypted"),
        ("empty.npz", EMPTY_ZIP, r"empty\.npz has no array 'x'; it has none\.$"),
    ]:
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=sentence):
            Npy(path=tmp_path / name).read()
    with pytest.raises(DataError, match=r"absent\.npy does not exist"):
        Npy(path=tmp_path / "absent.npy").read()


def test_labels_in_an_archive_are_refused(tmp_path: Path, archive: Path) -> None:
    np.save(tmp_path / "x.npy", X)
    with pytest.raises(DataError, match=r"is an archive; data.labels has to be a .npy"):
        Npy(path=tmp_path / "x.npy", labels=archive).read()


def _npy_bytes() -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, X)
    return buffer.getvalue()

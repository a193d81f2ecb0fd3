import io
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image
from pydantic import ValidationError

from rcmvae.data import Parquet, load
from rcmvae.errors import DataError

N = 20
RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (N, 3, 4)).astype(np.uint8)
FLAT = PIXELS.reshape(N, 12)
KINDS = ["ant", "bee"] * 10
NOT_UTF8 = pa.array([b"\xff"]).view(pa.string())


def png(pixels: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "png")
    return buffer.getvalue()


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write(columns: dict[str, Any], name: str = "cells.parquet", rows_per_group: int = 7) -> Path:
        pq.write_table(pa.table(columns), tmp_path / name, row_group_size=rows_per_group)
        return tmp_path / name

    return write


@pytest.fixture
def cells(write: Any) -> Path:
    return write(
        {
            "size": np.linspace(0, 1, N),
            "count": np.arange(N),
            "round": np.arange(N) % 2 == 0,
            "note": ["some text"] * N,
            "kind": KINDS,
            "code": pa.array([None, 7] * 10),
        }
    )


def test_all_numeric_columns_or_the_named_ones(cells: Path) -> None:
    raw = Parquet(path=cells, label_column="code").read()
    np.testing.assert_array_equal(
        raw.train.x, np.stack([np.linspace(0, 1, N), np.arange(N)], 1).astype(np.float32)
    )
    raw = Parquet(path=cells, features=("round", "count"), label_column="kind").read()
    np.testing.assert_array_equal(raw.train.x, np.stack([np.arange(N) % 2 == 0, np.arange(N)], 1))
    assert raw.label_names == ("ant", "bee")
    assert raw.train.label.tolist() == [0, 1] * 10


def test_columns_keep_their_names(cells: Path, write: Any) -> None:
    assert Parquet(path=cells, label_column="code").read().columns == ("size", "count")
    assert Parquet(path=cells, features=("count", "size")).read().columns == ("count", "size")
    lists = write({"x": [[1.0, 2.0]] * 4}, "lists.parquet")
    assert Parquet(path=lists, image_column="x").read().columns == ()


def test_empty_labels_are_unlabelled(cells: Path) -> None:
    raw = Parquet(path=cells, features=("size",), label_column="code").read()
    assert raw.train.label.tolist() == [-1, 0] * 10
    assert raw.label_names == ("7",)


def test_a_second_table_for_testing_has_the_same_columns(cells: Path, write: Any) -> None:
    columns = {"extra": np.zeros(4), "count": np.arange(4), "size": np.ones(4), "code": np.arange(4)}
    more = write(columns, "more.parquet")
    raw = Parquet(path=cells, label_column="code", test_path=more).read()
    assert raw.test is not None
    np.testing.assert_array_equal(raw.test.x, np.stack([np.ones(4), np.arange(4)], 1))
    lacking = write({"count": np.arange(4)}, "lacking.parquet")
    with pytest.raises(DataError, match=r"lacking\.parquet has no column 'size'; it has count"):
        Parquet(path=cells, label_column="code", test_path=lacking).read()


def test_columns_of_bytes_stay_bytes(write: Any) -> None:
    path = write({f"p{i}": FLAT[:, i] for i in range(12)} | {"kind": KINDS})
    dataset = load(Parquet(path=path, label_column="kind", shape=(3, 4)))
    assert dataset.shape == (3, 4, 1)
    assert dataset.train.x.dtype == np.uint8
    np.testing.assert_array_equal(Parquet(path=path, shape=(3, 4)).read().train.x[..., 0], PIXELS)


@pytest.mark.parametrize(
    ("column", "options"),
    [
        (pa.array([png(image) for image in PIXELS]), {}),
        (pa.array([{"bytes": png(image), "path": "a.png"} for image in PIXELS]), {}),
        (pa.array([image.tobytes() for image in PIXELS]), {"shape": (3, 4)}),
        (pa.array([image.tobytes() for image in PIXELS], pa.binary(12)), {"shape": (3, 4)}),
        (pa.FixedSizeListArray.from_arrays(pa.array(FLAT.reshape(-1)), 12), {"shape": (3, 4)}),
        (pa.array(FLAT.tolist(), pa.list_(pa.uint8())), {"shape": (3, 4)}),
        (pa.array(FLAT.tolist(), pa.large_list(pa.uint8())), {"shape": (3, 4, 1)}),
    ],
)
def test_columns_of_images(write: Any, column: Any, options: dict[str, Any]) -> None:
    raw = Parquet.model_validate(
        {"path": write({"image": column}), "image_column": "image", **options}
    ).read()
    assert raw.train.x.dtype == np.uint8
    np.testing.assert_array_equal(raw.train.x[..., 0], PIXELS)


def test_lists_without_a_shape_are_vectors(write: Any) -> None:
    path = write({"codes": pa.array(FLAT.astype(float).tolist())})
    x = Parquet(path=path, image_column="codes").read().train.x
    assert x.dtype == np.float32
    np.testing.assert_array_equal(x, FLAT)


def test_encoded_images_are_resized_and_converted(write: Any) -> None:
    path = write({"image": [png(image) for image in PIXELS]})
    x = Parquet(path=path, image_column="image", resize=(6, 2), color="rgb").read().train.x
    assert x.shape == (N, 6, 2, 3)


def test_a_folder_of_files_is_one_table(tmp_path: Path) -> None:
    (tmp_path / "parts").mkdir()
    for i, part in enumerate(np.split(np.arange(N), 4)):
        pq.write_table(pa.table({"a": part}), tmp_path / "parts" / f"{i}.parquet")
    np.testing.assert_array_equal(Parquet(path=tmp_path / "parts").read().train.x[:, 0], np.arange(N))


@pytest.mark.parametrize(
    ("columns", "options", "sentence"),
    [
        ({"a": [1, 2]}, {"features": ["b"]}, r"has no column 'b'; it has a\."),
        ({"colour": [1, 2]}, {"features": ["color"]}, "Did you mean 'colour'"),
        ({"a": [1, 2]}, {"label_column": "y"}, "has no column 'y'"),
        ({"a": ["x", "y"]}, {}, r"has no numeric column besides the label; it has a\."),
        ({"a": ["x", "y"]}, {"features": ["a"]}, "column 'a' is of type string; a feature is a number"),
        ({"a": [1.0, 2.0, None]}, {}, "row 2 of 'a' is empty, as are 1 of 3 rows"),
        ({"a": [1.0, float("nan")]}, {}, "row 1 of 'a' is nan, not a finite"),
        ({"a": [1.0, 1e300]}, {}, "row 1 of 'a' is inf, not a finite float32"),
        ({"a": [1, 2], "b": [1, 2]}, {"shape": [3]}, r"has 2 numbers per row; data.shape \[3\] needs 3"),
        ({"i": [b"12", b"1"]}, {"image_column": "i", "shape": [2]}, "row 1 of 'i' has 1 bytes; .* needs 2"),
        ({"i": [b"12", None]}, {"image_column": "i", "shape": [2]}, "row 1 of 'i' is empty"),
        (
            {"i": [{"bytes": b"1"}, {"bytes": None}]},
            {"image_column": "i", "shape": [1]},
            "row 1 of 'i' holds no",
        ),
        ({"i": [b"12"]}, {"image_column": "i"}, r"cells\.parquet, row 0 of 'i' cannot be read as an image"),
        ({"i": [1, 2]}, {"image_column": "i"}, "column 'i' is of type int64; images are bytes or lists"),
        ({"i": [[1, 2], [3]]}, {"image_column": "i"}, "row 1 of 'i' has 1 numbers, row 0 has 2"),
        ({"i": [[1, 2], [3, None]]}, {"image_column": "i"}, "a list in 'i' has a gap"),
        ({"i": [["a"], ["b"]]}, {"image_column": "i"}, "column 'i' is of type list.*numbers"),
        (
            {"i": [[1, 2]]},
            {"image_column": "i", "resize": [2, 2]},
            r"'i' holds lists of numbers, but data\.resize",
        ),
        (
            {"i": [[1, 2]]},
            {"image_column": "i", "resize": [2, 2], "color": "grey"},
            r"data\.resize and data\.color can only be used for encoded images .* Leave both out; data\.shape",
        ),
        (
            {"a": [1.0], "y": NOT_UTF8},
            {"label_column": "y"},
            "column 'y' of type string has a value .* byte 0xff",
        ),
        (
            {"a": [1.0], "y": pa.array([1], pa.duration("ns"))},
            {"label_column": "y"},
            # PyArrow reads it if pandas is there: then it is a label of no kind that is known.
            r"column 'y' of type duration\[ns\] has a value that cannot be read|is Timedelta.*; a label is a whole",
        ),
        ({"a": pa.array([], pa.int64())}, {}, "has no rows"),
    ],
)
def test_refusals(write: Any, columns: dict[str, Any], options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        Parquet.model_validate({"path": write(columns), **options}).read()


def test_files_that_are_no_parquet(tmp_path: Path, cells: Path) -> None:
    whole = cells.read_bytes()
    (tmp_path / "text.parquet").write_text("a,b\n1,2")
    (tmp_path / "cut.parquet").write_bytes(whole[:-20])
    for name in ("text", "cut"):
        with pytest.raises(DataError, match=rf"{name}\.parquet cannot be read as Parquet"):
            Parquet(path=tmp_path / f"{name}.parquet").read()
    flipped = bytearray(whole)
    flipped[4:200] = bytes(196)
    (tmp_path / "flipped.parquet").write_bytes(flipped)
    with pytest.raises(DataError, match=r"flipped\.parquet cannot be read \("):
        Parquet(path=tmp_path / "flipped.parquet").read()
    with pytest.raises(DataError, match=r"absent\.parquet does not exist"):
        Parquet(path=tmp_path / "absent.parquet").read()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"features": ["a"], "image_column": "b"}, "exclude each other"),
        ({"image_column": "a", "without": ["b"]}, "without is for columns of numbers"),
        ({"features": []}, "features is empty"),
        ({"features": ["a", "b", "a"]}, "features names a column twice: a, b, a"),
        ({"features": ["a"], "label_column": "a"}, "label_column a is among"),
        ({"image_column": "a", "label_column": "a"}, "label_column a is among"),
        ({"color": "grey"}, "resize and color are for encoded images"),
        ({"image_column": "a", "shape": [2, 2], "resize": [2, 2]}, "resize and color are for encoded images"),
        ({"shape": [1, 2, 3, 4]}, r"shape is \[1, 2, 3, 4\]; give"),
    ],
)
def test_options_that_do_not_go_together(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ValidationError, match=sentence):
        Parquet.model_validate({"path": "a.parquet", **options})

"""What is written beside predictions tells which sample is which."""

import csv
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as arrow
import pytest
from PIL import Image
from pyarrow import parquet

from rcmvae.data import ImageFolder
from rcmvae.errors import ConfigError, DataError
from rcmvae.inference import Trained, beside, predict_parts, samples_of
from rcmvae.inference.writing import write_table
from rcmvae.run import RunDirectory
from tests.training.small import digits

from .conftest import vectors_of

IDS: list[Any] = [*"qwertyuiop", None, "last"]


@pytest.fixture
def table(tmp_path: Path) -> Path:
    columns = {f"c{at}": column for at, column in enumerate(vectors_of(len(IDS), seed=5).T)}
    parquet.write_table(arrow.table(columns | {"id": IDS, "when": range(len(IDS))}), tmp_path / "t.parquet")
    return tmp_path / "t.parquet"


FEATURES = ("features=[c0,c1,c2,c3,c4,c5]",)


def written(run: RunDirectory, data: Path, output: Path, options: tuple[str, ...], keep: list[str]) -> None:
    trained = Trained.open(run.path)
    known = beside(trained, str(data), options, keep)
    write_table(output, predict_parts(trained, samples_of(trained, data, options)), known)


def test_columns_of_the_table_are_kept_in_every_form(
    vectors: RunDirectory, table: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Row by row, also where results come in several parts and a part of a column is empty."""
    monkeypatch.setattr("rcmvae.inference.apply.PART", 5)
    keep = ["when", "id"]
    for name in ("o.csv", "o.parquet", "o.npz"):
        written(vectors, table, tmp_path / name, FEATURES, keep)
    with (tmp_path / "o.csv").open(newline="") as file:
        rows = [*csv.DictReader(file)]
    assert [row["id"] for row in rows] == [one or "" for one in IDS]
    assert [(row["row"], row["when"]) for row in rows] == [(str(at), str(at)) for at in range(len(IDS))]
    assert [*rows[0]][:4] == ["row", "when", "id", "channel"]
    found = parquet.read_table(tmp_path / "o.parquet")
    assert found["id"].to_pylist() == IDS
    assert found["when"].to_pylist() == [*range(len(IDS))]
    assert found["channel_probability"].type == arrow.float32()
    arrays = np.load(tmp_path / "o.npz")
    assert arrays["id"].tolist() == [one or "" for one in IDS]
    assert arrays["when"].tolist() == [*range(len(IDS))]
    assert arrays["channel"].tolist() == found["channel"].to_pylist() == [int(row["channel"]) for row in rows]


def test_images_in_a_folder_are_named(images: RunDirectory, tmp_path: Path) -> None:
    """The file beside each prediction is the one that it is of: each image on its own says the same."""
    x = digits().test.x[:6]
    for at, name in enumerate(["b/1.png", "a/2.png", "b/0.png", "z.png", "a/1.png", "0.png"]):
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(x[at, ..., 0]).save(path)
    written(images, tmp_path / "photos", tmp_path / "o.csv", (), [])
    with (tmp_path / "o.csv").open(newline="") as file:
        rows = [*csv.DictReader(file)]
    assert sorted(row["file"] for row in rows) == [
        "0.png",
        "a/1.png",
        "a/2.png",
        "b/0.png",
        "b/1.png",
        "z.png",
    ]
    trained = Trained.open(images.path)
    for row in rows:
        with Image.open(tmp_path / "photos" / row["file"]) as image:
            (alone,) = predict_parts(trained, np.asarray(image)[None, ..., None])
        assert row["channel"] == str(alone.channel[0])
        assert float(row["channel_probability"]) == pytest.approx(alone.channel_probability[0], rel=1e-5)


def test_what_cannot_be_kept_is_told(vectors: RunDirectory, table: Path, tmp_path: Path) -> None:
    trained = Trained.open(vectors.path)
    with pytest.raises(DataError, match=r"t\.parquet has no column 'idd'; it has .*id"):
        beside(trained, str(table), FEATURES, ["idd"])
    np.save(tmp_path / "x.npy", vectors_of(3))
    with pytest.raises(ConfigError, match=r"'id' cannot be kept: x is no table, and has no columns"):
        beside(trained, str(tmp_path / "x.npy"), (), ["id"])
    with pytest.raises(ConfigError, match=r"'id' cannot be kept for `test`, .*: name the table"):
        beside(trained, "test", (), ["id"])
    with pytest.raises(ConfigError, match=r"'file' cannot be kept: photos is no table"):
        ImageFolder(path=tmp_path / "photos").beside(["file"])


@pytest.mark.parametrize("name", ["o.csv", "o.parquet", "o.npz"])
def test_a_kept_column_does_not_hide_a_result(vectors: RunDirectory, tmp_path: Path, name: str) -> None:
    columns = {f"c{at}": column for at, column in enumerate(vectors_of(4).T)}
    parquet.write_table(arrow.table(columns | {"channel": [1, 2, 3, 4]}), tmp_path / "t.parquet")
    (tmp_path / name).write_text("before")
    with pytest.raises(
        ConfigError, match=r"'channel' cannot be kept: what is written has a column of that name"
    ):
        written(vectors, tmp_path / "t.parquet", tmp_path / name, FEATURES, ["channel"])
    assert (tmp_path / name).read_text() == "before"
    assert {file.name for file in tmp_path.iterdir()} == {"t.parquet", name}

"""What is written beside predictions tells which sample is which."""

import csv
import os
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


FORMS = ("o.csv", "o.parquet", "o.npz")


def columns_in(path: Path) -> dict[str, list[Any]]:
    """What a file of results holds, whatever its form."""
    if path.suffix == ".npz":
        with np.load(path) as file:
            return {name: file[name].tolist() for name in file}
    if path.suffix == ".parquet":
        return parquet.read_table(path).to_pydict()
    with path.open(newline="", encoding="utf-8") as file:
        rows = [*csv.DictReader(file)]
    return {name: [row[name] for row in rows] for name in rows[0]}


@pytest.mark.parametrize("name", FORMS)
def test_images_in_a_folder_are_named(images: RunDirectory, tmp_path: Path, name: str) -> None:
    """The file beside each prediction is the one that it is of: each image on its own says the same."""
    x = digits().test.x[:6]
    for at, file in enumerate(["b/1.png", "a/2.png", "b/0.png", "z.png", "a/ü.png", "0.png"]):
        path = tmp_path / "photos" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(x[at, ..., 0]).save(path)
    written(images, tmp_path / "photos", tmp_path / name, (), [])
    found = columns_in(tmp_path / name)
    assert sorted(found["file"]) == ["0.png", "a/2.png", "a/ü.png", "b/0.png", "b/1.png", "z.png"]
    trained = Trained.open(images.path)
    for file, channel, share in zip(
        found["file"], found["channel"], found["channel_probability"], strict=True
    ):
        with Image.open(tmp_path / "photos" / file) as image:
            (alone,) = predict_parts(trained, np.asarray(image)[None, ..., None])
        assert int(channel) == alone.channel[0]
        assert float(share) == pytest.approx(alone.channel_probability[0], rel=1e-5)


@pytest.mark.parametrize("name", FORMS)
def test_a_name_whose_bytes_are_no_text_is_written(images: RunDirectory, tmp_path: Path, name: str) -> None:
    folder = tmp_path / "photos"
    folder.mkdir()
    Image.fromarray(digits().test.x[0, ..., 0]).save(folder / "a.png")
    os.rename(folder / "a.png", os.fsencode(folder) + b"/caf\xe9.png")
    written(images, folder, tmp_path / name, (), [])
    assert columns_in(tmp_path / name)["file"] == ["caf\\xe9.png"]


@pytest.mark.parametrize("name", FORMS)
def test_an_id_is_kept_as_it_stands_in_the_file(vectors: RunDirectory, tmp_path: Path, name: str) -> None:
    """A number with zeros before it, or too long for any, is still the text that it was."""
    ids = ["007", "18446744073709551616", "1e3", "NA", ""]
    rows = [",".join([one, *map(str, values)]) for one, values in zip(ids, vectors_of(5), strict=True)]
    (tmp_path / "t.csv").write_text("\n".join(["id,c0,c1,c2,c3,c4,c5", *rows]))
    written(vectors, tmp_path / "t.csv", tmp_path / name, FEATURES, ["id"])
    assert columns_in(tmp_path / name)["id"] == ids


@pytest.mark.parametrize("name", FORMS)
def test_what_parquet_holds_is_kept_without_a_loss(vectors: RunDirectory, tmp_path: Path, name: str) -> None:
    rng = np.random.default_rng(0)
    kept: dict[str, Any] = {
        "large": arrow.array(rng.integers(2**63, 2**64, 4, dtype=np.uint64)),
        "share": arrow.array([0.1, 0.2, 0.3, 0.4], arrow.float32()),
        "paid": arrow.array([True, None, False, True]),
        "at": arrow.array([1_700_000_000_123_456_789 + at for at in range(4)], arrow.timestamp("ns")),
    }
    columns = {f"c{at}": column for at, column in enumerate(vectors_of(4).T)}
    parquet.write_table(arrow.table(columns | kept), tmp_path / "t.parquet")
    written(vectors, tmp_path / "t.parquet", tmp_path / name, FEATURES, [*kept])
    if name == "o.parquet":
        found = parquet.read_table(tmp_path / name)
        assert all(found[key].combine_chunks().equals(column) for key, column in kept.items())
        return
    found = columns_in(tmp_path / name)
    assert [int(one) for one in found["large"]] == kept["large"].to_pylist()
    assert [np.float32(one) for one in found["share"]] == [np.float32(one) for one in (0.1, 0.2, 0.3, 0.4)]
    assert found["paid"] == ["true", "", "false", "true"]
    if name == "o.npz":
        with np.load(tmp_path / name) as file:
            np.testing.assert_array_equal(file["at"], kept["at"].to_numpy())
    else:
        nanoseconds = [one.partition(".")[2] for one in found["at"]]
        assert nanoseconds == ["123456789", "123456790", "123456791", "123456792"]


def test_lists_are_kept_in_parquet_alone(vectors: RunDirectory, tmp_path: Path) -> None:
    columns = {f"c{at}": column for at, column in enumerate(vectors_of(2).T)}
    parquet.write_table(arrow.table(columns | {"many": [[1], [2, 3]]}), tmp_path / "t.parquet")
    written(vectors, tmp_path / "t.parquet", tmp_path / "o.parquet", FEATURES, ["many"])
    assert columns_in(tmp_path / "o.parquet")["many"] == [[1], [2, 3]]
    for name in ("o.csv", "o.npz"):
        with pytest.raises(
            ConfigError, match=r"'many' cannot be kept in this form of file: .* list<.*\.parquet"
        ):
            written(vectors, tmp_path / "t.parquet", tmp_path / name, FEATURES, ["many"])
        assert not (tmp_path / name).exists()


def test_what_cannot_be_kept_is_told(vectors: RunDirectory, table: Path, tmp_path: Path) -> None:
    trained = Trained.open(vectors.path)
    with pytest.raises(DataError, match=r"t\.parquet has no column 'idd'; it has .*id"):
        beside(trained, str(table), FEATURES, ["idd"])
    np.save(tmp_path / "x.npy", vectors_of(3))
    with pytest.raises(ConfigError, match=r"'id' cannot be kept: x is no table, and has no columns"):
        beside(trained, str(tmp_path / "x.npy"), (), ["id"])
    with pytest.raises(ConfigError, match=r"'id' cannot be kept for `test`, .*: name the file"):
        beside(trained, "test", (), ["id"])
    with pytest.raises(ConfigError, match=r"'id' cannot be kept: photos is no table"):
        ImageFolder(path=tmp_path / "photos").beside(["file", "id"])
    (tmp_path / "semi.csv").write_text("id;c0\n1;2\n")
    with pytest.raises(DataError, match=r"semi\.csv has a single column, .*data\.delimiter="):
        beside(trained, str(tmp_path / "semi.csv"), FEATURES, ["id"])


@pytest.mark.parametrize("name", FORMS)
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

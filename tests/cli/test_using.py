"""The commands that use a run: what they write, and what they refuse."""

import csv
import io
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow as arrow
import pytest
from PIL import Image
from pyarrow import parquet

from rcmvae import experiment
from rcmvae.cli import main
from rcmvae.inference import embed, predict, sample
from tests.training.small import digits, tiny

Run = Callable[..., tuple[int, str, str]]
OF_LABELS = ("label", "label_probability", "aleatoric", "epistemic", "outlier")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    work = tmp_path_factory.mktemp("work")
    experiment.train(tiny({"run": {"name": "tiny", "report": False}}, directory=work, epochs=1), digits())
    np.save(work / "x.npy", digits().test.x[:50])
    return work


@pytest.fixture
def run(work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.chdir(work)

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["rcmvae", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        assert isinstance(caught.value.code, int)
        told = capsys.readouterr()
        return caught.value.code, told.out, told.err

    return run


def test_an_embedding_is_the_same_in_every_file(work: Path, run: Run) -> None:
    expected = embed(work / "tiny", work / "x.npy")
    for name in ("out.parquet", "out.csv", "out.npz"):
        assert run("embed", "tiny", "x.npy", "-o", name) == (0, f"50 samples written to {name}\n", "")
    columns = expected.columns()
    table = parquet.read_table(work / "out.parquet")
    assert table.column_names == ["row", *columns]
    np.testing.assert_array_equal(table["row"].to_numpy(), np.arange(50))
    for name, column in columns.items():
        np.testing.assert_array_equal(table[name].to_numpy(), column)
    with (work / "out.csv").open() as file:
        rows = [*csv.DictReader(file)]
    assert [int(row["row"]) for row in rows] == [*range(50)]
    np.testing.assert_allclose([float(row["bound"]) for row in rows], expected.bound)
    with np.load(work / "out.npz") as file:
        assert {*file} == {"channel", "channel_probability", "group", "group_probability", *OF_LABELS,
                           "bound", "explained_by", "mean", "sd", "responsibility"}  # fmt: skip
        np.testing.assert_array_equal(file["responsibility"], expected.responsibility)
    assert not [*work.glob("*.part")]


def test_predictions_are_printed_or_written(work: Path, run: Run) -> None:
    expected = predict(work / "tiny", work / "x.npy")
    status, out, err = run("predict", "tiny", "x.npy")
    assert (status, err) == (0, "")
    rows = [*csv.DictReader(io.StringIO(out))]
    assert [*rows[0]] == ["row", "channel", "channel_probability", "group", "group_probability", *OF_LABELS]
    assert [row["label"] for row in rows] == expected.arrays()["label"].tolist()
    assert [int(row["channel"]) for row in rows] == expected.channel.tolist()
    one = predict(work / "tiny", work / "x.npy", num_groups=1)
    for cut in (["--groups", "1"], ["--level", "9"]):
        rows = [*csv.DictReader(io.StringIO(run("predict", "tiny", "x.npy", *cut)[1]))]
        assert [int(row["group"]) for row in rows] == one.group.tolist() == [0] * len(rows)
    assert run("predict", "tiny", "test", "-o", "said.csv")[0] == 0
    assert (work / "said.csv").read_text().count("\n") == 181


def test_columns_of_a_table_are_kept_where_that_is_asked_for(work: Path, run: Run) -> None:
    x = digits().test.x[:5].reshape(5, -1)
    known = {"id": [f"00{at}" for at in range(5)], "kind": [*"ababa"], "channel": [0] * 5}
    columns = {f"p{at}": column for at, column in enumerate(x.T)}
    parquet.write_table(arrow.table(known | columns), work / "t.parquet")
    how = ("t.parquet", "shape=[8,8]", "without=[channel]")
    given = ("predict", "tiny", *how)
    table = [*csv.DictReader(io.StringIO(run(*given, "--keep", "kind", "--keep", "id")[1]))]
    assert [(row["kind"], row["id"]) for row in table] == [("ab"[at % 2], f"00{at}") for at in range(5)]
    assert run("embed", "tiny", *how, "--keep", "id", "-o", "kept.npz")[0] == 0
    with np.load(work / "kept.npz") as file:
        assert file["id"].tolist() == [f"00{at}" for at in range(5)]
    for words, sentence in (
        ((*given, "--keep", "idd"), "t.parquet has no column 'idd'"),
        (("predict", "tiny", "test", "--keep", "id"), "'id' cannot be kept for `test`"),
        ((*given, "--keep", "channel"), "'channel' cannot be kept"),
    ):
        status, out, err = run(*words)
        assert (status, out) == (2, "")
        assert sentence in err


def test_channels_are_called_what_is_taught(work: Path, run: Run) -> None:
    shutil.copytree(work / "tiny", work / "taught", dirs_exist_ok=True)
    np.savez(work / "kinds.npz", x=digits().test.x[:3], y=["ant", "bee", ""])
    status, out, err = run("teach", "taught", "kinds.npz", "--fresh")
    assert (status, err) == (0, "")
    assert "What channels are called" in out
    assert out.endswith("2 labelled samples counted in all; kept in taught/labels.json\n")
    rows = [*csv.DictReader(io.StringIO(run("predict", "taught", "kinds.npz")[1]))]
    expected = predict(work / "taught", work / "kinds.npz").arrays()["label"]
    assert [row["label"] for row in rows] == expected.tolist()
    for arguments, sentence in (
        (["x.npy"], "No sample of x.npy has a label: there is nothing to count. They are given as y in Python"),
        (["kinds.npz", "--number", "3"], "number is 3, but 2 samples of kinds.npz have a label: it may be 1 to 2."),
        (["kinds.npz", "--number", "0"], "--number is `0`, but it must be a whole number of 1 or more."),
    ):  # fmt: skip
        status, out, err = run("teach", "taught", *arguments)
        assert (status, out) == (2, "")
        assert err.startswith(f"rcmvae: {sentence}")


def test_samples_are_a_picture_or_an_array(work: Path, run: Run) -> None:
    assert run("sample", "tiny", "--channel", "2", "--number", "5", "-o", "five.png")[0] == 0
    with Image.open(work / "five.png") as image:
        assert image.size == (3 * 64 + 4, 2 * 64 + 2), "eight pixels, each eight times as large"
    status, out, _ = run("sample", "tiny", "--channel", "2", "--draws", "--noise", "4", "-o", "x.npz")
    assert (status, out) == (0, "16 samples of channel 2 written to x.npz\n")
    with np.load(work / "x.npz") as file:
        np.testing.assert_array_equal(file["x"], sample(work / "tiny", 2, values="draw", noise=4))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["embed", "tiny", "x.npy", "-o", "o.parqet"],
         "rcmvae: --output is o.parqet, but it has to end in .parquet, .csv, .npz. Did you mean '.parquet'?"),
        (["embed", "tiny", "x.npy", "-o", "x.npz/o.csv"], "rcmvae: --output is x.npz/o.csv, but there is no folder"),
        (["predict", "tiny", "x.npy", "-o", "there.csv"], "rcmvae: there.csv exists already: name another file, or"),
        (["predict", "tyny", "x.npy"], "rcmvae: tyny does not exist. Did you mean tiny?"),
        (["predict", "tiny", "y.npy"], "rcmvae: y.npy does not exist. What is looked at is"),
        (["predict", "tiny", "x.npy", "--groups", "99"], "rcmvae: groups is 99, but with "),
        (["predict", "tiny", "x.npy", "colour=grey"], "rcmvae: data.colour is not known"),
        (["sample", "tiny", "--channel", "9", "-o", "n.png"], "rcmvae: channel is 9, but tiny has channels 0 to 3."),
        (["sample", "tiny", "--channel", "1", "-o", "n.gif"], "rcmvae: --output is n.gif, but it has to end in .png"),
    ],
)  # fmt: skip
def test_what_cannot_be_done_is_told(work: Path, run: Run, arguments: list[str], sentence: str) -> None:
    (work / "there.csv").write_text("")
    status, out, err = run(*arguments)
    assert (status, out) == (2, "")
    assert err.startswith(sentence)
    assert (work / "there.csv").read_text() == ""


def test_a_file_is_written_over_on_request_and_whole(
    work: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    (work / "again.csv").write_text("before")
    monkeypatch.setattr("rcmvae.inference.apply.predicted", lambda *_: 1 / 0)
    monkeypatch.setattr(sys, "argv", ["rcmvae", "predict", "tiny", "x.npy", "-o", "again.csv", "--force"])
    with pytest.raises(ZeroDivisionError):
        main()
    assert (work / "again.csv").read_text() == "before"
    assert not [*work.glob("*.part")]
    monkeypatch.undo()
    monkeypatch.chdir(work)
    assert run("predict", "tiny", "x.npy", "-o", "again.csv", "--force")[0] == 0
    assert (work / "again.csv").read_text().startswith("row,channel")

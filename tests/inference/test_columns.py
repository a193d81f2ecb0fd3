"""A run on a table knows its columns by their names."""

import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from pyarrow import parquet
from rich.console import Console

from rcmvae import experiment, inference
from rcmvae.data import Parquet
from rcmvae.errors import DataError
from rcmvae.evaluation import evaluate
from rcmvae.inference import Trained
from rcmvae.inference.samples import labelled_samples_of
from rcmvae.recipes import made_for
from rcmvae.training.options import RunOptions


def test_columns_are_known_by_their_names(tmp_path: Path) -> None:
    """In whatever order a table has them, and whatever else it has: from a file, and from a data frame."""
    pandas = pytest.importorskip("pandas")
    rng = np.random.default_rng(0)
    columns = {name: rng.normal(at, 1 + at, 240).astype(np.float32) for at, name in enumerate("abcde")}
    table = pandas.DataFrame(columns)
    table.to_parquet(tmp_path / "x.parquet")
    config = made_for(str(tmp_path / "x.parquet"), ["training.epochs=1"]).config
    config = config.model_copy(update={"run": RunOptions(directory=tmp_path, report=False)})
    said = io.StringIO()
    run = experiment.train(config, console=Console(file=said))
    assert "Its columns are a, b, c, d and e. If a column says what kind a sample is" in said.getvalue()
    trained = Trained.open(run.path)
    assert trained.card.columns == tuple("abcde")
    x = np.stack([*columns.values()], axis=1)
    mixed = table.assign(id=np.arange(240), note=0.5)[["d", "id", "a", "note", "e", "c", "b"]]
    mixed.to_parquet(tmp_path / "mixed.parquet")
    for given in (tmp_path / "mixed.parquet", mixed, table, x):
        np.testing.assert_array_equal(inference.samples_of(trained, given), x)
    np.testing.assert_array_equal(
        evaluate(run.path, samples=mixed)["losses"]["bound"]["per_seed"],
        evaluate(run.path, samples=tmp_path / "x.parquet")["losses"]["bound"]["per_seed"],
    )
    labelled = config.model_copy(
        update={"data": Parquet(path=tmp_path / "mixed.parquet", without=("note",), label_column="id")}
    )
    labelled = labelled.model_copy(update={"run": RunOptions(directory=tmp_path, report=False)})
    said = io.StringIO()
    named = experiment.train(labelled, console=Console(file=said))
    assert "Its columns are d, a, e, c and b.\n" in said.getvalue()
    told = x[:, [3, 0, 4, 2, 1]]
    assert labelled.data.read().left_out == ()  # all others are left out on purpose, or labels
    new = tmp_path / "x.parquet"  # without a column of labels, which nothing here needs
    np.testing.assert_array_equal(inference.samples_of(Trained.open(named.path), new), told)
    with pytest.raises(DataError, match=r"x\.parquet has no column 'id'"):
        evaluate(named.path, samples=new)
    mixed.to_csv(tmp_path / "mixed.csv")  # what the run says of its own table goes for tables of text, too
    table.to_csv(tmp_path / "x.csv", index=False)
    for text in ("mixed.csv", "x.csv"):
        found = inference.samples_of(Trained.open(named.path), tmp_path / text)
        np.testing.assert_allclose(found, told, rtol=1e-6)
    assert evaluate(named.path, samples=tmp_path / "mixed.csv")["labels"] == 240
    renamed = mixed.rename(columns={"a": "aa"})
    renamed.to_parquet(tmp_path / "renamed.parquet")
    with pytest.raises(
        DataError, match=r"x has no column 'a', but .* was trained with it\. Did you mean 'aa'\?"
    ):
        inference.samples_of(trained, renamed)
    with pytest.raises(DataError, match=r"renamed\.parquet has no column 'a'"):
        inference.samples_of(trained, tmp_path / "renamed.parquet")


def test_no_label_is_needed_where_none_is_read(tmp_path: Path) -> None:
    """Whatever kind of file it is that labels were in."""
    x = np.random.default_rng(0).normal(size=(240, 4)).astype(np.float32)
    kind = ["ab"[i % 2] for i in range(240)]
    lists = {"x": [row.tolist() for row in x]}
    parquet.write_table(pa.table({**lists, "kind": kind}), tmp_path / "known.parquet")
    parquet.write_table(pa.table(lists), tmp_path / "new.parquet")
    np.savez(tmp_path / "known.npz", x=x, kind=kind, x_more=x, kind_more=kind)
    np.savez(tmp_path / "new.npz", x=x)
    asked = {
        "parquet": ["data.image_column=x", "data.label_column=kind"],
        "npz": ["data.y=kind", "data.x_test=x_more", "data.y_test=kind_more"],
    }
    for suffix, options in asked.items():
        config = made_for(str(tmp_path / f"known.{suffix}"), [*options, "training.epochs=1"]).config
        named = {"run": RunOptions(directory=tmp_path, report=False)}
        trained = Trained.open(experiment.train(config.model_copy(update=named)).path)
        np.testing.assert_array_equal(inference.samples_of(trained, tmp_path / f"new.{suffix}"), x)
        found = labelled_samples_of(trained, tmp_path / f"known.{suffix}")
        assert found.labels == ("a", "b")


def test_columns_that_hold_no_numbers_are_named(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    rows = [
        f"{at},{'ab'[at % 2]},2026-01-{1 + at % 28:02d},{one:.3f},{two:.3f}"
        for at, (one, two) in enumerate(rng.normal(size=(60, 2)))
    ]
    (tmp_path / "t.csv").write_text("\n".join(["id,kind,day,u,v", *rows]))
    config = made_for(str(tmp_path / "t.csv"), ["training.epochs=1", "data.without=[id]"]).config
    said = io.StringIO()
    experiment.train(
        config.model_copy(update={"run": RunOptions(directory=tmp_path, report=False)}),
        console=Console(file=said),
    )
    assert (
        "Its columns are u and v. Left out, since they are no numbers: kind (text) and day (time). If a column"
        in said.getvalue()
    )
    by_name = made_for(str(tmp_path / "t.csv"), ["data.features=[u, v]"])
    assert by_name.dataset.left_out == ()


def test_labels_and_row_numbers_are_looked_at_before_training(tmp_path: Path) -> None:
    """How many samples have a label is told where not all have one, and which column only counts rows."""
    rng = np.random.default_rng(2)
    rows = [
        f"{1000 + 3 * at},{one:.3f},{two:.3f},{'b' if at % 10 == 0 else ''}"
        for at, (one, two) in enumerate(rng.normal(size=(60, 2)))
    ]
    (tmp_path / "t.csv").write_text("\n".join(["id,u,v,kind", *rows]))
    prepared = made_for(str(tmp_path / "t.csv"), ["training.epochs=1", "data.label_column=kind"])
    said = io.StringIO()
    run = RunOptions(directory=tmp_path, report=False)
    experiment.train(prepared.config.model_copy(update={"run": run}), console=Console(file=said, width=400))
    assert "Its columns are id, u and v. id rises from row to row, as a row number does: " in said.getvalue()
    train, validation, test = prepared.dataset.splits.values()
    have = [int((known >= 0).sum()) for known in (train.label, validation.label, test.truth)]
    assert sum(have) == 6
    assert (
        f"{have[0]} samples to train on have a label that may be seen, {have[1]} to validate, and {have[2]} to"
        in (said.getvalue())
    )
    assert "'data.without=[\"id\"]'" in said.getvalue()
    left = made_for(
        str(tmp_path / "t.csv"), ["training.epochs=1", "data.label_column=kind", 'data.without=["id"]']
    )
    assert (left.dataset.columns, left.dataset.numbering) == (("u", "v"), ())


@pytest.mark.parametrize(
    ("ids", "counts"),
    [
        (range(1_000_000_001, 1_000_000_031), True),  # of which 32 bits of a fraction keep no two apart
        ([*range(29), 28], False),
        ([float(at) for at in range(30)], False),  # a measurement may rise
        (range(19), False),
    ],
)
def test_which_columns_count_rows(tmp_path: Path, ids: Sequence[float], counts: bool) -> None:
    pa_table = pa.table({"Unnamed: 0": [*ids], "u": np.zeros(len(ids))})
    parquet.write_table(pa_table, tmp_path / "t.parquet")
    assert Parquet(path=tmp_path / "t.parquet").read().numbering == ("Unnamed: 0",) * counts
    assert Parquet(path=tmp_path / "t.parquet", features=("Unnamed: 0", "u")).read().numbering == ()

"""What a run says of samples, against its own evaluation and against the model called by hand."""

import dataclasses
import shutil
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from PIL import Image

from rcmvae import inference
from rcmvae.curriculum import group_responsibility
from rcmvae.data import Dataset, dataset_from_arrays
from rcmvae.diagnostics import survey
from rcmvae.errors import ConfigError, DataError, RunError
from rcmvae.inference import Trained, embed, predict
from rcmvae.run import RunDirectory
from rcmvae.setting import Setting
from rcmvae.training import Checkpoints, begin
from tests.inference.conftest import vectors_of
from tests.training.small import digits


def test_the_weights_are_those_that_training_saved(images: RunDirectory, vectors: RunDirectory) -> None:
    for run, dataset in ((images, digits()), (vectors, dataset_from_arrays(vectors_of(200)))):
        setting = Setting.prepare(run.config, dataset)
        with Checkpoints(run.checkpoints, run.config.training.checkpoint) as checkpoints:
            saved = checkpoints.restore(begin(setting.plan, setting.start)).arrays.chosen
        trained = Trained.open(run.path, seed=run.config.training.seeds - 1)
        ours, theirs = jax.tree.leaves(trained.state), jax.tree.leaves(saved)
        for one, whole in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one, whole[-1])
        assert trained.plan.steps_per_epoch == setting.plan.steps_per_epoch


def close(one: np.ndarray, other: np.ndarray) -> None:
    """Compiled for one batch or for all: the same up to rounding."""
    np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_embedding_of_a_split_is_what_a_survey_sees(images: RunDirectory, seed: int) -> None:
    trained = Trained.open(images.path, seed)
    bundle = survey(trained.plan, trained.devices, trained.state, digits(), "test", epoch=3)
    found = embed(images.path, "test", seed=seed)
    close(found.responsibility, bundle.responsibility)
    close(found.bound, bundle.bound())
    # at most a sample in between may fall to the other side by rounding
    cost = bundle.nll + bundle.kl - bundle.log_pi
    opened = np.flatnonzero(bundle.active)
    by_cost = [min(opened, key=lambda k, own=own: own[k]) for own in cost]
    assert (found.explained_by == by_cost).mean() > 0.99
    close(found.mean, bundle.mean)
    close(found.sd, np.exp(0.5 * bundle.log_var))
    np.testing.assert_array_equal(found.channel, bundle.channel)
    by_group = group_responsibility(bundle.responsibility, trained.groups)
    np.testing.assert_array_equal(found.group, by_group.argmax(axis=1))
    close(found.group_probability, by_group.max(axis=1))


def test_groups_are_those_of_the_cut_that_is_asked_for(images: RunDirectory) -> None:
    tree, r = Trained.open(images.path).tree, embed(images.path, "test").responsibility
    most = len(tree.channels)
    asked: list[dict[str, Any]] = [{"num_groups": n} for n in range(1, most + 1)] + [
        {"level": 0.0},
        {"level": 99.0},
    ]
    for cut in asked:
        family = tree.cut(**cut)
        by_group = np.stack([r[:, family == g].sum(axis=1) for g in range(family.max() + 1)], axis=1)
        found = predict(images.path, "test", **cut)
        np.testing.assert_array_equal(found.group, by_group.argmax(axis=1))
        np.testing.assert_array_equal(found.group, embed(images.path, "test", **cut).group)
        close(found.group_probability, by_group.max(axis=1))
    with pytest.raises(
        ConfigError, match=f"groups is {most + 1}, but with {most} channels in use it must be 1 to {most}"
    ):
        predict(images.path, "test", num_groups=most + 1)
    with pytest.raises(ConfigError, match="two ways to cut"):
        embed(images.path, "test", num_groups=1, level=0.5)


@pytest.mark.parametrize("best", [0, 1])
def test_the_best_seed_is_taken_where_none_is_named(images: RunDirectory, tmp_path: Path, best: int) -> None:
    shutil.copytree(images.path, tmp_path / "copy")
    copy = RunDirectory.find(tmp_path / "copy")
    copy.write_json("summary.json", copy.read_json("summary.json") | {"best_seed": best})
    found = embed(copy.path, "test")
    np.testing.assert_array_equal(found.responsibility, embed(copy.path, "test", seed=best).responsibility)
    apart = embed(copy.path, "test", seed=1 - best)
    assert not np.allclose(found.responsibility, apart.responsibility)


def test_accuracy_of_what_is_predicted_is_that_of_the_summary(images: RunDirectory) -> None:
    from rcmvae.diagnostics import clustering

    test = images.read_json("summary.json")["test"]
    for seed in (0, 1):
        found = predict(images.path, digits().test.x, seed=seed)
        for index, scores in ((found.channel, test["clustering"]), (found.group, test["groups"])):
            agreement = clustering(index, digits().test.truth)
            assert agreement is not None
            assert agreement.accuracy == pytest.approx(scores["accuracy"]["per_seed"][seed])


def test_predicting_is_embedding_without_the_decoder(vectors: RunDirectory) -> None:
    x = vectors_of(70, seed=5)
    lean, whole = predict(vectors.path, x), embed(vectors.path, x)
    for name, column in lean.arrays().items():
        np.testing.assert_allclose(column, whole.arrays()[name], rtol=1e-5)
    np.testing.assert_allclose(whole.channel_probability, whole.responsibility.max(axis=1))


def test_closed_channels_hold_nothing(growing: RunDirectory) -> None:
    found = embed(growing.path, "test")
    assert (found.responsibility[:, 2:] == 0).all()
    assert np.isfinite(found.bound).all()
    np.testing.assert_allclose(found.responsibility.sum(axis=1), 1, rtol=1e-5)


def test_rows_keep_their_order_whatever_the_parts(
    vectors: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    x = vectors_of(205, seed=3)  # the last batch is not full
    whole = embed(vectors.path, x)
    assert len(whole) == 205
    assert repr(whole).startswith("Embedding of 205 samples: channel, channel_probability, group,")
    trained = Trained.open(vectors.path)
    monkeypatch.setattr("rcmvae.inference.apply.PART", 64)
    parts = [*inference.embed_parts(trained, x)]
    assert [len(part) for part in parts] == [64, 64, 64, 13]
    np.testing.assert_array_equal(np.concatenate([part.bound for part in parts]), whole.bound)
    # The encoder's word on a sample does not depend on its row.
    back = predict(vectors.path, x[::-1])
    np.testing.assert_array_equal(back.channel[::-1], whole.channel)


def test_the_training_data_are_not_read(vectors: RunDirectory, images: RunDirectory, tmp_path: Path) -> None:
    """Neither those that were handed over in Python, nor those that a configuration points to."""
    assert len(predict(vectors.path, vectors_of(3))) == 3
    shutil.copytree(images.path, tmp_path / "moved")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("rcmvae.inference.samples.load", lambda source: 1 / 0)
        assert len(predict(tmp_path / "moved", digits().test.x[:3])) == 3


def saved(folder: Path, x: np.ndarray) -> dict[str, Any]:
    """The same images in every form that is taken, with the options that one needs."""
    np.save(folder / "x.npy", x[..., 0])
    np.savez(folder / "x.npz", x=x, y=np.arange(len(x)))
    np.savez(folder / "named.npz", pixels=x)
    (folder / "images").mkdir()
    for at, image in enumerate(x):
        Image.fromarray(image[..., 0]).save(folder / "images" / f"{at:03}.png")
    import pyarrow as arrow
    from pyarrow import parquet

    flat = x.reshape(len(x), -1)
    columns = {f"pixel{at}": flat[:, at] for at in range(flat.shape[1])}
    parquet.write_table(arrow.table(columns | {"id": np.arange(len(x))}), folder / "x.parquet")
    features = f"features=[{', '.join(columns)}]"
    return {
        "x.npy": (), "x.npz": (), "named.npz": ("x=pixels",), "images": (),
        "x.parquet": ("shape=[8, 8]", features),
    }  # fmt: skip


def test_every_form_of_data_gives_the_same(images: RunDirectory, tmp_path: Path) -> None:
    x = digits().test.x[:12]
    trained = Trained.open(images.path)
    for name, options in saved(tmp_path, x).items():
        found = inference.samples_of(trained, tmp_path / name, options)
        np.testing.assert_array_equal(found, x, err_msg=name)


def test_a_file_is_read_as_the_run_read_its_own(images: RunDirectory, tmp_path: Path) -> None:
    """A run on a table knows its features; another table of that kind needs no options."""
    saved(tmp_path, digits().test.x[:12])
    from rcmvae.config.load import load_source

    features = [f"pixel{at}" for at in range(64)]
    source = load_source("parquet", [f"path={tmp_path}/none.parquet", f"features={features}", "shape=[8,8]"])
    trained = Trained.open(images.path)
    config = trained.config.model_copy(update={"data": source})
    trained = dataclasses.replace(trained, config=config)
    found = inference.samples_of(trained, tmp_path / "x.parquet")
    np.testing.assert_array_equal(found, digits().test.x[:12])


@pytest.mark.parametrize(
    ("x", "sentence"),
    [
        (
            np.zeros((3, 9, 8), np.uint8),
            r"of x has the shape 9×8×1, but .* samples of 8×8×1\..*resize=\[8, 8\]",
        ),
        (np.zeros((3, 64), np.uint8), r"of x has the shape 64, .* reshape them\.$"),
        (np.zeros((8, 8), np.uint8), r"shape 8, .*A lone sample x is given as x\[None\]\.$"),
        (np.zeros((3, 8, 8)), r"samples of x are float32, but .* trained on uint8: .*\(255 \* x\)"),
        (np.zeros((0, 8, 8), np.uint8), r"x has shape \(0, 8, 8\): there is nothing in it"),
        (np.full((3, 8, 8), np.nan), r"Sample 0 of x has nan"),
        ([["a"]], r"need to be numbers"),
        ("tset", r"tset does not exist\. Did you mean 'test'\?"),
        ("nowhere.npy", r"nowhere\.npy does not exist\. What is looked at is a \.npy"),
    ],
    ids=str,
)
def test_other_samples_are_refused_before_any_compute(
    images: RunDirectory, x: Any, sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rcmvae.inference.apply.in_parts", lambda *_: 1 / 0)
    for call in (embed, predict):
        with pytest.raises(DataError, match=sentence):
            call(images.path, x)


def test_numbers_of_another_kind_are_refused(
    vectors: RunDirectory, growing: RunDirectory, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match=r"are uint8, but .* was trained on float32: .*astype\('float32'\)"):
        predict(vectors.path, np.zeros((2, 6), np.uint8))
    trained = Trained.open(growing.path)
    # As if its bytes had been brought from [0, 100] to [0, 1].
    from rcmvae.data import Scaling

    scaling = Scaling(jax.numpy.zeros(()), jax.numpy.asarray(0.01))
    narrow = dataclasses.replace(trained, card=dataclasses.replace(trained.card, scaling=scaling))
    with pytest.raises(DataError, match=r"lie in \[0, 2\.55\] once they are scaled .* values in \[0, 1\]"):
        narrow.accept(
            np.array([0, 255], np.uint8)[:, None, None, None] * np.ones((1, 8, 8, 1), np.uint8), "x"
        )
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(DataError, match=r"notes\.txt cannot be read: what is looked at is a \.npy"):
        predict(vectors.path, tmp_path / "notes.txt")


def test_a_split_is_that_of_the_run(
    images: RunDirectory, vectors: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ConfigError, match="the run itself says how its data are read"):
        inference.samples_of(Trained.open(images.path), "test", ["seed=3"])
    with pytest.raises(RunError, match="handed over in Python"):
        embed(vectors.path, "test")
    changed: Dataset = dataclasses.replace(digits(), fingerprint="0")
    monkeypatch.setattr("rcmvae.inference.samples.load", lambda source: changed)
    with pytest.raises(RunError, match="trained on other data"):
        embed(images.path, "test")


def test_runs_that_cannot_be_used_are_told(images: RunDirectory, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="has no seed 7: it trained 0, 1"):
        embed(images.path, digits().test.x, seed=7)
    shutil.copytree(images.path, tmp_path / "left")
    left = RunDirectory.find(tmp_path / "left")
    left.write_json("summary.json", {"status": "interrupted", "epochs": 1})
    with pytest.raises(
        RunError, match="left is interrupted: there is something to show once it has finished"
    ):
        predict(left.path, digits().test.x)

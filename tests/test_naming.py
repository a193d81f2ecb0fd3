"""Runs that count their few labels: what they keep, and what they say of other samples by it."""

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from rcmvae import experiment, naming
from rcmvae.data import Dataset, Digits, load, marks
from rcmvae.errors import RunError
from rcmvae.evaluation import evaluate
from rcmvae.inference import embed, teach
from rcmvae.labels import Names, Tau, fit_temperature, reliability
from rcmvae.run import RunDirectory
from rcmvae.setting import Setting
from rcmvae.training import compile_codes
from tests.training.small import DATA, digits, tiny

FEW = DATA | {"num_labeled": 30}


def few() -> Dataset:
    return load(Digits.model_validate(FEW))


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """Two seeds, thirty labels."""
    settings = {"run": {"name": "named"}, "data": FEW}
    config = tiny(settings, directory=tmp_path_factory.mktemp("runs"), seeds=2, epochs=8)
    return experiment.train(config, few())


@pytest.fixture
def run(named: RunDirectory, tmp_path: Path) -> RunDirectory:
    """A copy that a test may change."""
    shutil.copytree(named.path, tmp_path / "copy")
    return RunDirectory.find(tmp_path / "copy")


def names_of(run: RunDirectory) -> list[Names]:
    found = naming.kept(run)
    assert found is not None
    return found


def test_each_seed_counts_the_labels_that_training_could_look_at(named: RunDirectory) -> None:
    train = few().train
    told = named.read_json("labels.json")
    assert (told["labelled"], told["label_names"]) == (30, list("0123456789"))
    for seed, names in enumerate(names_of(named)):
        r = embed(named.path, train.x, seed=seed).responsibility
        counts = np.zeros((4, 10))
        for belief, y in zip(r, train.label, strict=True):
            if y >= 0:
                counts[:, y] += belief
        np.testing.assert_allclose(names.tau.counts, counts, atol=1e-4)
        tree = named.read_json("summary.json")["channel_tree"][seed]
        assert names.groups.tolist() == tree["groups"]
        assert {*names.mark.tolist()} == {*marks(train.x[train.label >= 0]).tolist()}


def test_scores_are_of_samples_that_were_not_counted(named: RunDirectory) -> None:
    for split in ("train", "test"):
        part = few().splits[split]
        other = part.label < 0
        told = evaluate(named.path, split, few())["tau"]
        for seed, names in enumerate(names_of(named)):
            p = names.tau.predict_proba(embed(named.path, part.x[other], seed=seed).responsibility)
            truth = part.truth[other]
            assert told["accuracy"]["per_seed"][seed] == pytest.approx((p.argmax(axis=1) == truth).mean())
            assert told["ece"]["per_seed"][seed] == pytest.approx(reliability(p, truth).ece, abs=1e-3)
        assert told["counted"]["mean"] == 30
    assert evaluate(named.path, dataset=few()) == named.read_json("summary.json")["test"]


def test_few_labels_name_better_than_chance(named: RunDirectory) -> None:
    assert min(named.read_json("summary.json")["test"]["tau"]["accuracy"]["per_seed"]) > 0.2


def test_the_temperature_comes_from_held_out_labels_and_never_from_test_labels() -> None:
    def names_by(dataset: Dataset) -> Names:
        setting = Setting.prepare(tiny(), dataset)
        found = naming.names_from(setting, setting.start, [np.full(4, -1)])
        assert found is not None
        return found[0]

    # Where none are held out, each of those that were counted is judged by the others.
    own = names_by(few())
    assert 20 <= own.held_out <= len(own) == 30
    whole, validation = names_by(digits()), digits().validation
    assert whole.held_out == len(validation) == 60
    setting = Setting.prepare(tiny(), digits())
    (codes,) = compile_codes(setting.plan, setting.devices)(setting.start, setting.on_device(validation))
    expected = fit_temperature(whole.tau.predict_proba(codes.responsibility), validation.label)
    assert whole.temperature == pytest.approx(expected, rel=1e-3)
    # With other labels in the test part, everything is the same.
    test = dataclasses.replace(digits().test, truth=np.roll(digits().test.truth, 1))
    other = names_by(dataclasses.replace(digits(), test=test))
    assert other.temperature == whole.temperature
    np.testing.assert_array_equal(other.tau.counts, whole.tau.counts)


def test_a_run_without_labels_has_no_names(tmp_path: Path) -> None:
    setting = Setting.prepare(tiny(), load(Digits.model_validate(DATA | {"num_labeled": 0})))
    assert naming.names_from(setting, setting.start, [np.full(4, -1)]) is None
    assert naming.kept(RunDirectory(tmp_path)) is None


def test_names_are_counted_anew_when_training_goes_on(run: RunDirectory) -> None:
    before = names_of(run)
    experiment.resume(run.path, few(), epochs=9)
    for seed, (old, new) in enumerate(zip(before, names_of(run), strict=True)):
        assert not np.array_equal(old.tau.counts, new.tau.counts)
        r = embed(run.path, few().train.x, seed=seed).responsibility[few().train.label >= 0]
        np.testing.assert_allclose(new.tau.counts.sum(axis=1), r.sum(axis=0), atol=1e-4)


@pytest.mark.parametrize("number", [1, 7])
def test_going_on_says_how_many_taught_labels_it_forgets(
    run: RunDirectory, number: int, capsys: pytest.CaptureFixture[str]
) -> None:
    test, train = few().test, few().train
    teach(run.path, test.x[:number], np.array(["ant"] * number))
    known = np.flatnonzero(train.label >= 0)[:2]
    teach(run.path, train.x[known], np.array(few().label_names)[train.label[known]])  # as the data have them
    many = "1 taught label is" if number == 1 else f"{number} taught labels are"
    sentence = f"{many} forgotten, .* with: rcmvae teach .*copy DATA$"
    with pytest.warns(UserWarning, match=sentence):
        experiment.resume(run.path, few(), epochs=9)
    assert len(names_of(run)[0]) == 30
    console = Console(width=400)
    experiment.resume(run.path, few(), epochs=10, console=console)
    assert "forgotten" not in capsys.readouterr().out, "nothing was taught since"
    teach(run.path, train.x[known[:1]], np.array(["bee"]))  # the data call it otherwise
    experiment.resume(run.path, few(), epochs=11, console=console)
    assert "1 taught label is forgotten" in capsys.readouterr().out


def test_a_damaged_file_does_not_keep_training_from_going_on(run: RunDirectory) -> None:
    (run.path / "labels.json").write_text("{}")
    experiment.resume(run.path, few(), epochs=9)
    assert len(names_of(run)[0]) == 30


def told_of(names: Names) -> set[tuple[int, int]]:
    return {*zip(names.mark.tolist(), names.label.tolist(), strict=True)}


def test_what_is_kept_is_what_was_counted(named: RunDirectory, tmp_path: Path) -> None:
    names = names_of(named)
    other = RunDirectory(tmp_path)
    naming.keep(other, names)
    for one, again in zip(names, names_of(other), strict=True):
        np.testing.assert_array_equal(one.tau.counts, again.tau.counts)
        assert told_of(one) == told_of(again)
        assert one.temperature == again.temperature
    naming.forget(other)
    assert naming.kept(other) is None


@pytest.mark.parametrize(
    "damage",
    [
        lambda told: told.pop("seeds"),
        lambda told: told.update(smoothing=0),
        lambda told: told["seeds"][0].update(counts=[["a"]]),
        lambda told: told["counted"].update({"3": "no base64!"}),
    ],
)
def test_a_damaged_file_is_told(run: RunDirectory, damage) -> None:
    told = run.read_json("labels.json")
    damage(told)
    (run.path / "labels.json").write_text(json.dumps(told))
    with pytest.raises(RunError, match=r"labels\.json is damaged: .* rcmvae teach .*copy DATA --fresh$"):
        naming.kept(run)


def test_a_channel_that_is_closed_stands_for_nothing() -> None:
    tau = Tau(np.zeros((2, 3)), 1 / 3, np.array([0, -1]))
    np.testing.assert_allclose(tau.table, 1 / 3)

"""Outliers, against scores made one by one from an embedding."""

import dataclasses
import json
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest
from scipy.stats import entropy
from sklearn.metrics import roc_auc_score

from rcmvae import naming, novelty
from rcmvae.data import Arrays
from rcmvae.diagnostics import Bundle, glance
from rcmvae.errors import DataError, RunError
from rcmvae.evaluation import evaluate
from rcmvae.inference import Trained, embed, outliers_of
from rcmvae.labels import combined, detection, unlike_its_channel
from rcmvae.results import forget_scores
from rcmvae.run import RunDirectory
from rcmvae.setting import Setting
from tests.inference.conftest import vectors_of
from tests.training.small import digits

NOISE = np.random.default_rng(0).integers(0, 256, (90, 8, 8, 1), dtype=np.uint8)


@pytest.fixture
def run(images: RunDirectory, tmp_path: Path) -> RunDirectory:
    shutil.copytree(images.path, tmp_path / "copy")
    return RunDirectory.find(tmp_path / "copy")


def test_every_score_is_that_of_an_embedding(run: RunDirectory) -> None:
    found = evaluate(run.path, dataset=digits(), ood=NOISE)["ood"]
    assert run.read_json("evaluation-test-ood-arrays.json") == found
    assert "ood" not in run.read_json("evaluation-test.json")
    names = naming.kept(run)
    assert names is not None
    assert (found["labelled"], found["doubt"]) == (240, "1 − max_c r_c max_y τ_cy")
    bundles = [looked_at(run, seed) for seed in (0, 1)]
    for seed in (0, 1):
        told = [embed(run.path, x, seed=seed) for x in ("validation", "test", NOISE)]
        certain = names[seed].tau.table.max(axis=1)
        doubt = [[1 - max(row * certain) for row in one.responsibility] for one in told]
        pairs = {"doubt": tuple(map(np.array, doubt[1:])), "bound": (told[1].bound, told[2].bound)}
        parts = []
        normal_there = there(bundles[seed][0])
        for one in bundles[seed]:
            undecided = entropy(one.responsibility.astype(float), axis=1)
            unlike = unlike_its_channel(there(one), one.channel, normal_there, bundles[seed][0].channel)
            parts.append(np.stack([undecided, unlike], axis=1))
        held_out, normal, strange = parts
        pairs["combined"] = (combined(normal, held_out), combined(strange, held_out))
        for name, (mine, theirs) in pairs.items():
            truth = np.repeat([0, 1], [len(mine), len(theirs)])
            auroc = roc_auc_score(truth, np.concatenate([mine, theirs]))
            assert found["scores"][name]["auroc"]["per_seed"][seed] == pytest.approx(auroc, abs=2e-3)
            fpr95 = detection(mine, theirs).fpr95
            assert found["scores"][name]["fpr95"]["per_seed"][seed] == pytest.approx(fpr95, abs=0.02)
            histogram = found["histograms"][seed][name]
            assert (np.diff(histogram["edges"]) > 0).all()
            assert [sum(histogram[of]) for of in ("normal", "outliers")] == pytest.approx([1, 1])


def looked_at(run: RunDirectory, seed: int) -> list[Bundle]:
    """What one seed says of the validation split, the test split and the noise."""
    trained = Trained.open(run.path, seed)
    state = jax.tree.map(lambda leaf: leaf[None], trained.state)
    unknown = np.full(len(NOISE), -1, np.int32)
    strange = dataclasses.replace(digits(), test=Arrays(NOISE, unknown, unknown))
    looks = ((digits(), "validation"), (digits(), "test"), (strange, "test"))
    return [glance(trained.plan, trained.devices, state, dataset, name)[0] for dataset, name in looks]


def there(bundle: Bundle) -> np.ndarray:
    """Cost and place of each sample in its own channel."""
    rows = [
        [bundle.nll[n, k], bundle.kl[n, k], *bundle.mean[n], *bundle.log_var[n]]
        for n, k in enumerate(bundle.channel)
    ]
    return np.array(rows, float)


def test_without_labels_the_doubt_is_of_channels_alone(run: RunDirectory) -> None:
    naming.forget(run)
    found = evaluate(run.path, dataset=digits(), ood=NOISE)["ood"]
    assert (found["labelled"], found["doubt"]) == (0, "1 − max_c r_c, since no label was counted")
    normal, strange = (1 - embed(run.path, x).responsibility.max(axis=1) for x in (digits().test.x, NOISE))
    auroc = detection(normal, strange).auroc
    assert found["scores"]["doubt"]["auroc"]["per_seed"][0] == pytest.approx(auroc, abs=2e-3)


def test_other_data_are_known_by_name_or_file(run: RunDirectory, tmp_path: Path) -> None:
    trained = Trained.open(run.path)
    named = outliers_of(trained, "digits")
    assert named.shape == (1797, 8, 8, 1)
    np.save(tmp_path / "noise.npy", NOISE)
    np.testing.assert_array_equal(outliers_of(trained, tmp_path / "noise.npy"), NOISE)
    np.savez(tmp_path / "both.npz", normal=digits().test.x, odd=NOISE)
    asked = {"dataset": digits(), "ood": tmp_path / "both.npz"}
    assert evaluate(run.path, **asked, options=["x=odd"])["ood"]["outlier_samples"] == len(NOISE)
    with pytest.raises(DataError, match="A sample of x has the shape 6"):
        evaluate(run.path, dataset=digits(), ood=vectors_of(3))


def test_what_was_found_is_kept_until_the_weights_change(run: RunDirectory) -> None:
    assert novelty.kept(run) == []
    (run.path / "evaluation-of-my-ood-set.json").write_text("{}")  # ordinary scores, of samples of that name
    (run.path / novelty.novelty_file("test", "b.npz")).write_text(json.dumps({"outliers": "b"}))
    (run.path / novelty.novelty_file("test", "x/a kind.npy")).write_text(json.dumps({"outliers": "a"}))
    assert [one["outliers"] for one in novelty.kept(run)] == ["a", "b"]
    forget_scores(run)
    assert novelty.kept(run) == []


def test_without_held_out_samples_nobody_knows_what_is_normal(run: RunDirectory) -> None:
    setting = Setting.prepare(run.config, digits())
    none = Arrays(digits().test.x[:0], digits().test.label[:0], digits().test.truth[:0])
    empty = dataclasses.replace(setting, dataset=dataclasses.replace(digits(), validation=none))
    with pytest.raises(RunError, match=r"is learned from the validation split, but the data of .* have none"):
        novelty.evaluate(run, empty, setting.start, "test", None, NOISE, "noise")


def test_a_run_that_was_left_tells_outliers_by_the_weights_it_has(run: RunDirectory) -> None:
    whole = evaluate(run.path, dataset=digits(), ood=NOISE)["ood"]
    run.write_json("summary.json", {"status": "interrupted", "epochs": 1})
    assert evaluate(run.path, dataset=digits(), ood=NOISE)["ood"] == whole

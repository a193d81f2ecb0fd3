"""Samples that are of no split, judged as those of a split are."""

import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rcmvae.data import Digits, load
from rcmvae.errors import ConfigError, DataError
from rcmvae.evaluation import evaluate
from rcmvae.experiment import train
from rcmvae.inference import predict
from rcmvae.results import forget_scores
from rcmvae.run import RunDirectory
from tests.inference.conftest import vectors_of
from tests.training.small import DATA, digits, tiny

OF_OTHER_SAMPLES = ("split", "options", "unknown_labels", "file")


@pytest.fixture
def run(images: RunDirectory, tmp_path: Path) -> RunDirectory:
    shutil.copytree(images.path, tmp_path / "copy")
    return RunDirectory.find(tmp_path / "copy")


def named(truth: np.ndarray) -> np.ndarray:
    """Labels by name."""
    return np.array(digits().label_names)[truth]


def test_a_split_handed_over_has_the_scores_of_the_split(run: RunDirectory, tmp_path: Path) -> None:
    expected, test = evaluate(run.path, dataset=digits(), num_groups=2), digits().test
    np.savez(tmp_path / "some new.npz", x=test.x, y=named(test.truth))
    before = {path.name: path.read_bytes() for path in run.path.glob("*.json")}
    given: tuple[dict[str, Any], ...] = (
        {"samples": test.x, "y": named(test.truth)},
        {"samples": tmp_path / "some new.npz", "options": ["x=x", "y=y"]},
        {"samples": tmp_path / "some new.npz", "options": ["x=x", "y=null"]},
    )
    found = [evaluate(run.path, dataset=digits(), num_groups=2, **asked) for asked in given]
    for one in found[:2]:
        assert one["unknown_labels"] == []
        assert {key: value for key, value in one.items() if key not in OF_OTHER_SAMPLES} == {
            key: value for key, value in expected.items() if key != "split"
        }
    assert [one["labelled"] for one in found] == [len(test.x)] * 3
    assert [one["split"] for one in found] == ["arrays", *[str(tmp_path / "some new.npz")] * 2]
    files = [one["file"] for one in found]
    assert len({*files}) == 3  # read otherwise, they are other samples
    assert re.fullmatch(r"evaluation-of-some-new-[0-9a-f]{6}-groups-2\.json", files[1])
    assert [run.read_json(file) for file in files] == found
    after = {path.name: path.read_bytes() for path in run.path.glob("*.json")}
    assert {name: after[name] for name in before} == before  # nothing that was there is written over
    forget_scores(run)
    assert not [*run.path.glob("evaluation-*")]


@pytest.mark.parametrize(("kept", "is_told"), [(None, True), (100, False)])
def test_terms_look_at_labels_where_training_may(kept: int | None, is_told: bool, tmp_path: Path) -> None:
    dataset = load(Digits.model_validate(DATA | {"num_labeled": kept}))
    learning = {"objective": {"classifier": 1.0}, "model": {"classifier": {}}, "data": {"num_labeled": kept}}
    run = train(tiny(learning, directory=tmp_path, epochs=1, labeled_share=0.25), dataset)
    test = dataset.test
    of_split = evaluate(run.path, dataset=dataset)["losses"]
    given = evaluate(run.path, dataset=dataset, samples=test.x, y=named(test.truth))["losses"]
    assert given == of_split
    assert (given["classifier"]["mean"] > 0) == is_told


def test_labels_are_compared_by_name_and_others_may_be_among_them(run: RunDirectory) -> None:
    test = digits().test
    y = named(test.truth).astype("U8")
    y[:20] = "squiggle"  # nobody taught that
    found = evaluate(run.path, dataset=digits(), samples=test.x, y=y)
    assert found["labels"] == len(np.unique(y))
    assert found["unknown_labels"] == ["squiggle"]
    few = evaluate(run.path, dataset=digits(), samples=test.x, y=np.where(np.arange(len(y)) < 7, y, ""))
    assert (few["labelled"], few["samples"]) == (7, len(y))
    for place, seed in enumerate(found["seeds"]):
        told = predict(run.path, test.x, seed=seed).label
        assert found["tau"]["accuracy"]["per_seed"][place] == pytest.approx(np.mean(told == y), abs=1e-9)
    labels = {part.get("label") for part in found["channels_of"][0]}
    assert labels <= {*digits().label_names, "squiggle"}


def test_labels_of_which_the_run_knows_none_are_told(run: RunDirectory) -> None:
    x = digits().test.x
    found = evaluate(run.path, dataset=digits(), samples=x, y=np.where(np.arange(len(x)) % 2, "cat", "dog"))
    assert found["absent"]["tau/accuracy"].startswith(
        "No label in arrays is one of those that were taught: 0, 1"
    )
    assert found["clustering"]["accuracy"]["mean"] > 0


def test_a_name_like_that_of_a_split_is_no_split(run: RunDirectory, tmp_path: Path) -> None:
    before = run.read_json("summary.json")
    np.save(tmp_path / "test.npy", digits().test.x[:30])
    found = evaluate(run.path, dataset=digits(), samples=tmp_path / "test.npy")
    assert (found["samples"], found["labels"]) == (30, 0)
    assert found["absent"]["clustering/accuracy"] == f"No sample of {tmp_path / 'test.npy'} has a label."
    assert not (run.path / "evaluation-test.json").exists()
    assert run.read_json("summary.json") == before


def test_what_cannot_be_judged_is_refused(run: RunDirectory, tmp_path: Path) -> None:
    x = digits().test.x
    with pytest.raises(ConfigError, match="y are the labels of samples: give those too"):
        evaluate(run.path, dataset=digits(), y=np.zeros(3))
    with pytest.raises(ConfigError, match="samples are of no split: give them, or the split train"):
        evaluate(run.path, "train", digits(), samples=x)
    with pytest.raises(ConfigError, match="x=pixels says how a file or folder is read, but none is given"):
        evaluate(run.path, dataset=digits(), samples=x, options=["x=pixels"])
    with pytest.raises(ConfigError, match="samples and ood cannot both be given"):
        evaluate(run.path, dataset=digits(), samples=x, ood=x)
    with pytest.raises(DataError, match="A sample of x has the shape 6"):
        evaluate(run.path, dataset=digits(), samples=vectors_of(3))
    assert not [*run.path.glob("evaluation-*")]

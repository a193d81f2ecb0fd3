"""Samples that are of no split, judged as those of a split are."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rcmvae.errors import ConfigError, DataError
from rcmvae.evaluation import evaluate
from rcmvae.inference import predict
from rcmvae.run import RunDirectory
from tests.inference.conftest import vectors_of
from tests.training.small import digits

SAID_OTHERWISE = {"split"}


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
    )
    for asked in given:
        found = evaluate(run.path, dataset=digits(), num_groups=2, **asked)
        assert found | dict.fromkeys(SAID_OTHERWISE) == expected | dict.fromkeys(SAID_OTHERWISE)
    assert run.read_json("evaluation-of-some-new-groups-2.json")["split"] == str(tmp_path / "some new.npz")
    assert run.read_json("evaluation-of-arrays-groups-2.json")["split"] == "arrays"
    after = {path.name: path.read_bytes() for path in run.path.glob("*.json")}
    assert {name: after[name] for name in before} == before  # nothing that was there is written over


def test_labels_are_compared_by_name_and_others_may_be_among_them(run: RunDirectory) -> None:
    test = digits().test
    y = named(test.truth)
    y[:20] = "squiggle"  # nobody taught that
    found = evaluate(run.path, dataset=digits(), samples=test.x, y=y)
    assert found["labels"] == len(np.unique(y))
    for place, seed in enumerate(found["seeds"]):
        told = predict(run.path, test.x, seed=seed).label
        assert found["tau"]["accuracy"]["per_seed"][place] == pytest.approx(np.mean(told == y), abs=1e-9)
    labels = {part.get("label") for part in found["channels_of"][0]}
    assert labels <= {*digits().label_names, "squiggle"}


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
    with pytest.raises(ConfigError, match="samples and ood cannot both be given"):
        evaluate(run.path, dataset=digits(), samples=x, ood=x)
    with pytest.raises(DataError, match="A sample of x has the shape 6"):
        evaluate(run.path, dataset=digits(), samples=vectors_of(3))
    assert not [*run.path.glob("evaluation-*")]

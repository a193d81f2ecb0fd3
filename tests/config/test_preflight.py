"""Everything that training would refuse before its first step is told without training."""

import os
from pathlib import Path

import numpy as np
import pytest

from rcmvae.config import load_config, load_source
from rcmvae.config.preflight import preflight
from rcmvae.data import Digits, Mnist, Npy
from rcmvae.errors import ConfigError


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("RCMVAE_DATA", raising=False)
    monkeypatch.setattr("rcmvae.data.idx_source.cache_folder", lambda: tmp_path / "cache")


def problems(*overrides: str) -> tuple[str, ...]:
    return preflight(load_config(overrides=overrides)).problems


def test_what_can_run_has_no_problems_and_leaves_nothing(tmp_path: Path) -> None:
    assert preflight(load_config()) == ((), ())
    assert not any(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("data={kind: npy, path: x.npy}", "x.npy does not exist."),
        ("data={kind: mnist, path: nowhere}", "nowhere is no folder."),
        ("data=arrays", "data: arrays stands for samples handed over in Python"),
        ("data.num_labeled=1700", "data.num_labeled is 1700, but 1455 of the 1455 training samples"),
        ("training.batch_size=1600", "training.batch_size is 1600, but there are only 1455 training samples"),
        ("training.devices=99", "training.devices is 99, but only"),
        ("run.directory=file/runs", "run.directory is file/runs, where no folder can be made: {here}/file is a file."),
        (
            "run.name=taken",
            "run.name is `taken`, but runs/taken exists already: give another with run.name=OTHER, have one made "
            "with run.name=null, or remove it.",
        ),
    ],
)  # fmt: skip
def test_what_would_be_refused_is_told(override: str, sentence: str, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "runs" / "taken").mkdir(parents=True)
    [told] = problems(override)
    assert told.startswith(sentence.format(here=tmp_path))


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to this user")
def test_a_folder_that_cannot_be_written_to_is_told(tmp_path: Path) -> None:
    (tmp_path / "locked").mkdir(mode=0o500)
    [told] = problems("run.directory=locked/runs")
    assert told.endswith("locked cannot be written to.")


def test_all_of_it_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "runs" / "a").mkdir(parents=True)
    np.save("x.npy", np.zeros((40, 3), np.float32))
    told = problems("data={kind: npy, path: x.npy}", "training.devices=99", "run.name=a", "model.trunk=conv")
    assert [sentence.split()[0] for sentence in told] == [
        "model.trunk:",
        "objective.consistency.views[0]:",
        "training.batch_size",
        "training.devices",
        "run.name",
    ]


def test_nothing_is_fetched() -> None:
    found = preflight(load_config(overrides=["data=mnist"]))
    assert found.problems == ()
    assert found.notes[0].startswith("mnist is not at hand: training would fetch it first.")
    assert not Mnist().is_ready()
    assert Mnist(path=Path("x")).is_ready()
    assert Digits().is_ready()


def test_the_data_of_a_configuration_file_are_found(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("data: {kind: npy, path: x.npy}\nmodel: {oops: 3}\n", encoding="utf-8")
    assert load_source("a.yaml", ["num_samples=9"]) == Npy(path=Path("x.npy"), num_samples=9)
    (tmp_path / "b.yml").write_text("training: {epochs: 3}\n", encoding="utf-8")
    assert load_source("b.yml") == Digits()
    with pytest.raises(
        ConfigError, match=r"^x\.npy is neither a kind of data \(arrays, .*as in `npy path=x\.npy`\.$"
    ):
        load_source("x.npy")
    with pytest.raises(ConfigError, match=r"^c\.yaml does not exist\. Did you mean 'a\.yaml'\?$"):
        load_source("c.yaml")

"""Whole runs from the command line, on the digits."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from rcmvae.cli import main
from rcmvae.config import load_source
from tests import forking
from tests.forking import Forked

# Small enough that compiling is all that takes time.
TINY = (
    "data.num_samples=300",
    "model.num_channels=3",
    "model.trunk.hidden=[8]",
    "model.decoder.backbone={kind: dense, hidden: [8]}",
    "model.decoder.conditioner=film",
    "model.embedding_dim=2",
    "objective={reconstruction: 1, kl_z: 1, kl_c: 1}",
    "training.batch_size=64",
    "run.report=false",
)


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("work")


def start(work: Path, *arguments: str) -> Forked:
    """The command as a process of its own."""
    return forking.start("-m", "rcmvae", *arguments, cwd=work, environment={"COLUMNS": "100"})


Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(work: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The command in this process: its status, stdout and stderr."""
    monkeypatch.chdir(work)
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["rcmvae", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        assert isinstance(caught.value.code, int)
        captured = capsys.readouterr()
        return caught.value.code, captured.out, captured.err

    return run


@pytest.fixture(scope="module")
def trained(work: Path) -> str:
    """What the command prints that trained the run `tiny`."""
    done = subprocess.run(
        [sys.executable, "-m", "rcmvae", "train", *TINY, "training.epochs=1", "--name", "tiny"],
        cwd=work,
        env={**os.environ, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout


def test_training_tells_its_story_where_there_is_no_terminal(work: Path, trained: str) -> None:
    lines = trained.splitlines()
    assert lines[0] == (
        "digits: 270 samples of 8×8×1 to train on, 30 to validate, 180 to test; labels of 10 kinds. Run directory: "
        "runs/tiny"
    )
    assert re.match(r"epoch 1/1  channels \d of 3 in use  bound [\d.]+ nats  loss ", lines[1])
    assert "Run directory: runs/tiny" in lines
    assert any(
        line.startswith("1 epoch in ")
        and line.endswith("of 3 channels have 1 % or more of the shares in validation samples.")
        for line in lines
    )
    assert any(line.startswith("Negative evidence bound on 180 test samples: ") for line in lines)
    assert any(line.startswith("Accuracy, with one channel per label: ") for line in lines)
    assert "commonest label" in trained
    assert any(line.startswith("  rcmvae predict runs/tiny DATA ") for line in lines)
    assert "\x1b" not in trained
    assert json.loads((work / "runs/tiny/summary.json").read_text())["status"] == "finished"


def test_data_are_enough_to_train(work: Path, run: Run) -> None:
    status, out, err = run("train", "digits", *TINY[:-2], *TINY[-1:], "training.epochs=1", "--name", "made")
    assert (status, err) == (0, "")
    assert "Run directory: runs/made" in out
    # What is not said comes from the recipe for small images.
    made = (work / "runs/made/config.yaml").read_text()
    assert "warmup" in made
    assert "kind: top_m" in made


def test_a_name_is_taken_once(run: Run, trained: str) -> None:
    status, out, err = run("train", *TINY, "training.epochs=1", "--name", "tiny")
    assert (status, out) == (2, "")
    assert err.startswith("rcmvae: run.name is `tiny`, but runs/tiny exists already")


def test_a_run_is_evaluated(work: Path, run: Run, trained: str) -> None:
    status, out, err = run("evaluate", "runs/tiny", "--split", "validation")
    assert (status, err) == (0, "")
    assert "30 samples of the validation split" in out
    assert "bound (nats)" in out
    assert "accuracy" in out
    assert "Validation samples by group" in out
    # The parts of the bound are terms of this objective, so they are told once.
    assert "kl_z" in out
    assert "bound: kl latent" not in out
    assert "Written to runs/tiny/evaluation-validation.json" in out
    assert json.loads((work / "runs/tiny/evaluation-validation.json").read_text())["samples"] == 30


def test_a_narrow_terminal_has_the_numbers_without_their_meanings(
    run: Run, trained: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = ("evaluate", "runs/tiny", "--split", "validation")
    wide = run(*asked)[1]
    monkeypatch.setenv("COLUMNS", "80")
    narrow = run(*asked)[1]
    assert "look in docs/metrics.md" in narrow
    assert "look in docs/metrics.md" not in wide
    numbers = [re.findall(r"−?\d+\.\d{3}", told) for told in (narrow, wide)]
    assert numbers[0] == numbers[1] != []


def test_a_run_is_evaluated_on_a_file_of_its_own(work: Path, run: Run, trained: str) -> None:
    new = load_source("digits").read().train
    np.savez(work / "new.npz", pixels=new.x[:70], kind=new.label[:70])
    status, out, err = run("evaluate", "runs/tiny", "--on", "new.npz", "x=pixels", "y=kind")
    assert (status, err) == (0, "")
    assert "70 samples of new.npz" in out
    written = re.fullmatch(r"Written to (runs/tiny/evaluation-of-new-\w{6}\.json)", out.splitlines()[-1])
    assert written is not None
    assert json.loads((work / written.group(1)).read_text())["samples"] == 70
    shutil.copy(work / "new.npz", work / "Old [a].npz")
    out = run("evaluate", "runs/tiny", "--on", "Old [a].npz", "x=pixels")[1]
    assert "70 samples of Old [a].npz" in out
    assert "Samples of Old [a].npz by group" in out
    assert run("evaluate", "runs/tiny", "--on", "old.npz")[2].startswith("rcmvae: old.npz does not exist.")


def test_a_run_that_was_killed_is_evaluated_too(work: Path, run: Run, trained: str) -> None:
    """Its summary says no more than that it is running."""
    summary = work / "runs" / "tiny" / "summary.json"
    before = summary.read_text()
    summary.write_text('{"status": "running"}')
    status, out, err = run("evaluate", "runs/tiny", "--split", "validation")
    summary.write_text(before)
    assert (status, err) == (0, "")
    assert "Validation samples by group" in out


def test_a_cut_is_told_and_kept_apart(work: Path, run: Run, trained: str) -> None:
    status, out, err = run("evaluate", "runs/tiny", "--groups", "1")
    assert (status, err) == (0, "")
    assert "Written to runs/tiny/evaluation-test-groups-1.json" in out
    assert run("evaluate", "runs/tiny", "--groups", "9")[2].startswith("rcmvae: groups is 9, but with ")


def test_a_finished_run_goes_on_only_if_asked(run: Run, trained: str) -> None:
    status, out, err = run("resume", "runs/tiny")
    assert (status, out) == (2, "")
    assert err.startswith("rcmvae: runs/tiny has finished")
    status, out, err = run("resume", "runs/tiny", "--epochs", "2")
    assert (status, err) == (0, "")
    assert "epoch 2/2" in out
    assert "epoch 1/2" not in out


def test_ctrl_c_leaves_a_run_that_goes_on(work: Path, run: Run, trained: str) -> None:
    process = start(work, "train", *TINY, "training.epochs=100000", "--name", "long")
    history, patience = work / "runs/long/history.jsonl", time.monotonic() + 60
    while not (history.exists() and history.read_text().count("\n") > 3):
        assert process.poll() is None, process.communicate(timeout=60)
        assert time.monotonic() < patience
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    first, last = err.splitlines()
    assert first == "rcmvae: Stopping after this epoch. Once more, and it stops at once."
    done = int(last.split("epoch ")[1].split(",")[0])
    assert last == f"rcmvae: Stopped after epoch {done}, and saved. Go on with: rcmvae resume runs/long"
    status, out, _ = run("resume", "--epochs", str(done + 1), "--quiet")
    assert status == 0
    assert out.startswith("Run directory: runs/long\n")
    assert "nats, lower is better" in out
    assert "Next:" not in out
    assert "commonest label" not in out
    with (work / "runs/long/history.jsonl").open() as file:
        assert sum(1 for _ in file) == done + 1

"""A run that is interrupted, terminated or killed, and goes on, ends as if nothing had happened."""

import csv
import json
import random
import shutil
import signal
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from rcmvae import experiment
from rcmvae.run import RunDirectory
from rcmvae.training import Checkpoint, Checkpoints, begin
from rcmvae.training.options import CheckpointOptions
from tests.training.small import bench, digits, rows_of, same_bits, start_python

from .trainer import EPOCHS, settings

SCRIPT = Path(__file__).with_name("trainer.py")


class Stopped(NamedTuple):
    """How a process ended, and the first and the last epoch that it told of."""

    status: int
    err: str
    first: int
    last: int


def stop(name: str, path: Path, number: signal.Signals, draw: random.Random) -> Stopped:
    """Train or go on for a few epochs, and send a signal at some moment of the next ones."""
    process = start_python(SCRIPT, name, str(path))
    lines = [process.stdout.readline() for _ in range(draw.randint(1, 3))]
    time.sleep(draw.uniform(0, 0.1))
    process.send_signal(number)
    out, err = process.communicate(timeout=400)
    lines += out.splitlines(keepends=True)
    # A kill may cut the last line short.
    epochs = [int(line.split()[1]) for line in lines if line.startswith("epoch") and line.endswith("\n")]
    assert epochs, err
    return Stopped(process.returncode, err, epochs[0], epochs[-1])


def finish(name: str, path: Path) -> None:
    process = start_python(SCRIPT, name, str(path))
    _, err = process.communicate(timeout=400)
    assert process.returncode == 0, err


@pytest.fixture(scope="module")
def stages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("stages") / "straight"
    finish("stages", path)
    return path


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("growing") / "straight"
    finish("growing", path)
    return path


def restored(name: str, path: Path) -> Checkpoint:
    setting = bench(settings(name, path)).setting
    with Checkpoints(path / "checkpoints", CheckpointOptions()) as checkpoints:
        return checkpoints.restore(begin(setting.plan, setting.start))


def assert_as_if_nothing_had_happened(name: str, path: Path, straight: Path) -> Checkpoint:
    assert rows_of(path) == rows_of(straight)
    lines = (path / "history.jsonl").read_text(encoding="utf-8").splitlines()
    with (path / "history.csv").open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert len(table) == len(lines)
    for line, row in zip(lines, table, strict=True):
        filled = {name: float(text) for name, text in row.items() if text}
        assert filled == json.loads(line)

    found, expected = restored(name, path), restored(name, straight)
    assert (found.epoch, found.growth) == (expected.epoch, expected.growth)
    assert same_bits(found.arrays, expected.arrays)
    assert found.patience.to_json() == expected.patience.to_json()

    summary, expected = (RunDirectory.find(run).read_json("summary.json") for run in (path, straight))
    assert {**summary, "seconds": 0} == {**expected, "seconds": 0}
    assert summary["status"] == "finished"
    return found


def test_interrupted_terminated_and_killed(stages: Path) -> None:
    path, draw, saved = stages.with_name("stopped"), random.Random(0), 0
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        stopped = stop("stages", path, number, draw)
        # What a process tells of is saved right after: at most that one epoch is lost.
        assert saved + 1 <= stopped.first <= saved + 2
        saved = stopped.last - 1
        summary = RunDirectory.find(path).read_json("summary.json")
        if number == signal.SIGKILL:
            assert stopped.status == -number, stopped.err
            assert summary == {"status": "running"}
            continue
        assert stopped.status == 128 + number, stopped.err
        told = f"Stopped after epoch {stopped.last}, and saved. Go on with: rcmvae resume {path}"
        assert stopped.err.splitlines()[-1] == told
        assert (summary["status"], summary["epochs"]) == ("interrupted", stopped.last)
        assert "test" not in summary
        assert rows_of(path)[-1]["epoch"] == stopped.last < EPOCHS
        saved = stopped.last
    assert saved < EPOCHS
    finish("stages", path)
    found = assert_as_if_nothing_had_happened("stages", path, stages)
    assert [(row["epoch"], row["seed"]) for row in rows_of(path)] == [
        (epoch, seed) for epoch in range(1, EPOCHS + 1) for seed in (0, 1)
    ]
    assert np.max(found.patience.best_epoch) < EPOCHS


def test_killed_while_channels_grow(grown: Path) -> None:
    """In the middle of kicks and trials: the same decisions, the same bits."""
    path, draw = grown.with_name("stopped"), random.Random(1)
    for _ in range(2):
        assert stop("growing", path, signal.SIGKILL, draw).status == -signal.SIGKILL
    finish("growing", path)
    found = assert_as_if_nothing_had_happened("growing", path, grown)
    events = [run.joinpath("events.jsonl").read_text(encoding="utf-8") for run in (path, grown)]
    assert events[0] == events[1]
    # Seeds that ended with different channels do not compare: the first stands for the run.
    summary = RunDirectory.find(grown).read_json("summary.json")
    assert (len(summary["seeds"]), summary["best_seed"]) == (2, summary["seeds"][0])
    assert "best_by" not in summary
    whats = {event.what for growth in found.growth for event in growth.events}
    assert whats >= {"opened", "kept", "closed", "ended"}


def test_killed_before_the_results_were_written(stages: Path) -> None:
    """Between the last checkpoint and the summary: all is trained, and what is missing is added."""
    path = stages.with_name("killed-at-the-end")
    shutil.copytree(stages, path)
    run = RunDirectory.find(path)
    expected = run.read_json("summary.json")
    run.write_json("summary.json", {"status": "running"})
    experiment.resume(path, digits())
    found = run.read_json("summary.json")
    assert (found["status"], found["training"]) == ("finished", expected["training"])
    bounds = found["test"]["losses"]["bound"]["per_seed"]
    np.testing.assert_allclose(bounds, expected["test"]["losses"]["bound"]["per_seed"], rtol=1e-5)
    assert rows_of(path) == rows_of(stages)

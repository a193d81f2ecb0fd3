"""A run that is interrupted, terminated and killed again and again ends as if nothing had happened."""

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
from rcmvae.training import Arrays, Checkpoints, begin
from rcmvae.training.options import CheckpointOptions
from tests.training.small import CHANGING, bench, digits, rows_of, same_bits, start_python, tiny

from .trainer import EPOCHS, STAGES

SCRIPT = Path(__file__).with_name("trainer.py")
KILLS = 3


class Stopped(NamedTuple):
    """How a process ended, and the first and the last epoch that it told of."""

    status: int
    err: str
    first: int
    last: int


def stop(path: Path, number: signal.Signals, draw: random.Random) -> Stopped:
    """Train or go on for a few epochs, and send a signal at some moment of the next ones."""
    process = start_python(SCRIPT, str(path))
    assert process.stdout is not None
    lines = [process.stdout.readline() for _ in range(draw.randint(1, 4))]
    time.sleep(draw.uniform(0, 0.1))
    process.send_signal(number)
    out, err = process.communicate(timeout=400)
    lines += out.splitlines(keepends=True)
    # A kill may cut the last line short.
    epochs = [int(line.split()[1]) for line in lines if line.startswith("epoch") and line.endswith("\n")]
    assert epochs, err
    return Stopped(process.returncode, err, epochs[0], epochs[-1])


def finish(path: Path) -> None:
    process = start_python(SCRIPT, str(path))
    _, err = process.communicate(timeout=400)
    assert process.returncode == 0, err


@pytest.fixture(scope="module")
def straight(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("runs") / "straight"
    finish(path)
    return path


def restored(path: Path) -> tuple[int, Arrays, dict]:
    config = tiny(CHANGING, STAGES, epochs=EPOCHS)
    setting = bench(config).setting
    with Checkpoints(path / "checkpoints", CheckpointOptions()) as checkpoints:
        found = checkpoints.restore(begin(setting.plan, setting.start))
    return found.epoch, found.arrays, found.patience.to_json()


def assert_as_if_nothing_had_happened(path: Path, straight: Path) -> None:
    assert rows_of(path) == rows_of(straight)
    assert [(row["epoch"], row["seed"]) for row in rows_of(path)] == [
        (epoch, seed) for epoch in range(1, EPOCHS + 1) for seed in (0, 1)
    ]
    lines = (path / "history.jsonl").read_text(encoding="utf-8").splitlines()
    with (path / "history.csv").open(newline="", encoding="utf-8") as file:
        table = list(csv.DictReader(file))
    assert len(table) == len(lines)
    for line, row in zip(lines, table, strict=True):
        filled = {name: float(text) for name, text in row.items() if text}
        assert filled == json.loads(line)

    epoch, arrays, patience = restored(path)
    expected_epoch, expected_arrays, expected_patience = restored(straight)
    assert epoch == expected_epoch == EPOCHS
    assert same_bits(arrays, expected_arrays)
    assert patience == expected_patience
    assert np.max(patience["best_epoch"]) < EPOCHS

    summary, expected = (RunDirectory.find(run).read_json("summary.json") for run in (path, straight))
    assert {**summary, "seconds": 0} == {**expected, "seconds": 0}
    assert summary["status"] == "finished"


def test_interrupted_terminated_and_killed_again_and_again(straight: Path) -> None:
    path, draw, saved = straight.with_name("stopped"), random.Random(0), 0
    for number in (signal.SIGINT, signal.SIGTERM, *[signal.SIGKILL] * KILLS):
        stopped = stop(path, number, draw)
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
    finish(path)
    assert_as_if_nothing_had_happened(path, straight)


def test_killed_before_the_results_were_written(straight: Path) -> None:
    """Between the last checkpoint and the summary: all is trained, and what is missing is added."""
    path = straight.with_name("killed-at-the-end")
    shutil.copytree(straight, path)
    run = RunDirectory.find(path)
    expected = run.read_json("summary.json")
    run.write_json("summary.json", {"status": "running"})
    experiment.resume(path, digits())
    found = run.read_json("summary.json")
    assert (found["status"], found["training"]) == ("finished", expected["training"])
    bounds = found["test"]["losses"]["bound"]["per_seed"]
    np.testing.assert_allclose(bounds, expected["test"]["losses"]["bound"]["per_seed"], rtol=1e-5)
    assert rows_of(path) == rows_of(straight)

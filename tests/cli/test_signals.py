"""Ctrl-C, from a terminal's point of view: real processes, real signals."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.forking import Forked

from .test_runs import TINY, start

OPTIONS = (*TINY, "training.epochs=100000", "training.checkpoint.every_seconds=100000")


@pytest.fixture(scope="module")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("signals")


def wait_for(process: Forked, condition: Callable[[], bool]) -> None:
    patience = time.monotonic() + 120
    while not condition():
        assert process.poll() is None, process.communicate(timeout=60)
        assert time.monotonic() < patience
        time.sleep(0.02)


def ended(process: Forked) -> tuple[int, list[str]]:
    _, err = process.communicate(timeout=60)
    return process.returncode, err.splitlines()


def status_of(run: Path) -> str:
    return json.loads((run / "summary.json").read_text())["status"]


def test_before_the_first_epoch_it_stops_at_once(work: Path) -> None:
    process = start(work, "train", *OPTIONS, "--name", "early")
    run = work / "runs/early"
    wait_for(process, (run / "summary.json").exists)  # which comes before the epoch is compiled
    process.send_signal(signal.SIGINT)
    assert ended(process) == (
        130,
        ["rcmvae: Stopped before anything was trained. Go on with: rcmvae resume runs/early"],
    )
    assert status_of(run) == "interrupted"
    assert not (run / "history.jsonl").exists() or not (run / "history.jsonl").read_text()


@pytest.mark.parametrize("patient", [False, True])
def test_it_stops_where_nobody_reads_what_it_says(patient: bool) -> None:
    code = (
        "import os, signal, time\n"
        "from rcmvae.cli.interruption import CommandInterruption\n"
        "with CommandInterruption() as heard:\n"
        f"    heard.patient = {patient}\n"
        "    while True:\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "        time.sleep(0.01)\n"
    )
    reader, writer = os.pipe()
    os.close(reader)
    done = subprocess.run([sys.executable, "-c", code], stderr=writer, timeout=50, check=False)
    os.close(writer)
    assert done.returncode == 130


def test_a_run_that_cannot_be_noted_as_interrupted_stops_too() -> None:
    code = (
        "import os, signal, time\n"
        "from rcmvae.cli.interruption import CommandInterruption\n"
        "def leave(): raise OSError(28, 'No space left on device')\n"
        "with CommandInterruption() as heard, heard.guard(leave):\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    time.sleep(60)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=50, check=False
    )
    assert done.returncode == 143
    assert done.stderr == (
        "rcmvae: Stopped, but that could not be noted in the run: [Errno 28] No space left on device.\n"
    )


def test_before_there_is_a_run_it_stops_at_once(work: Path) -> None:
    code = (
        "import os, signal, sys, time\n"
        "from rcmvae.cli import main, startup\n"
        "startup.start = lambda *_: (os.kill(os.getpid(), signal.SIGTERM), time.sleep(60))\n"
        "sys.argv = ['rcmvae', 'train']\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=work, capture_output=True, text=True, timeout=50, check=False
    )
    assert (done.returncode, done.stderr) == (143, "rcmvae: Stopped before anything was done.\n")


def test_a_second_signal_does_not_wait_for_the_epoch(work: Path) -> None:
    big = ("data.num_samples=null", "model.decoder.backbone.hidden=[2048,2048]")  # an epoch takes a while
    process = start(work, "train", *OPTIONS, *big, "--name", "twice")
    run = work / "runs/twice"
    wait_for(process, lambda: (run / "history.jsonl").exists() and (run / "history.jsonl").stat().st_size > 0)
    process.send_signal(signal.SIGINT)
    assert (
        process.stderr.readline() == "rcmvae: Stopping after this epoch. Once more, and it stops at once.\n"
    )
    process.send_signal(signal.SIGINT)
    assert ended(process) == (
        130,
        [
            "rcmvae: Stopped at once: what was trained is not saved. Go on with: rcmvae resume runs/twice",
        ],
    )
    assert status_of(run) == "interrupted"

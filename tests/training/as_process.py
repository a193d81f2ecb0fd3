"""Run by test_processes.py, twice: one of two processes that train together."""

import json
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any
from unittest import mock

import jax

from rcmvae import evaluation, experiment
from rcmvae.errors import RunError
from rcmvae.structs import Signals
from tests.training.small import digits, tiny

SETTINGS = {"training": {"epochs": 2}, "objective": {"consistency": {"views": ["neighbours"]}}}


def main(port: str, rank: int, directory: Path) -> None:
    jax.distributed.initialize(f"127.0.0.1:{port}", num_processes=2, process_id=rank)
    assert (jax.process_count(), jax.device_count()) == (2, 2)
    result: dict[str, Any] = {"rank": rank}

    run = experiment.train(tiny(SETTINGS, directory=directory), digits())
    result["run"] = str(run.path)
    with mock.patch("rcmvae.figures.drawing.DPI", 30):
        result["report"] = str(experiment.make_report(run.path, "validation", digits()))
    apart = digits().validation
    result["on"] = evaluation.evaluate(run.path, dataset=digits(), samples=apart.x, y=apart.truth)
    result["seen"] = sorted(str(file.relative_to(run.path)) for file in run.path.rglob("*.npz"))

    # A signal reaches one process alone, and ends both after the same epoch.
    def interrupt(signals: Sequence[Signals]) -> None:
        if rank == 1 and signals[0].epoch == 1:
            os.kill(os.getpid(), signal.SIGTERM)

    try:
        experiment.train(tiny(SETTINGS, directory=directory), digits(), listeners=[interrupt])
    except experiment.Interrupted as stopped:
        result["interrupted"] = [str(stopped), stopped.exit_status]

    # Each refuses by itself what none can do.
    named = tiny(SETTINGS, {"run": {"name": run.path.name}}, directory=directory)
    for how, attempt in {
        "taken": lambda: experiment.train(named, digits()),
        "finished": lambda: experiment.resume(run.path, digits()),
        "idle": lambda: experiment.train(tiny(SETTINGS, directory=directory, devices=1), digits()),
    }.items():
        try:
            attempt()
        except (RunError, ValueError) as error:
            result[how] = str(error)
    sys.stdout.write(json.dumps(result) + "\n")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]))

"""Run by test_kill.py: trains into a directory, or goes on where an earlier process was stopped."""

import sys
from collections.abc import Sequence
from pathlib import Path

from rcmvae import experiment
from rcmvae.structs import Signals
from tests.training.small import CHANGING, digits, tiny

EPOCHS = 40
STAGES = {
    "objective": {"reconstruction": {"kind": "piecewise", "at": [12], "values": [0, 1]}},
    "training": {"early_stopping": {"patience": EPOCHS}},
}


def say(signals: Sequence[Signals]) -> None:
    sys.stdout.write(f"epoch {signals[0].epoch}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    path = Path(sys.argv[1])
    named = {"run": {"name": path.name}}
    config = tiny(
        CHANGING, STAGES, named, directory=path.parent, epochs=EPOCHS, checkpoint={"every_seconds": 0}
    )
    try:
        if path.exists():
            experiment.resume(path, digits(), listeners=[say])
        else:
            experiment.train(config, digits(), listeners=[say])
    except experiment.Interrupted as stopped:
        sys.stderr.write(f"{stopped}\n")
        raise SystemExit(stopped.exit_status) from stopped

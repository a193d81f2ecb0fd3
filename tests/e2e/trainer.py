"""Run by test_kill.py: trains into a directory, or goes on where an earlier process was stopped."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rcmvae import experiment
from rcmvae.config import Config
from rcmvae.structs import Signals
from tests.training.grown import BASE
from tests.training.small import CHANGING, digits, tiny

EPOCHS = 26
# Early stopping and a curriculum exclude each other, so each is in a run of its own.
STAGES: dict[str, Any] = {
    "objective": {"reconstruction": {"kind": "piecewise", "at": [12], "values": [0, 1]}},
    "training": {"early_stopping": {"patience": EPOCHS}},
}
GROWING: dict[str, Any] = {
    **BASE,
    "model": {"routing": {"kind": "top_m", "m": 1}},  # the others grow in tests.training
    "training": {**BASE["training"], "seeds": 2},
    "curriculum": {
        **BASE["curriculum"],
        "trial": 3,
        "kick": {
            **BASE["curriculum"]["kick"],
            "epochs": 3,
        },  # three of four epochs: a kill mostly falls into one
        "policy": {"kind": "birth", "when": {"kind": "scheduled", "every": 1}},
        "helps": {"cleanness": 2.5e-6, "bound": 1e9, "min_usage": 0},  # helps one of the two, once
        "stop_after": 3,  # of either way of cutting
    },
}


def settings(name: str, path: Path) -> Config:
    """The run of this name, in this directory."""
    shown = {"run": {"name": path.name}, "training": {"epochs": EPOCHS, "checkpoint": {"every_seconds": 0}}}
    changes = {"stages": (CHANGING, STAGES), "growing": (GROWING,)}[name]
    return tiny(*changes, shown, directory=path.parent)


def say(signals: Sequence[Signals]) -> None:
    sys.stdout.write(f"epoch {signals[0].epoch}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    path = Path(sys.argv[2])
    try:
        if path.exists():
            experiment.resume(path, digits(), listeners=[say])
        else:
            experiment.train(settings(sys.argv[1], path), digits(), listeners=[say])
    except experiment.Interrupted as stopped:
        sys.stderr.write(f"{stopped}\n")
        raise SystemExit(stopped.exit_status) from stopped

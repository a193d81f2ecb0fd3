"""Runs that take a second: a model of a few hundred weights on a few hundred digits."""

import functools
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import numpy as np
from jaxtyping import PyTree

from rcmvae.config import Config, from_mapping
from rcmvae.data import Dataset, Digits, load
from rcmvae.setting import Setting
from rcmvae.structs import Signals
from rcmvae.training import Checkpoint, Checkpoints, Listener, Outcome, Pixels, begin, fit
from tests.forking import Forked, start

DATA = {"kind": "digits", "num_samples": 300, "validation": 0.2}  # 240 to train on, 60 to validate on
SETTINGS: dict[str, Any] = {
    "data": DATA,
    "model": {
        "num_channels": 4,
        "embedding_dim": 0,
        "trunk": {"kind": "dense", "hidden": [16]},
        "decoder": {
            "backbone": {"kind": "experts", "own": [8], "hidden": [16]},
            "conditioner": "none",
            "output": "bernoulli",
        },
    },
    "objective": {"reconstruction": 1, "kl_z": 1, "kl_c": 1, "usage_entropy": -1},
    "training": {"epochs": 3, "batch_size": 32, "learning_rate": 3e-3},
    "run": {"report": False},
}

# Everything that changes with time, changes: stage and weights in the first two epochs, rate and temperature all along.
CHANGING: dict[str, Any] = {
    "model": {
        "routing": {
            "kind": "gumbel_softmax",
            "temperature": {"kind": "exponential", "start": 2, "end": 0.5, "epochs": 5},
        }
    },
    "objective": {
        "reconstruction": {"kind": "piecewise", "at": [2], "values": [0, 1]},
        "kl_z": 0,
        "kl_c": {"kind": "linear", "start": 0, "end": 1, "epochs": 2},
        "tau": 1,
        "consistency": {"views": ["neighbours", "jitter"]},
    },
    "training": {
        "epochs": 6,
        "labeled_share": 0.25,
        "seeds": 2,
        "learning_rate": {
            "kind": "warmup",
            "epochs": 0.5,
            "then": {"kind": "cosine", "start": 1e-2, "end": 1e-3, "epochs": 5},
        },
        "weight_decay": 0.01,
        "clip_norm": 1.0,
        # Nothing holds the codes to their prior, so this is lowest as soon as epochs can be compared.
        "early_stopping": {"monitor": "kl_z", "patience": 20},
    },
}


def merged(base: Mapping[str, Any], *changes: Mapping[str, Any]) -> dict[str, Any]:
    """Nested mappings put over each other; a term given as a schedule stands for its weight."""
    result = dict(base)
    for change in changes:
        for key, value in change.items():
            below = result.get(key)
            both = isinstance(value, Mapping) and isinstance(below, Mapping) and "kind" not in value
            result[key] = merged(below, value) if both else value  # pyright: ignore[reportArgumentType]
    return result


def tiny(*changes: Mapping[str, Any], directory: Path = Path("runs"), **training: Any) -> Config:
    """The small configuration, with these changes."""
    raw = merged(SETTINGS, *changes, {"training": training, "run": {"directory": str(directory)}})
    raw["objective"] = {
        name: {"weight": value} if isinstance(value, Mapping) and "kind" in value else value
        for name, value in raw["objective"].items()
    }
    return from_mapping(raw)


def cut_short(config: Config, epochs: int) -> Config:
    """The same run, over after so many epochs, however far its schedules have come by then."""
    return config.model_copy(update={"training": config.training.model_copy(update={"epochs": epochs})})


@functools.cache
def digits() -> Dataset:
    """The data of `SETTINGS`."""
    return load(Digits.model_validate(DATA))


class Ran(NamedTuple):
    """How a run in memory ended, and what it told on its way."""

    outcome: Outcome
    epochs: list[Sequence[Signals]]


class Bench(NamedTuple):
    """A configuration ready to be trained in memory."""

    setting: Setting
    train: Pixels
    validation: Pixels

    def fit(
        self,
        start: Checkpoint | None = None,
        *,
        listeners: Sequence[Listener] = (),
        checkpoints: Checkpoints | None = None,
    ) -> Ran:
        """Train from a checkpoint, or from the start."""
        epochs: list[Sequence[Signals]] = []
        start = begin(self.setting.plan, self.setting.start) if start is None else start
        watching = [epochs.append, *listeners]
        outcome = fit(
            self.setting.plan,
            self.setting.devices,
            start,
            self.train,
            self.validation,
            watching,
            checkpoints,
        )
        return Ran(outcome, epochs)


def bench(config: Config, dataset: Dataset | None = None) -> Bench:
    """Put a configuration on the bench."""
    dataset = digits() if dataset is None else dataset
    setting = Setting.prepare(config, dataset)
    return Bench(setting, setting.on_device(dataset.train), setting.on_device(dataset.validation))


def told(epochs: Sequence[Sequence[Signals]]) -> list[Any]:
    """All that listeners heard, without the time it took."""
    return [
        (one.epoch, one.step, one.train, one.validation, one.usage.tolist(), one.active.tolist())
        for signals in epochs
        for one in signals
    ]


def same_bits(a: PyTree, b: PyTree) -> bool:
    """Whether two trees of arrays are equal to the last bit."""
    left, right = jax.tree.leaves_with_path(a), jax.tree.leaves_with_path(b)
    assert [path for path, _ in left] == [path for path, _ in right]
    return all(
        np.array_equal(np.asarray(x), np.asarray(y)) for (_, x), (_, y) in zip(left, right, strict=True)
    )


def host(tree: PyTree) -> PyTree:
    """A copy that no later step can touch."""
    return jax.tree.map(np.array, tree)


def start_python(script: Path, *arguments: str, devices: int = 1) -> Forked:
    """Another Python process, which takes the cores for so many devices."""
    flags = f"{os.environ['XLA_FLAGS']} --xla_force_host_platform_device_count={devices}"
    return start(str(script), *arguments, environment={"XLA_FLAGS": flags})


def result_of(process: Forked, *, timeout: float = 400) -> Any:
    """What a process printed as its last line, as JSON; its error output when it failed."""
    out, err = process.communicate(timeout=timeout)
    assert process.returncode == 0, err
    return json.loads(out.splitlines()[-1])


def rows_of(directory: Path) -> list[dict[str, Any]]:
    """The history of a run without its times."""
    lines = (directory / "history.jsonl").read_text(encoding="utf-8").splitlines()
    return [{name: value for name, value in json.loads(line).items() if name != "seconds"} for line in lines]

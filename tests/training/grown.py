"""Runs in which channels open, stay, close and merge. As a script, it trains on the devices that it finds."""

import dataclasses
import inspect
import json
import sys
from collections.abc import Sequence
from typing import Any, NamedTuple
from unittest import mock

import jax
import jax.numpy as jnp
from jaxtyping import PyTree

from rcmvae.structs import Signals
from rcmvae.training import Checkpoint, Programs, fit
from rcmvae.training.epoch import compile_epoch, compile_validation
from rcmvae.training.growing import Growing
from rcmvae.training.history import row_of
from tests.training.small import Bench, Ran, bench, tiny

TRIAL, FINISH, KICK, RATE = 2, 2, 2, 0.1
BASE: dict[str, Any] = {
    "model": {"routing": "gumbel_softmax"},
    "objective": {"logit_mog": 0.1, "usage_entropy": -20},
    "training": {"learning_rate": 1e-2, "epochs": 14, "checkpoint": {"every_seconds": 0}},
    "curriculum": {
        "trial": TRIAL,
        "kick": {
            "epochs": KICK,
            "temperature": {"kind": "linear", "start": 2, "end": 1, "epochs": KICK},
            "logit_bias": 1,
            "logit_mog": 0.5,
        },
        "finish": {"epochs": FINISH, "rate": RATE},
    },
}
EACH = {"kind": "scheduled", "every": 1}
HARD = {"cleanness": 99, "bound": 1e9}
# Only what the compiled programs do not know differs, so that they are compiled once.
KEEPS = {"policy": {"kind": "scheduled", "at": [1, 7]}, "helps": {"cleanness": 1e-9, "min_usage": 0}}
MERGES = {
    "policy": {"kind": "birth", "when": EACH},
    "helps": HARD,
    "initial": 3,
    "merge_below": 3.0,
    "stop_after": 1,  # of either way of cutting
}


def mixed(threshold: float) -> dict[str, Any]:
    """The first newcomer is worth more than the threshold to one of two replicas; further ones to neither."""
    return {
        "policy": {"kind": "birth", "when": EACH},
        "helps": {"cleanness": threshold, "bound": 1e9},
        "stop_after": 1,
    }


def growing(curriculum: dict[str, Any], **training: Any) -> Bench:
    return bench(tiny(BASE, {"curriculum": curriculum}, **training))


@jax.jit
def copied(tree: PyTree) -> Any:
    """A copy that no later step can overwrite."""
    return jax.tree.map(jnp.copy, tree)


@jax.jit
def replica_of(tree: PyTree, replica: int) -> Any:
    return jax.tree.map(lambda leaf: leaf[replica], tree)


class Watched(NamedTuple):
    """A run, every checkpoint before and after what was decided, and its compiled programs."""

    on: Bench
    ran: Ran
    steps: list[tuple[Checkpoint, Checkpoint]]
    programs: list[Any]


def watched(on: Bench) -> Watched:
    steps, programs = [], []

    class Spy(Growing):
        def after_epoch(
            self, now: Checkpoint, signals: Sequence[Signals]
        ) -> tuple[Checkpoint, list[Signals]]:
            before = dataclasses.replace(now, arrays=copied(now.arrays))
            after, told = super().after_epoch(now, signals)
            steps.append((before, dataclasses.replace(after, arrays=copied(after.arrays))))
            programs[2:] = [self.carry_out]
            return after, told

    def noted(compiling: Any) -> Any:
        """Programs of its own, which no other run has compiled before."""
        return lambda *args: programs.append(inspect.unwrap(compiling)(*args)) or programs[-1]

    compiled = {"compile_epoch": noted(compile_epoch), "compile_validation": noted(compile_validation)}
    with (
        mock.patch.object(sys.modules[fit.__module__], "Growing", Spy),
        mock.patch.multiple(sys.modules[Programs.__module__], **compiled),
    ):
        return Watched(on, on.fit(), steps, programs)


def what_happened(ran: Ran) -> list[list[tuple[Any, ...]]]:
    growths = ran.outcome.checkpoint.growth
    return [[(e.epoch, e.what, e.channel, e.parent, e.helped) for e in growth.events] for growth in growths]


def told(epochs: Sequence[Sequence[Signals]]) -> list[Any]:
    return [
        [
            row_of(dataclasses.replace(one, seconds=0.0), 0),
            one.usage.tolist(),
            one.active.tolist(),
            one.events,
        ]
        for signals in epochs
        for one in signals
    ]


if __name__ == "__main__":
    assert len(jax.devices()) == 4
    rans = [growing(mixed(float(sys.argv[1])), seed=seed).fit() for seed in (0, 1)]
    result = [[what_happened(ran)[0], [one.validation["bound"] for (one,) in ran.epochs]] for ran in rans]
    sys.stdout.write(json.dumps(result) + "\n")

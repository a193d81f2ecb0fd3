"""Findings made by hand: what a run might have left, without a model."""

from typing import Any

import numpy as np

from rcmvae.config import from_mapping
from rcmvae.curriculum import ChannelTree
from rcmvae.diagnostics import Bundle
from rcmvae.diagnostics.bundle import Pictures
from rcmvae.findings import Findings
from rcmvae.seeds import spread
from tests.training.small import SETTINGS, merged

K = 4
SIDE = 6
NASTY = '<b>&"it\'s"</b>'  # a label that a page must not take for markup
NAMES = ("zero", NASTY, "two")
# channel 0 holds label 0, channel 1 label 1 and a little of 2, channel 2 both in equal parts; channel 3 is closed
TRUTH = {0: [0] * 40, 1: [1] * 36 + [2] * 4, 2: [1] * 20 + [2] * 20}


def picture_of(row: Any, shape: tuple[int, ...] = (SIDE, SIDE, 1)) -> np.ndarray:
    """A sample that tells its row by its grey."""
    return np.full(shape, row % 256, np.uint8)


def bundle(shape: tuple[int, ...] = (SIDE, SIDE, 1), *, labelled: bool = True, seed: int = 0) -> Bundle:
    """What a survey might have seen."""
    rng = np.random.default_rng(seed)
    channel = np.repeat(list(TRUTH), [len(rows) for rows in TRUTH.values()])
    N, P, G = len(channel), 3, 4
    truth = np.concatenate(list(TRUTH.values())).astype(np.int32) if labelled else np.full(N, -1, np.int32)
    responsibility = np.full((N, K), 0.02, np.float32)
    responsibility[:, 3] = 0
    responsibility[np.arange(N), channel] = 0.96
    shown = np.arange(0, N, 2)
    pictures = Pictures(
        example=np.array([0, 40, 80]),
        original=np.stack([picture_of(row, shape) for row in (0, 40, 80)]),
        reconstruction=rng.integers(0, 255, (3, K, *shape)).astype(np.uint8),
        drawn=rng.integers(0, 255, (K, P, *shape)).astype(np.uint8),
        plane=np.tile([0, 1], (K, 1)),
        extent=np.tile([[-2.0, 2.0], [-2.0, 2.0]], (K, 1, 1)),
        manifold=rng.integers(0, 255, (K, G, G, *shape)).astype(np.uint8),
        thumbnail_of=shown,
        thumbnail=np.stack([picture_of(row, shape) for row in shown]),
    )
    return Bundle(
        data="squares",
        split="train",
        seed=seed,
        epoch=3,
        shape=shape,
        label_names=NAMES,
        columns=(),
        truth=truth,
        label=np.full(N, -1, np.int32),
        mark=np.arange(N, dtype=np.uint64),
        active=np.array([True, True, True, False]),
        log_pi=np.full(K, -np.log(3), np.float32),
        responsibility=responsibility,
        nll=rng.uniform(10, 20, (N, K)).astype(np.float32),
        kl=rng.uniform(0, 3, (N, K)).astype(np.float32),
        mean=rng.normal(size=(N, 2)).astype(np.float32),
        log_var=rng.normal(size=(N, 2)).astype(np.float32),
        hardness=np.full(N, 0.9, np.float32),
        pictures=pictures,
    )


def summary(seeds: tuple[int, ...] = (0,), *, labelled: bool = True) -> dict[str, Any]:
    """What a summary says of as many seeds."""
    each: dict[str, Any] = {"accuracy": 0.8, "purity": 0.8, "nmi": 0.7, "ari": 0.6, "garbage_channels": 1}
    agreement = {name: spread([value] * len(seeds)) for name, value in each.items()}
    test = {
        "split": "test",
        "seeds": list(seeds),
        "samples": 30,
        "labels": 3 if labelled else 0,
        "losses": {"bound": spread([20.0 + seed for seed in seeds]), "kl_z": spread([1.0] * len(seeds))},
        "clustering": agreement if labelled else {},
        "groups": {"count": spread([2] * len(seeds))} | (agreement if labelled else {}),
        "channels_of": [[{"index": k, "samples": 10} for k in range(3)] for _ in seeds],
        "groups_of": [
            [
                {"index": 0, "channels": [0], "samples": 10},
                {"index": 1, "channels": [1, 2], "samples": 20},
            ]
            for _ in seeds
        ],
    }
    return {
        "status": "finished",
        "epochs": 3,
        "seconds": 1.5,
        "seeds": list(seeds),
        "training": {"validation/bound": spread([21.0] * len(seeds))},
        "extendable": True,
        "channel_tree": [tree().to_json() | {"proposed": tree().proposed}] * len(seeds),
        "test": test,
    }


def tree() -> ChannelTree:
    """Channels 1 and 2 are hardly told apart."""
    return ChannelTree.from_json(
        {
            "num_channels": K,
            "channels": [0, 1, 2],
            "information": 1.0,
            "merges": [
                {"kept": 1, "closed": 2, "height": 0.5, "information": 0.7},
                {"kept": 0, "closed": 1, "height": 0.95, "information": 0.0},
            ],
        }
    )


def rows(seed: int = 0, epochs: int = 3) -> list[dict[str, Any]]:
    """A short history."""
    return [
        {
            "epoch": epoch,
            "seed": seed,
            "step": 10 * epoch,
            "seconds": 0.1,
            "k_active": 3,
            "channels_1pct": 3,
            "train/loss": 30.0 - epoch,
            "validation/loss": 31.0 - epoch,
            "validation/bound": 25.0 - epoch + seed,
        }
        for epoch in range(1, epochs + 1)
    ]


def findings(**changes: Any) -> Findings:
    """All of it together."""
    whole: dict[str, Any] = {
        "run": "made-up",
        "config": from_mapping(merged(SETTINGS)),
        "summary": summary(),
        "environment": {
            "command": ["rcmvae", "train"],
            "python": "3.11",
            "platform": "somewhere",
            "packages": {"rcmvae": "0"},
            "devices": {"platform": "cpu", "kind": "cpu", "count": 1},
            "git_revision": None,
        },
        "bundle": bundle(),
        "rows": tuple(rows()),
        "events": (),
        "pots": (),
        "tree": tree(),
    }
    return Findings(**(whole | changes))

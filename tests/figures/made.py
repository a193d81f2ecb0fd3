"""Findings made without any training: random, but everything in them fits together."""

import functools
from collections.abc import Sequence
from typing import Any

import numpy as np

from rcmvae.config import Config, from_mapping
from rcmvae.curriculum import channel_tree, pot_tree
from rcmvae.diagnostics import Bundle
from rcmvae.diagnostics.bundle import Pictures
from rcmvae.findings import Findings
from rcmvae.labels import Names
from rcmvae.seeds import spread
from rcmvae.structs import Event
from rcmvae.training import Row

EVENTS = (
    Event(epoch=2, what="opened", channel=1, parent=0),
    Event(epoch=4, what="kept", channel=1, parent=0, helped=True, sources={0: 1.0}),
    Event(epoch=4, what="opened", channel=2, parent=1),
    Event(epoch=6, what="kept", channel=2, parent=1, helped=True, sources={0: 0.7, 1: 0.25, 3: 0.05}),
    Event(epoch=6, what="opened", channel=3, parent=0),
    Event(epoch=8, what="closed", channel=3, parent=0, helped=False, sources={0: 1.0}),
    Event(epoch=9, what="merged", channel=2, parent=1),
    Event(epoch=10, what="ended", reason="1 new channel in a row did not help"),
)


@functools.cache
def config(K: int, *, grown: bool, layout: str, learned: bool) -> Config:
    raw: dict[str, Any] = {"model": {"num_channels": K, "layout": layout}}
    if learned:
        raw["model"]["prior"] = {"kind": "mixture", "pi": "learned"}
        raw["objective"] = {"reconstruction": 1, "kl_z": 1, "kl_c": 1}
    if grown:
        raw["curriculum"] = {"initial": 1}
    return from_mapping(raw)


def history(K: int, open_ones: int, epochs: int = 12) -> tuple[Row, ...]:
    return tuple(
        {
            "epoch": epoch,
            "seed": 0,
            "step": 10 * epoch,
            "seconds": 0.1,
            "k_active": min(1 + epoch // 2, open_ones),
            "channels_1pct": min(1 + epoch // 3, open_ones),
            "kick_active": int(epoch in (3, 4, 7)),
            "train/loss": 50.0 - epoch,
            "train/kl_z": 0.1 * epoch,
            "train/gradient_norm": 3.0,
            "validation/loss": 51.0 - epoch,
            "validation/bound": 40.0 - epoch,
            "validation/kl_z": 0.11 * epoch,
        }
        for epoch in range(1, epochs + 1)
    )


def pictures(
    rng: np.random.Generator, x: np.ndarray, channel: np.ndarray, K: int, D: int, planes: np.ndarray
) -> Pictures:
    example = np.concatenate([np.flatnonzero(channel == k)[:3] for k in range(K)])
    shape, E, P, G = x.shape[1:], len(example), 2, 4

    def like_x(*lead: int) -> np.ndarray:
        return x[rng.integers(len(x), size=lead)].reshape(*lead, *shape)

    shown = np.sort(rng.permutation(len(x))[: max(1, len(x) // 2)])
    return Pictures(
        example=example,
        original=x[example],
        reconstruction=like_x(E, K),
        drawn=like_x(K, P),
        plane=planes,
        extent=np.broadcast_to(np.array([-2.0, 2.0]), (K, 2, 2)).copy(),
        manifold=like_x(K, G, G),
        thumbnail_of=shown,
        thumbnail=x[shown],
    )


def made(
    K: int = 4,
    N: int = 120,
    D: int = 2,
    *,
    shape: tuple[int, ...] = (6, 5, 1),
    as_bytes: bool = True,
    classes: int = 3,
    unlabelled: float = 0.0,
    closed: Sequence[int] = (),
    layout: str = "decentralized",
    grown: bool = False,
    learned: bool = False,
    taught: int = 0,
    strange: int = 0,
) -> Findings:
    """Findings of a run with these sizes; a share of the samples has no label, and so many were counted."""
    rng = np.random.default_rng(K + N)
    active = ~np.isin(np.arange(K), closed)
    logits = np.where(active, 3 * rng.normal(size=(N, K)), -np.inf)
    r = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)).astype(np.float32)
    channel = r.argmax(axis=1)
    values = rng.integers(0, 256, size=(N, *shape)) if as_bytes else rng.normal(size=(N, *shape))
    x = values.astype(np.uint8 if as_bytes else np.float32)
    truth = np.where(rng.random(N) < unlabelled, -1, channel % max(classes, 1)).astype(np.int32)
    with np.errstate(divide="ignore"):
        log_pi = np.log(active / active.sum()).astype(np.float32)
    joint = r.T.astype(float) @ r / N
    planes = np.stack([np.sort(np.resize(rng.permutation(D)[:2], 2)) for _ in range(K)])
    bundle = Bundle(
        data="made",
        split="validation",
        seed=0,
        epoch=12,
        shape=shape,
        label_names=tuple(f"kind {y}" for y in range(classes)),
        columns=(),
        truth=truth,
        label=np.full(N, -1, np.int32),
        mark=np.arange(N, dtype=np.uint64),
        active=active,
        log_pi=log_pi,
        responsibility=r,
        nll=rng.gamma(5.0, size=(N, K)).astype(np.float32),
        kl=rng.gamma(2.0, size=(N, K)).astype(np.float32),
        mean=rng.normal(size=(N, D)).astype(np.float32),
        log_var=rng.normal(size=(N, D)).astype(np.float32),
        hardness=r.max(axis=1),
        pictures=pictures(rng, x, channel, K, D, planes),
    )
    events = EVENTS if grown else ()
    tree = channel_tree(joint / joint.sum())
    names = Names.blank(tree.cut(), bundle.label_names)
    told = names.taught(r[:taught], truth[:taught], bundle.label_names, bundle.mark[:taught])
    return Findings(
        run="made",
        config=config(K, grown=grown, layout=layout, learned=learned),
        summary={},
        environment={},
        bundle=bundle,
        rows=history(K, int(active.sum())),
        events=events,
        pots=tuple(pot_tree(1, events)) if grown else (),
        tree=tree,
        names=told if taught else None,
        outliers=tuple(outliers(rng, f"kind {at}.npz") for at in range(strange)),
    )


def outliers(rng: np.random.Generator, name: str) -> dict[str, Any]:
    """What an evaluation with samples of another kind might have found."""
    scores = ("doubt", "bound", "combined")
    return {
        "split": "test",
        "samples": 100,
        "outliers": f"some/{name}",
        "outlier_samples": 50,
        "seeds": [0],
        "labelled": 3,
        "scores": {score: {"auroc": spread([0.9]), "fpr95": spread([0.2])} for score in scores},
        "histograms": [
            {
                score: {
                    "edges": np.linspace(0, 1, 6).tolist(),
                    "normal": rng.dirichlet(np.ones(5)).tolist(),
                    "outliers": rng.dirichlet(np.ones(5)).tolist(),
                }
                for score in scores
            }
        ],
    }

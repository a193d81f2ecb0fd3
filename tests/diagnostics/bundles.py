"""Bundles made by hand: no model, no training."""

from typing import Any

import numpy as np

from rcmvae.diagnostics import Bundle, Pictures


def random_bundle(
    N: int = 60, K: int = 4, Y: int = 3, *, seed: int = 0, closed: tuple[int, ...] = (), **changes: Any
) -> Bundle:
    """Random beliefs, costs and labels; a third of the samples is unlabelled."""
    rng = np.random.default_rng(seed)
    active = ~np.isin(np.arange(K), closed)
    logits = np.where(active, 3 * rng.normal(size=(N, K)), -np.inf)
    r = np.exp(logits - np.logaddexp.reduce(logits, axis=1, keepdims=True)).astype(np.float32)
    shape = changes.get("shape", (6, 5, 1))
    fields: dict[str, Any] = {
        "data": "noise",
        "split": "test",
        "seed": 0,
        "epoch": 3,
        "shape": shape,
        "label_names": tuple("abcdefghij"[:Y]),
        "columns": (),
        "truth": np.where(rng.random(N) < 1 / 3, -1, rng.integers(0, Y, N)),
        "label": np.full(N, -1),
        "mark": np.arange(N, dtype=np.uint64),
        "active": active,
        "log_pi": np.where(active, -np.log(active.sum()), -1e9).astype(np.float32),
        "responsibility": r,
        "nll": rng.normal(40, 5, (N, K)).astype(np.float32),
        "kl": rng.gamma(2, 1, (N, K)).astype(np.float32),
        "mean": rng.normal(size=(N, 2)).astype(np.float32),
        "log_var": rng.normal(-1, 0.3, (N, 2)).astype(np.float32),
        "hardness": rng.uniform(0.5, 1, N).astype(np.float32),
        "pictures": pictures(N, K, shape, rng),
    }
    return Bundle(**(fields | changes))


def pictures(N: int, K: int, shape: tuple[int, ...], rng: np.random.Generator) -> Pictures:
    """Random grey levels."""

    def grey(*axes: int) -> np.ndarray:
        return rng.integers(0, 256, (*axes, *shape), dtype=np.uint8)

    return Pictures(
        example=np.arange(3),
        original=grey(3),
        reconstruction=grey(3, K),
        drawn=grey(K, 2),
        plane=np.tile([0, 1], (K, 1)),
        extent=np.tile([[-2.0, 2.0], [-2.0, 2.0]], (K, 1, 1)),
        manifold=grey(K, 5, 5),
        thumbnail_of=np.arange(N),
        thumbnail=grey(N),
    )

"""The update against AdamW written out in NumPy."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rcmvae.model import Stage
from rcmvae.structs import Keys
from rcmvae.training import Plan, TrainState
from rcmvae.training.epoch import context_at, evaluate, make_batch, train_step
from rcmvae.training.state import Streams

from .small import Bench, bench, tiny

VAMP = {
    "model": {
        "layout": "shared",
        "embedding_dim": 3,
        "decoder": {"conditioner": "film"},
        "prior": {"kind": "vamp", "num_pseudo_inputs": 5, "learning_rate_scale": 0.1},
    }
}
DECAY, CLIP, PEAK, LAST, RAMP = 0.3, 0.5, 1e-2, 1e-3, 2.0


def written_out(
    x: np.ndarray, g: np.ndarray, m: np.ndarray, v: np.ndarray, t: int, rate: float, decay: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """AdamW (Loshchilov and Hutter, 2019, algorithm 2) with β = (0.9, 0.999) and ε = 1e-8."""
    m = 0.9 * m + 0.1 * g
    v = 0.999 * v + 0.001 * g**2
    direction = (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
    return x - rate * (direction + decay * x), m, v


def gradient_at(on: Bench, plan: Plan, state: TrainState, index: jax.Array) -> Any:
    """The gradient that this step takes, with the step's own noise."""
    keys = Keys.split(jax.random.fold_in(Streams.of(state.seed).step, state.step))
    batch = make_batch(plan, on.train, index, jnp.ones(index.shape), keys.view)
    context = context_at(plan, state, keys, stochastic=True)
    return jax.grad(lambda params: evaluate(params, plan, batch, context, Stage.DECODE)[0])(state.params)


def scheduled(time: float) -> float:
    warm = min(1.0, time / 0.25)
    return warm * (LAST + (PEAK - LAST) * 0.5 * (1 + math.cos(math.pi * min(time / RAMP, 1))))


@pytest.fixture(scope="module")
def on() -> Bench:
    rate = {
        "kind": "warmup",
        "epochs": 0.25,
        "then": {"kind": "cosine", "start": PEAK, "end": LAST, "epochs": RAMP},
    }
    config = tiny(VAMP, learning_rate=rate, weight_decay=DECAY, clip_norm=CLIP)
    return bench(config)


def test_steps_are_those_of_adamw_with_clipping_a_schedule_and_the_priors_own_rate(on: Bench) -> None:
    plan = on.setting.plan
    state = jax.tree.map(lambda leaf: leaf[0], on.setting.start)
    step = jax.jit(lambda state, index: train_step(plan, Stage.DECODE, on.train, state, index)[0])
    gradient = jax.jit(lambda state, index: gradient_at(on, plan, state, index))
    paths = [jax.tree_util.keystr(path) for path, _ in jax.tree.leaves_with_path(state.params)]
    m = v = [np.zeros(leaf.shape) for leaf in jax.tree.leaves(state.params)]
    clipped = 0
    for t in range(1, 6):
        index = jnp.arange(32) + 32 * (t - 1)
        g = [np.asarray(leaf, float) for leaf in jax.tree.leaves(gradient(state, index))]
        norm = math.sqrt(sum(float((leaf**2).sum()) for leaf in g))
        clipped += norm > CLIP
        g = [leaf * min(1.0, CLIP / norm) for leaf in g]
        before = [np.asarray(leaf, float) for leaf in jax.tree.leaves(state.params)]
        rate = scheduled((t - 1) / plan.steps_per_epoch)
        state = step(state, index)
        after = jax.tree.leaves(state.params)
        moments = []
        for i, path in enumerate(paths):
            scale = 0.1 if path.startswith(".prior") else 1.0
            decay = DECAY if path.endswith(".weight") else 0.0
            expected, *both = written_out(before[i], g[i], m[i], v[i], t, scale * rate, decay)
            moments.append(both)
            # The change itself: float32 holds it to about 1e-7 of the weight.
            np.testing.assert_allclose(
                np.asarray(after[i], float) - before[i],
                expected - before[i],
                rtol=2e-3,
                atol=3e-7 * max(1.0, np.abs(before[i]).max(initial=0)),
                err_msg=f"step {t}, {path}",
            )
        m, v = [list(column) for column in zip(*moments, strict=True)]
    assert clipped, "the gradients are to be clipped at least once"


def test_decay_acts_on_weight_matrices_and_on_nothing_else(on: Bench) -> None:
    plan = on.setting.plan
    params = jax.tree.map(lambda leaf: jnp.ones_like(leaf[0]), on.setting.start.params)
    update = jax.jit(lambda g, params: plan.optimizer.update(g, plan.optimizer.init(params), params)[0])
    direction = update(jax.tree.map(jnp.zeros_like, params), params)
    moved = {
        jax.tree_util.keystr(p): float(jnp.max(leaf))
        for p, leaf in jax.tree.leaves_with_path(direction)
        if leaf.size
    }
    weights = {path for path in moved if path.endswith(".weight")}
    assert weights
    assert weights < set(moved)
    assert {moved[path] for path in weights} == {np.float32(DECAY)}
    assert {moved[path] for path in set(moved) - weights} == {0.0}
    spared = {path.split(".")[-1] for path in set(moved) - weights}
    assert {"bias", "gain", "embedding", "pseudo_inputs"} <= {name.split("[")[0] for name in spared}

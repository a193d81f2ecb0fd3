"""The joint of two views, from loops over samples and looks."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from rcmvae.data import ArraysSource, dataset_from_arrays
from rcmvae.data.views import Pool, look
from rcmvae.setting import Setting
from rcmvae.training import compile_joint
from rcmvae.training.joint import FEWEST_VIEWS, views_of_each
from rcmvae.training.passes import mixed_up
from rcmvae.training.state import Streams

from .small import Bench, bench, tiny

N, B = 60, 32
VIEWED = {"objective": {"consistency": {"weight": 1.0, "views": ["neighbours", "jitter"]}}}
CLOSED = {"curriculum": {"initial": 3, "trial": 1, "kick": {"epochs": 0}}, "training": {"epochs": 20}}


def found(on: Bench) -> np.ndarray:
    (joint,) = compile_joint(on.setting.plan, on.setting.devices)(on.setting.start, on.validation)
    return joint


def test_few_samples_are_looked_at_many_times() -> None:
    assert [views_of_each(samples) for samples in (N, FEWEST_VIEWS, 5000)] == [69, 1, 1]


def test_it_is_a_mean_over_samples_and_looks() -> None:
    on = bench(tiny(VIEWED, CLOSED, batch_size=B))
    plan, K = on.setting.plan, on.setting.plan.num_channels
    state = jax.tree.map(lambda leaf: leaf[0], on.setting.start)
    model, key = eqx.combine(state.params, plan.skeleton), Streams.of(state.seed).evaluate
    x, order = plan.scaling(on.validation.x), mixed_up(state, N)

    @jax.jit
    def responsibility(x: jax.Array) -> jax.Array:
        return jax.nn.softmax(model.encode(x).logits[:, :3])  # the fourth channel is closed

    total = np.zeros((K, K))
    for number in range(2):
        rows = order[jnp.minimum(np.arange(B) + number * B, N - 1)]
        real = slice(0, min(B, N - number * B))
        r = np.asarray(responsibility(x[rows]), float)
        for view_key in jax.random.split(jax.random.fold_in(key, number), 69):
            pool = Pool(on.validation.x, rows, plan.scaling, on.validation.neighbours, N / plan.num_train)
            view = look(plan.objective.views, view_key, x[rows], pool)
            seen = np.asarray(responsibility(view), float)
            for mine, other in zip(r[real], seen[real], strict=True):
                total[:3, :3] += np.outer(mine, other) / (69 * N)
    np.testing.assert_allclose(found(on), 0.5 * (total + total.T), rtol=1e-4, atol=1e-7)


def test_held_out_samples_of_a_rare_kind_are_seen_as_their_own_kind() -> None:
    rng = np.random.default_rng(0)
    kind = np.repeat([0, 1], [900, 100])
    x = (10 * kind[:, None] + rng.normal(size=(1000, 4))).astype(np.float32)
    views: dict[str, Any] = {"consistency": {"views": [{"kind": "neighbours", "number": 12, "share": 1}]}}
    config = tiny(
        {
            "data": {"kind": "digits", "validation": 0.1, "test": 0},
            "model": {"decoder": {"output": "gaussian"}},
            "objective": views,
        }
    )
    dataset = dataset_from_arrays(x, kind, options=ArraysSource(validation=0.1, test=0))
    setting = Setting.prepare(config, dataset)
    plan, held_out = setting.plan, setting.on_device(setting.dataset.validation)
    rows = jnp.arange(len(held_out.x))
    pool = plan.pool(held_out, rows)
    rare = np.asarray(held_out.x).mean(axis=1) > 5
    assert 2 <= rare.sum() < 12
    for key in jax.random.split(jax.random.key(0), 20):
        seen = plan.scaling.inverse(look(plan.objective.views, key, pool.seen(rows), pool))
        np.testing.assert_array_equal(np.asarray(seen).mean(axis=1) > 5, rare)


def test_without_views_a_sample_is_compared_with_itself() -> None:
    on = bench(tiny())
    state = jax.tree.map(lambda leaf: leaf[0], on.setting.start)
    plan = on.setting.plan
    model = eqx.combine(state.params, plan.skeleton)
    r = np.asarray(jax.nn.softmax(model.encode(plan.scaling(on.validation.x)).logits), float)
    np.testing.assert_allclose(found(on), r.T @ r / N, rtol=1e-4, atol=1e-7)

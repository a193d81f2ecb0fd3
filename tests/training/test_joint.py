"""The joint of two views, from loops over samples and looks."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from rcmvae.data.views import Pool, look
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
            pool = Pool(on.validation.x, rows, plan.scaling, on.validation.neighbours)
            view = look(plan.objective.views, view_key, x[rows], pool)
            seen = np.asarray(responsibility(view), float)
            for mine, other in zip(r[real], seen[real], strict=True):
                total[:3, :3] += np.outer(mine, other) / (69 * N)
    np.testing.assert_allclose(found(on), 0.5 * (total + total.T), rtol=1e-4, atol=1e-7)


def test_without_views_a_sample_is_compared_with_itself() -> None:
    on = bench(tiny())
    state = jax.tree.map(lambda leaf: leaf[0], on.setting.start)
    plan = on.setting.plan
    model = eqx.combine(state.params, plan.skeleton)
    r = np.asarray(jax.nn.softmax(model.encode(plan.scaling(on.validation.x)).logits), float)
    np.testing.assert_allclose(found(on), r.T @ r / N, rtol=1e-4, atol=1e-7)

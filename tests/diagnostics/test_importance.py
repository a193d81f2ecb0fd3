"""The importance-weighted bound against a density that is known, and against a loop."""

import dataclasses
import math

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats

from rcmvae.data import ArraysSource, dataset_from_arrays
from rcmvae.diagnostics.importance import compile_importance, importance_bound
from rcmvae.nn.backbones import Backbone, Canvas
from rcmvae.structs import Selection
from rcmvae.training import Pixels, TrainState
from tests.diagnostics.test_survey import alone, surveyed
from tests.training.small import Bench, bench, tiny

K, D, F, SIGMA = 3, 2, 4, 0.9
OPEN = np.array([True, False, True])


class Linear(Backbone):
    """The mean of x is W_k z + b_k."""

    matrix: jax.Array  # [K, F, D]
    offset: jax.Array  # [K, F]
    summary_features: int = eqx.field(static=True, default=D)

    def __call__(self, z: jax.Array, embedding: jax.Array, selection: Selection) -> Canvas:
        assert selection.channel is None
        return Canvas(pixels=jnp.einsum("kfd,bkd->bkf", self.matrix, z) + self.offset[None], summary=z)


@pytest.fixture(scope="module")
def linear() -> tuple[Bench, TrainState, Pixels]:
    """A mixture of three linear-Gaussian models, one of them closed, under an encoder that knows nothing of them."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(80, F)).astype(np.float32)
    model = {
        "num_channels": K,
        "trunk": {"kind": "dense", "hidden": [4]},
        "decoder": {"output": {"kind": "gaussian", "sigma": SIGMA}, "backbone": {"kind": "dense", "hidden": [4]},
                    "conditioner": "none"},
    }  # fmt: skip
    config = tiny({"model": model}).model_copy(update={"data": ArraysSource(scaling="none")})
    on = bench(config, dataset_from_arrays(x, options=ArraysSource(scaling="none")))
    backbone = Linear(
        matrix=jnp.asarray(0.7 * rng.normal(size=(K, F, D)), jnp.float32),
        offset=jnp.asarray(rng.normal(size=(K, F)), jnp.float32),
    )
    state = alone(on)
    whole = eqx.tree_at(lambda m: m.decoder.backbone, on.setting.plan.model(state), backbone)
    # Not so narrow that draws miss where the density is.
    whole = eqx.tree_at(lambda m: m.heads, whole, jax.tree.map(lambda leaf: 0.3 * leaf, whole.heads))
    params, skeleton = eqx.partition(whole, eqx.is_inexact_array)
    plan = dataclasses.replace(on.setting.plan, skeleton=skeleton)
    setting = dataclasses.replace(on.setting, plan=plan)
    state = dataclasses.replace(state, params=params, active=jnp.asarray(OPEN))
    return on._replace(setting=setting), state, Pixels(on.train.x[:5], on.train.label[:5], jnp.arange(5))


def log_density(backbone: Linear, x: np.ndarray) -> np.ndarray:
    """log Σ_k π_k N(x; b_k, W_k W_kᵀ + σ² I)."""
    parts = [
        scipy.stats.multivariate_normal(b, W @ W.T + SIGMA**2 * np.eye(F)).logpdf(x)
        for W, b in zip(
            np.asarray(backbone.matrix, float)[OPEN], np.asarray(backbone.offset)[OPEN], strict=True
        )
    ]
    return np.logaddexp.reduce(parts, axis=0) - math.log(OPEN.sum())


def test_many_draws_find_the_density_itself(linear: tuple[Bench, TrainState, Pixels]) -> None:
    on, state, data = linear
    plan = on.setting.plan
    found = jax.jit(lambda state: importance_bound(plan, on.setting.devices, state, data, 20_000))(state)
    backbone = plan.model(state).decoder.backbone
    assert isinstance(backbone, Linear)
    np.testing.assert_allclose(-np.asarray(found), log_density(backbone, np.asarray(data.x)), atol=0.03)


def test_more_draws_are_never_worse_on_average(linear: tuple[Bench, TrainState, Pixels]) -> None:
    on, state, data = linear
    plan = on.setting.plan

    @jax.jit
    def mean_over_seeds(seeds: jax.Array) -> jax.Array:
        def of(seed: jax.Array) -> jax.Array:
            at = dataclasses.replace(state, seed=seed)
            return jnp.stack([
                importance_bound(plan, on.setting.devices, at, data, draws).mean() for draws in (1, 4, 16, 64)
            ])  # fmt: skip

        return jax.lax.map(of, seeds).mean(axis=0)

    found = np.asarray(mean_over_seeds(jnp.arange(400, dtype=jnp.uint32)))
    backbone = plan.model(state).decoder.backbone
    assert isinstance(backbone, Linear)
    truth = -log_density(backbone, np.asarray(data.x)).mean()
    assert (np.diff(found) < 0).all(), found
    assert found[-1] > truth - 0.01


@pytest.mark.parametrize(
    "model", [{}, {"layout": "shared", "prior": "vamp"}, {"layout": "shared", "prior": "geometric"}], ids=str
)
def test_it_is_the_sum_of_a_loop(model: dict[str, str]) -> None:
    """Draw by draw and channel by channel, in double precision, with the draws of the program."""
    on = bench(tiny({"model": model}))
    setting, plan = on.setting, on.setting.plan
    data, draws = (
        Pixels(on.validation.x[:40], on.validation.label[:40], jnp.arange(40)),
        3,
    )  # more than one batch
    found = compile_importance(plan, setting.devices, draws)(setting.start, data)
    assert found.shape == (1, 40)

    state = alone(on)
    whole = plan.model(state)
    q = whole.encode(plan.scaling(data.x[32:]))
    from rcmvae.diagnostics.importance import APART
    from rcmvae.training.state import Streams

    first = jax.random.fold_in(Streams.of(state.seed).evaluate, APART)
    keys = jax.random.split(jax.random.fold_in(first, 1), draws)
    total = np.zeros((8, 4))
    for key in keys:
        z = q.mean + jnp.exp(0.5 * q.log_var) * jax.random.normal(key, (32, *q.mean.shape[1:]))[:8]
        everything = Selection(jnp.zeros((8, 4)), jnp.zeros((8, 4)), jnp.ones((8, 4)))
        nll = np.asarray(whole.decoder.nll(whole.decode(z, everything), plan.scaling(data.x[32:])), float)
        log_p = np.asarray(whole.prior.log_density(z, whole.encode), float)
        log_q = scipy.stats.norm.logpdf(z, q.mean, np.exp(0.5 * np.asarray(q.log_var, float))).sum(axis=-1)
        log_w = np.broadcast_to(log_p - log_q, (8, 4)) - nll
        total += np.exp(log_w) / 4 / draws
    np.testing.assert_allclose(found[0, 32:], -np.log(total.sum(axis=1)), rtol=2e-5)
    # It is a tighter bound than the one that is trained, on average.
    assert found.mean() < surveyed(on).bound()[:40].mean()

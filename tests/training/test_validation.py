"""Validation against plain sums over the samples: its batches and their padding leave no trace."""

import dataclasses
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rcmvae.model import Stage
from rcmvae.objective import negative_elbo
from rcmvae.structs import Batch, Keys
from rcmvae.training import compile_validation
from rcmvae.training.epoch import context_at, evaluate
from rcmvae.training.passes import mixed_up
from rcmvae.training.state import Streams

from .small import Bench, bench, tiny

N = 60
DRAWS_NOTHING = ["kl_z", "kl_c", "logit_mog", "dirichlet", "l1", "usage"]
OBJECTIVE = {
    "objective": {
        "confidence": 0.5,
        "usage_floor": 1,
        "l1": 0.01,
        "logit_mog": 0.1,
        "dirichlet": 0.1,
        "consistency": {"weight": 1.0, "views": [{"kind": "jitter"}]},
    },
}


def validated(on: Bench) -> dict[str, np.ndarray]:
    means = compile_validation(on.setting.plan, on.setting.devices)(on.setting.start, on.validation)
    return {name: np.asarray(value[0]) for name, value in means.items()}


@pytest.fixture(scope="module")
def by_size() -> dict[int, dict[str, np.ndarray]]:
    # Batches of 60 samples: 3 of 20, 2 of 32 with 4 of padding, 1 of 60, 1 of 64 that is padded too
    return {size: validated(bench(tiny(OBJECTIVE, batch_size=size))) for size in (20, 32, 60, 64)}


@pytest.mark.parametrize("name", DRAWS_NOTHING)
@pytest.mark.parametrize("size", [20, 32, 64])
def test_the_batch_size_makes_no_difference(
    by_size: dict[int, dict[str, np.ndarray]], name: str, size: int
) -> None:
    np.testing.assert_allclose(by_size[size][name], by_size[60][name], rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(("name", "rtol"), [("reconstruction", 0.05), ("bound", 0.05), ("consistency", 0.5)])
def test_what_is_drawn_depends_on_it_as_little_as_draws_do(
    by_size: dict[int, dict[str, np.ndarray]], name: str, rtol: float
) -> None:
    found = [by_size[size][name] for size in by_size]
    np.testing.assert_allclose(found, np.mean(found), rtol=rtol)


@pytest.mark.parametrize("size", [20, 32, 64])
def test_every_value_is_the_mean_over_the_samples(size: int) -> None:
    """The same numbers from a loop over batches, whose padding holds something else."""
    on = bench(tiny(OBJECTIVE, {"objective": {"consistency": None}}, batch_size=size))
    plan = on.setting.plan
    state = jax.tree.map(lambda leaf: leaf[0], on.setting.start)
    order = np.asarray(mixed_up(state, N))
    assert sorted(order) == [*range(N)]
    x, label = np.asarray(plan.scaling(on.validation.x))[order], np.asarray(on.validation.label)[order]

    @jax.jit
    def one(number: jax.Array, x: jax.Array, label: jax.Array, weight: jax.Array) -> dict[str, jax.Array]:
        keys = Keys.split(jax.random.fold_in(Streams.of(state.seed).evaluate, number))
        context = context_at(plan, state, keys, stochastic=False)
        batch = Batch(x, label, weight)
        total, (losses, evidence) = evaluate(state.params, plan, batch, context, Stage.DECODE)
        r, share = evidence.forward.selection.responsibility, weight / jnp.sum(weight)
        assert evidence.forward.decoded_nll is not None
        cost = evidence.forward.decoded_nll + evidence.forward.kl_z
        channels = {
            "usage": share @ r,
            "channel_loss": jnp.einsum("b,bk,bk->k", share, r, cost),
        }
        bound = batch.mean(negative_elbo(evidence.forward))
        doubt = share @ jax.scipy.special.entr(r).sum(axis=1)
        return {**losses.terms, "loss": total, "bound": bound, "doubt": doubt, **channels}

    found = validated(on)
    sums = {name: np.zeros(value.shape) for name, value in found.items()}
    for number, start in enumerate(range(0, N, size)):
        rows = slice(start, min(N, start + size))
        count = rows.stop - start
        padding = np.full((size - count, *x.shape[1:]), 0.77, np.float32)
        samples = jnp.concatenate([x[rows], padding])
        labels = jnp.concatenate([label[rows], np.full(size - count, 3, label.dtype)])
        values = one(jnp.asarray(number), samples, labels, jnp.asarray(np.arange(size) < count, jnp.float32))
        for name, value in values.items():
            sums[name] += np.asarray(value, float) * count / N
    assert {"reconstruction", "usage_floor", "bound", "usage"} <= set(found)
    for name, value in found.items():
        np.testing.assert_allclose(value, sums[name], rtol=2e-5, atol=1e-6, err_msg=name)


def test_how_samples_are_sorted_makes_no_difference() -> None:
    """Not even to what a batch says as a whole: sorted by channel, most batches would use one only."""
    on = bench(tiny({"objective": {"usage_entropy": -1}}, batch_size=12))
    logits = jax.random.normal(jax.random.key(3), on.setting.start.params.heads.logits.weight.shape)
    start = eqx.tree_at(
        lambda s: s.params.heads.logits.weight, on.setting.start, 4 * logits
    )  # sure of each sample
    validate = compile_validation(on.setting.plan, on.setting.devices)
    split, plan = on.validation, on.setting.plan
    params = jax.tree.map(lambda leaf: leaf[0], start.params)
    channel = eqx.combine(params, plan.skeleton).encode(plan.scaling(split.x)).logits.argmax(axis=1)
    by_channel = jnp.argsort(channel)
    in_order = dataclasses.replace(split, x=split.x[by_channel], label=split.label[by_channel])
    found = [float(validate(start, data)["usage_entropy"][0]) for data in (split, in_order)]
    whole = float(jax.scipy.special.entr(validate(start, split)["usage"][0]).sum())
    assert abs(found[0] - found[1]) < 0.05 * whole
    assert min(found) > 0.8 * whole, "batches of 12 look nearly like the whole"


def test_the_content_of_padding_has_no_influence() -> None:
    on = bench(tiny(OBJECTIVE))
    plan = on.setting.plan
    state = jax.tree.map(lambda leaf: leaf[0], on.setting.start)
    context = context_at(plan, state, Keys.split(jax.random.key(0)), stochastic=False)
    x = np.asarray(plan.scaling(on.validation.x[:32]))
    weight = jnp.asarray(np.arange(32) < 20, jnp.float32)
    label = on.validation.label[:32]

    @jax.jit
    def gradient(x: jax.Array, label: jax.Array) -> Any:
        batch = Batch(x, label, weight, x)
        return jax.value_and_grad(lambda p: evaluate(p, plan, batch, context, Stage.DECODE)[0])(state.params)

    filled = np.where(np.arange(32)[:, None, None, None] < 20, x, np.float32(0.9))
    relabelled = jnp.where(jnp.arange(32) < 20, label, (label + 1) % 10)
    for a, b in zip(
        jax.tree.leaves(gradient(jnp.asarray(x), label)),
        jax.tree.leaves(gradient(jnp.asarray(filled), relabelled)),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def routed(kind: str) -> Bench:
    return bench(tiny({"model": {"routing": {"kind": kind}}}))


def test_validation_is_the_same_in_every_epoch() -> None:
    on = routed("gumbel_softmax")
    later = dataclasses.replace(on.setting.start, step=on.setting.start.step + 70)
    again = on._replace(setting=dataclasses.replace(on.setting, start=on.setting.devices.put(later)))
    first, second = validated(on), validated(again)
    for name in first:
        np.testing.assert_array_equal(first[name], second[name], err_msg=name)


def test_validation_draws_nothing_for_the_routing() -> None:
    noisy, plain = validated(routed("gumbel_softmax")), validated(routed("expectation"))
    for name in noisy:
        np.testing.assert_allclose(noisy[name], plain[name], rtol=1e-6, err_msg=name)

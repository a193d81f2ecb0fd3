"""bfloat16 networks on float32 weights."""

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.extend.core import jaxprs_in_params

from rcmvae.model import Stage
from rcmvae.training.epoch import train_epoch

from .small import Ran, bench, tiny

VIEWED = {"objective": {"consistency": {"weight": 1.0, "views": [{"kind": "jitter"}]}, "confidence": 0.5}}


@pytest.fixture(scope="module")
def runs() -> dict[str, Ran]:
    return {
        precision: bench(tiny(VIEWED, precision=precision, epochs=4)).fit()
        for precision in ("float32", "bfloat16")
    }


def bounds(ran: Ran) -> list[float]:
    return [signals[0].validation["bound"] for signals in ran.epochs]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_both_precisions_learn(runs: dict[str, Ran], precision: str) -> None:
    falling = bounds(runs[precision])
    assert falling[-1] < falling[0] - 5


def test_the_losses_differ_but_hardly(runs: dict[str, Ran]) -> None:
    exact, coarse = np.array(bounds(runs["float32"])), np.array(bounds(runs["bfloat16"]))
    assert (exact != coarse).all()
    # bfloat16 keeps 8 bits: 0.4 % in each of a few products on the way to a sum of 64 pixels.
    np.testing.assert_allclose(coarse, exact, rtol=0.01)


def test_weights_and_moments_stay_float32(runs: dict[str, Ran]) -> None:
    state = runs["bfloat16"].outcome.checkpoint.arrays.state
    kinds = {leaf.dtype for leaf in jax.tree.leaves((state.params, state.opt_state)) if leaf.ndim > 1}
    assert kinds == {np.dtype("float32")}


def products(jaxpr: Any) -> Iterator[Any]:
    """Every matrix product of a program, those inside of loops and branches included."""
    for equation in jaxpr.eqns:
        if equation.primitive.name in ("dot_general", "conv_general_dilated"):
            yield equation
        for inner in jaxprs_in_params(equation.params):
            yield from products(inner)


def is_of_networks(equation: Any) -> bool:
    """Whether both sides have two axes longer than one: a mean over the batch is a product with a vector."""
    return all(sum(n > 1 for n in side.aval.shape) >= 2 for side in equation.invars)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_every_product_of_the_networks_is_computed_as_asked(precision: str) -> None:
    on = bench(tiny(VIEWED, precision=precision))
    state = jax.tree.map(lambda leaf: leaf[0], on.setting.start)
    program = jax.make_jaxpr(
        lambda state: train_epoch(on.setting.plan, on.setting.devices, Stage.DECODE, state, on.train)[1]
    )(state)
    found = [equation for equation in products(program.jaxpr) if is_of_networks(equation)]
    assert len(found) > 10, "forward and backward, encoder and decoder"
    dtypes = {side.aval.dtype for equation in found for side in equation.invars}
    assert dtypes == {jnp.dtype(precision)}

"""Decoding few channels estimates decoding all: the same mean loss and the same mean gradient, parameter by parameter."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rcmvae.model import Stage
from rcmvae.objective import Evidence, ObjectiveBase, ObjectiveOptions
from rcmvae.routing import Expectation, Routing, TopM
from tests.helpers import batch, context, mask, small_model

OBJECTIVE: ObjectiveBase = ObjectiveOptions.model_validate(
    {"reconstruction": 1, "kl_z": 0.7, "kl_c": 0.5, "consistency": 2.0, "usage_entropy": -1.0}
)
WEIGHTS = {"reconstruction": 1.0, "kl_z": 0.7, "kl_c": 0.5, "consistency": 2.0, "usage_entropy": -1.0}
CHUNKS, CHUNK = 40, 100


def loss_and_gradient(routing: Routing, at, samples):
    """A function of the routing key alone; every other key stays."""
    model = small_model(num_channels=5, routing=routing)
    # far from uniform, so that the drawn channel matters
    model = eqx.tree_at(lambda m: m.heads.logits.bias, model, jnp.asarray([1.0, 0.5, 0.0, -0.5, -1.0]))

    def loss(model, key):
        here = eqx.tree_at(lambda c: c.keys.routing, at, key)
        forward = model(samples, here, Stage.DECODE)
        return OBJECTIVE(Evidence(model, samples, forward, here), Stage.DECODE).total

    return lambda key: jax.value_and_grad(loss)(model, key)


@pytest.mark.parametrize("count", [5, 3])
def test_top_m_is_an_unbiased_estimate_of_the_expectation(count: int):
    samples, at = batch((7,), B=4, with_view=True), context(mask(5, count), term_weight=WEIGHTS)
    draws = jax.random.split(jax.random.key(11), CHUNKS * CHUNK).reshape(CHUNKS, CHUNK)
    estimate = loss_and_gradient(TopM(m=1), at, samples)

    @jax.jit
    def moments(draws):
        def chunk(keys):
            outcomes = jax.vmap(estimate)(keys)
            mean = jax.tree.map(lambda a: a.mean(axis=0), outcomes)
            return mean, jax.tree.map(lambda a: jnp.mean((a - a[:1]) ** 2, axis=0), outcomes)

        return jax.lax.map(chunk, draws)

    exact = jax.jit(loss_and_gradient(Expectation(), at, samples))(at.keys.routing)
    means, squares = moments(draws)
    scores = []
    for wanted, mean, square in zip(*map(jax.tree.leaves, (exact, means, squares)), strict=True):
        wanted, mean = np.asarray(wanted, np.float64), np.asarray(mean, np.float64)
        # The chunks' own scatter is the standard error; where nothing is drawn, only rounding is left.
        error, deviation = np.abs(mean.mean(axis=0) - wanted), mean.std(axis=0, ddof=1) / np.sqrt(CHUNKS)
        drawn = np.asarray(square).max(axis=0) > 1e-10
        np.testing.assert_allclose(error[~drawn], 0, atol=2e-5)
        scores.append((error / (deviation + 1e-6))[drawn])
    z = np.concatenate(scores)
    assert len(z) > 50
    # Student's t with 39 degrees of freedom: 5.5 is beyond 1e-6 in both tails together
    assert z.max() < 5.5
    assert np.mean(z**2) < 2

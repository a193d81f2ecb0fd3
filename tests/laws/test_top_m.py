"""Decoding few channels estimates decoding all: the same mean loss, and the same mean gradient of each parameter."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, PyTree

from rcmvae.model import Model, Stage
from rcmvae.objective import Evidence, ObjectiveBase, ObjectiveOptions
from rcmvae.routing import Expectation, Routing, TopM
from tests.helpers import batch, context, mask, small_model

OBJECTIVE: ObjectiveBase = ObjectiveOptions.model_validate(
    {"reconstruction": 1, "kl_z": 0.7, "kl_c": 0.5, "consistency": 2.0, "usage_entropy": -1.0}
)
WEIGHTS = {"reconstruction": 1.0, "kl_z": 0.7, "kl_c": 0.5, "consistency": 2.0, "usage_entropy": -1.0}
CHUNKS, CHUNK = 40, 100


def outcome(routing: Routing, active: jax.Array, key: jax.Array) -> tuple[jax.Array, Model]:
    """The loss and its gradient for one routing key; every other key stays."""
    model = small_model(num_channels=5, routing=routing)
    # far from uniform, so that the drawn channel matters
    model = eqx.tree_at(lambda m: m.heads.logits.bias, model, jnp.asarray([1.0, 0.5, 0.0, -0.5, -1.0]))
    samples = batch((7,), B=4, with_view=True)
    at = eqx.tree_at(lambda c: c.keys.routing, context(active, term_weight=WEIGHTS), key)

    def loss(model: Model) -> jax.Array:
        forward = model(samples, at, Stage.DECODE)
        return OBJECTIVE(Evidence(model, samples, forward, at), Stage.DECODE).total

    return jax.value_and_grad(loss)(model)


def test_top_m_is_an_unbiased_estimate_of_the_expectation():
    draws = jax.random.split(jax.random.key(11), CHUNKS * CHUNK).reshape(CHUNKS, CHUNK)

    @jax.jit
    def exact_and_moments(active):
        def chunk(draws):
            outcomes = jax.vmap(lambda key: outcome(TopM(m=1), active, key))(draws)
            mean = jax.tree.map(lambda a: a.mean(axis=0), outcomes)
            return mean, jax.tree.map(lambda a: jnp.mean((a - a[:1]) ** 2, axis=0), outcomes)

        return outcome(Expectation(), active, draws[0, 0]), jax.lax.map(chunk, draws)

    for count in (5, 3):
        exact, (means, squares) = exact_and_moments(mask(5, count))
        z = scores(exact, means, squares)
        assert len(z) > 50
        # Student's t with 39 degrees of freedom: 5.5 is beyond 1e-5 in both tails together
        assert z.max() < 5.5
        assert np.mean(z**2) < 2


def scores(exact: PyTree, means: PyTree, squares: PyTree) -> Float[np.ndarray, " N"]:
    """How many standard errors each mean is off. The chunks' own scatter is the standard error."""
    found = []
    for wanted, chunks, square in zip(*map(jax.tree.leaves, (exact, means, squares)), strict=True):
        mean = np.asarray(chunks, np.float64)
        error = np.abs(mean.mean(axis=0) - np.asarray(wanted, np.float64))
        deviation = mean.std(axis=0, ddof=1) / np.sqrt(CHUNKS)
        drawn = np.asarray(square).max(axis=0) > 1e-10
        np.testing.assert_allclose(error[~drawn], 0, atol=2e-5)  # nothing is drawn: only rounding is left
        found.append((error / (deviation + 1e-6))[drawn])
    return np.concatenate(found)

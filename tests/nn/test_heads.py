"""What the heads read off, and what dropout does."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rcmvae.nn import ClassifierHead, Heads
from tests.helpers import assert_close, assert_mean
from tests.nn.test_ops import normal

K, L, D = 4, 3, 2


@pytest.fixture
def heads() -> Heads:
    return Heads.build(6, K, L, D, key=jax.random.key(0))


def test_posterior_is_linear_in_the_features(heads):
    h = 0.1 * normal(5, 6)
    posterior = heads(h)
    assert_close(posterior.logits, h @ np.asarray(heads.logits.weight))
    assert_close(posterior.mean, (h @ np.asarray(heads.mean.weight)).reshape(5, L, D))
    assert_close(posterior.log_var, (h @ np.asarray(heads.log_var.weight)).reshape(5, L, D))


def test_log_variance_stays_within_its_bounds(heads):
    log_var = heads(1e4 * normal(5, 6)).log_var
    assert float(log_var.min()) == -8
    assert float(log_var.max()) == 4


def test_posterior_is_float32_whatever_the_trunk_computes_in(heads):
    half = jax.tree.map(lambda p: p.astype(jnp.bfloat16), heads)
    h = normal(5, 6)
    posterior = half(h.astype(jnp.bfloat16))
    assert {leaf.dtype for leaf in jax.tree.leaves(posterior)} == {jnp.dtype("float32")}
    assert_close(posterior.logits, heads(h).logits, rtol=0.05, atol=0.05)


def test_classifier_without_a_key_is_deterministic():
    classifier = ClassifierHead(hidden=(7,), dropout_rate=0.5).build(6, 3, key=jax.random.key(0))
    h = normal(5, 6)
    assert classifier(h, key=None).shape == (5, 3)
    np.testing.assert_array_equal(classifier(h, key=None), classifier(h, key=None))
    assert not np.array_equal(classifier(h, key=jax.random.key(1)), classifier(h, key=None))


def test_dropout_keeps_the_expectation_of_a_linear_classifier():
    classifier = ClassifierHead(dropout_rate=0.4).build(6, 3, key=jax.random.key(0))
    h = normal(2, 6)
    draws = jax.vmap(lambda key: classifier(h, key=key))(jax.random.split(jax.random.key(1), 4000))
    assert_mean(np.asarray(draws), classifier(h, key=None))


def test_no_dropout_draws_nothing():
    classifier = ClassifierHead(hidden=(4,)).build(6, 3, key=jax.random.key(0))
    h = normal(5, 6)
    np.testing.assert_array_equal(classifier(h, key=jax.random.key(1)), classifier(h, key=None))

"""Each conditioner against its formula in NumPy."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rcmvae.errors import ConfigError
from rcmvae.nn import CONDITIONERS, Cin, Concat, Film, FilmNorm, NoConditioner, at_time
from rcmvae.nn.ops import NORM_EPS
from rcmvae.schedules import Constant
from rcmvae.schedules import Linear as Ramp
from tests.helpers import assert_close
from tests.nn.settings import B, E, K, selection
from tests.nn.test_ops import normal

C = 6
SPACES = [(), (3, 4)]
every_space = pytest.mark.parametrize("space", SPACES, ids=["vector", "image"])
CHANNEL = jnp.asarray([[3, 1], [0, 0], [2, 3]])


def tables(layer, embedding):
    """γ − what the layer adds to it, and β, for each channel."""
    linear = layer.modulation.project
    both = np.asarray(embedding) @ np.asarray(linear.weight) + np.asarray(linear.bias)
    return both[:, :C], both[:, C:]


def apply_by_loop(formula, h, channel):
    """`formula(features of one decode, its channel)` for each sample and each decode."""
    h = np.asarray(h)
    return np.stack([[formula(h[b, m], int(channel[b, m])) for m in range(h.shape[1])] for b in range(B)])


def norm(a, axes):
    return (a - a.mean(axes, keepdims=True)) / np.sqrt(a.var(axes, keepdims=True) + NORM_EPS)


def with_moved_projection(layer):
    return eqx.tree_at(lambda t: t.modulation.project.weight, layer, jnp.asarray(normal(E, 2 * C, seed=5)))


@every_space
def test_cin_normalises_then_modulates(space):
    layer = Cin().build(C, E, key=jax.random.key(0))
    h, embedding = normal(B, 2, *space, C), normal(K, E, seed=1)
    gamma, beta = tables(layer, embedding)
    axes = (0, 1) if space else (0,)
    expected = apply_by_loop(lambda a, k: gamma[k] * norm(a, axes) + beta[k], h, CHANNEL)
    assert_close(layer(h, embedding, selection(CHANNEL)), expected, rtol=1e-4, atol=1e-5)


@every_space
def test_film_modulates(space):
    layer = Film().build(C, E, key=jax.random.key(0))
    h, embedding = normal(B, 2, *space, C), normal(K, E, seed=1)
    gamma, beta = tables(layer, embedding)
    expected = apply_by_loop(lambda a, k: (1 + gamma[k]) * a + beta[k], h, CHANNEL)
    assert_close(layer(h, embedding, selection(CHANNEL)), expected)


@every_space
@pytest.mark.parametrize("mix", [0.25, 1.0])
def test_film_norm_mixes_the_normalised_features_in(space, mix):
    layer = with_moved_projection(FilmNorm(mix=Constant(value=mix)).build(C, E, key=jax.random.key(0)))
    h, embedding = normal(B, 2, *space, C), normal(K, E, seed=1)
    gamma, beta = tables(layer, embedding)
    axes = tuple(range(len(space) + 1))
    expected = apply_by_loop(
        lambda a, k: (1 - mix) * a + mix * ((1 + gamma[k]) * norm(a, axes) + beta[k]), h, CHANNEL
    )
    assert_close(layer(h, embedding, selection(CHANNEL)), expected, rtol=1e-4, atol=1e-5)


@every_space
def test_film_norm_starts_as_the_identity_and_its_mix_learns(space):
    layer = FilmNorm().build(C, E, key=jax.random.key(0))
    h, embedding = normal(B, K, *space, C), normal(K, E, seed=1)
    out, pull = jax.vjp(lambda layer: layer(h, embedding, selection()), layer)
    np.testing.assert_array_equal(out, h)
    assert float(pull(jnp.asarray(normal(*h.shape, seed=2)))[0].learned_mix) != 0


def test_film_norm_follows_a_scheduled_mix():
    layer = FilmNorm(mix=Ramp(start=0.0, end=0.5, epochs=4)).build(C, E, key=jax.random.key(0))
    h, embedding = normal(B, K, C), normal(K, E, seed=1)
    for time, mix in ((0.0, 0.0), (2.0, 0.25), (9.0, 0.5)):
        at = at_time({"deep": [layer]}, jnp.float32(time))["deep"][0]
        assert_close(at(h, embedding, selection()), h + mix * (norm(h, (2,)) - h), atol=1e-5)
    assert_close(layer(h, embedding, selection()), h + 0.5 * (norm(h, (2,)) - h), atol=1e-5)
    assert layer.learned_mix is None


def test_film_norm_starts_with_a_plain_norm():
    layer = FilmNorm(mix=Constant(value=1.0)).build(C, E, key=jax.random.key(0))
    h = normal(B, K, C)
    assert_close(layer(h, normal(K, E), selection()), norm(h, (2,)), atol=1e-5)


@every_space
def test_concat_appends_the_projected_embedding(space):
    layer = Concat(features=3).build(C, E, key=jax.random.key(0))
    h, embedding = normal(B, 2, *space, C), normal(K, E, seed=1)
    table = np.asarray(embedding) @ np.asarray(layer.project.weight)
    expected = apply_by_loop(
        lambda a, k: np.concatenate([a, np.broadcast_to(table[k], (*space, 3))], axis=-1), h, CHANNEL
    )
    assert layer.out_features == C + 3
    assert_close(layer(h, embedding, selection(CHANNEL)), expected)


def test_none_changes_nothing():
    layer = NoConditioner().build(C, 0, key=jax.random.key(0))
    h = normal(B, K, C)
    np.testing.assert_array_equal(layer(h, jnp.zeros((K, 0)), selection()), h)


@pytest.mark.parametrize("kind", CONDITIONERS)
def test_what_reads_an_embedding_asks_for_one(kind):
    options = CONDITIONERS[kind]()
    options.check(1)
    if not options.needs_embedding:
        options.check(0)
        return
    with pytest.raises(
        ConfigError, match=f"`{kind}` reads a channel embedding, but model.embedding_dim is 0"
    ):
        options.check(0)

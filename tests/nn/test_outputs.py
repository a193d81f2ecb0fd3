"""Output heads against SciPy's densities."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from hypothesis import given, settings
from hypothesis import strategies as st

from rcmvae.nn import OUTPUTS, Bernoulli, Canvas, Gaussian, Heteroscedastic
from rcmvae.nn.outputs import bernoulli_nll
from tests.helpers import assert_close, assert_mean
from tests.nn.test_ops import normal

SHAPES = [(13,), (3, 4, 2)]
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


def canvas(shape, scale: float = 2.0) -> Canvas:
    return Canvas(
        pixels=jnp.asarray(scale * normal(3, 4, *shape)), summary=jnp.asarray(normal(3, 4, 6, seed=1))
    )


def samples(shape):
    return jnp.asarray(np.random.default_rng(2).uniform(size=(3, *shape)), jnp.float32)


def total(log_density):
    """Sum over the sample, for each decode."""
    return np.asarray(log_density, np.float64).reshape(3, 4, -1).sum(-1)


@every_shape
def test_bernoulli_nll_is_the_formula_on_grey_values(shape):
    output = Bernoulli().build(6, key=jax.random.key(0))
    decoded, x = output.decode(canvas(shape)), samples(shape)
    p = 1 / (1 + np.exp(-np.asarray(decoded.location, np.float64)))
    expected = -total(x[:, None] * np.log(p) + (1 - x[:, None]) * np.log(1 - p))
    assert_close(output.nll(decoded, x), expected)
    assert_close(output.mean(decoded), p)


@every_shape
def test_bernoulli_nll_is_scipys_on_binary_values(shape):
    output = Bernoulli().build(6, key=jax.random.key(0))
    decoded, x = output.decode(canvas(shape)), jnp.round(samples(shape))
    p = scipy.special.expit(np.asarray(decoded.location, np.float64))
    assert_close(output.nll(decoded, x), -total(scipy.stats.bernoulli.logpmf(x[:, None], p)))


@given(st.lists(st.floats(-200, 200, width=32), min_size=4, max_size=4), st.floats(0, 1, width=32))
@settings(max_examples=50, deadline=None)
def test_bernoulli_nll_and_its_gradient_hold_at_the_extremes(logits, grey):
    logits = np.asarray(logits, np.float64)
    x = jnp.full((1, 1, len(logits)), grey)
    value, slope = jax.value_and_grad(lambda logits: bernoulli_nll(logits, x)[0, 0])(
        jnp.asarray(logits, jnp.float32)[None, None]
    )
    expected = np.sum(np.logaddexp(0, logits) - grey * logits)
    np.testing.assert_allclose(value, expected, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(slope[0, 0], scipy.special.expit(logits) - grey, atol=1e-6)


def test_bernoulli_gradient_matches_that_of_the_plain_formula():
    logits, x, weight = normal(3, 4, 7), samples((7,))[:, None], normal(3, 4, seed=3)

    def plain(logits, x):
        return jnp.sum(jax.nn.softplus(logits) - x * logits, axis=-1)

    _, pull = jax.vjp(bernoulli_nll, logits, x)
    _, plain_pull = jax.vjp(plain, logits, x)
    assert_close(pull(weight), plain_pull(weight))


@every_shape
@pytest.mark.parametrize("sigma", [0.1, 1.0, 3.0])
def test_gaussian_nll_is_scipys(shape, sigma):
    output = Gaussian(sigma=sigma).build(6, key=jax.random.key(0))
    decoded, x = output.decode(canvas(shape)), samples(shape)
    assert decoded.scale is None
    expected = -total(scipy.stats.norm.logpdf(x[:, None], np.asarray(decoded.location, np.float64), sigma))
    assert_close(output.nll(decoded, x), expected)


@every_shape
def test_heteroscedastic_nll_is_scipys(shape):
    output = Heteroscedastic(sigma_min=0.1, sigma_max=0.9).build(6, key=jax.random.key(0))
    decoded, x = output.decode(canvas(shape)), samples(shape)
    scale = np.asarray(decoded.scale, np.float64).reshape(3, 4, *(1,) * len(shape))
    expected = -total(scipy.stats.norm.logpdf(x[:, None], np.asarray(decoded.location, np.float64), scale))
    assert_close(output.nll(decoded, x), expected)


def test_heteroscedastic_scale_is_the_clipped_formula():
    output = Heteroscedastic().build(6, key=jax.random.key(0))
    wide = Canvas(pixels=jnp.zeros((3, 4, 2)), summary=jnp.asarray(100 * normal(3, 4, 6)))
    raw = np.asarray(wide.summary) @ np.asarray(output.spread.weight) + np.asarray(output.spread.bias)
    scale = output.decode(wide).scale
    assert scale is not None
    assert_close(scale, np.clip(0.05 + np.logaddexp(0, raw[..., 0]), 0.05, 0.5))
    np.testing.assert_allclose([scale.min(), scale.max()], [0.05, 0.5], rtol=1e-4)


def test_heteroscedastic_scale_starts_between_its_bounds():
    output = Heteroscedastic().build(6, key=jax.random.key(0))
    still = Canvas(pixels=jnp.zeros((1, 1, 2)), summary=jnp.zeros((1, 1, 6)))
    assert_close(output.decode(still).scale, np.sqrt([[0.05 * 0.5]]))


@pytest.mark.parametrize("options", [Bernoulli(), Gaussian(sigma=0.7), Heteroscedastic()], ids=str)
def test_draws_have_the_mean_and_spread_of_the_density(options):
    output = options.build(6, key=jax.random.key(0))
    decoded = output.decode(canvas((5,), scale=1.0))
    draws = jax.vmap(lambda key: output.sample(decoded, key))(jax.random.split(jax.random.key(1), 3000))
    mean = np.asarray(output.mean(decoded))
    assert_mean(np.asarray(draws), mean)
    scale = 0.7 if decoded.scale is None else np.asarray(decoded.scale)[..., None]
    variance = mean * (1 - mean) if isinstance(options, Bernoulli) else np.broadcast_to(scale**2, mean.shape)
    np.testing.assert_allclose(np.asarray(draws).var(0), variance, rtol=0.2)


@pytest.mark.parametrize("options", [Bernoulli(), Gaussian(), Heteroscedastic()], ids=str)
def test_densities_of_bfloat16_decodes_are_summed_in_float32(options):
    output = options.build(6, key=jax.random.key(0))
    half = jax.tree.map(lambda a: a.astype(jnp.bfloat16), canvas((40, 40, 1)))
    x = samples((40, 40, 1))
    nll = output.nll(output.decode(half), x)
    assert nll.dtype == jnp.float32
    wide = jax.tree.map(lambda a: a.astype(jnp.float32), half)
    assert_close(nll, output.nll(output.decode(wide), x), rtol=1e-5)


def test_only_bernoulli_asks_for_the_unit_range():
    assert [kind for kind, options in OUTPUTS.items() if options.requires_unit_range] == ["bernoulli"]


def test_bounds_of_the_scale_must_be_ordered():
    with pytest.raises(ValueError, match=r"sigma_min must be below sigma_max, but 0\.6 and 0\.5 were given"):
        Heteroscedastic(sigma_min=0.6)

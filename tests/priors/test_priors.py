"""Laws that every prior keeps, then what each one promises."""

import math
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.integrate
import scipy.stats

from rcmvae.errors import ConfigError
from rcmvae.model import ModelOptions
from rcmvae.priors import PRIORS, Geometric, Mixture, Prior, PriorOptions, Standard, Vamp, gaussian_kl
from rcmvae.priors.geometric import circle, grid
from rcmvae.structs import Posterior
from tests.helpers import assert_close, assert_finite, assert_mean, kinds, label, mask

B, K, D, SHAPE = 3, 4, 2, (5,)
VARIANTS = {
    "mixture": [{"pi": "learned"}],
    "geometric": [{"arrangement": "grid", "radius": 2.5}],
    "vamp": [{"num_pseudo_inputs": 3, "num_samples": 4, "start": "random"}],
}
EVERY = kinds(PRIORS, VARIANTS)
every_prior = pytest.mark.parametrize("options", EVERY, ids=label)

MIX = np.random.default_rng(5).normal(size=(2, 5, D)).astype(np.float32) / 2


def encode(x: jax.Array) -> Posterior:
    """An encoder of one shared latent, bent so that no two inputs agree."""
    log_var = jnp.sin(x @ MIX[1]) - 0.5
    return Posterior(jnp.zeros((x.shape[0], K)), (x @ MIX[0])[:, None], log_var[:, None])


def posterior(L: int, seed: int = 0, scale: float = 1.0) -> Posterior:
    rng = np.random.default_rng(seed)
    mean, log_var = scale * rng.normal(size=(B, L, D)), 0.7 * scale * rng.normal(size=(B, L, D))
    return Posterior(jnp.zeros((B, K)), jnp.asarray(mean, jnp.float32), jnp.asarray(log_var, jnp.float32))


def num_latents(options: PriorOptions) -> int:
    return K if "decentralized" in options.layouts else 1


def build(options: PriorOptions, seed: int = 0) -> Prior:
    return options.build(K, D, SHAPE, jax.random.key(seed))


def standard_log_p(prior: Any, z: np.ndarray) -> np.ndarray:
    """Log p(z) for z of [N, B, L, D], as [N, B, C]."""
    return scipy.stats.norm.logpdf(z).sum(axis=-1)


def geometric_log_p(prior: Any, z: np.ndarray) -> np.ndarray:
    columns = [scipy.stats.norm.logpdf(z[:, :, 0], loc=np.asarray(c)).sum(axis=-1) for c in prior.centres]
    return np.stack(columns, axis=-1)


def vamp_log_p(prior: Any, z: np.ndarray) -> np.ndarray:
    """One pseudo-input and one dimension at a time."""
    pseudo = encode(prior.pseudo_inputs)
    density = np.zeros(z.shape[:3])
    for mean, log_var in zip(np.asarray(pseudo.mean)[:, 0], np.asarray(pseudo.log_var)[:, 0], strict=True):
        product = np.ones(z.shape[:3])
        for d in range(D):
            product *= scipy.stats.norm.pdf(z[..., d], mean[d], math.exp(log_var[d] / 2))
        density += product / len(prior.pseudo_inputs)
    return np.log(density)


LOG_P: dict[str, Callable[[Any, np.ndarray], np.ndarray]] = {
    "standard": standard_log_p,
    "mixture": standard_log_p,
    "geometric": geometric_log_p,
    "vamp": vamp_log_p,
}


def monte_carlo(prior: Prior, log_p: Callable, q: Posterior, count: int) -> np.ndarray:
    """Draws of log q(z | x) − log p(z), in double precision: [N, B, C]."""
    mean, scale = np.asarray(q.mean, np.float64), np.exp(np.asarray(q.log_var, np.float64) / 2)
    z = mean + scale * np.random.default_rng(9).normal(size=(count, *mean.shape))
    return scipy.stats.norm.logpdf(z, mean, scale).sum(axis=-1) - log_p(prior, z)


def test_every_prior_has_a_density_here():
    assert set(LOG_P) == set(PRIORS)


@every_prior
def test_the_kl_is_what_monte_carlo_finds(options: PriorOptions):
    prior, q = build(options), posterior(num_latents(options))
    # Where the prior itself draws, many of its draws are averaged first.
    draws = jax.random.split(jax.random.key(2), 4000)
    own = np.asarray(jax.jit(jax.vmap(lambda key: prior.kl(q, encode, key)))(draws), np.float64)
    reference = monte_carlo(prior, LOG_P[options.kind_name()], q, 40_000)
    assert own.shape[1:] == reference.shape[1:]
    error = np.abs(own.mean(axis=0) - reference.mean(axis=0))
    spread = np.hypot(
        own.std(axis=0) / math.sqrt(len(own)), reference.std(axis=0) / math.sqrt(len(reference))
    )
    assert np.all(error < 4.5 * spread + 1e-5), (error / spread).max()


@every_prior
def test_the_density_is_that_of_another_formula(options: PriorOptions):
    prior = build(options)
    z = np.random.default_rng(0).normal(size=(7, num_latents(options), D)).astype(np.float32)
    expected = LOG_P[options.kind_name()](prior, np.asarray(z, np.float64)[None])[0]
    found = jax.jit(lambda z: prior.log_density(z, encode))(jnp.asarray(z))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


@every_prior
def test_what_is_drawn_has_the_density(options: PriorOptions):
    """E_p[g(z) / p(z)] = 1 for any density g that lies where p does: a narrow Gaussian among a channel's draws."""
    prior, count = build(options), 60_000
    z = np.asarray(prior.draw((count, K, D), encode, jax.random.key(4)), np.float64)
    log_p = LOG_P[options.kind_name()](prior, z[:, :, None])
    own = np.stack([log_p[:, k, min(k, log_p.shape[2] - 1)] for k in range(K)], axis=1)
    for offset in (0.0, 0.6):
        log_g = scipy.stats.norm.logpdf(z, z.mean(axis=0) + offset, 0.4).sum(axis=-1)
        ratio = np.exp(log_g - own)
        error = np.abs(ratio.mean(axis=0) - 1) / (ratio.std(axis=0) / math.sqrt(count))
        assert error.max() < 4.5, error


@every_prior
def test_value_and_gradient_are_finite_at_the_bounds(options: PriorOptions):
    prior, L = build(options), num_latents(options)
    value_and_gradient = jax.jit(
        jax.value_and_grad(lambda q: jnp.sum(prior.kl(q, encode, jax.random.key(1)).astype(jnp.float32)))
    )
    for log_var in (-8.0, 4.0):
        for mean in (0.0, 100.0):
            q = Posterior(jnp.zeros((B, K)), jnp.full((B, L, D), mean), jnp.full((B, L, D), log_var))
            assert_finite(value_and_gradient(q))


@every_prior
def test_the_channel_prior_is_a_distribution_over_the_open_channels(options: PriorOptions):
    prior = build(options)
    for count in range(1, K + 1):
        active = mask(K, count)
        pi = np.exp(np.asarray(prior.log_pi(active), np.float64))
        assert np.all(pi[~np.asarray(active)] == 0)
        np.testing.assert_allclose(
            pi[np.asarray(active)], 1 / count, rtol=1e-6
        )  # uniform, and where learned, at first


@every_prior
def test_compiled_is_eager(options: PriorOptions):
    prior, q, key = build(options), posterior(num_latents(options)), jax.random.key(3)
    eager = prior.kl(q, encode, key)
    assert_close(jax.jit(lambda q, key: prior.kl(q, encode, key))(q, key), eager, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(prior.kl(q, encode, key), eager)


@every_prior
def test_only_what_is_learned_is_an_array(options: PriorOptions):
    arrays = {leaf.shape for leaf in jax.tree.leaves(build(options))}
    P = options.num_pseudo_inputs if isinstance(options, Vamp) else 0
    learned = {"vamp": {(P, *SHAPE)}, "mixture-pi=learned": {(K,)}}
    assert arrays == learned.get(
        label(options) if isinstance(options, Mixture) else options.kind_name(), set()
    )


@every_prior
def test_the_layouts_it_allows_build_and_the_others_are_refused(options: PriorOptions):
    for layout in ("decentralized", "shared"):
        if layout in options.layouts:
            ModelOptions(prior=options, layout=layout)
        else:
            with pytest.raises(
                ValueError, match=rf"model\.prior is `{options.kind_name()}`.*set model\.layout"
            ):
                ModelOptions(prior=options, layout=layout)


def test_gaussian_kl_by_quadrature():
    for mean, log_var, centre in [
        (0.0, 0.0, 0.0),
        (1.5, -2.0, 0.0),
        (-0.3, 1.2, 2.0),
        (4.0, -8.0, -1.0),
        (0.0, 4.0, 0.0),
    ]:
        spread = math.exp(log_var / 2)

        def integrand(z: float, mean: float = mean, spread: float = spread, centre: float = centre) -> float:
            log_q = scipy.stats.norm.logpdf(z, mean, spread)
            return float(np.exp(log_q) * (log_q - scipy.stats.norm.logpdf(z, centre)))

        integral, _ = scipy.integrate.quad(integrand, mean - 12 * spread, mean + 12 * spread, limit=200)
        kl = gaussian_kl(jnp.full(1, mean), jnp.full(1, log_var), centre)
        np.testing.assert_allclose(kl, integral, rtol=1e-5, atol=1e-6)


def test_gaussian_kl_adds_over_dimensions_and_vanishes_at_the_prior():
    mean, log_var = jnp.asarray([0.5, -2.0, 1.0]), jnp.asarray([0.1, -1.0, 2.0])
    one_by_one = sum(gaussian_kl(mean[d : d + 1], log_var[d : d + 1]) for d in range(3))
    np.testing.assert_allclose(gaussian_kl(mean, log_var), one_by_one, rtol=1e-6)
    value, gradient = jax.value_and_grad(gaussian_kl, argnums=(0, 1))(jnp.zeros(2), jnp.zeros(2))
    assert value == 0
    assert_close(gradient, (jnp.zeros(2), jnp.zeros(2)), atol=0)


def test_a_learned_pi_is_masked_and_closed_channels_get_no_gradient():
    prior = Mixture(pi="learned").build(K, D, SHAPE, jax.random.key(0))
    prior = jax.tree.map(lambda _: jnp.asarray([0.0, 3.0, -1.0, 9.0]), prior)
    active = jnp.asarray([True, True, True, False])
    exponentials = np.exp([0.0, 3.0, -1.0])
    np.testing.assert_allclose(np.exp(prior.log_pi(active)[:3]), exponentials / exponentials.sum(), rtol=1e-5)
    gradient = jax.grad(lambda p: jnp.sum(jnp.exp(p.log_pi(active)) * jnp.arange(4.0)))(prior).pi_logits
    assert gradient[3] == 0
    assert np.all(np.abs(gradient[:3]) > 1e-3)


def one_pseudo_input(num_samples: int) -> Any:
    return Vamp(num_pseudo_inputs=1, num_samples=num_samples).build(K, D, SHAPE, jax.random.key(1))


def test_vamp_is_zero_where_the_posterior_is_the_prior():
    prior = one_pseudo_input(3)
    kl = prior.kl(encode(prior.pseudo_inputs), encode, jax.random.key(0))
    np.testing.assert_allclose(kl, 0, atol=1e-5)


@pytest.mark.parametrize("num_samples", [1, 5])
def test_vamp_with_one_pseudo_input_is_unbiased_for_the_kl_of_two_gaussians(num_samples: int):
    prior, q = one_pseudo_input(num_samples), posterior(1)
    p = encode(prior.pseudo_inputs)
    # KL(N(μ, σ²) ‖ N(m, s²)) = KL(N((μ − m)/s, σ²/s²) ‖ N(0, I))
    scale = jnp.exp(0.5 * p.log_var)
    expected = gaussian_kl(
        (q.mean - p.mean) / scale, q.log_var - jnp.broadcast_to(p.log_var, q.log_var.shape)
    )
    draws = jax.random.split(jax.random.key(4), 4000)

    def outcome(key):
        return jax.value_and_grad(lambda q: jnp.sum(prior.kl(q, encode, key)))(q)

    value, gradient = jax.jit(jax.vmap(outcome))(draws)
    assert_mean(value, expected.sum(), atol=1e-4)
    exact = jax.grad(
        lambda q: jnp.sum(
            gaussian_kl((q.mean - p.mean) / scale, q.log_var - jnp.broadcast_to(p.log_var, q.log_var.shape))
        )
    )(q)
    assert_mean(gradient.mean, exact.mean, atol=1e-4)
    assert_mean(gradient.log_var, exact.log_var, atol=1e-4)


def test_vamp_pseudo_inputs_learn_and_at_their_own_rate():
    prior = Vamp(num_pseudo_inputs=3, learning_rate_scale=0.25).build(K, D, SHAPE, jax.random.key(1))
    gradient = jax.grad(lambda p: jnp.sum(p.kl(posterior(1), encode, jax.random.key(0))))(prior)
    assert np.all(np.abs(gradient.pseudo_inputs).max(axis=1) > 0)
    assert prior.update_scale == 0.25
    assert Standard().build(K, D, SHAPE, jax.random.key(0)).update_scale == 1


CLUSTERS = np.asarray([[9, 0, 0, 0, 0], [0, -9, 0, 0, 0], [0, 0, 0, 5, 5]], np.float32)


def clustered(count: int = 90) -> np.ndarray:
    noise = np.random.default_rng(0).normal(size=(count, 5)).astype(np.float32)
    return CLUSTERS[np.arange(count) % 3] + 0.1 * noise


def test_kmeans_starts_at_the_centres_of_the_data():
    fresh = Vamp(num_pseudo_inputs=3).build(K, D, SHAPE, jax.random.key(1))
    x, key = clustered(), jax.random.key(2)
    started = np.asarray(fresh.fitted(x, key).pseudo_inputs)
    distance = np.linalg.norm(started[:, None] - CLUSTERS[None], axis=-1)
    assert sorted(distance.argmin(axis=1)) == [0, 1, 2]
    assert distance.min(axis=1).max() < 0.2
    np.testing.assert_array_equal(started, fresh.fitted(x, key).pseudo_inputs)
    images = fresh.fitted(x.reshape(-1, 5, 1, 1), key).pseudo_inputs
    np.testing.assert_allclose(images[..., 0, 0], started, rtol=1e-5)


def test_kmeans_cannot_place_more_centres_than_samples():
    prior = Vamp(num_pseudo_inputs=4).build(K, D, SHAPE, jax.random.key(1))
    with pytest.raises(ConfigError, match=r"num_pseudo_inputs is 4.*training samples \(3\)"):
        prior.fitted(clustered(3), jax.random.key(0))


def test_a_random_start_is_spread_like_the_data_around_their_mean():
    x = 3 + 2 * np.random.default_rng(0).normal(size=(500, 5)).astype(np.float32)
    prior = Vamp(num_pseudo_inputs=400, start="random").build(K, D, SHAPE, jax.random.key(1))
    start = np.asarray(prior.fitted(x, jax.random.key(0)).pseudo_inputs)
    np.testing.assert_allclose(start.mean(axis=0), 3, atol=0.4)
    np.testing.assert_allclose(start.std(axis=0), 2, atol=0.3)
    again = prior.fitted(x, jax.random.key(1)).pseudo_inputs
    assert np.abs(start - np.asarray(again)).max() > 0.1


@pytest.mark.parametrize("options", [Standard(), Mixture(), Geometric()], ids=label)
def test_a_prior_without_a_start_stays_as_it_is(options: PriorOptions):
    prior = build(options)
    assert prior.fitted(clustered(), jax.random.key(0)) is prior


@pytest.mark.parametrize("dim", [1, 2, 3, 40])
@pytest.mark.parametrize("count", [1, 2, 3, 7, 10, 25])
@pytest.mark.parametrize("arrange", [circle, grid])
def test_centres_are_distinct_and_within_reach(arrange: Callable, dim: int, count: int):
    centres = arrange(count, dim, 3.0)
    assert centres.shape == (count, dim)
    assert len(np.unique(np.round(centres, 4), axis=0)) == count
    assert np.abs(centres).max() <= 3.0 + 1e-6


@pytest.mark.parametrize("count", [2, 3, 10])
def test_a_circle_is_round_and_even(count: int):
    centres = circle(count, 3, 2.0)
    np.testing.assert_allclose(np.linalg.norm(centres, axis=1), 2.0, rtol=1e-6)
    gaps = np.linalg.norm(centres - np.roll(centres, 1, axis=0), axis=1)
    np.testing.assert_allclose(gaps, 4 * math.sin(math.pi / count), rtol=1e-5)
    assert np.all(centres[:, 2] == 0)
    np.testing.assert_allclose(circle(5, 1, 2.0)[:, 0], [-2, -1, 0, 1, 2])


def test_a_full_grid_is_a_product_of_even_axes():
    axis = [-3.0, 0.0, 3.0]
    expected = sorted((a, b) for a in axis for b in axis)
    assert sorted(map(tuple, grid(9, 2, 3.0).tolist())) == expected
    assert grid(1, 2, 3.0).tolist() == [[0.0, 0.0]]


def test_geometric_pulls_each_channel_to_its_own_centre():
    prior = Geometric(radius=3.0).build(K, D, SHAPE, jax.random.key(0))
    at_centre = Posterior(
        jnp.zeros((1, K)), jnp.asarray(prior.centres[2]).reshape(1, 1, D), jnp.zeros((1, 1, D))
    )
    kl = np.asarray(prior.kl(at_centre, encode, jax.random.key(0)))[0]
    np.testing.assert_allclose(kl[2], 0, atol=1e-6)
    np.testing.assert_allclose(kl[[0, 1, 3]], [0.5 * 36, 0.5 * 18, 0.5 * 18], rtol=1e-5)

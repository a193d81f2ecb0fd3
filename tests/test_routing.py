"""Laws that every routing keeps, then what each one promises."""

import functools
from collections.abc import Callable
from unittest import mock

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.stats
from jaxtyping import Array, Bool, Float, Key

from rcmvae.errors import ConfigError
from rcmvae.options import leaves
from rcmvae.routing import (
    ROUTINGS,
    Expectation,
    GumbelSoftmax,
    Relaxed,
    Routing,
    StraightThrough,
    TopM,
    over_open,
)
from rcmvae.schedules import Constant
from rcmvae.structs import RoutingContext, Selection
from tests.helpers import (
    assert_close,
    assert_finite,
    assert_mean,
    context,
    keys,
    kinds,
    label,
    mask,
    over_channels,
)

B, K = 6, 5
VARIANTS = {"straight_through": [{"decode": "one"}], "top_m": [{"m": 2}, {"m": 4}]}
EVERY = kinds(ROUTINGS, VARIANTS)
every_routing = pytest.mark.parametrize("routing", EVERY, ids=label)


def random_logits(scale: float = 2.0, seed: int = 0, shape: tuple[int, ...] = (B, K)) -> Float[Array, "B K"]:
    return jnp.asarray(scale * np.random.default_rng(seed).normal(size=shape), float)


def expected_loss(selection: Selection, cost: Float[Array, "B K"]) -> Float[Array, " B"]:
    """Σ_k s_k L_k, as a reconstruction is weighed."""
    return jnp.sum(over_channels(selection) * cost, axis=-1)


def with_key(at: RoutingContext, key: Key[Array, ""]) -> RoutingContext:
    """The same step with other noise for the routing."""
    return eqx.tree_at(lambda c: c.keys.routing, at, key)


def softmax_over(y: Float[Array, "B K"], active: Bool[np.ndarray, " K"]) -> Float[np.ndarray, "B K"]:
    """An independent softmax: only the open columns take part."""
    r = np.zeros(y.shape)
    for b, row in enumerate(np.asarray(y, np.float64)):
        open_row = np.exp(row[active] - row[active].max())
        r[b, active] = open_row / open_row.sum()
    return r


def test_over_open_is_the_softmax_of_the_open_columns():
    y = random_logits()
    for count in range(1, K + 1):
        active = np.asarray(mask(K, count))
        np.testing.assert_allclose(
            jnp.exp(over_open(y, jnp.asarray(active))), softmax_over(y, active), atol=1e-6
        )


@every_routing
def test_closed_channels_get_exactly_nothing(routing: Routing):
    cost = random_logits(seed=1)

    def outcome(y, at):
        def loss(y, cost):
            selection = routing(y, at)
            held = jnp.sum(selection.responsibility * cost) + jnp.sum(expected_loss(selection, cost))
            return held, selection

        gradient, selection = jax.grad(loss, argnums=(0, 1), has_aux=True)(y, cost)
        return selection, over_channels(selection), gradient

    @jax.jit
    def training_and_evaluation(y, active, streams):
        return [
            outcome(y, context(active, stochastic=stochastic, temperature=0.7, streams=streams))
            for stochastic in (True, False)
        ]

    for count in range(1, K + 1):
        active = mask(K, count)
        closed = ~np.asarray(active)
        for scale in (1.0, 50.0, 1e4):
            y = random_logits(scale, seed=count)
            # the closed channels would win if the mask leaked
            y = jnp.where(jnp.broadcast_to(active, y.shape), y, jnp.abs(y) + scale)
            for selection, weight, (grad_y, grad_cost) in training_and_evaluation(y, active, keys(count)):
                assert_finite((selection, weight, grad_y, grad_cost))
                for leak in (selection.responsibility, weight, grad_y, grad_cost):
                    assert np.all(np.asarray(leak)[:, closed] == 0)
                np.testing.assert_allclose(selection.responsibility, softmax_over(y, ~closed), atol=1e-5)
                np.testing.assert_allclose(weight.sum(axis=-1), 1, atol=1e-5)


@every_routing
def test_the_responsibility_knows_neither_noise_nor_temperature(routing: Routing):
    y, active = random_logits(), mask(K, 3)
    belief = routing(y, context(active)).responsibility
    route = jax.jit(lambda at: routing(y, at).responsibility)
    for seed, temperature in ((1, 1.0), (2, 0.1), (3, 5.0)):
        np.testing.assert_array_equal(
            route(context(active, temperature=temperature, streams=keys(seed))), belief
        )


@every_routing
def test_nothing_is_drawn_at_evaluation(routing: Routing):
    y, active = random_logits(), mask(K, 4)
    first, second = (routing(y, context(active, stochastic=False, streams=keys(seed))) for seed in (1, 2))
    assert_close(first, second, rtol=0, atol=0)
    assert first.channel is None  # every channel is decoded, so that the bound is exact


@every_routing
def test_a_bias_moves_the_responsibility_as_it_moves_the_logits(routing: Routing):
    y, active = random_logits(), mask(K, 4)
    bias = jnp.asarray([0.0, 3.0, -1.0, 0.5, 2.0])
    biased = routing(y, context(active, logit_bias=bias))
    shifted = routing(y + bias.reshape(1, -1), context(active))
    assert_close(biased, shifted)
    np.testing.assert_allclose(
        biased.responsibility, softmax_over(y + bias.reshape(1, -1), np.asarray(active)), atol=1e-6
    )


@every_routing
def test_compiled_is_eager_and_vmap_is_a_loop(routing: Routing):
    y, at = random_logits(), context(mask(K, 4))
    draws = jax.random.split(jax.random.key(1), 3)
    together = jax.jit(jax.vmap(lambda key: routing(y, with_key(at, key))))(draws)
    for i, key in enumerate(draws):
        assert_close(jax.tree.map(lambda leaf, i=i: leaf[i], together), routing(y, with_key(at, key)))


@every_routing
def test_the_settings_survive_json(routing: Routing):
    assert type(routing).model_validate_json(routing.model_dump_json()) == routing


def test_the_expectation_weighs_by_responsibility():
    y, active = random_logits(), mask(K, 3)
    selection = Expectation()(y, context(active))
    np.testing.assert_array_equal(selection.weight, selection.responsibility)


@pytest.mark.parametrize("routing", [Expectation(), GumbelSoftmax()], ids=label)
def test_at_evaluation_a_soft_choice_is_the_tempered_softmax(routing: Routing):
    y, active = random_logits(), mask(K, 4)
    weight = routing(y, context(active, temperature=0.5, stochastic=False)).weight
    np.testing.assert_allclose(weight, softmax_over(y / 0.5, np.asarray(active)), atol=1e-6)


def many_draws(routing: Routing, y: Float[Array, "1 K"], at: RoutingContext, count: int) -> Selection:
    """One sample, routed with `count` different keys; the draws take the place of the batch."""
    draws = jax.random.split(jax.random.key(7), count)
    drawn = jax.vmap(lambda key: routing(y, with_key(at, key)))(draws)
    return jax.tree.map(lambda leaf: leaf[:, 0], drawn)


@pytest.mark.parametrize(
    "routing", [GumbelSoftmax(), StraightThrough(), StraightThrough(decode="one")], ids=label
)
def test_gumbel_draws_channels_in_proportion_to_responsibility(routing: Routing):
    y, active = random_logits(1.0, shape=(1, K)), mask(K, 4)
    count = 10_000
    expected = count * softmax_over(y, np.asarray(active))[0]
    chosen = jax.jit(lambda at: jnp.argmax(over_channels(many_draws(routing, y, at, count)), axis=-1))
    for temperature in (0.3, 1.0, 4.0):
        observed = np.bincount(chosen(context(active, temperature=temperature)), minlength=K)
        assert observed[~np.asarray(active)].sum() == 0
        assert scipy.stats.chisquare(observed[active], expected[active]).pvalue > 1e-3


def gumbel_softmax_by_hand(y: Float[Array, "B K"], at: RoutingContext) -> Float[Array, "B K"]:
    """Only the open columns, through another library function."""
    index = np.flatnonzero(at.active)
    noisy = (y + jax.random.gumbel(at.keys.routing, y.shape)) / at.temperature
    return jnp.zeros_like(y).at[:, index].set(jax.nn.softmax(noisy[:, index], axis=-1))


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_straight_through_is_hard_forward_and_soft_backward(share: float):
    y, cost, at = (
        random_logits(),
        random_logits(seed=1),
        context(mask(K, 4), straight_through=share, temperature=0.8),
    )
    routing = StraightThrough(straight_through=Constant(value=share))
    soft = gumbel_softmax_by_hand(y, at)
    hard = np.eye(K)[np.argmax(soft, axis=-1)]
    weight = routing(y, at).weight
    np.testing.assert_allclose(weight, (1 - share) * soft + share * hard, atol=1e-6)
    if share == 1:
        np.testing.assert_allclose(weight, hard, atol=1e-7)

    gradient = jax.grad(lambda y: jnp.sum(expected_loss(routing(y, at), cost)))(y)
    expected = jax.grad(lambda y: jnp.sum(gumbel_softmax_by_hand(y, at) * cost))(y)
    assert_close(gradient, expected)
    assert np.abs(expected).max() > 0.1


def test_straight_through_at_evaluation_takes_the_most_responsible_channel():
    y, active = random_logits(), mask(K, 4)
    weight = StraightThrough()(y, context(active, stochastic=False)).weight
    np.testing.assert_array_equal(weight, np.eye(K)[np.argmax(softmax_over(y, np.asarray(active)), axis=-1)])


def test_decoding_one_channel_equals_decoding_all():
    y, theta, at = random_logits(), random_logits(seed=1), context(mask(K, 4))

    def loss(routing: Routing, y, theta):
        return jnp.sum(expected_loss(routing(y, at), jnp.sin(theta)))

    every, one = StraightThrough(), StraightThrough(decode="one")
    value, gradient = jax.value_and_grad(loss, argnums=2)(every, y, theta)
    value_one, gradient_one = jax.value_and_grad(loss, argnums=2)(one, y, theta)
    assert_close((value_one, gradient_one), (value, gradient))
    assert one(y, at).weight.shape == (B, 1)

    # The logits see the loss of the chosen channel alone: ∂/∂y of soft_c · L_c.
    chosen = jax.nn.one_hot(jnp.argmax(gumbel_softmax_by_hand(y, at), axis=-1), K)
    reachable = jax.grad(lambda y: jnp.sum(gumbel_softmax_by_hand(y, at) * chosen * jnp.sin(theta)))(y)
    assert_close(jax.grad(loss, argnums=1)(one, y, theta), reachable)


TOP_M_CASES = {
    "mild": random_logits(1.0, shape=(1, K)),
    "peaked": jnp.asarray([[30.0, 1.0, 0.0, -1.0, 2.0]]),
    "extreme": jnp.asarray([[1e4, -1e4, 0.0, 3.0, 2.0]]),
    "ties": jnp.zeros((1, K)),
}


def loss_and_gradients(routing: Routing, y, cost, at: RoutingContext):
    """The loss and its gradients with respect to the logits and to each channel's loss."""

    def loss(y, cost):
        return jnp.sum(expected_loss(routing(y, at), cost))

    return jax.value_and_grad(loss, argnums=(0, 1))(y, cost)


@functools.cache
def forced_draw(m: int) -> Callable:
    """`top_m` whose one random draw is an argument."""

    @jax.jit
    def outcome(y, cost, active, drawn):
        with mock.patch.object(
            jax.random, "categorical", lambda key, log_q: jnp.full(log_q.shape[:-1], drawn)
        ):
            return loss_and_gradients(TopM(m=m), y, cost, context(active))

    return outcome


@jax.jit
def exact(y, cost, active):
    return loss_and_gradients(Expectation(), y, cost, context(active))


@pytest.mark.parametrize("case", TOP_M_CASES)
@pytest.mark.parametrize("m", [1, 2, 4])
def test_top_m_is_unbiased_by_enumeration(case: str, m: int):
    y, cost = TOP_M_CASES[case], random_logits(seed=3, shape=(1, K))
    for count in range(1, K + 1):
        active = mask(K, count, seed=m)
        r = softmax_over(y, np.asarray(active))[0]
        top = np.argsort(-np.where(active, y[0], -np.inf), kind="stable")[:m]
        others = [j for j in range(K) if j not in top]
        rest = r[others].sum()
        # where nothing is left to draw from, any draw weighs nothing
        q = r[others] / rest if rest > 0 else np.full(len(others), 1 / len(others))
        outcomes = [forced_draw(m)(y, cost, active, j) for j in others]
        mean = jax.tree.map(lambda *values, q=q: np.tensordot(q, np.stack(values), axes=1), *outcomes)
        assert_close(mean, exact(y, cost, active), rtol=1e-4, atol=2e-6)


def test_top_m_is_unbiased_over_many_keys():
    y, cost = random_logits(1.0, shape=(1, K)), random_logits(seed=3, shape=(1, K))

    @jax.jit
    def sampled(active):
        def one(key):
            return loss_and_gradients(TopM(m=2), y, cost, with_key(context(active), key))

        return jax.vmap(one)(jax.random.split(jax.random.key(3), 4000))

    for count in range(1, K + 1):
        active = mask(K, count)
        jax.tree.map(assert_mean, sampled(active), exact(y, cost, active))


@pytest.mark.parametrize("m", [1, 2, 4])
def test_top_m_decodes_each_channel_once(m: int):
    y = random_logits(shape=(200, K))
    channels = jax.jit(lambda active: TopM(m=m)(y, context(active)).channel)
    for count in range(1, K + 1):
        channel = np.asarray(channels(mask(K, count)))
        assert channel.shape == (200, m + 1)
        assert all(len(set(row)) == m + 1 for row in channel.tolist())


def test_top_m_draws_no_more_channels_than_there_are():
    TopM(m=4).check(5)
    with pytest.raises(ConfigError, match=r"routing\.m is 5.*smaller than model\.num_channels \(5\)"):
        TopM(m=5).check(5)


def test_decoding_one_needs_a_hard_choice():
    with pytest.raises(ValueError, match="weighs channels that are not decoded"):
        StraightThrough(decode="one", straight_through=Constant(value=0.5))


@pytest.mark.parametrize("routing", leaves(Relaxed))
def test_a_temperature_that_reaches_zero_is_refused(routing: type[Relaxed]):
    for temperature in (
        0,
        -1,
        {"kind": "linear", "start": 1, "end": 0, "epochs": 3},
        {"kind": "cosine", "start": 1, "end": -0.1, "epochs": 3},
        {"kind": "piecewise", "at": [1], "values": [1, 0]},
        {"kind": "warmup", "epochs": 1, "then": 1},
    ):
        with pytest.raises(ValueError, match="temperature must stay above 0"):
            routing.model_validate({"temperature": temperature})

"""A kick is what its schedules say while it lasts, for the newest channel alone, and nothing before and after."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import ValidationError

from rcmvae.curriculum import Curriculum, Kick
from rcmvae.routing import Expectation, over_open, steered
from rcmvae.schedules import Cosine, Linear, Piecewise
from rcmvae.structs import RoutingContext
from tests.helpers import context, mask

K, NEWEST = 5, 2
WEIGHTS = {"reconstruction": 1.5, "logit_mog": 0.8, "kl_c": 0.3}
KICK = Kick(
    epochs=2.0,
    temperature=Linear(start=3, end=1.5, epochs=2),
    straight_through=Piecewise(at=(1,), values=(0, 0.5)),
    logit_bias=Cosine(start=2, end=0, epochs=4),
    logit_mog=Linear(start=0.25, end=1, epochs=2),
)
AT = context(
    mask(K, 4),
    time=7.0,
    temperature=0.7,
    straight_through=0.6,
    logit_scale=0.9,
    logit_bias=jnp.arange(K) / 10.0,
    term_weight=WEIGHTS,
)


def kicked(since: float, newest: int = NEWEST, kick: Kick = KICK, at: RoutingContext = AT) -> RoutingContext:
    return kick(at, jnp.int32(newest), jnp.float32(since))


def same(a: RoutingContext, b: RoutingContext) -> bool:
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return all(jnp.array_equal(x, y) for x, y in pairs)


@pytest.mark.parametrize("since", [0.0, 0.25, 0.999, 1.0, 1.5, 1.999])
def test_while_it_lasts_it_follows_its_schedules(since: float):
    found = kicked(since)
    temperature = 3 - 1.5 * since / 2
    bias = 2 * (1 + math.cos(math.pi * since / 4)) / 2
    np.testing.assert_allclose(found.logit_scale, 0.9 / temperature, rtol=1e-6)
    np.testing.assert_allclose(found.straight_through, 0.6 * (0 if since < 1 else 0.5), rtol=1e-6)
    expected = np.arange(K) / 10
    expected[NEWEST] += bias
    np.testing.assert_allclose(found.logit_bias, expected, rtol=1e-6)
    np.testing.assert_allclose(found.term_weight["logit_mog"], 0.8 * (0.25 + 0.75 * since / 2), rtol=1e-6)


def test_what_it_has_no_word_on_stays():
    found = kicked(0.5)
    assert found.term_weight.keys() == WEIGHTS.keys()
    for name in ("reconstruction", "kl_c"):
        assert found.term_weight[name] == jnp.float32(WEIGHTS[name])
    for name in ("time", "temperature", "active"):
        np.testing.assert_array_equal(getattr(found, name), getattr(AT, name))
    assert found.stochastic is AT.stochastic


@pytest.mark.parametrize("since", [2.0, 2.001, 50.0])
def test_after_it_all_is_as_without(since: float):
    assert same(kicked(since), AT)
    assert not KICK.is_on(jnp.int32(NEWEST), jnp.float32(since))


@pytest.mark.parametrize("since", [0.0, 1.0, 7.0])
def test_without_a_new_channel_there_is_none(since: float):
    assert same(kicked(since, newest=-1), AT)
    assert not KICK.is_on(jnp.int32(-1), jnp.float32(since))


@pytest.mark.parametrize("newest", range(K))
def test_only_the_newest_channel_is_favoured(newest: int):
    bias = np.asarray(kicked(0.5, newest).logit_bias - AT.logit_bias)
    assert (np.flatnonzero(np.abs(bias) > 1e-6) == [newest]).all()


def test_a_term_that_is_not_there_is_not_added():
    at = context(mask(K, 4), term_weight={"kl_c": 1.0})
    assert kicked(0.5, at=at).term_weight.keys() == {"kl_c"}


@pytest.mark.parametrize("since", [0.0, 0.5, 3.0])
def test_by_default_it_changes_nothing(since: float):
    assert same(kicked(since, kick=Kick()), AT)


def test_none_at_all():
    assert same(kicked(0.0, kick=Kick(epochs=0)), AT)
    with pytest.raises(ValueError, match="logit_bias would change nothing, because epochs is 0"):
        Kick.model_validate({"epochs": 0, "logit_bias": 5.0})


def test_it_softens_every_choice_and_favours_the_newcomer():
    y = jnp.asarray(np.random.default_rng(0).normal(size=(20, K)), jnp.float32) * 3
    active = mask(K, K)
    neutral = context(active)
    kick = Kick.model_validate({"temperature": 2.0, "logit_bias": 1.0})
    softer = kick(neutral, jnp.int32(NEWEST), jnp.float32(0.5))
    r = Expectation()(y, softer).responsibility
    expected = jnp.exp(over_open(y / 2 + jnp.eye(K)[NEWEST][None], active))
    np.testing.assert_allclose(r, expected, rtol=1e-5)
    np.testing.assert_allclose(steered(y, softer), y / 2 + jnp.eye(K)[NEWEST][None], rtol=1e-6)
    assert r[:, NEWEST].mean() > Expectation()(y, neutral).responsibility[:, NEWEST].mean()


def test_it_traces_and_batches():
    since = jnp.asarray([0.0, 1.0, 2.5])
    newest = jnp.asarray([NEWEST, -1, 0])
    together = jax.jit(jax.vmap(lambda n, s: KICK(AT, n, s).logit_bias))(newest, since)
    for row, n, s in zip(together, newest, since, strict=True):
        np.testing.assert_allclose(row, KICK(AT, n, s).logit_bias, rtol=1e-6)


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"temperature": 0}, "temperature must stay above 0"),
        ({"temperature": {"kind": "linear", "start": 2, "end": -1, "epochs": 1}}, "reaches -1"),
        ({"straight_through": 1.5}, "straight_through relaxes"),
        ({"logit_mog": {"kind": "linear", "start": 0.5, "end": 2, "epochs": 1}}, "logit_mog relaxes"),
    ],
)
def test_what_makes_no_sense_is_told(settings: dict, told: str):
    with pytest.raises(ValidationError, match=told):
        Kick.model_validate(settings)


def test_no_channel_is_judged_while_it_is_kicked():
    with pytest.raises(ValidationError, match="judged while still being kicked"):
        Curriculum.model_validate({"trial": 2, "kick": {"epochs": 3}})
    Curriculum.model_validate({"trial": 3, "kick": {"epochs": 3}})

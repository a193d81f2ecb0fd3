"""A closed channel is not there: no responsibility, no weight, no loss, no gradient, and nobody notices its weights.

For every routing, prior and conditioner, bit for bit, and with a kick on. That `logit_mog` sums over open channels only
is compared with SciPy in tests/objective/test_terms.py, for every number of them.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rcmvae.curriculum import Kick
from rcmvae.model import Model, ModelOptions, Stage
from rcmvae.nn import CONDITIONERS, map_channels
from rcmvae.objective import Evidence, Losses, ObjectiveBase, ObjectiveOptions
from rcmvae.priors import PRIORS
from rcmvae.routing import ROUTINGS
from rcmvae.structs import Forward, RoutingContext
from rcmvae.training.epoch import observed
from tests.helpers import batch, context, over_channels

K = 4
SAMPLES = batch((7,), B=6, with_view=True)
WEIGHTS = {
    "reconstruction": 1.0,
    "kl_z": 0.9,
    "kl_c": 0.8,
    "logit_mog": 0.7,
    "dirichlet": 0.6,
    "dirichlet_pi": 0.5,
    "usage_entropy": -0.4,
    "usage_floor": 0.3,
    "confidence": 0.2,
    "consistency": 1.1,
}
OBJECTIVE: ObjectiveBase = ObjectiveOptions.model_validate(WEIGHTS)
KICK = Kick.model_validate({"temperature": 2.0, "straight_through": 0.5, "logit_bias": 1.5, "logit_mog": 0.5})
NEWEST = 2  # open in all of these
OPEN = [[2], [0, 2], [1, 2, 3], [0, 1, 2, 3]]

Case = tuple[dict[str, Any], dict[str, Any], str, dict[str, Any]]
ROUTED: list[dict[str, Any]] = [
    *({"kind": kind} for kind in ROUTINGS),
    {"kind": "straight_through", "decode": "one"},
    {"kind": "top_m", "m": 2},
]
LAID_OUT: list[tuple[dict[str, Any], str]] = [
    ({"kind": kind, **extra}, layout)
    for kind, options in PRIORS.items()
    for layout in options.layouts
    for extra in ([{}, {"pi": "learned"}] if kind == "mixture" else [{}])
]
COUNT = max(len(ROUTED), len(LAID_OUT), len(CONDITIONERS))


def cases() -> list[Case]:
    """Every routing, every prior in every layout it may have, and every conditioner, each at least once."""
    found = []
    for i in range(COUNT):
        prior, layout = LAID_OUT[i % len(LAID_OUT)]
        conditioner = list(CONDITIONERS)[i % len(CONDITIONERS)]
        backbone = {"kind": "dense", "hidden": [6]} if i % 2 and conditioner != "none" else None
        own = {"kind": "experts", "own": [5], "hidden": [6]}
        decoder = {"backbone": backbone or own, "conditioner": conditioner}
        found.append((ROUTED[i % len(ROUTED)], prior, layout, decoder))
    return found


def name_of(case: Case) -> str:
    routing, prior, layout, decoder = case
    parts = [*routing.values(), *prior.values(), layout, decoder["backbone"]["kind"], decoder["conditioner"]]
    return "-".join(map(str, parts))


class Told(NamedTuple):
    """All that comes of a model in training, and what validation sees of it."""

    losses: Losses
    gradient: Model
    forward: Forward
    weight: jax.Array  # of every channel in the reconstruction
    validation: tuple[Losses, dict[str, jax.Array]]
    validated_weight: jax.Array


def random(model: Any, seed: int = 0) -> Model:
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda a: jnp.asarray(0.7 * rng.normal(size=a.shape), jnp.float32), model)


@functools.cache
def built(at: int) -> tuple[Model, Callable[[Model, jax.Array], Told]]:
    """A model with random weights, and the program that trains and validates it on one batch."""
    routing, prior, layout, decoder = cases()[at]
    options = ModelOptions.model_validate(
        {
            "num_channels": K,
            "embedding_dim": 3,
            "trunk": {"kind": "dense", "hidden": [8]},
            "layout": layout,
            "routing": routing,
            "prior": prior | ({"num_pseudo_inputs": 3} if prior["kind"] == "vamp" else {}),
            "decoder": decoder,
        }
    )
    model = random(eqx.filter_eval_shape(lambda: options.build((7,), 3, key=jax.random.key(0))))

    def evaluate(model: Model, at: RoutingContext) -> tuple[jax.Array, tuple[Losses, Forward]]:
        forward = model(SAMPLES, at, Stage.DECODE)
        losses = OBJECTIVE(Evidence(model, SAMPLES, forward, at), Stage.DECODE)
        return losses.total, (losses, forward)

    def told(model: Model, active: jax.Array) -> Told:
        training, still = (
            context(active, term_weight=WEIGHTS, temperature=0.8, stochastic=stochastic)
            for stochastic in (True, False)
        )
        kicked = KICK(training, jnp.int32(NEWEST), jnp.float32(0.5))
        gradient, (losses, forward) = jax.grad(evaluate, has_aux=True)(model, kicked)
        _, (held_out, settled) = evaluate(model, still)
        validation = held_out, observed(SAMPLES, settled)
        return Told(
            losses,
            gradient,
            forward,
            over_channels(forward.selection),
            validation,
            over_channels(settled.selection),
        )

    return model, jax.jit(told)


def rows_of(model: Model) -> list[np.ndarray]:
    """Every array with a row per channel."""
    found: list[np.ndarray] = []

    def note(rows: jax.Array) -> jax.Array:
        found.append(np.asarray(rows))
        return rows

    map_channels(model, note)
    return found


def other_weights(model: Model, channels: np.ndarray, seed: int) -> Model:
    """The model with random numbers for all that is these channels' own."""
    rng = np.random.default_rng(seed)

    def change(rows: jax.Array) -> jax.Array:
        mask = channels.reshape(-1, *(1,) * (rows.ndim - 1))
        return jnp.asarray(np.where(mask, 5 * rng.normal(size=rows.shape), np.asarray(rows)), jnp.float32)

    return map_channels(model, change)


def same_bits(a: Any, b: Any) -> bool:
    pairs = zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    return all(np.array_equal(np.asarray(x), np.asarray(y)) for x, y in pairs)


def test_every_kind_has_its_case():
    routings, priors, layouts, decoders = zip(*cases(), strict=True)
    assert {routing["kind"] for routing in routings} == set(ROUTINGS)
    assert {(p["kind"], layout) for p, layout in zip(priors, layouts, strict=True)} == {
        (kind, layout) for kind, options in PRIORS.items() for layout in options.layouts
    }
    assert {decoder["conditioner"] for decoder in decoders} == set(CONDITIONERS)


@pytest.mark.parametrize("at", range(COUNT), ids=[name_of(case) for case in cases()])
class TestClosedChannels:
    @pytest.mark.parametrize("chosen", OPEN, ids=str)
    def test_they_hold_nothing_weigh_nothing_and_learn_nothing(self, at: int, chosen: list[int]):
        model, program = built(at)
        active = np.isin(np.arange(K), chosen)
        told = program(model, jnp.asarray(active))
        r, looked = told.forward.selection.responsibility, told.forward.view_log_responsibility
        assert looked is not None
        for shares in (r, told.weight, told.validated_weight, jnp.exp(looked)):
            assert (np.asarray(shares)[:, ~active] == 0).all()
        for held in (r, jnp.exp(looked), told.validated_weight):
            np.testing.assert_allclose(held.sum(axis=1), 1, rtol=1e-5)
        for gradient in rows_of(told.gradient):
            assert (gradient[~active] == 0).all()
            assert np.isfinite(gradient).all()
        for rows in rows_of(told.gradient)[:1]:  # that of the logits' weights
            assert len(chosen) == 1 or (rows[active] != 0).any(axis=tuple(range(1, rows.ndim))).all()
        assert np.isfinite(told.losses.total)

    @pytest.mark.parametrize("chosen", OPEN[:-1], ids=str)
    def test_whatever_their_weights_nothing_else_changes(self, at: int, chosen: list[int]):
        model, program = built(at)
        active = np.isin(np.arange(K), chosen)
        first, second = (
            program(one, jnp.asarray(active)) for one in (model, other_weights(model, ~active, seed=at))
        )
        assert same_bits(second.losses, first.losses)
        assert same_bits(second.gradient, first.gradient)
        assert same_bits(second.validation, first.validation)
        changed = program(other_weights(model, active, seed=at), jnp.asarray(active))
        assert changed.losses.total != first.losses.total

    @pytest.mark.parametrize("chosen", OPEN[:-1], ids=str)
    def test_what_validation_says_of_channels_it_says_of_open_ones(self, at: int, chosen: list[int]):
        model, program = built(at)
        active = np.isin(np.arange(K), chosen)
        _, seen = program(model, jnp.asarray(active)).validation
        usage = np.asarray(seen["usage"])
        assert (usage[~active] == 0).all()
        assert (np.asarray(seen["channel_loss"])[~active] == 0).all()
        np.testing.assert_allclose(usage.sum(), 1, rtol=1e-5)

    def test_their_logits_stay_raw_and_finite_and_one_program_serves_all(self, at: int):
        model, program = built(at)
        alone, all_open = (
            program(model, jnp.asarray(np.isin(np.arange(K), chosen))) for chosen in (OPEN[0], OPEN[-1])
        )
        np.testing.assert_array_equal(alone.forward.posterior.logits, all_open.forward.posterior.logits)
        assert np.abs(alone.forward.posterior.logits).max() < 1e3
        assert program._cache_size() == 1  # pyright: ignore[reportFunctionMemberAccess]

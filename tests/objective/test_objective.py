"""The sum: what is in it, what each term weighs, and how far the forward pass must go."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from rcmvae.model import Stage
from rcmvae.objective import TERMS, Losses, ObjectiveBase, ObjectiveOptions
from rcmvae.objective.objective import PRESETS
from rcmvae.schedules import Constant, Linear
from tests.objective.scene import Scene, scene, value_and_gradient


def objective(**terms: Any) -> ObjectiveBase:
    return ObjectiveOptions.model_validate(terms)


def weighted(s: Scene, weight: dict[str, float]) -> Any:
    """The evidence of a scene with these term weights."""
    values = {name: jnp.asarray(w) for name, w in weight.items()}
    return eqx.tree_at(lambda e: e.context.term_weight, s.evidence(), values)


def summed(names: list[str], s: Scene, weight: dict[str, float]) -> Losses:
    return eqx.filter_jit(objective(**dict.fromkeys(names, 1.0)).__call__)(weighted(s, weight), Stage.DECODE)


@pytest.mark.parametrize("names", [list(TERMS), list(TERMS)[::3]], ids=["all", "some"])
def test_the_total_is_the_weighted_sum_of_what_is_reported(names: list[str]):
    weight = dict(zip(names, np.random.default_rng(0).normal(size=len(names)).tolist(), strict=True))
    s = scene(3)
    losses = summed(names, s, weight)
    assert set(losses.terms) == set(names)
    expected = sum(weight[name] * np.float64(value) for name, value in losses.terms.items())
    np.testing.assert_allclose(losses.total, expected, rtol=1e-5)
    for name, value in losses.terms.items():
        np.testing.assert_allclose(value, value_and_gradient(TERMS[name](), s)[0], rtol=1e-5)


@pytest.mark.parametrize("name", TERMS)
def test_a_configured_term_is_reported_even_where_it_weighs_nothing(name: str):
    one = objective(**{name: 0})
    assert list(one.terms) == [name]
    losses = one(weighted(scene(), {name: 0.0}), Stage.DECODE)
    assert list(losses.terms) == [name]
    assert losses.total == 0


def test_before_decoding_the_terms_that_look_at_reconstructions_are_left_out():
    s = scene()
    every = objective(**dict.fromkeys(TERMS, 1.0))
    evidence = weighted(s, dict.fromkeys(TERMS, 1.0))
    evidence = eqx.tree_at(lambda e: e.forward.decoded_nll, evidence, None)
    losses = every(evidence, Stage.ROUTE)
    assert (
        set(TERMS) - set(losses.terms)
        == {name for name, term in TERMS.items() if term.decodes}
        == {"reconstruction"}
    )
    np.testing.assert_allclose(losses.total, sum(map(float, losses.terms.values())), rtol=1e-5)


def test_an_objective_without_terms_sums_to_zero():
    losses = objective()(scene().evidence(), Stage.DECODE)
    assert losses.terms == {}
    assert losses.total == 0


def times(*at: float) -> np.ndarray:
    return np.asarray(at, np.float32)


def test_the_decoder_runs_from_the_first_step_that_weighs_its_output():
    late = objective(
        reconstruction={"weight": {"kind": "piecewise", "at": [2.5], "values": [0, 1]}},
        kl_c=1.0,
        consistency=1.0,
    )
    before = np.nextafter(np.float32(2.5), np.float32(0))
    assert late.stage_at(times(0, 1, before)) is Stage.ROUTE
    assert late.stage_at(times(before, 2.5)) is Stage.DECODE
    assert late.stage_at(times(2.5)) is Stage.DECODE
    assert late.stage_at(times(3, 9)) is Stage.DECODE

    rising = objective(
        reconstruction={"weight": {"kind": "linear", "start": 0, "end": 1, "epochs": 2, "begin": 1}}
    )
    assert rising.stage_at(times(0, 0.5, 1)) is Stage.ROUTE
    assert rising.stage_at(times(1, 1.01)) is Stage.DECODE
    falling = objective(reconstruction={"weight": {"kind": "cosine", "start": 1, "end": 0, "epochs": 2}})
    assert falling.stage_at(times(1.9)) is Stage.DECODE
    assert falling.stage_at(times(2, 3)) is Stage.ROUTE


def test_a_negative_weight_decodes_too_and_no_reconstruction_never_does():
    assert objective(reconstruction=-1).stage_at(times(0)) is Stage.DECODE
    assert objective(reconstruction=0).stage_at(times(0, 1)) is Stage.ROUTE
    assert objective(kl_z=1, usage_entropy=-1).stage_at(times(0, 1)) is Stage.ROUTE


@pytest.mark.parametrize("preset", PRESETS)
def test_a_preset_brings_in_its_terms(preset: str):
    terms = objective(c_regularizer=preset, reconstruction=1).terms
    assert set(terms) == {"reconstruction", *PRESETS[preset]}
    assert all(terms[name].weight == Constant(value=w) for name, w in PRESETS[preset].items())


def test_what_is_written_beside_a_preset_wins():
    terms = objective(c_regularizer="both", kl_c=0.05, logit_mog={"weight": 2, "mean": 5}).terms
    assert terms["kl_c"].weight == Constant(value=0.05)
    assert terms["logit_mog"] == TERMS["logit_mog"].model_validate({"weight": 2, "mean": 5})
    assert set(objective(c_regularizer="both", kl_c=None).terms) == {"logit_mog"}


def test_a_number_is_a_weight_and_a_weight_may_be_a_schedule():
    assert objective(kl_z=0.5) == objective(kl_z={"weight": 0.5})
    ramp = {"kind": "linear", "start": 0, "end": 1, "epochs": 5}
    assert objective(kl_c={"weight": ramp}).terms["kl_c"].weight == Linear(start=0, end=1, epochs=5)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"kl_x": 1.0}, "kl_x"),
        ({"kl_x": {"weight": 1.0}}, "kl_x"),
        ({"kl_z": {"form": "some"}}, "'responsible' or 'all'"),
        ({"kl_z": {"guides": "no way"}}, "boolean"),
        ({"kl_z": {"free_bits": -1}}, "greater than or equal to 0"),
        ({"kl_z": True}, "kl_z"),
        ({"kl_z": "high"}, "kl_z"),
        ({"kl_z": {"strength": 1}}, "kl_z.strength"),
        ({"logit_mog": {"sigma": 0}}, "greater than 0"),
        ({"usage_floor": {"epsilon": 2}}, "less than or equal to 1"),
        ({"consistency": {"views": []}}, "at least 1"),
        ({"consistency": {"views": ["wrap"]}}, "wrap"),
        ({"c_regularizer": "category"}, "one of categorical, logit_mog, both, dirichlet, not 'category'"),
        ({"c_regularizer": ["both"]}, "one of categorical, logit_mog, both, dirichlet, not"),
        ({"kl_z": float("nan")}, "finite"),
    ],
)
def test_what_is_no_objective_is_refused(given: dict[str, Any], complaint: str):
    with pytest.raises(ValueError, match=complaint):
        objective(**given)


def test_the_settings_survive_json():
    full = objective(**dict.fromkeys(TERMS, 0.5))
    assert ObjectiveOptions.model_validate_json(full.model_dump_json()) == full
    some = objective(
        c_regularizer="both", kl_z={"form": "all", "weight": {"kind": "warmup", "epochs": 2, "then": 1}}
    )
    assert ObjectiveOptions.model_validate(some.model_dump(mode="json")) == some


def test_views_are_made_only_for_consistency():
    assert not objective(kl_z=1, usage_entropy=-1).views
    assert [view.kind_name() for view in objective(consistency=1).views] == ["warp"]
    assert [view.kind_name() for view in objective(consistency={"views": ["jitter", "mirror"]}).views] == [
        "jitter",
        "mirror",
    ]

"""Plans share programs if, and only if, the programs know no difference between them."""

import dataclasses
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from rcmvae.data import Scaling
from rcmvae.inference.programs import Uses
from rcmvae.schedules import Constant
from rcmvae.training import Plan, compile_codes, compile_fresh, compile_joint, compile_validation
from rcmvae.training.epoch import compile_epoch
from rcmvae.training.options import CheckpointOptions, EarlyStopping
from rcmvae.training.state import blank_states

from .small import bench, tiny

COMPILED = (compile_epoch, compile_validation, compile_codes, compile_joint, lambda plan, _: Uses.of(plan))
LOOP: dict[str, Any] = {
    "seed": 5,
    "epochs": 9,
    "early_stopping": EarlyStopping(),
    "checkpoint": CheckpointOptions(keep=3),
}


@pytest.fixture(scope="module")
def plan() -> Plan:
    return bench(tiny()).setting.plan


def programs(plan: Plan) -> list[Any]:
    devices = bench(tiny()).setting.devices
    return [compiling(plan, devices) for compiling in COMPILED]


def shared(one: Plan, other: Plan) -> list[bool]:
    return [mine is theirs for mine, theirs in zip(programs(one), programs(other), strict=True)]


def test_what_only_the_loop_knows_makes_no_difference(plan: Plan) -> None:
    longer = dataclasses.replace(plan, options=plan.options.model_copy(update=LOOP))
    assert longer.options != plan.options
    assert all(shared(plan, longer))
    assert all(shared(plan, bench(tiny(seed=5, epochs=9)).setting.plan)), "nor do weights of its own"
    model, objective = tiny().model, tiny().objective
    fresh, again = (
        compile_fresh(model, options, None, objective, (8, 8, 1), 10)
        for options in (plan.options, longer.options)
    )
    assert fresh is again


@pytest.mark.parametrize(
    "known",
    [
        {"learning_rate": Constant(value=1e-2)},
        {"batch_size": 20},
        {"weight_decay": 0.1},
        {"clip_norm": 1.0},
        {"precision": "bfloat16"},
        {"seeds": 2},
        {"labeled_share": 0.5},
    ],
    ids=str,
)
def test_what_programs_know_of_training_does(plan: Plan, known: dict[str, Any]) -> None:
    other = dataclasses.replace(plan, options=plan.options.model_copy(update=known))
    assert not any(shared(plan, other))


@pytest.mark.parametrize(
    "changes",
    [
        {"num_train": 200},
        {"scaling": Scaling(jnp.float32(0), jnp.float32(1 / 254))},
        {"objective": tiny({"objective": {"kl_c": 2}}).objective},
        {"curriculum": tiny({"curriculum": {"initial": 1}}, epochs=20).curriculum},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_so_does_all_else(plan: Plan, changes: dict[str, Any]) -> None:
    assert not any(shared(plan, dataclasses.replace(plan, **changes)))


@pytest.mark.parametrize("model", [{"routing": "straight_through"}, {"prior": "standard"}], ids=str)
def test_so_does_the_model(plan: Plan, model: dict[str, Any]) -> None:
    assert not any(shared(plan, bench(tiny({"model": model})).setting.plan))


def test_blank_weights_are_shared_with_nobody() -> None:
    parts = tiny().model, tiny().training, None, tiny().objective
    (one, outline), (other, same) = (blank_states(*parts, (8, 8, 1), 10) for _ in range(2))
    assert outline is same
    for mine, theirs in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        assert mine is not theirs  # what restores a checkpoint, or trains, may give its arrays away

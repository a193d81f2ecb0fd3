"""A value that is not finite stops the run and is named; what was good before it stays."""

import dataclasses
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rcmvae import experiment
from rcmvae.errors import NonFiniteError
from rcmvae.objective import Evidence
from rcmvae.objective.bound import KlZ
from rcmvae.run import RunDirectory

from .small import Bench, bench, digits, tiny

STEPS = 240 // 32

# The term's weight is a clock: 1 in the first epoch, more from the fourth step of the second one on.
TICKING = {"objective": {"kl_z": {"kind": "piecewise", "at": [1 + 2.5 / STEPS, 2], "values": [1, 2, 3]}}}


def late(evidence: Evidence) -> jax.Array:
    return evidence.context.term_weight["kl_z"] > 1.5


@jax.custom_vjp
def poisoned(value: jax.Array, where: jax.Array) -> jax.Array:
    """The value itself, with a gradient that is infinite where it is asked to be."""
    return value


poisoned.defvjp(
    lambda value, where: (value, where),
    lambda where, g: (jnp.where(where, jnp.inf, g), None),
)


Spoil = Callable[[pytest.MonkeyPatch, Callable[[Evidence, jax.Array], jax.Array]], None]


@pytest.fixture
def spoil() -> Iterator[Spoil]:
    """Puts something between a term and the objective. What is compiled of a spoiled term serves nobody else."""

    def spoil(patched: pytest.MonkeyPatch, how: Callable[[Evidence, jax.Array], jax.Array]) -> None:
        healthy = KlZ.__call__
        patched.setattr(KlZ, "__call__", lambda self, evidence: how(evidence, healthy(self, evidence)))
        jax.clear_caches()  # what was compiled of the healthy term

    yield spoil
    jax.clear_caches()


def nan_where(condition: Callable[[Evidence], jax.Array]) -> Callable[[Evidence, jax.Array], jax.Array]:
    return lambda evidence, value: jnp.where(condition(evidence), jnp.nan, value)


def message(on: Bench, **how: Any) -> str:
    with pytest.raises(NonFiniteError) as caught:
        on.fit(**how)
    return str(caught.value)


def test_the_term_the_epoch_the_step_and_the_seed_are_named(
    monkeypatch: pytest.MonkeyPatch, spoil: Spoil
) -> None:
    spoil(monkeypatch, nan_where(late))
    told = message(bench(tiny(TICKING, seed=5)))
    assert told.startswith("kl_z became nan in epoch 2, step 4 of that epoch (seed 5).")
    assert "training.learning_rate" in told


def test_a_gradient_can_be_the_first_to_go(monkeypatch: pytest.MonkeyPatch, spoil: Spoil) -> None:
    spoil(monkeypatch, lambda evidence, value: poisoned(value, late(evidence)))
    told = message(bench(tiny(TICKING)))
    assert re.match(r"gradient_norm became (inf|nan) in epoch 2, step 4 of that epoch", told)


def test_so_can_the_validation(monkeypatch: pytest.MonkeyPatch, spoil: Spoil) -> None:
    spoil(monkeypatch, nan_where(lambda e: late(e) & (not e.context.stochastic)))
    told = message(bench(tiny(TICKING, seed=2)))
    assert told.startswith("kl_z became nan in the validation after epoch 2 (seed 2).")


def test_of_several_replicas_the_one_that_was_first_is_named(
    monkeypatch: pytest.MonkeyPatch, spoil: Spoil
) -> None:
    ticking = {"kind": "piecewise", "at": [1.1, 1.5], "values": [1, 2, 3]}
    on = bench(tiny({"objective": {"kl_z": ticking}}, seeds=3, seed=10))
    active = np.array([[1, 1, 1, 0], [1, 1, 0, 0], [1, 1, 1, 1]], bool)
    state = dataclasses.replace(on.setting.start, active=on.setting.devices.put(active))
    on = on._replace(setting=dataclasses.replace(on.setting, start=state))

    def turn(evidence: Evidence) -> jax.Array:
        """The replica with two closed channels goes first, that with one later, the third never."""
        closed, weight = 4 - jnp.sum(evidence.context.active), evidence.context.term_weight["kl_z"]
        return (closed > 0) & (weight > 3.5 - closed)

    spoil(monkeypatch, nan_where(turn))
    assert "in epoch 2, step 2 of that epoch (seed 11)" in message(on)


def test_a_replica_that_has_stopped_cannot_end_the_run_of_the_others(
    monkeypatch: pytest.MonkeyPatch, spoil: Spoil
) -> None:
    objective = {"kl_c": 100, "usage_entropy": 0}
    training = {"epochs": 4, "early_stopping": {"monitor": "kl_c", "patience": 1}}
    on = bench(tiny({"objective": objective, "training": training}, seeds=2))
    # With one open channel, KL(r ‖ π) is 0 from the first epoch on: the second replica stops after the second one.
    active = np.array([[1, 1, 1, 1], [1, 0, 0, 0]], bool)
    state = dataclasses.replace(on.setting.start, active=on.setting.devices.put(active))
    on = on._replace(setting=dataclasses.replace(on.setting, start=state))
    spoil(monkeypatch, nan_where(lambda e: (jnp.sum(e.context.active) == 1) & (e.context.time >= 2.5)))
    ran = on.fit()
    assert [[one.idle for one in signals] for signals in ran.epochs] == [
        [False, i >= 2] for i in range(len(ran.epochs))
    ]
    assert len(ran.epochs) > 2


@pytest.mark.parametrize("seeds", [1, 2])
def test_a_learning_rate_that_is_far_too_large_is_told(seeds: int) -> None:
    told = message(bench(tiny(learning_rate=1e30, seeds=seeds)))
    assert re.match(r"\w+ became (inf|-inf|nan) in ", told)


def test_the_run_directory_keeps_the_last_good_checkpoint_and_the_reason(
    monkeypatch: pytest.MonkeyPatch, spoil: Spoil, tmp_path: Path
) -> None:
    config = tiny(TICKING, directory=tmp_path, checkpoint={"every_seconds": 0})
    config = config.model_copy(update={"run": config.run.model_copy(update={"name": "it"})})
    with monkeypatch.context() as spoiled:
        spoil(spoiled, nan_where(late))
        with pytest.raises(NonFiniteError) as caught:
            experiment.train(config, digits())
    jax.clear_caches()
    run = RunDirectory.find(tmp_path / "it")
    assert run.read_json("summary.json") == {"status": "failed", "reason": str(caught.value)}
    assert not run.is_finished
    # Readable: training goes on from it to the end, now that the cause is gone.
    experiment.resume(run.path, digits())
    summary = run.read_json("summary.json")
    assert (summary["status"], summary["epochs"]) == ("finished", 3)
    lines = (run.path / "history.jsonl").read_text(encoding="utf-8").splitlines()
    assert [line.startswith(f'{{"epoch": {i}') for i, line in enumerate(lines, start=1)] == [True] * 3

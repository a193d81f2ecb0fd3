"""The loop as a whole: a run that is broken off and goes on is the run that never was."""

import dataclasses
import inspect
import logging
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from rcmvae.model import Stage
from rcmvae.training import Checkpoints, Devices, begin
from rcmvae.training.epoch import compile_epoch, compile_validation
from rcmvae.training.options import CheckpointOptions

from .small import CHANGING, Ran, bench, cut_short, digits, host, same_bits, tiny, told


@pytest.fixture(scope="module")
def straight() -> Ran:
    return bench(tiny(CHANGING)).fit()


@pytest.mark.parametrize("broken_after", [1, 4], ids=["before_the_best_epoch", "after_the_best_epoch"])
def test_a_resumed_run_repeats_the_uninterrupted_one_bit_for_bit(
    straight: Ran, broken_after: int, tmp_path: Path
) -> None:
    with Checkpoints(tmp_path / "checkpoints", CheckpointOptions(every_seconds=0)) as checkpoints:
        first = bench(cut_short(tiny(CHANGING), broken_after)).fit(checkpoints=checkpoints)
    again = bench(tiny(CHANGING))
    with Checkpoints(tmp_path / "checkpoints", CheckpointOptions()) as checkpoints:
        start = checkpoints.restore(begin(again.setting.plan, again.setting.start))
    second = again.fit(start)

    expected, found = straight.outcome.checkpoint, second.outcome.checkpoint
    assert (expected.patience.best_epoch == 3).all(), "breaks at 1 and 4 are to lie on both sides of it"
    assert same_bits(found.arrays, expected.arrays)
    assert same_bits(dataclasses.asdict(found.patience), dataclasses.asdict(expected.patience))
    assert told([*first.epochs, *second.epochs]) == told(straight.epochs)


def test_the_stage_changed_on_the_way(straight: Ran) -> None:
    decoded = ["reconstruction" in signals[0].train for signals in straight.epochs]
    assert decoded == [False, False, True, True, True, True]


def test_the_seed_decides_everything(straight: Ran) -> None:
    again = bench(tiny(CHANGING)).fit()
    assert told(again.epochs) == told(straight.epochs)
    assert same_bits(again.outcome.checkpoint.arrays, straight.outcome.checkpoint.arrays)
    # The second replica of seed 0 is the first one of seed 1.
    other = bench(cut_short(tiny(CHANGING, seed=7), 1)).fit()
    assert other.epochs[0][0].train["loss"] != straight.epochs[0][0].train["loss"]


class Spy(Devices):
    """Notes the samples of every step."""

    def __init__(self, devices: Devices, seen: list[np.ndarray]) -> None:
        super().__init__(devices.mesh)
        object.__setattr__(self, "seen", seen)

    def shard(self, index: jax.Array) -> jax.Array:
        jax.debug.callback(lambda i: self.seen.append(np.array(i)), index, ordered=True)  # pyright: ignore[reportAttributeAccessIssue]
        return index


def visits(epochs: int, seed: int = 0) -> np.ndarray:
    """Which samples came up, one row per epoch."""
    on = bench(tiny({"objective": {"reconstruction": 0}}, seed=seed))
    seen: list[np.ndarray] = []
    own = inspect.unwrap(compile_epoch)  # a program that nobody shares
    run_epoch = own(on.setting.plan, Spy(on.setting.devices, seen))
    state = on.setting.start
    for _ in range(epochs):
        state, _ = run_epoch(Stage.ROUTE, state, on.train)
    jax.effects_barrier()
    return np.concatenate(seen).reshape(epochs, -1)


def test_every_sample_comes_up_and_none_twice_in_an_epoch() -> None:
    epochs = visits(8)
    N, B = len(digits().train), 32
    assert epochs.shape[1] == N // B * B < N
    for order in epochs:
        assert len(set(order.tolist())) == len(order)
    assert not (epochs[0] == epochs[1]).all()
    left_out = set(range(N)) - set(epochs[0].tolist())
    assert left_out <= set(epochs[1:].flatten().tolist())
    assert not (visits(1, seed=1)[0] == epochs[0]).all()


class Compilations(logging.Handler):
    """Counts what XLA is asked to compile."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def emit(self, record: logging.LogRecord) -> None:
        self.count += record.getMessage().startswith("Compiling ")


def test_nothing_is_compiled_again_after_the_first_epoch_of_a_stage() -> None:
    on, counter, after = bench(tiny(CHANGING, epochs=7)), Compilations(), []
    jax.clear_caches()  # as if this were the first run of its kind
    logger = logging.getLogger("jax._src.interpreters.pxla")
    logger.addHandler(counter)
    # Whatever a command that ran in this process has silenced.
    was = logger.propagate, logger.level
    logger.propagate = False
    logger.setLevel(logging.DEBUG)
    try:
        with jax.log_compiles():
            on.fit(listeners=[lambda _: after.append(counter.count)])
    finally:
        logger.removeHandler(counter)
        logger.propagate = was[0]
        logger.setLevel(was[1])
    assert after[0] > 0, "the counter is to see compilations"
    assert after[1] == after[0]
    assert after[2] > after[1], "decoding begins"
    assert after[6] == after[2]


def test_opening_and_closing_channels_compiles_nothing() -> None:
    on = bench(tiny())
    devices, state = on.setting.devices, on.setting.start
    run_epoch = compile_epoch(on.setting.plan, devices)
    run_validation = compile_validation(on.setting.plan, devices)
    compiled = []
    for open_channels in ([1, 1, 1, 1], [1, 0, 0, 1], [1, 1, 0, 1]):
        active = devices.put(np.array([open_channels], bool))
        state, _ = run_epoch(Stage.DECODE, dataclasses.replace(state, active=active), on.train)
        usage = np.asarray(run_validation(state, on.validation)["usage"][0])
        assert ((usage > 0) == np.array(open_channels, bool)).all()
        programs: Any = (run_epoch, run_validation)
        compiled.append([program._cache_size() for program in programs])
    assert compiled[0] == compiled[-1]


def test_training_changes_no_weight_of_the_checkpoint_it_returns() -> None:
    """The state is donated to the next epoch: what a listener or an outcome holds must not be overwritten."""
    on = bench(tiny({"training": {"early_stopping": {"patience": 1, "monitor": "kl_z"}}}, epochs=2))
    outcome = on.fit().outcome
    before = host(outcome.checkpoint.arrays)
    more = bench(tiny({"training": {"early_stopping": {"patience": 9, "monitor": "kl_z"}}}, epochs=3))
    best = outcome.checkpoint.arrays.best
    more.fit(outcome.checkpoint)
    assert same_bits(best, before.best)

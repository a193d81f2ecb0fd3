"""A curriculum at work: what is decided is done to the weights and to nothing else, and no break, no other replica and
no number of devices changes what is decided."""

import dataclasses
import functools
import itertools
import math
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jaxtyping import PyTree

from rcmvae.curriculum import Birthplace, Clusters, merged
from rcmvae.structs import Event, Signals
from rcmvae.training import Checkpoints, begin, compile_codes
from rcmvae.training.epoch import compile_epoch, compile_validation, learning_rate
from rcmvae.training.history import row_of
from rcmvae.training.options import CheckpointOptions
from rcmvae.training.state import Stand, Streams, TrainState

from .grown import (
    FINISH,
    KEEPS,
    MERGES,
    RATE,
    TRIAL,
    Watched,
    growing,
    mixed,
    replica_of,
    told,
    watched,
    what_happened,
)
from .small import Ran, result_of, same_bits, start_python


@pytest.fixture(scope="module")
def threshold() -> float:
    """Between what the first newcomer is worth to the one replica and to the other."""
    ran = growing(mixed(1e9), seeds=2).fit()
    first = [growth.events[1].scores["cleanness"] for growth in ran.outcome.checkpoint.growth]
    assert max(first) > 2 * min(first) > 0
    return float(np.sqrt(np.prod(first)))


@pytest.fixture(scope="module")
def together(threshold: float) -> Watched:
    return watched(growing(mixed(threshold), seeds=2))


@pytest.fixture(scope="module")
def apart(threshold: float) -> list[Ran]:
    return [growing(mixed(threshold), seed=seed).fit() for seed in (0, 1)]


@pytest.fixture(scope="module")
def keeps() -> Watched:
    return watched(growing(KEEPS))


@pytest.fixture(scope="module")
def merges() -> Watched:
    return watched(growing(MERGES))


@pytest.fixture(scope="module")
def runs(together: Watched, keeps: Watched, merges: Watched) -> list[Watched]:
    return [together, keeps, merges]


@jax.jit
def one_replica(tree: PyTree) -> Any:
    return jax.tree.map(lambda leaf: leaf[None], tree)


class Turn(NamedTuple):
    """One replica's state before and after something happened to it."""

    run: Watched
    replica: int
    event: Event
    was: TrainState
    now: TrainState
    before: TrainState  # what a restoring goes back to


def turns(runs: list[Watched], what: str) -> Iterator[Turn]:
    for run in runs:
        for was, now in run.steps:
            for replica, growth in enumerate(now.growth):
                for event in growth.events[len(was.growth[replica].events) :]:
                    if event.what == what:
                        pair = was.arrays.state, now.arrays.state, now.arrays.before
                        yield Turn(run, replica, event, *(replica_of(state, replica) for state in pair))


def test_in_these_runs_everything_happens(runs: list[Watched]) -> None:
    together, keeps, merges = [[[e[:3] for e in of] for of in what_happened(run.ran)] for run in runs]
    endings = sorted([e[1] for e in of] for of in together)
    in_vain = ["opened", "closed"] * 2  # once by either way of cutting
    assert endings == [[*in_vain, "ended"], ["opened", "kept", *in_vain, "ended"]]
    assert keeps == [
        [(1, "opened", 1), (3, "kept", 1), (7, "opened", 2), (9, "kept", 2), (11, "ended", None)]
    ]
    assert [e[1] for e in merges[0]] == ["merged"] * 2 + [*in_vain, "ended"]


class TestWhatIsDone:
    def test_an_opening_is_what_start_says_at_the_cut_of_the_parents_codes(self, runs: list[Watched]) -> None:
        alone = growing(KEEPS)
        codes_of = compile_codes(alone.setting.plan, alone.setting.devices)
        start = jax.jit(Clusters().__call__)
        for turn in turns(runs, "opened"):
            event = turn.event
            assert event.channel is not None
            assert event.parent is not None
            assert (np.flatnonzero(turn.now.active != turn.was.active) == [event.channel]).all()
            assert turn.now.active[event.channel]
            assert same_bits(turn.before, turn.was)
            assert (int(turn.now.stand.newest), float(turn.now.stand.opened)) == (event.channel, event.epoch)
            (codes,) = codes_of(one_replica(turn.was), alone.validation)
            (way,) = [way for way in Clusters.ways if way.__name__ == event.cut]
            cut = way(codes.z[:, event.parent], codes.responsibility[:, event.parent])
            birth = Birthplace(
                jnp.int32(event.channel),
                jnp.int32(event.parent),
                jnp.asarray(cut.axis, jnp.float32),
                jnp.float32(cut.offset),
            )
            key = jax.random.fold_in(Streams.of(turn.was.seed).grow, turn.was.step)
            expected = start(turn.was.params, birth, key)
            for a, b in zip(jax.tree.leaves(turn.now.params), jax.tree.leaves(expected), strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-5)
            for name in ("mu", "nu"):
                weight: Any = optax.tree.get(turn.now.opt_state, name).heads.logits.weight
                np.testing.assert_array_equal(weight[:, event.channel], weight[:, event.parent])

    def test_a_refused_channel_leaves_no_trace(self, runs: list[Watched]) -> None:
        opened = {}
        for turn in turns(runs, "opened"):
            opened[id(turn.run), turn.replica, turn.event.channel, turn.event.epoch] = turn.was
        closed = list(turns(runs, "closed"))
        for turn in closed:
            at = id(turn.run), turn.replica, turn.event.channel, turn.event.epoch - TRIAL
            for part in ("params", "opt_state", "active", "seed"):
                assert same_bits(getattr(turn.now, part), getattr(opened[at], part)), part
            assert not same_bits(turn.now.params, turn.was.params)
            assert turn.now.step == turn.was.step > opened[at].step
            assert turn.now.stand.newest == -1
        assert len(closed) == 6

    def test_a_merge_folds_the_logit_and_closes(self, merges: Watched) -> None:
        for turn in turns([merges], "merged"):
            pair = jnp.int32(turn.event.parent or 0), jnp.int32(turn.event.channel or 0)
            usage = merges.ran.epochs[turn.event.epoch - 1][0].usage
            expected = merged(turn.was.params, *pair, jnp.asarray(usage))
            for a, b in zip(jax.tree.leaves(turn.now.params), jax.tree.leaves(expected), strict=True):
                np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
            assert turn.now.active.tolist() == [
                k != turn.event.channel and was for k, was in enumerate(turn.was.active)
            ]
            assert same_bits(turn.now.opt_state, turn.was.opt_state)
            assert turn.now.stand.newest == -1

    def test_where_nothing_happens_nothing_changes(self, runs: list[Watched]) -> None:
        for run in runs:
            for was, now in run.steps:
                for replica, (old, new) in enumerate(zip(was.growth, now.growth, strict=True)):
                    if all(e.what in ("kept", "ended") for e in new.events[len(old.events) :]):
                        states = [replica_of(at.arrays.state, replica) for at in (was, now)]
                        for part in ("params", "opt_state", "active", "step", "seed"):
                            assert same_bits(*(getattr(state, part) for state in states)), part

    def test_a_new_pots_sources_are_who_held_its_samples_before(self, runs: list[Watched]) -> None:
        for turn in [*turns(runs, "kept"), *turns(runs, "closed")]:
            plan, event = turn.run.on.setting.plan, turn.event
            x = plan.scaling(turn.run.on.validation.x)

            def beliefs(state: TrainState, plan: Any = plan, x: Any = x) -> np.ndarray:
                y = np.asarray(eqx.combine(state.params, plan.skeleton).encode(x).logits, float)
                e = np.exp(y - y.max(axis=1, keepdims=True)) * np.asarray(state.active)
                return e / e.sum(axis=1, keepdims=True)

            before, after = beliefs(turn.before), beliefs(turn.was)
            mass = np.zeros(4)
            for r, s in zip(before, after, strict=True):
                for k in range(4):
                    mass[k] += r[k] * s[event.channel or 0]
            share = mass / mass.sum()
            assert event.sources == pytest.approx(
                {k: share[k] for k in range(4) if share[k] >= 1e-3}, rel=1e-3
            )
            assert event.channel not in event.sources, "it was closed"

    def test_nothing_is_compiled_twice(self, runs: list[Watched]) -> None:
        for run in runs:
            assert len(run.programs) == 3
            assert [program._cache_size() for program in run.programs] == [1, 1, 1]


class TestKick:
    def test_it_lasts_as_many_epochs_as_told(self, keeps: Watched) -> None:
        kicked = [one.epoch for (one,) in keeps.ran.epochs if one.kick_active]
        assert kicked == [2, 3, 8, 9]

    def test_training_is_kicked_and_validation_and_codes_are_not(self) -> None:
        on = growing(KEEPS)
        plan, devices, start = on.setting.plan, on.setting.devices, on.setting.start
        active = jnp.array([[True, True, False, False]])
        states = [
            dataclasses.replace(
                start, active=active, stand=Stand(jnp.array([n]), jnp.zeros(1), jnp.full(1, jnp.inf))
            )
            for n in (-1, 1)
        ]
        validate, codes = compile_validation(plan, devices), compile_codes(plan, devices)
        without, with_it = (devices.put(state) for state in states)
        assert same_bits(validate(without, on.validation), validate(with_it, on.validation))
        seen = [codes(state, on.validation)[0] for state in (without, with_it)]
        assert same_bits(*seen)
        stage = plan.objective.stage_at(plan.times(0))
        losses = [compile_epoch(plan, devices)(stage, state, on.train)[1] for state in (without, with_it)]
        assert not same_bits(losses[0]["reconstruction"], losses[1]["reconstruction"])


class TestTheEnd:
    @pytest.mark.parametrize("ended", [3.0, 10.0])
    def test_the_rate_falls_along_a_cosine_and_is_0_afterwards(self, keeps: Watched, ended: float) -> None:
        rate = functools.partial(learning_rate, keeps.on.setting.plan)
        stand = Stand(jnp.int32(-1), jnp.float32(0), jnp.float32(ended))
        for since in (0.0, 0.5, 1.0, 1.75, 1.999):
            factor = RATE + (1 - RATE) * (1 + math.cos(math.pi * since / FINISH)) / 2
            found = rate(jnp.float32(ended + since), stand)
            np.testing.assert_allclose(found, 1e-2 * factor, rtol=1e-4)
        assert all(rate(jnp.float32(ended + since), stand) == 0 for since in (FINISH, 2.5, 100.0))
        assert rate(jnp.float32(7.0), Stand.at_start()) == jnp.float32(1e-2)

    def test_a_finished_replica_no_longer_moves_and_the_run_ends_with_the_last(
        self, together: Watched
    ) -> None:
        over = [growth.over or 0 for growth in together.ran.outcome.checkpoint.growth]
        assert min(over) < max(over) == len(together.ran.epochs) < 14
        for replica, last in enumerate(over):
            weights = [replica_of(was.arrays.state.params, replica) for was, _ in together.steps]
            moved = [not same_bits(a, b) for a, b in itertools.pairwise(weights)]
            assert moved == [epoch < last for epoch in range(1, len(weights))]
            idle = [signals[replica].idle for signals in together.ran.epochs]
            assert idle == [epoch > last for epoch in range(1, len(idle) + 1)]
            assert together.ran.outcome.checkpoint.chosen_epochs[replica] == last

    def test_the_history_counts_open_channels(self, runs: list[Watched]) -> None:
        for run in runs:
            for signals, (was, now) in zip(run.ran.epochs, run.steps, strict=True):
                for replica, one in enumerate(signals):
                    row, active = row_of(one, 0), np.asarray(was.arrays.state.active)[replica]
                    assert row["k_active"] == active.sum()
                    assert (one.usage[~active] == 0).all()
                    newly = np.flatnonzero(np.asarray(now.arrays.state.active)[replica] & ~active).tolist()
                    assert row.get("unlocked") == (newly[0] if newly else None)


class Killed(Exception):  # noqa: N818
    """What a listener raises in the middle of a run."""


@pytest.fixture(scope="module")
def broken(threshold: float, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Any]]:
    """A run that broke in its ninth epoch, with the checkpoints of all before, and what it told until then."""

    def kill(signals: Sequence[Signals]) -> None:
        if signals[0].epoch == 9:
            raise Killed

    path, heard = tmp_path_factory.mktemp("broken"), []
    on = growing(mixed(threshold), seeds=2)
    with Checkpoints(path, CheckpointOptions(keep=9)) as checkpoints, pytest.raises(Killed):
        on.fit(listeners=[kill, heard.append], checkpoints=checkpoints)
    return path, heard


@pytest.mark.parametrize(("epoch", "trials"), [(2, 2), (8, 1)], ids=["both_on_trial", "one_over"])
def test_killed_in_a_trial_it_goes_on_as_if_nothing_had_happened(
    together: Watched,
    threshold: float,
    broken: tuple[Path, list[Any]],
    epoch: int,
    trials: int,
    tmp_path: Path,
) -> None:
    path, heard = broken
    shutil.copytree(path / str(epoch), tmp_path / str(epoch))
    again = growing(mixed(threshold), seeds=2)
    with Checkpoints(tmp_path, CheckpointOptions()) as checkpoints:
        start = checkpoints.restore(begin(again.setting.plan, again.setting.start))
    assert start.epoch == epoch
    assert sum(growth.trial is not None for growth in start.growth) == trials
    second = again.fit(start)
    assert any(one.kick_active for one in second.epochs[0])
    expected, found = together.ran.outcome.checkpoint, second.outcome.checkpoint
    assert same_bits(found.arrays, expected.arrays)
    assert found.growth == expected.growth
    assert told([*heard[:epoch], *second.epochs]) == told(together.ran.epochs)


def assert_alike(mine: Ran, replica: int, other: Ran) -> None:
    """The same decisions, and the same numbers up to the order of sums."""
    assert what_happened(mine)[replica] == what_happened(other)[0]
    for both, (one,) in zip(mine.epochs, other.epochs, strict=False):
        assert both[replica].active.tolist() == one.active.tolist()
        np.testing.assert_allclose(both[replica].usage, one.usage, atol=2e-3)
        assert both[replica].validation["bound"] == pytest.approx(one.validation["bound"], rel=2e-3)


def test_replicas_decide_as_they_do_alone(together: Watched, apart: list[Ran]) -> None:
    for replica, alone in enumerate(apart):
        assert_alike(together.ran, replica, alone)
        assert len(alone.epochs) == together.ran.outcome.checkpoint.growth[replica].over
        pairs = zip(
            jax.tree.leaves(replica_of(together.ran.outcome.chosen.params, replica)),
            jax.tree.leaves(alone.outcome.chosen.params),
            strict=True,
        )
        for a, b in pairs:
            np.testing.assert_allclose(a, b[0], rtol=5e-3, atol=5e-3)


def test_four_devices_decide_as_one(threshold: float, apart: list[Ran]) -> None:
    found = result_of(start_python(Path(__file__).with_name("grown.py"), str(threshold), devices=4))
    for alone, (events, bounds) in zip(apart, found, strict=True):
        assert [tuple(event) for event in events] == what_happened(alone)[0]
        expected = [one.validation["bound"] for (one,) in alone.epochs]
        np.testing.assert_allclose(bounds, expected, rtol=2e-3)

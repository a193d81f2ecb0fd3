"""Between epochs: what a curriculum decides, and what that does to the weights."""

import dataclasses
import functools
from collections.abc import Callable, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from rcmvae.curriculum import (
    Act,
    Action,
    Birthplace,
    Boundary,
    Curriculum,
    Grower,
    Growth,
    copied_moments,
    merged,
)
from rcmvae.structs import Codes, Signals
from rcmvae.training.checkpoint import Arrays, Checkpoint
from rcmvae.training.devices import Devices
from rcmvae.training.programs import Programs
from rcmvae.training.sharing import once_per_plan
from rcmvae.training.state import Pixels, Plan, Stand, Streams, TrainState

Judged = Callable[[], list[Codes]]  # every replica's codes of the samples that decide, once asked for


class Growing:
    """A curriculum at work in a run: every replica decides for itself, and all are changed by one program."""

    def __init__(self, plan: Plan, programs: Programs, judged: Pixels, curriculum: Curriculum) -> None:
        self.grower = Grower(curriculum, plan.num_channels, plan.options.epochs)
        self.judged = judged
        self.codes = programs.codes
        self.joint = programs.joint
        self.carry_out = compile_carrying_out(plan, programs.devices, curriculum)

    def after_epoch(self, now: Checkpoint, signals: Sequence[Signals]) -> tuple[Checkpoint, list[Signals]]:
        """The checkpoint with this epoch's decisions in it, and the signals with what they were."""
        codes = functools.cache(lambda: self.codes(now.arrays.state, self.judged))
        flows = self._flows(now, codes)
        seen = self._with_joint(now, self._with_codes(now, signals, codes))
        steps = [self.grower.step(*each) for each in zip(now.growth, seen, flows, strict=True)]
        after = tuple(growth for growth, _ in steps)
        told = [
            dataclasses.replace(
                one,
                unlocked=action.channel if action.act is Act.OPEN else None,
                events=new.events[len(old.events) :],
            )
            for one, old, (new, action) in zip(signals, now.growth, steps, strict=True)
        ]
        ending = [new.ended == now.epoch for new in after]
        if any(ending) or any(action.act is not Act.NOTHING for _, action in steps):
            actions = [action for _, action in steps]
            D = now.arrays.state.params.heads.latents[1]
            orders = Orders.of(actions, ending, [one.usage for one in signals], D)
            now = dataclasses.replace(now, arrays=self.carry_out(now.arrays, orders))
        return dataclasses.replace(now, growth=after), told

    def _flows(self, now: Checkpoint, codes: Judged) -> list[Float[np.ndarray, "K K"] | None]:
        """Where the mass of each channel went since the trial began, for replicas whose trial is due."""
        due = [self.grower.is_due(growth, now.epoch) for growth in now.growth]
        if not any(due):
            return [None] * len(due)
        assert now.arrays.before is not None
        pairs = zip(self.codes(now.arrays.before, self.judged), codes(), strict=True)
        flows = [was.responsibility.T @ now_is.responsibility / len(was.z) for was, now_is in pairs]
        return [flow if is_due else None for flow, is_due in zip(flows, due, strict=True)]

    def _looks(self, now: Checkpoint) -> bool:
        return any(self.grower.looks(growth, now.epoch) for growth in now.growth)

    def _with_joint(self, now: Checkpoint, signals: Sequence[Signals]) -> Sequence[Signals]:
        if not self._looks(now):
            return signals
        joints = self.joint(now.arrays.state, self.judged)
        return [dataclasses.replace(one, joint=joint) for one, joint in zip(signals, joints, strict=True)]

    def _with_codes(self, now: Checkpoint, signals: Sequence[Signals], codes: Judged) -> Sequence[Signals]:
        if not self.grower.needs_codes or not self._looks(now):
            return signals
        pairs = zip(signals, codes(), strict=True)
        return [dataclasses.replace(one, codes=codes) for one, codes in pairs]


class Orders(eqx.Module):
    """What is to be done to each replica, as arrays."""

    opens: Bool[Array, "*R"]
    restores: Bool[Array, "*R"]
    merges: Bool[Array, "*R"]
    ends: Bool[Array, "*R"]
    channel: Int[Array, "*R"]
    parent: Int[Array, "*R"]
    usage: Float[Array, "*R K"]
    axis: Float[Array, "*R D"]
    offset: Float[Array, "*R"]

    @classmethod
    def of(
        cls,
        actions: Sequence[Action],
        ends: Sequence[bool],
        usage: Sequence[Float[np.ndarray, " K"]],
        D: int,
    ) -> "Orders":
        """Gather one action per replica; where no codes are cut, their plane is nowhere."""
        cuts = [Boundary(np.zeros(D), 0.0) if action.cut is None else action.cut for action in actions]

        def each(act: Act) -> Bool[Array, " R"]:
            return jnp.array([action.act is act for action in actions])

        return cls(
            opens=each(Act.OPEN),
            restores=each(Act.RESTORE),
            merges=each(Act.MERGE),
            ends=jnp.array(ends),
            channel=jnp.array([action.channel for action in actions]),
            parent=jnp.array([action.parent for action in actions]),
            usage=jnp.asarray(np.stack(usage), jnp.float32),
            axis=jnp.asarray(np.stack([cut.axis for cut in cuts]), jnp.float32),
            offset=jnp.asarray([cut.offset for cut in cuts], jnp.float32),
        )


@once_per_plan
def compile_carrying_out(
    plan: Plan, devices: Devices, curriculum: Curriculum
) -> Callable[[Arrays, Orders], Arrays]:
    """The program for all replicas."""

    def run(arrays: Arrays, orders: Orders) -> Arrays:
        return plan.over_replicas(lambda a, o: carried_out(plan, curriculum, a, o), (0, 0))(arrays, orders)

    return jax.jit(run, out_shardings=devices.replicated)


def carried_out(plan: Plan, curriculum: Curriculum, arrays: Arrays, orders: Orders) -> Arrays:
    """One replica after its orders."""
    state, before = arrays.state, arrays.before
    assert before is not None
    time = plan.time(state)

    def chosen(condition: Bool[Array, ""], then: TrainState, otherwise: TrainState) -> TrainState:
        return jax.tree.map(lambda a, b: jnp.where(condition, a, b), then, otherwise)

    after = chosen(orders.opens, opened(curriculum, state, orders, time), state)
    after = chosen(orders.restores, restored(state, before), after)
    after = chosen(orders.merges, merged_away(state, orders), after)
    ended = jnp.where(orders.ends, time, after.stand.ended)
    after = dataclasses.replace(after, stand=dataclasses.replace(after.stand, ended=ended))
    return dataclasses.replace(arrays, state=after, before=chosen(orders.opens, state, before))


def opened(curriculum: Curriculum, state: TrainState, orders: Orders, time: Float[Array, ""]) -> TrainState:
    """With `channel` begun from `parent`."""
    channel, parent = orders.channel, orders.parent
    key = jax.random.fold_in(Streams.of(state.seed).grow, state.step)
    opt_state = state.opt_state
    if curriculum.start.copies:
        opt_state = copied_moments(opt_state, channel, parent)
    return dataclasses.replace(
        state,
        params=curriculum.start(state.params, Birthplace(channel, parent, orders.axis, orders.offset), key),
        opt_state=opt_state,
        active=state.active.at[channel].set(True),
        stand=Stand(newest=channel, opened=time, ended=state.stand.ended),
    )


def restored(state: TrainState, before: TrainState) -> TrainState:
    """As it was before the last channel opened; time, and with it all randomness, goes on."""
    return dataclasses.replace(
        before, step=state.step, stand=dataclasses.replace(state.stand, newest=jnp.int32(-1))
    )


def merged_away(state: TrainState, orders: Orders) -> TrainState:
    """With `channel` closed, and `parent` speaking for it."""
    return dataclasses.replace(
        state,
        params=merged(state.params, orders.parent, orders.channel, orders.usage),
        active=state.active.at[orders.channel].set(False),
        stand=dataclasses.replace(state.stand, newest=jnp.int32(-1)),
    )


def first_growth(plan: Plan) -> tuple[Growth, ...]:
    """The state of every replica's decisions before the first epoch; none without a curriculum."""
    if plan.curriculum is None:
        return ()
    grower = Grower(plan.curriculum, plan.num_channels, plan.options.epochs)
    return (grower.init(),) * plan.options.seeds

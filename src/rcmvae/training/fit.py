"""The host's loop: compiled epochs, and between them everything that is decided."""

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, PyTree

from rcmvae.errors import NonFiniteError
from rcmvae.interruption import Interruption
from rcmvae.structs import Signals
from rcmvae.training.checkpoint import Arrays, Checkpoint, Checkpoints
from rcmvae.training.devices import Devices
from rcmvae.training.early_stopping import Patience, keep_improved
from rcmvae.training.growing import Growing, first_growth
from rcmvae.training.programs import Programs
from rcmvae.training.state import Pixels, Plan, TrainState

Tree = TypeVar("Tree", bound=PyTree)
Listener = Callable[[Sequence[Signals]], None]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """How training ended."""

    checkpoint: Checkpoint
    signal_number: int | None  # set when a signal ended the run early

    @property
    def chosen(self) -> TrainState:
        """The state with the weights to use."""
        return self.checkpoint.arrays.chosen


def begin(plan: Plan, state: TrainState) -> Checkpoint:
    """A run before its first epoch, as the checkpoint that it starts from."""
    best = None if plan.options.early_stopping is None else _copy(state.params)
    before = None if plan.curriculum is None else _copy(state)
    return Checkpoint(
        0, Arrays(state, best, before), Patience.init(plan.options.seeds), 0.0, first_growth(plan)
    )


@jax.jit
def _copy(tree: Tree) -> Tree:
    return jax.tree.map(jnp.copy, tree)


def fit(
    plan: Plan,
    devices: Devices,
    start: Checkpoint,
    train: Pixels,
    validation: Pixels,
    listeners: Sequence[Listener] = (),
    checkpoints: Checkpoints | None = None,
    interruption: Interruption | None = None,
    told_apart_by: Pixels | None = None,
    programs: Programs | None = None,
) -> Outcome:
    """Train from a checkpoint (`begin` makes the first) until the last epoch, early stopping or a signal.

    A curriculum judges how well channels are told apart by samples of its own, or by those for validation.
    """
    programs = programs or Programs(plan, devices)
    judged = validation if told_apart_by is None else told_apart_by
    growing = None if plan.curriculum is None else Growing(plan, programs, judged, plan.curriculum)
    run_epoch, run_validation = programs.epoch, programs.validation
    now = start
    last_saved = began = time.monotonic()
    stopped_by: int | None = None
    with interruption or Interruption() as heard:
        while not _finished(plan, now) and stopped_by is None:
            epoch_began = time.monotonic()
            stage = plan.objective.stage_at(plan.times(now.epoch))
            state, trace = run_epoch(stage, now.arrays.state, train)
            trace = _on_host(trace)
            idle = now.finished
            _refuse_non_finite(plan, idle, trace, f"in epoch {now.epoch + 1}, step {{step}} of that epoch")
            means = _on_host(run_validation(state, validation))
            numbers = {name: value[:, None] for name, value in means.items() if value.ndim == 1}
            _refuse_non_finite(plan, idle, numbers, f"in the validation after epoch {now.epoch + 1}")
            seconds = time.monotonic() - epoch_began

            now = _decide(plan, now, state, means, start.seconds + time.monotonic() - began)
            signals = [
                dataclasses.replace(
                    _signals(plan, now, trace, means, replica, seconds), idle=bool(idle[replica])
                )
                for replica in range(plan.options.seeds)
            ]
            if growing is not None:
                now, signals = growing.after_epoch(now, signals)
            for listener in listeners:
                listener(signals)
            noted = devices.agree(heard.signal_number or 0)
            stopped_by = None if _finished(plan, now) else noted or None
            due = devices.agree(int(time.monotonic() - last_saved >= plan.options.checkpoint.every_seconds))
            if checkpoints and (due or stopped_by or _finished(plan, now)):
                checkpoints.save(now)
                last_saved = time.monotonic()
    return Outcome(now, stopped_by)


def _finished(plan: Plan, now: Checkpoint) -> bool:
    return now.epoch >= plan.options.epochs or bool(now.finished.all())


def _on_host(means: dict[str, jax.Array]) -> dict[str, np.ndarray]:
    return {name: np.asarray(value) for name, value in means.items()}


def _refuse_non_finite(
    plan: Plan, idle: Bool[np.ndarray, " R"], values: dict[str, np.ndarray], when: str
) -> None:
    """Stop at the first step with a value that is not finite, naming the term that comes first in the objective."""
    order = [*plan.objective.terms, "loss", "bound", "gradient_norm"]
    found = [
        (int(step), order.index(name), int(replica))
        for name, value in values.items()
        for replica, step in np.argwhere(~np.isfinite(value))
        if not idle[replica]
    ]
    if not found:
        return
    step, place, replica = min(found)
    name = order[place]
    raise NonFiniteError(
        f"{name} became {values[name][replica, step]} {when.format(step=step + 1)} "
        f"(seed {plan.options.seed + replica}). The last complete checkpoint is from before it. A smaller "
        f"training.learning_rate or a finite training.clip_norm usually helps."
    )


def _decide(
    plan: Plan, now: Checkpoint, state: TrainState, means: dict[str, np.ndarray], seconds: float
) -> Checkpoint:
    """The checkpoint after an epoch, with early stopping's word on it."""
    epoch, options = now.epoch + 1, plan.options.early_stopping
    patience, best = now.patience, now.arrays.best
    if options is not None and best is not None:
        if epoch <= plan.objective.settled():  # another objective is to come: nothing is best yet
            best = _copy(state.params)
        else:
            patience, improved = patience.step(options, epoch, means[options.monitor].astype(float))
            best = keep_improved(improved, state.params, best)
    arrays = dataclasses.replace(now.arrays, state=state, best=best)
    return dataclasses.replace(now, epoch=epoch, arrays=arrays, patience=patience, seconds=seconds)


def _kicked(plan: Plan, now: Checkpoint, replica: int) -> bool:
    """Whether the epoch that just ended began with a kick."""
    stand, curriculum = now.arrays.state.stand, plan.curriculum
    if curriculum is None:
        return False
    return bool(curriculum.kick.is_on(stand.newest[replica], now.epoch - 1 - stand.opened[replica]))


def _signals(
    plan: Plan,
    now: Checkpoint,
    trace: dict[str, np.ndarray],
    means: dict[str, np.ndarray],
    replica: int,
    seconds: float,
) -> Signals:
    mine: dict[str, Any] = {name: value[replica] for name, value in means.items()}
    channels = {name: mine.pop(name) for name in ("usage", "channel_loss")}
    doubt = float(mine.pop("doubt"))
    return Signals(
        epoch=now.epoch,
        step=int(np.asarray(now.arrays.state.step)[replica]),
        train={name: float(np.mean(values[replica], dtype=float)) for name, values in trace.items()},
        validation={name: float(value) for name, value in mine.items()},
        **channels,
        doubt=doubt,
        active=np.array(now.arrays.state.active)[replica],  # a copy: the next epoch overwrites the state
        kick_active=_kicked(plan, now, replica),
        seconds=seconds,
    )

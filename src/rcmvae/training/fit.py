"""The host's loop: compiled epochs, and between them everything that is decided."""

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool

from rcmvae.errors import NonFiniteError
from rcmvae.model import Model
from rcmvae.structs import Signals
from rcmvae.training.checkpoint import Arrays, Checkpoint, Checkpoints
from rcmvae.training.devices import Devices
from rcmvae.training.early_stopping import Patience, keep_improved
from rcmvae.training.epoch import compile_epoch, compile_validation
from rcmvae.training.interruption import Interruption
from rcmvae.training.state import Pixels, Plan, TrainState

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
    return Checkpoint(0, Arrays(state, best), Patience.init(plan.options.seeds), 0.0)


@jax.jit
def _copy(params: Model) -> Model:
    return jax.tree.map(jnp.copy, params)


def fit(
    plan: Plan,
    devices: Devices,
    start: Checkpoint,
    train: Pixels,
    validation: Pixels,
    listeners: Sequence[Listener] = (),
    checkpoints: Checkpoints | None = None,
) -> Outcome:
    """Train from a checkpoint (`begin` makes the first) until the last epoch, early stopping or a signal."""
    run_epoch, run_validation = compile_epoch(plan, devices), compile_validation(plan, devices)
    now = start
    last_saved = began = time.monotonic()
    stopped_by: int | None = None
    with Interruption() as interruption:
        while not _finished(plan, now) and stopped_by is None:
            epoch_began = time.monotonic()
            stage = plan.objective.stage_at(plan.times(now.epoch))
            state, trace = run_epoch(stage, now.arrays.state, train)
            trace = _on_host(trace)
            idle = now.patience.stopped
            _refuse_non_finite(plan, idle, trace, f"in epoch {now.epoch + 1}, step {{step}} of that epoch")
            means = _on_host(run_validation(state, validation))
            numbers = {name: value[:, None] for name, value in means.items() if name != "usage"}
            _refuse_non_finite(plan, idle, numbers, f"in the validation after epoch {now.epoch + 1}")
            seconds = time.monotonic() - epoch_began

            now = _decide(plan, now, state, means, start.seconds + time.monotonic() - began)
            signals = [
                dataclasses.replace(_signals(now, trace, means, replica, seconds), idle=bool(idle[replica]))
                for replica in range(plan.options.seeds)
            ]
            for listener in listeners:
                listener(signals)
            noted = devices.agree(interruption.signal_number or 0)
            stopped_by = None if _finished(plan, now) else noted or None
            due = devices.agree(int(time.monotonic() - last_saved >= plan.options.checkpoint.every_seconds))
            if checkpoints and (due or stopped_by or _finished(plan, now)):
                checkpoints.save(now)
                last_saved = time.monotonic()
    return Outcome(now, stopped_by)


def _finished(plan: Plan, now: Checkpoint) -> bool:
    return now.epoch >= plan.options.epochs or bool(now.patience.stopped.all())


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
    epoch, options = now.epoch + 1, plan.options.early_stopping
    if options is None or now.arrays.best is None:
        return Checkpoint(epoch, Arrays(state, None), now.patience, seconds)
    if epoch <= plan.objective.settled():  # another objective is to come: nothing is best yet
        return Checkpoint(epoch, Arrays(state, _copy(state.params)), now.patience, seconds)
    patience, improved = now.patience.step(options, epoch, means[options.monitor].astype(float))
    best = keep_improved(improved, state.params, now.arrays.best)
    return Checkpoint(epoch, Arrays(state, best), patience, seconds)


def _signals(
    now: Checkpoint, trace: dict[str, np.ndarray], means: dict[str, np.ndarray], replica: int, seconds: float
) -> Signals:
    mine: dict[str, Any] = {name: value[replica] for name, value in means.items()}
    usage = mine.pop("usage")
    return Signals(
        epoch=now.epoch,
        step=int(now.arrays.state.step[replica]),
        train={name: float(np.mean(values[replica], dtype=float)) for name, values in trace.items()},
        validation={name: float(value) for name, value in mine.items()},
        usage=usage,
        active=np.asarray(now.arrays.state.active[replica]),
        seconds=seconds,
    )

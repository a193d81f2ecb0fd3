"""From a configuration to a finished run, in the order a person would tell it."""

import dataclasses
import shlex
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Literal

import numpy as np
from jaxtyping import Float
from rich.console import Console

from rcmvae.config import Config, dump_config
from rcmvae.data import Arrays as Split
from rcmvae.data import Dataset, load
from rcmvae.diagnostics import clustering
from rcmvae.errors import NonFiniteError, RunError
from rcmvae.run import DataCard, RunDirectory, claim, is_taken
from rcmvae.training import (
    Checkpoint,
    Checkpoints,
    Devices,
    History,
    Listener,
    Outcome,
    Pixels,
    Plan,
    TrainState,
    begin,
    compile_codes,
    compile_validation,
    fit,
    initial_states,
)
from rcmvae.training.progress import ProgressBar

FIT_SAMPLE = 10_000  # most samples that a prior looks at before the first step


@dataclasses.dataclass(frozen=True)
class Setting:
    """A configuration brought together with its data and devices: what training and evaluation share."""

    config: Config
    dataset: Dataset
    devices: Devices
    plan: Plan
    start: TrainState

    @classmethod
    def prepare(cls, config: Config, dataset: Dataset | None) -> "Setting":
        """Load, check, and build fresh weights."""
        dataset = load(config.data) if dataset is None else dataset
        config = config.model_copy(update={"data": dataset.source})
        config.check_against(dataset)
        devices = Devices.take(config.training.devices, config.training.batch_size)
        state, skeleton = initial_states(
            config.model,
            config.training,
            config.curriculum,
            dataset.shape,
            dataset.num_classes,
            lambda: fit_sample(dataset),
        )
        plan = Plan(
            num_channels=config.model.num_channels,
            skeleton=skeleton,
            objective=config.objective,
            options=config.training,
            curriculum=config.curriculum,
            scaling=dataset.scaling,
            num_train=len(dataset.train),
        )
        return cls(config, dataset, devices, plan, devices.put(state))

    def new_run(self) -> RunDirectory:
        """A fresh run directory, the same for all processes."""
        taken = self.devices.agree(int(is_taken(self.config.run)))  # every process looks before one makes it
        path = claim(self.config) if taken or self.devices.is_lead else Path()
        run = RunDirectory(Path(self.devices.agree_on_text(str(path))), self.devices.is_lead)
        run.describe(self.config, DataCard.of(self.dataset))
        return run

    def on_device(self, split: Split) -> Pixels:
        """A split on every device, as stored."""
        return Pixels(*self.devices.put((split.x, split.label)))


def fit_sample(dataset: Dataset) -> Float[np.ndarray, "N *S"]:
    """A random part of the training samples, scaled."""
    rows = np.random.default_rng(0).permutation(len(dataset.train))[:FIT_SAMPLE]
    return np.asarray(dataset.scaling(dataset.train.x[rows]))


SplitName = Literal["train", "validation", "test"]


def train(
    config: Config,
    dataset: Dataset | None = None,
    *,
    console: Console | None = None,
    listeners: Sequence[Listener] = (),
) -> RunDirectory:
    """Train as configured, and leave a run directory. Without a dataset, `config.data` says where it is."""
    setting = Setting.prepare(config, dataset)
    run = setting.new_run()
    with Checkpoints(run.checkpoints, config.training.checkpoint) as checkpoints:
        start = begin(setting.plan, setting.start)
        checkpoints.save(start)
        _go_on(run, setting, start, checkpoints, console, listeners)
    return run


def resume(
    path: Path,
    dataset: Dataset | None = None,
    *,
    epochs: int | None = None,
    console: Console | None = None,
    listeners: Sequence[Listener] = (),
) -> RunDirectory:
    """Go on from the last complete checkpoint, exactly as the run would have; `epochs` moves its end."""
    run = RunDirectory.find(path)
    setting = _reopen(run, dataset, epochs)
    options = setting.config.training
    with Checkpoints(run.checkpoints, options.checkpoint) as checkpoints:
        start = checkpoints.restore(begin(setting.plan, setting.start))
        _refuse_finished(run, start, epochs)
        run.write("config.yaml", dump_config(setting.config))
        _go_on(run, setting, start, checkpoints, console, listeners)
    return run


def evaluate(path: Path, split: SplitName = "test", dataset: Dataset | None = None) -> dict[str, Any]:
    """Losses in nats and agreement with the labels on a split, for the weights that the run ended with."""
    run = RunDirectory.find(path)
    setting = _reopen(run, dataset, None)
    with Checkpoints(run.checkpoints, setting.config.training.checkpoint) as checkpoints:
        found = checkpoints.restore(begin(setting.plan, setting.start))
    scores = _scores(setting, found.arrays.chosen, split)
    run.write_json(f"evaluation-{split}.json", scores)
    return scores


def _refuse_finished(run: RunDirectory, start: Checkpoint, epochs: int | None) -> None:
    if start.patience.stopped.all() and run.is_finished:
        raise RunError(f"{run.path} has finished: early stopping ended it after {start.epoch} epochs.")
    if epochs is not None and epochs <= start.epoch:
        raise RunError(
            f"{run.path} has trained {start.epoch} epochs already: give a larger number than {epochs}."
        )
    # Without its results, training may be over and the summary still missing.
    if start.epoch >= run.config.training.epochs and epochs is None and run.is_finished:
        raise RunError(
            f"{run.path} has finished: it trained {start.epoch} epochs, as configured. To train it for longer, "
            f"give a larger number of epochs."
        )


def _reopen(run: RunDirectory, dataset: Dataset | None, epochs: int | None) -> Setting:
    config, card = run.config, run.card
    if epochs is not None:
        training = config.training.model_copy(update={"epochs": epochs})
        config = config.model_copy(update={"training": training})
    setting = Setting.prepare(config, dataset)
    if setting.dataset.fingerprint != card.fingerprint:
        raise RunError(
            f"{run.path} was trained on other data: `{card.name}` had fingerprint {card.fingerprint[:12]}, and "
            f"what data now points to has {setting.dataset.fingerprint[:12]}."
        )
    return setting


def _go_on(
    run: RunDirectory,
    setting: Setting,
    start: Checkpoint,
    checkpoints: Checkpoints,
    console: Console | None,
    listeners: Sequence[Listener],
) -> None:
    config, plan = setting.config, setting.plan
    run.write_json("summary.json", {"status": "running"})
    history = History(run.path, config.objective, config.training.seed)
    with ExitStack() as stack:
        watching: list[Listener] = list(listeners)
        if run.is_lead:
            history.rewind(start.epoch)
            watching.append(history)
        if console is not None and run.is_lead:
            images = plan.steps_per_epoch * config.training.batch_size
            bar = ProgressBar(config.training.epochs, start.epoch, images, console)
            watching.append(stack.enter_context(bar))
        data = setting.on_device(setting.dataset.train), setting.on_device(setting.dataset.validation)
        try:
            outcome = fit(plan, setting.devices, start, *data, watching, checkpoints)
        except NonFiniteError as error:
            run.write_json("summary.json", {"status": "failed", "reason": str(error)})
            raise
    run.write_json("summary.json", _summary(setting, outcome, history))
    if outcome.signal_number is not None:
        raise Interrupted(run.path, outcome.checkpoint.epoch, outcome.signal_number)


class Interrupted(RunError):  # noqa: N818 — like KeyboardInterrupt, it is no fault
    """A signal ended the run early; its state is saved."""

    def __init__(self, path: Path, epoch: int, signal_number: int) -> None:
        self.exit_status = 128 + signal_number
        super().__init__(
            f"Stopped after epoch {epoch}, and saved. Go on with: rcmvae resume {shlex.quote(str(path))}"
        )


def _summary(setting: Setting, outcome: Outcome, history: History) -> dict[str, Any]:
    epoch, patience = outcome.checkpoint.epoch, outcome.checkpoint.patience
    training = setting.config.training
    seeds = [training.seed + i for i in range(training.seeds)]
    row_at = {(row["seed"], row["epoch"]): row for row in history.rows}
    chosen = zip(seeds, outcome.checkpoint.chosen_epochs, strict=True)
    rows = [row_at[at] for at in chosen if at in row_at]
    values = {name: [row[name] for row in rows] for name in (rows[0] if rows else {}) if "/" in name}
    status = "interrupted" if outcome.signal_number is not None else "finished"
    summary = {
        "status": status,
        "epochs": epoch,
        "seconds": round(outcome.checkpoint.seconds, 3),
        "seeds": seeds,
        "training": {name: spread(numbers) for name, numbers in values.items()},
    }
    if training.early_stopping is not None:
        summary["early_stopping"] = {
            "monitor": training.early_stopping.monitor,
            # Nothing is best before the epochs can be compared.
            "best": [float(value) if np.isfinite(value) else None for value in patience.best],
            "best_epoch": [int(best) or None for best in patience.best_epoch],
            "stopped": patience.stopped.tolist(),
        }
    if status == "finished" and len(setting.dataset.test.x):
        summary["test"] = _scores(setting, outcome.chosen, "test")
    return summary


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Every seed's value with mean and sample standard deviation, which one seed alone does not have.

    >>> spread([1.0, 3.0])
    {'mean': 2.0, 'sd': 1.4142135623730951, 'per_seed': [1.0, 3.0]}
    """
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {"mean": float(np.mean(values)), "sd": sd, "per_seed": [float(value) for value in values]}


def _scores(setting: Setting, state: TrainState, name: SplitName) -> dict[str, Any]:
    split: Split = getattr(setting.dataset, name)
    if len(split.x) == 0:
        raise RunError(f"The data have no {name} split: data.{name} leaves no sample for it.")
    data = setting.on_device(split)
    means = compile_validation(setting.plan, setting.devices)(state, data)
    scores = {key: spread(np.asarray(value).tolist()) for key, value in means.items() if np.ndim(value) == 1}
    codes = compile_codes(setting.plan, setting.devices)(state, data)
    found = [clustering(one.responsibility.argmax(axis=-1), split.truth) for one in codes]
    labelled = [dataclasses.asdict(one) for one in found if one is not None]
    agreement = {key: spread([one[key] for one in labelled]) for key in (labelled[0] if labelled else {})}
    return {"split": name, "samples": len(split.x), "losses": scores, "clustering": agreement or None}

"""From a configuration to a finished run, in the order a person would tell it."""

import json
import warnings
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import jax
from rich.console import Console

from rcmvae import naming, report
from rcmvae.config import Config, dump_config, from_mapping, load_config
from rcmvae.data import Dataset
from rcmvae.errors import ConfigError, Interrupted, NonFiniteError, RunError, counted, in_words, raise_all
from rcmvae.interruption import Interruption
from rcmvae.parting import complete, last_words, left, report_with, way_on_from
from rcmvae.reopening import last_of, reopen
from rcmvae.results import Ending, forget_scores, seeds_of, summary
from rcmvae.run import DataCard, RunDirectory, Ways, is_run
from rcmvae.setting import Setting
from rcmvae.splits import SplitName, as_split
from rcmvae.structs import UNLABELLED
from rcmvae.tracking import Started, Tracks, missing
from rcmvae.training import Checkpoint, Checkpoints, History, Listener, Plan, begin, fit
from rcmvae.training.collapse import CollapseWatch
from rcmvae.training.devices import Devices
from rcmvae.training.progress import ProgressBar

FEW = 10  # samples for each channel; of fewer a person is told
MANY = 12  # columns of a table that are told by name


def train(
    config: Config | Mapping[str, Any] | Path | str | None = None,
    dataset: Any = None,
    *,
    console: Console | None = None,
    listeners: Sequence[Listener] = (),
    interruption: Interruption | None = None,
) -> RunDirectory:
    """Train as configured, and leave a run directory.

    The configuration may also be a file, plain values, or None for the defaults. The data are a `Dataset`, or samples
    without labels; without either, `config.data` says where they are.
    """
    chosen = as_config(config)
    raise_all(missing(chosen.tracking))
    interruption = interruption or Interruption()
    setting = Setting.prepare(chosen, dataset)
    run = setting.new_run()
    with interruption.guard(lambda: left(run, setting.config)), run.held():
        run.describe(setting.config, DataCard.of(setting.dataset))
        with Checkpoints(run.checkpoints, setting.config.training.checkpoint) as checkpoints:
            start = begin(setting.plan, setting.start)
            checkpoints.save(start)
            _go_on(run, setting, start, checkpoints, console, listeners, interruption)
    return run


def resume(
    path: Path | str,
    dataset: Any = None,
    *,
    epochs: int | None = None,
    console: Console | None = None,
    listeners: Sequence[Listener] = (),
    interruption: Interruption | None = None,
) -> RunDirectory:
    """Go on from the last complete checkpoint, exactly as the run would have; `epochs` moves its end."""
    run = RunDirectory.find(path)
    raise_all(missing(run.config.tracking))
    with run.held():
        setting = reopen(run, dataset, epochs)
        with Checkpoints(run.checkpoints, setting.config.training.checkpoint) as checkpoints:
            start = checkpoints.restore(begin(setting.plan, setting.start))
            _refuse_finished(run, start, epochs)
            run.write("config.yaml", dump_config(setting.config))
            _go_on(run, setting, start, checkpoints, console, listeners, interruption or Interruption())
    return run


def make_report(
    path: Path | str, split: str | None = None, dataset: Any = None, *, seed: int | None = None
) -> Path:
    """Make the report of a finished run anew, and say where it is; pictures are those of one seed, the best if None.

    It shows what the run kept of the samples it looked at. With a `split`, or where nothing is kept, it looks again.
    """
    run = RunDirectory.find(path)
    if not run.is_finished:
        raise RunError(
            f"{run.path} is {run.status}: there is something to report once it has finished. "
            f"{way_on_from(run.path, run.config)}"
        )
    chosen = None if split is None else as_split(split)
    if chosen is not None or not report.has_looked(run):
        setting = reopen(run, dataset)
        report.look(run, setting, last_of(run, setting), chosen or setting.config.run.report or "train")
    return report.write(run, seed)


def as_config(config: Any) -> Config:
    """A configuration from any form in which it may be given.

    >>> as_config({"model": {"num_channels": 20}}).model.num_channels
    20
    """
    if isinstance(config, Config):
        return config
    if config is None or isinstance(config, Path | str):
        if config is not None and is_run(Path(config)):
            raise ConfigError(
                f"{config} is a run directory: resume({str(config)!r}) goes on with it; its config.yaml trains anew."
            )
        return load_config(config)
    if isinstance(config, Mapping):
        return from_mapping(dict(config))
    raise ConfigError(
        f"What comes first is a {type(config).__name__}, but it must be a configuration: a Config, a file, plain "
        f"values, or None for the defaults. Samples come second, as in train(None, x)."
    )


def _refuse_finished(run: RunDirectory, start: Checkpoint, epochs: int | None) -> None:
    trained, ways = counted(start.epoch, "epoch"), Ways(run.path, run.config)
    if start.finished.all() and run.is_finished:
        raise RunError(
            f"{run.path} has finished: {_last_word(start)}. More epochs would train nothing. To train anew: {ways.anew}"
        )
    if start.finished.all() and epochs is not None:
        raise RunError(
            f"{run.path} was stopped before its results were written, and more epochs would train nothing: "
            f"{_last_word(start)}. Have the results written with: {ways.on}"
        )
    if epochs is not None and epochs <= start.epoch:
        raise RunError(
            f"{run.path} has trained {trained} already: epochs is {epochs}, but it must be larger than {start.epoch}."
        )
    # Without its results, training may be over and the summary still missing.
    if start.epoch >= run.config.training.epochs and epochs is None and run.is_finished:
        raise RunError(
            f"{run.path} has finished: it trained {trained}, as configured. Train it for longer with: "
            f"{ways.further(2 * start.epoch)}"
        )


def _last_word(start: Checkpoint) -> str:
    """Why no replica has anything more to learn."""
    ended = [growth.ended for growth in start.growth if growth.ended is not None]
    if start.patience.stopped.all() or not ended:
        return f"early stopping ended it after {counted(start.epoch, 'epoch')}"
    return f"growth ended with epoch {max(ended)}, and the last epochs after that are over"


def _shown(
    run: RunDirectory, setting: Setting, start: Checkpoint, console: Console | None
) -> ProgressBar | None:
    """What a person sees of the training, of which this says first what is trained on; of several, the lead tells."""
    if console is None or not run.is_lead:
        return None
    plan, training = setting.plan, setting.config.training
    samples = plan.steps_per_epoch * training.batch_size
    lines = [f"{run.card}. Run directory: {run.path}"]
    lines += _labelled(setting.dataset)
    if run.card.columns:
        lines.append(_told_of(setting.dataset, labelled=bool(run.card.num_classes)))
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True, markup=False)
    return ProgressBar(plan.objective, training.epochs, start.epoch, samples, console, training.seed)


def _labelled(dataset: Dataset) -> list[str]:
    """How many samples have a label, where only some have."""
    train, validation = (
        int((split.label != UNLABELLED).sum()) for split in (dataset.train, dataset.validation)
    )
    test = int((dataset.test.truth != UNLABELLED).sum())
    if not dataset.num_classes or [train, test] == [len(dataset.train), len(dataset.test)]:
        return []
    have = f"{counted(train, 'sample')} to train on {'have' if train != 1 else 'has'} a label"
    return [f"{have} that may be seen, {validation:,} to validate, and {test:,} to test have one."]


def _told_of(dataset: Dataset, *, labelled: bool) -> str:
    """Which columns of a table are looked at and which are not, and what to do if one of them is a label."""
    told = f"Its columns are {_in_short(dataset.columns)}."
    if dataset.left_out:
        told += f" Left out, since they are no numbers: {_in_short(dataset.left_out)}."
    if dataset.numbering:
        names, one = dataset.numbering, len(dataset.numbering) == 1
        without = json.dumps([*getattr(dataset.source, "without", ()), *names], ensure_ascii=False)
        told += (
            f" {_in_short(names)} {'rises' if one else 'rise'} from row to row, as a row number does: if "
            f"{'it is' if one else 'they are'} no part of a sample, leave {'it' if one else 'them'} out with "
            f"'data.without={without}'."
        )
    if labelled:
        return told
    return (
        f"{told} If a column says what kind a sample is, it is no part of the sample: name it with "
        "data.label_column=NAME."
    )


def _in_short(names: Sequence[str]) -> str:
    """Names as they read in a sentence; of many the first ones and how many more there are."""
    more = len(names) - MANY
    return in_words(names if more < 2 else [*names[:MANY], f"{more} more"])


def _warning(
    plan: Plan, shape: tuple[int, ...], start: Checkpoint, tell: Callable[[str], None]
) -> CollapseWatch:
    """What looks out for channels that are lost, and tells at once where a run begins with few samples."""
    few = None if start.epoch else _few(plan)
    if few is not None:
        tell(few)
    return CollapseWatch.of(plan, shape, tell)


def _few(plan: Plan) -> str | None:
    """What a person should know before training on few samples; growth finds by itself how many channels help."""
    samples, K = plan.num_train, plan.num_channels
    if plan.curriculum is not None or samples >= FEW * K:
        return None
    fewer = (
        f"ask for fewer channels: model.num_channels={samples // FEW}"
        if samples >= 2 * FEW
        else "get more samples"
    )
    return (
        f"{counted(samples, 'sample')} for {counted(K, 'channel')} are few: what belongs together shows where there "
        f"are at least {FEW} for each. If you can, {fewer}."
    )


def _go_on(
    run: RunDirectory,
    setting: Setting,
    start: Checkpoint,
    checkpoints: Checkpoints,
    console: Console | None,
    listeners: Sequence[Listener],
    interruption: Interruption,
) -> None:
    config, plan, shape = setting.config, setting.plan, setting.dataset.shape
    tracks = _tracks(run, setting, start)
    history = History(run.path, config.objective, config.training.seed, [tracks.rows])
    bar = _shown(run, setting, start, console)
    tell = warnings.warn if bar is None else bar.say

    def leave() -> str:
        if bar is not None:
            bar.stop()
        return left(run, config, history)

    def be_patient(_: object) -> None:
        interruption.patient = True

    with interruption.guard(leave):
        with interruption.lock:
            run.write_json("summary.json", {"status": "running"})
        _forget(run, setting, tell)
        with ExitStack() as stack:
            watching: list[Listener] = [*listeners, be_patient]
            if run.is_lead:
                history.rewind(start.epoch)
                watching.append(history)
                watching.append(_warning(plan, shape, start, tell))
            if bar is not None:
                watching.append(stack.enter_context(bar))
            # Several processes leave together, after an epoch.
            interruption.patient = jax.process_count() > 1
            data = setting.on_device(setting.dataset.train), setting.on_device(setting.dataset.validation)
            apart = None if plan.curriculum is None else setting.telling_apart()
            try:
                outcome = fit(plan, setting.devices, start, *data, watching, checkpoints, interruption, apart)
            except NonFiniteError as error:
                failed = {"status": "failed", "reason": str(error)}
                _conclude(run, tracks, interruption, failed, str(error))
                raise
        interruption.patient = False
        ending = None if outcome.signal_number is not None else Ending.of(setting, outcome.chosen)
        if ending is not None and ending.names is not None:
            naming.keep(run, ending.names)
        told = summary(setting, outcome, history, ending)
        words = last_words(run, config, outcome)
        _conclude(run, tracks, interruption, told, words)
    if outcome.signal_number is not None:
        raise Interrupted(words, outcome.signal_number)
    if config.run.report:
        _show(run, setting, outcome.checkpoint, config.run.report)
        interruption.leave = lambda: complete(run)


def _forget(run: RunDirectory, setting: Setting, tell: Callable[[str], None]) -> None:
    """Remove what was made with weights that are about to change, and say so of labels that a person taught."""
    lost = naming.forgotten(run, setting.dataset) if run.is_lead else None
    if lost is not None:
        tell(lost)
    for forget in (report.forget, naming.forget, forget_scores):
        forget(run)


def _tracks(run: RunDirectory, setting: Setting, start: Checkpoint) -> Tracks:
    """What listens to the run beside its own files; of several processes, only the lead tells."""
    config = setting.config
    started = Started(run.path, config.model_dump(mode="json"), seeds_of(setting), start.epoch)
    return Tracks(config.tracking if run.is_lead else (), started)


def _conclude(
    run: RunDirectory, tracks: Tracks, interruption: Interruption, told: dict[str, Any], words: str
) -> None:
    interruption.conclude(lambda: run.write_json("summary.json", told), words)
    tracks.end(told)
    Devices.meet()


def _show(run: RunDirectory, setting: Setting, found: Checkpoint, split: SplitName) -> None:
    try:
        report.look(run, setting, found, split)
        report.write(run)
    except OSError as error:
        raise RunError(
            f"The report cannot be written: {error}. The run itself is complete. "
            f"{report_with(run.path, setting.config)}"
        ) from error

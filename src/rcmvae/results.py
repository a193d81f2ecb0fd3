"""What a run comes to: its summary, and the scores of its weights on a split."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int

from rcmvae.curriculum import ChannelTree, Growth, channel_tree, pot_tree
from rcmvae.curriculum.grow import FREE
from rcmvae.data import Arrays as Split
from rcmvae.diagnostics import (
    METRICS,
    Absent,
    Grown,
    Subject,
    compile_importance,
    contents,
    glance,
    in_section,
)
from rcmvae.errors import ConfigError, RunError, counted
from rcmvae.labels import Names
from rcmvae.naming import names_from
from rcmvae.run import RunDirectory
from rcmvae.seeds import losses_to_compare, spread
from rcmvae.setting import Setting
from rcmvae.splits import SplitName
from rcmvae.structs import UNLABELLED
from rcmvae.training import Checkpoint, History, Outcome, Row, TrainState, compile_joint, compile_validation


class Cut(NamedTuple):
    """Where channel trees are cut: into so many groups, at a level, or, without either, as each proposes."""

    num_groups: int | None = None
    level: float | None = None

    def __call__(self, tree: ChannelTree) -> Int[np.ndarray, " K"]:
        """The group of each channel."""
        most = len(tree.channels)
        if self.num_groups is not None and not 1 <= self.num_groups <= most:
            raise ConfigError(
                f"groups is {self.num_groups}, but with {counted(most, 'channel')} in use it must be 1 to {most}."
            )
        return tree.cut(**self._asdict())

    def check(self) -> None:
        """Refuse what no tree can be cut by."""
        if self.num_groups is not None and self.level is not None:
            raise ConfigError("num_groups and level are two ways to cut the channel tree: give one of them.")
        if self.num_groups is not None and self.num_groups < 1:
            raise ConfigError(f"num_groups is {self.num_groups}, but it must be 1 or more.")
        if self.level is not None and not 0 <= self.level < np.inf:
            raise ConfigError(f"level is {self.level}, but it must be a number of 0 or more.")

    def file_of(self, split: str) -> str:
        """The file that the scores under this cut are written to.

        >>> Cut().file_of("test"), Cut(num_groups=3).file_of("test")
        ('evaluation-test.json', 'evaluation-test-groups-3.json')
        """
        groups = "" if self.num_groups is None else f"-groups-{self.num_groups}"
        return (
            f"evaluation-{split}{groups}{'' if self.level is None else f'-level-{float(self.level)!r}'}.json"
        )


AS_PROPOSED = Cut()


def forget_scores(run: RunDirectory) -> None:
    """Remove scores of weights that are about to change, or by names that have."""
    if run.is_lead:
        for path in sorted(run.path.glob("evaluation-*.json")):
            path.unlink()


class Ending(NamedTuple):
    """What the weights that a run ended with say of their channels."""

    trees: list[ChannelTree]
    names: list[Names] | None  # where labels were counted

    @classmethod
    def of(cls, setting: Setting, state: TrainState) -> "Ending":
        """For every replica, with the labels that training could look at."""
        trees = channel_trees(setting, state)
        return cls(trees, names_from(setting, state, [AS_PROPOSED(tree) for tree in trees]))


def summary(setting: Setting, outcome: Outcome, history: History, ending: Ending | None) -> dict[str, Any]:
    """What `summary.json` says of a run that finished, or, without an ending, that a signal ended early."""
    checkpoint, training = outcome.checkpoint, setting.config.training
    seeds = seeds_of(setting)
    row_at = {(row["seed"], row["epoch"]): row for row in history.rows}
    chosen = zip(seeds, checkpoint.chosen_epochs, strict=True)
    rows = [row_at[at] for at in chosen if at in row_at]
    values = {name: [row[name] for row in rows] for name in (rows[0] if rows else {}) if "/" in name}
    status = "interrupted" if ending is None else "finished"
    told: dict[str, Any] = {
        "status": status,
        "epochs": checkpoint.epoch,
        "seconds": round(checkpoint.seconds, 3),
        "seeds": seeds,
        "training": {name: spread(numbers) for name, numbers in values.items()},
    }
    if training.early_stopping is not None:
        patience = checkpoint.patience
        told["early_stopping"] = {
            "monitor": training.early_stopping.monitor,
            # Nothing is best before the epochs can be compared.
            "best": [float(value) if np.isfinite(value) else None for value in patience.best],
            "best_epoch": [int(best) or None for best in patience.best_epoch],
            "stopped": patience.stopped.tolist(),
        }
    if setting.config.curriculum is None:
        told["absent"] = _curriculum(None)[1]
    else:
        initial = setting.config.curriculum.initial
        told["curriculum"] = [growth_of(initial, growth) for growth in checkpoint.growth]
    if ending is not None:
        told["extendable"] = not checkpoint.finished.all()  # whether more epochs would train anything
        if len(rows) == len(seeds):  # of several processes the lead alone has the history, and writes this
            told |= _standing(setting, checkpoint, history.rows)
        told["channel_tree"] = [tree_of(tree) for tree in ending.trees]
        if len(setting.dataset.test.x):
            told["test"] = scores(setting, outcome.chosen, "test", ending)
    return told


def _standing(setting: Setting, checkpoint: Checkpoint, rows: Sequence[Row]) -> dict[str, Any]:
    """Which seed stands for a run, and what it was chosen by.

    Where channels grow it is the first: more channels have less loss, so losses do not compare.
    """
    seeds, config = seeds_of(setting), setting.config
    if config.curriculum is not None:
        return {"best_seed": seeds[0]}
    stopping = config.training.early_stopping
    if stopping is None:
        name, values = "train/loss", losses_to_compare(rows, seeds, checkpoint.epoch)
    else:
        name, values = stopping.monitor, checkpoint.patience.best.tolist()
    if not np.isfinite(values).all():  # early stopping had nothing to compare yet
        return {"best_seed": seeds[0]}
    return {"best_seed": seeds[int(np.argmin(values))], "best_by": {name: values}}


def seeds_of(setting: Setting) -> list[int]:
    """The seed of each replica."""
    training = setting.config.training
    return list(range(training.seed, training.seed + training.seeds))


def growth_of(initial: int, growth: Growth) -> dict[str, Any]:
    """How one replica's channels grew."""
    pots = pot_tree(initial, growth.events)
    told, absent = _curriculum(Grown(growth.events, pots))
    return {
        **told,
        "absent": absent,
        "events": [event.model_dump(mode="json") for event in growth.events],
        "pot_tree": [pot.model_dump(mode="json") for pot in pots],
    }


def _curriculum(grown: Grown | None) -> tuple[dict[str, int], dict[str, str]]:
    """The metrics of the curriculum, and why others are not there."""
    told: dict[str, int] = {}
    absent: dict[str, str] = {}
    for one in in_section("curriculum"):
        value = one.compute(grown)
        if isinstance(value, Absent):
            absent[one.key] = value.reason
        else:
            told[one.name] = int(value)
    return told, absent


def tree_of(tree: ChannelTree) -> dict[str, Any]:
    """A channel tree with the cut that it proposes."""
    told = {
        "proposed": tree.proposed,
        "clear": tree.is_clear,
        "nearly": list(tree.nearly),
        "groups": tree.cut().tolist(),
    }
    return tree.to_json() | told


def channel_trees(setting: Setting, state: TrainState) -> list[ChannelTree]:
    """Every replica's tree, from samples that tell channels apart; channels with next to nothing have no part in it."""
    joints = compile_joint(setting.plan, setting.devices)(state, setting.telling_apart())
    return [channel_tree(joint, smallest=FREE) for joint in joints]


OF_PARTS = {"channels"}  # told by channel, in `channels_of`
OF_THE_RUN = {"curriculum"}  # told beside the scores, in the summary


def scores(
    setting: Setting,
    state: TrainState,
    name: SplitName,
    ending: Ending,
    cut: Cut = AS_PROPOSED,
    draws: int | None = None,
    source: str | None = None,
) -> dict[str, Any]:
    """Every metric of the weights on a split, and what is in each channel and group.

    With `draws`, so many of each code make the importance-weighted bound. `source` says what the samples are called
    that stand in the place of the split.
    """
    split: Split = getattr(setting.dataset, name)
    if len(split.x) == 0:
        raise RunError(f"The data have no {name} split: data.{name} leaves no sample for it.")
    subjects = _subjects(setting, state, name, ending.names, [cut(tree) for tree in ending.trees], draws)
    if source is not None:
        subjects = [replace(one, bundle=replace(one.bundle, split=source)) for one in subjects]
    names = setting.dataset.label_names
    return {
        "split": source or name,
        "seeds": seeds_of(setting),
        "samples": len(split.x),
        "labels": len(np.unique(split.truth[split.truth != UNLABELLED])),
        "labelled": int((split.truth != UNLABELLED).sum()),
        "cut": cut._asdict(),
        **told(subjects),
        "channels_of": [_channels_of(one, names) for one in subjects],
        "calibration_of": [_calibration_of(one) for one in subjects],
        "groups_of": [
            [
                part | {"channels": np.flatnonzero(one.groups == part["index"]).tolist()}
                for part in parts(one.group, one.groups.max() + 1, split.truth, names)
            ]
            for one in subjects
        ],
    }


def _subjects(
    setting: Setting,
    state: TrainState,
    name: SplitName,
    names: Sequence[Names] | None,
    groups: Sequence[Int[np.ndarray, " K"]],
    draws: int | None,
) -> list[Subject]:
    """What the metrics of each replica look at."""
    plan, devices = setting.plan, setting.devices
    data = setting.on_device(getattr(setting.dataset, name))
    means = compile_validation(plan, devices)(state, data)
    terms = {key: np.asarray(means[key]) for key in (*plan.objective.terms, "loss")}
    weighted = (
        None
        if draws is None
        else compile_importance(plan, devices, draws)(state, data).mean(axis=1, dtype=float)
    )
    bundles = glance(plan, devices, state, setting.dataset, name)
    return [
        Subject(
            bundle=bundle,
            groups=groups[replica],
            output=setting.config.model.decoder.output,
            scaling=plan.scaling,
            terms={key: float(value[replica]) for key, value in terms.items()},
            importance=None if weighted is None else float(weighted[replica]),
            names=None if names is None else names[replica],
        )
        for replica, bundle in enumerate(bundles)
    ]


def told(subjects: Sequence[Subject]) -> dict[str, Any]:
    """Every metric over the replicas by its section, and under `absent` why another is not there."""
    sections: dict[str, Any] = {}
    absent: dict[str, str] = {}
    for key, metric in METRICS.items():
        if metric.section in OF_THE_RUN:
            continue
        values = [metric.compute(one) for one in subjects]
        reasons = [value.reason for value in values if isinstance(value, Absent)]
        if reasons:
            absent[key] = reasons[0]
        if metric.section in OF_PARTS:
            continue
        section = sections.setdefault(metric.section, {})
        if not reasons:
            section[metric.name] = spread([float(value) for value in values if isinstance(value, float)])
    return sections | {"absent": absent}


def _calibration_of(subject: Subject) -> dict[str, Any] | None:
    """How right labels are in bins of confidence, and by which names; None where nothing tells."""
    found = subject.calibration
    if isinstance(found, Absent) or subject.names is None:
        return None
    return found.to_json() | {"names": subject.names.fingerprint}


def _channels_of(subject: Subject, names: Sequence[str]) -> list[dict[str, Any]]:
    """What is in each channel that holds samples, the largest first: the metrics that have a value for each."""
    values = {one.name: one.compute(subject) for one in in_section("channels")}
    found = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    rows = []
    for k in np.flatnonzero(found["samples"]).tolist():
        row = {name: float(value[k]) for name, value in found.items() if np.isfinite(value[k])}
        label = {"label": names[int(row["label"])]} if "label" in row else {}
        place = {"index": k, "group": int(subject.groups[k]), "samples": int(row["samples"])}
        rows.append(row | place | label | {"labelled": int(subject.contents.labelled[k])})
    return sorted(rows, key=lambda row: -row["samples"])


def parts(
    index: Int[np.ndarray, " N"],
    count: int | np.integer,
    truth: Int[np.ndarray, " N"],
    names: Sequence[str],
) -> list[dict[str, Any]]:
    """What is in each channel or group, the largest first; its commonest label where it has labelled samples."""
    inside = contents(index, int(count), truth)
    found: list[dict[str, Any]] = [
        {"index": k, "samples": int(samples), "labelled": int(labelled)}
        | ({} if label == UNLABELLED else {"label": names[label], "purity": float(purity)})
        for k, (samples, label, purity, labelled) in enumerate(zip(*inside, strict=True))
    ]
    return sorted(found, key=lambda part: -part["samples"])

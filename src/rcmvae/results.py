"""What a run comes to: its summary, and the scores of its weights on a split."""

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
from jaxtyping import Float, Int

from rcmvae.curriculum import ChannelTree, Growth, channel_tree, group_responsibility, pot_tree
from rcmvae.curriculum.grow import FREE
from rcmvae.data import Arrays as Split
from rcmvae.diagnostics import clustering
from rcmvae.errors import RunError
from rcmvae.setting import Setting
from rcmvae.training import History, Outcome, TrainState, compile_codes, compile_validation

SplitName = Literal["train", "validation", "test"]


def summary(setting: Setting, outcome: Outcome, history: History) -> dict[str, Any]:
    """What `summary.json` says of a run that finished, or that a signal ended early."""
    checkpoint, training = outcome.checkpoint, setting.config.training
    seeds = [training.seed + i for i in range(training.seeds)]
    row_at = {(row["seed"], row["epoch"]): row for row in history.rows}
    chosen = zip(seeds, checkpoint.chosen_epochs, strict=True)
    rows = [row_at[at] for at in chosen if at in row_at]
    values = {name: [row[name] for row in rows] for name in (rows[0] if rows else {}) if "/" in name}
    status = "interrupted" if outcome.signal_number is not None else "finished"
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
    if setting.config.curriculum is not None:
        initial = setting.config.curriculum.initial
        told["curriculum"] = [growth_of(initial, growth) for growth in checkpoint.growth]
    if status == "finished":
        trees = channel_trees(setting, outcome.chosen)
        told["channel_tree"] = [tree_of(tree) for tree in trees]
        if len(setting.dataset.test.x):
            told["test"] = scores(setting, outcome.chosen, "test", cuts(trees))
    return told


def growth_of(initial: int, growth: Growth) -> dict[str, Any]:
    """How one replica's channels grew."""
    events = [event.model_dump(mode="json") for event in growth.events]
    pots = pot_tree(initial, growth.events)
    return {
        "unlock_count": sum(event.what == "opened" for event in growth.events),
        "final_k_active": sum(pot.closed is None for pot in pots),
        "ended": growth.ended,
        "events": events,
        "pot_tree": [pot.model_dump(mode="json") for pot in pots],
    }


def tree_of(tree: ChannelTree) -> dict[str, Any]:
    """A channel tree with the cut that it proposes."""
    return tree.to_json() | {"proposed": tree.proposed, "groups": tree.cut(num_groups=tree.proposed).tolist()}


def channel_trees(setting: Setting, state: TrainState) -> list[ChannelTree]:
    """Every replica's tree, from the held-out samples; channels that hold next to nothing have no part in it."""
    data = setting.on_device(setting.dataset.validation)
    joints = np.asarray(compile_validation(setting.plan, setting.devices)(state, data)["joint"])
    return [channel_tree(joint, smallest=FREE) for joint in joints]


def cuts(
    trees: Sequence[ChannelTree], *, num_groups: int | None = None, level: float | None = None
) -> list[Int[np.ndarray, " K"]]:
    """Each replica's groups: as its tree proposes, or cut as told."""
    if num_groups is None and level is None:
        return [tree.cut(num_groups=tree.proposed) for tree in trees]
    return [tree.cut(num_groups=num_groups, level=level) for tree in trees]


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Every seed's value with mean and sample standard deviation, which one seed alone does not have.

    >>> spread([1.0, 3.0])
    {'mean': 2.0, 'sd': 1.4142135623730951, 'per_seed': [1.0, 3.0]}
    """
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {"mean": float(np.mean(values)), "sd": sd, "per_seed": [float(value) for value in values]}


def scores(
    setting: Setting, state: TrainState, name: SplitName, groups: Sequence[Int[np.ndarray, " K"]]
) -> dict[str, Any]:
    """Losses, and agreement with the labels of the channels and of their groups."""
    split: Split = getattr(setting.dataset, name)
    if len(split.x) == 0:
        raise RunError(f"The data have no {name} split: data.{name} leaves no sample for it.")
    data = setting.on_device(split)
    means = compile_validation(setting.plan, setting.devices)(state, data)
    losses = {key: spread(np.asarray(value).tolist()) for key, value in means.items() if np.ndim(value) == 1}
    belief = [one.responsibility for one in compile_codes(setting.plan, setting.devices)(state, data)]
    grouped = [group_responsibility(r, cut) for r, cut in zip(belief, groups, strict=True)]
    counts = spread([int(cut.max()) + 1 for cut in groups])
    agreement = _agreement(grouped, split)
    return {
        "split": name,
        "samples": len(split.x),
        "losses": losses,
        "clustering": _agreement(belief, split),
        "groups": None if agreement is None else {"count": counts, **agreement},
    }


def _agreement(belief: Sequence[Float[np.ndarray, "N C"]], split: Split) -> dict[str, Any] | None:
    """The clustering metrics over replicas; none where nothing is labelled."""
    found = [clustering(r.argmax(axis=-1), split.truth) for r in belief]
    known = [dataclasses.asdict(one) for one in found if one is not None]
    return {key: spread([one[key] for one in known]) for key in known[0]} if known else None

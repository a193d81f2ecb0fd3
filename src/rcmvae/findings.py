"""All that is known of one seed of a run: what figures and reports show. Neither the model nor the data are needed."""

import dataclasses
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int

from rcmvae import naming, novelty
from rcmvae.config import Config
from rcmvae.curriculum import ChannelTree, Pot
from rcmvae.diagnostics import Absent, Bundle, calibration
from rcmvae.errors import RunError
from rcmvae.labels import Names, Reliability
from rcmvae.run import RunDirectory
from rcmvae.structs import Event
from rcmvae.training import Lines, Row

FOLDER = "diagnostics"


class Judged(NamedTuple):
    """How right the labels of samples are that were not counted."""

    split: str
    reliability: Reliability


@dataclasses.dataclass(frozen=True)
class Findings:
    """One seed of a finished run."""

    run: str  # its name
    config: Config
    summary: dict[str, Any]  # of all seeds
    environment: dict[str, Any]
    bundle: Bundle
    rows: tuple[Row, ...]  # the history
    events: tuple[Event, ...]  # of the curriculum, and
    pots: tuple[Pot, ...]  # what it opened: none without one
    tree: ChannelTree
    names: Names | None = None  # of the channels, where labels were counted
    outliers: tuple[dict[str, Any], ...] = ()  # evaluations with samples of another kind

    @property
    def judged(self) -> "Judged | Absent":
        """How right labels are, by the samples that are shown; by those for testing, where all of them were counted."""
        found = calibration(self.bundle, self.names)
        if isinstance(found, Reliability):
            return Judged(self.bundle.split, found)
        by = None if self.names is None else self.names.fingerprint
        test = self.summary.get("test", {})
        for seed, told in zip(test.get("seeds", ()), test.get("calibration_of", ()), strict=False):
            if seed == self.bundle.seed and told is not None and told["names"] == by:
                return Judged(test["split"], Reliability.from_json(told))
        return found

    @property
    def place(self) -> int:
        """Where this seed stands among all of the run."""
        return self.summary["seeds"].index(self.bundle.seed)

    @property
    def groups(self) -> Int[np.ndarray, " K"]:
        """The group of each channel where the tree proposes its cut; −1 for those that hold nothing."""
        return self.tree.cut()


def bundle_file(seed: int) -> str:
    """Where a run directory keeps the bundle of a seed.

    >>> bundle_file(3)
    'diagnostics/seed-3.npz'
    """
    return f"{FOLDER}/seed-{seed}.npz"


def best_place(summary: Mapping[str, Any]) -> int:
    """The place of the seed that stands for a finished run; in summaries of before, which name none, the first.

    >>> best_place({"seeds": [4, 5, 6], "best_seed": 5}), best_place({"seeds": [4, 5, 6]})
    (1, 0)
    """
    seeds = summary["seeds"]
    return seeds.index(summary.get("best_seed", seeds[0]))


def place_of(run: RunDirectory, seed: int | None) -> tuple[dict[str, Any], int]:
    """The summary of a finished run, and the place of a seed in it; of the best where none is named."""
    if not run.is_finished:
        raise RunError(f"{run.path} is {run.status}: there is something to show once it has finished.")
    summary = run.read_json("summary.json")
    seeds: list[int] = summary["seeds"]
    if seed is not None and seed not in seeds:
        raise RunError(f"{run.path} has no seed {seed}: it trained {', '.join(map(str, seeds))}.")
    return summary, best_place(summary) if seed is None else seeds.index(seed)


def gather(run: RunDirectory, seed: int | None = None) -> Findings:
    """What a finished run says of a seed, of its best where none is named."""
    config = run.config
    summary, at = place_of(run, seed)
    names = naming.kept(run)
    growth = summary["curriculum"][at] if "curriculum" in summary else {"events": [], "pot_tree": []}
    return Findings(
        run=run.path.name,
        config=config,
        summary=summary,
        environment=run.read_json("environment.json"),
        bundle=Bundle.load(run.path / bundle_file(summary["seeds"][at])),
        rows=tuple(
            row for row in Lines(run.path / "history.jsonl").read() if row["seed"] == summary["seeds"][at]
        ),
        events=tuple(Event.model_validate(event) for event in growth["events"]),
        pots=tuple(Pot.model_validate(pot) for pot in growth["pot_tree"]),
        tree=ChannelTree.from_json(summary["channel_tree"][at]),
        names=None if names is None else names[at],
        outliers=tuple(novelty.kept(run)),
    )

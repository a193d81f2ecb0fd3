"""What a metric is: a key, a unit, which way is better, one sentence of meaning, and a formula."""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any, Literal, TypeVar

import numpy as np
from jaxtyping import Float, Int

from rcmvae.curriculum import group_responsibility
from rcmvae.data import Scaling
from rcmvae.diagnostics.absent import Absent
from rcmvae.diagnostics.bundle import Bundle
from rcmvae.diagnostics.clustering import Clustering, Contents, clustering, contents
from rcmvae.errors import listed
from rcmvae.labels import Names, Reliability, reliability
from rcmvae.nn import OutputOptions
from rcmvae.splits import spoken
from rcmvae.structs import UNLABELLED

Value = float | Float[np.ndarray, " K"] | Absent
Unit = Literal["nats", "bits", "share", "count", "index", "epoch"]
Direction = Literal["up", "down", "none"]


@dataclasses.dataclass(frozen=True)
class Subject:
    """One seed of a run on one split: all that a metric may look at."""

    bundle: Bundle
    groups: Int[np.ndarray, " K"]  # of a cut of the channel tree; −1 is none
    output: OutputOptions
    scaling: Scaling
    terms: Mapping[str, float] = dataclasses.field(default_factory=dict)  # of the objective, and its loss
    importance: float | None = None  # the importance-weighted bound, where it was asked for
    names: Names | None = None  # what the channels are called, where labels were counted

    @functools.cached_property
    def group(self) -> Int[np.ndarray, " N"]:
        """The group that holds each sample."""
        return group_responsibility(self.bundle.responsibility, self.groups).argmax(axis=1)

    @functools.cached_property
    def agreement(self) -> dict[str, Clustering | None]:
        """How well channels, and groups of them, agree with the labels."""
        truth = self.bundle.truth
        return {
            "clustering": clustering(self.bundle.channel, truth),
            "groups": clustering(self.group, truth),
        }

    @functools.cached_property
    def contents(self) -> Contents:
        """What is in each channel."""
        return contents(self.bundle.channel, len(self.bundle.active), self.bundle.truth)

    @functools.cached_property
    def calibration(self) -> Reliability | Absent:
        """How far the probabilities of labels can be taken at their word, by samples that were not counted."""
        return calibration(self.bundle, self.names)

    @property
    def is_labelled(self) -> bool:
        return bool((self.bundle.truth != UNLABELLED).any())

    @property
    def unlabelled(self) -> Absent:
        return Absent(f"No sample of {spoken(self.bundle.split)} has a label.")

    def expected(self, value: Float[np.ndarray, "N K"]) -> float:
        """Mean over samples of Σ_k r_k v_k, over the channels that are open."""
        r = self.bundle.responsibility
        return float(np.where(r > 0, r * value, 0).sum(axis=1, dtype=float).mean())


@dataclasses.dataclass(frozen=True)
class Metric:
    """One number of a model on a split, or one per channel."""

    key: str  # section/name
    unit: Unit
    better: Direction
    meaning: str  # one sentence, without a full stop
    compute: Callable[[Any], Value]  # of a Subject; what tells of the curriculum, of a Grown or None

    @property
    def section(self) -> str:
        return self.key.partition("/")[0]

    @property
    def name(self) -> str:
        return self.key.partition("/")[2]


UNTAUGHT = Absent("No label was counted for the run: rcmvae teach RUN DATA counts some after the fact.")


def calibration(bundle: Bundle, names: Names | None) -> Reliability | Absent:
    """Confidence and accuracy of the labels that channels give to samples, of those samples that were not counted."""
    if names is None:
        return UNTAUGHT
    judged = (bundle.truth != UNLABELLED) & ~names.counted(bundle.mark)
    if not judged.any():
        return Absent(
            f"No sample of {spoken(bundle.split)} has a label, besides those that the names of channels come from."
        )
    if not (bundle.truth[judged] < len(names.labels)).any():
        return Absent(
            f"No label in {spoken(bundle.split)} is one of those that were taught: {listed(names.labels)}."
        )
    return reliability(names.predict_proba(bundle.responsibility[judged]), bundle.truth[judged])


METRICS: dict[str, Metric] = {}
Seen = TypeVar("Seen")


def in_section(section: str) -> list[Metric]:
    """The metrics of a section, in the order in which they are told."""
    return [one for one in METRICS.values() if one.section == section]


def metric(
    key: str, unit: Unit, better: Direction, meaning: str
) -> Callable[[Callable[[Seen], Value]], Callable[[Seen], Value]]:
    """Declare the metric that a function computes."""

    def declare(compute: Callable[[Seen], Value]) -> Callable[[Seen], Value]:
        assert key not in METRICS, key
        METRICS[key] = Metric(key, unit, better, meaning, compute)
        return compute

    return declare

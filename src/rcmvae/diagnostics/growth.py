"""Metrics of how channels opened: of the curriculum of one seed, not of a split."""

import dataclasses
from collections.abc import Callable, Sequence

from rcmvae.curriculum import Pot
from rcmvae.diagnostics.absent import Absent
from rcmvae.diagnostics.metric import Value, metric
from rcmvae.structs import Event

NO_CURRICULUM = Absent("All channels were open from the start: the run has no curriculum.")


@dataclasses.dataclass(frozen=True)
class Grown:
    """What happened to the channels of one seed, and what came of it."""

    events: Sequence[Event]
    pots: Sequence[Pot]


Measure = Callable[[Grown | None], Value]


def _where_channels_open(compute: Callable[[Grown], Value]) -> Measure:
    """The metric, where there is a curriculum."""
    return lambda grown: NO_CURRICULUM if grown is None else compute(grown)


@metric("curriculum/unlock_count", "count", "none", "channels that were opened, on trial at first")
@_where_channels_open
def _unlock_count(grown: Grown) -> Value:
    return float(sum(event.what == "opened" for event in grown.events))


@metric("curriculum/final_k_active", "count", "none", "channels that were open in the end")
@_where_channels_open
def _final_k_active(grown: Grown) -> Value:
    return float(sum(pot.closed is None for pot in grown.pots))


@metric("curriculum/ended", "epoch", "none", "epoch after which no more channels were opened")
@_where_channels_open
def _ended(grown: Grown) -> Value:
    found = [event.epoch for event in grown.events if event.what == "ended"]
    return float(found[-1]) if found else Absent("Channels could still open when training ended.")

"""The tree of pots: where each channel's mass came from, and what became of it."""

from collections.abc import Sequence
from typing import Any

from rcmvae.options import Options
from rcmvae.structs import Event


class Pot(Options):
    """A channel's life: where it came from and what became of it."""

    channel: int
    opened: int | None  # the epoch; None where it was open from the start
    parent: int | None
    sources: dict[int, float]
    closed: int | None  # the epoch
    merged_into: int | None


def pot_tree(initial: int, events: Sequence[Event]) -> list[Pot]:
    """Every pot that ever was open, in order of opening; a channel that is opened again is another pot.

    >>> [pot.channel for pot in pot_tree(1, [Event(epoch=3, what="opened", channel=1, parent=0)])]
    [0, 1]
    """
    fields: dict[str, Any] = {
        "opened": None,
        "parent": None,
        "sources": {},
        "closed": None,
        "merged_into": None,
    }
    pots = [Pot(channel=channel, **fields) for channel in range(initial)]
    for event in events:
        if event.what == "opened":
            assert event.channel is not None
            opened = {"channel": event.channel, "opened": event.epoch, "parent": event.parent}
            pots.append(Pot(**(fields | opened)))
            continue
        changes: dict[str, Any] = {}
        if event.what in ("kept", "closed"):
            changes["sources"] = event.sources
        if event.what in ("closed", "merged"):
            changes["closed"] = event.epoch
        if event.what == "merged":
            changes["merged_into"] = event.parent
        last = max((i for i, pot in enumerate(pots) if pot.channel == event.channel), default=None)
        if changes and last is not None:
            pots[last] = pots[last].model_copy(update=changes)
    return pots

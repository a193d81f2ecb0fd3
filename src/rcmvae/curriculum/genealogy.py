"""The tree of pots: where each channel's mass came from, and what became of it."""

from collections.abc import Sequence
from typing import Any

from rcmvae.options import Options
from rcmvae.structs import Event


class Pot(Options):
    """A channel's life: where it came from and what became of it.

    Channels open again, so the pots that it came from and went into are told by their places in the tree as well.
    """

    channel: int
    opened: int | None  # the epoch; None where it was open from the start
    parent: int | None
    sources: dict[int, float]
    closed: int | None  # the epoch
    merged_into: int | None
    parent_pot: int | None = None
    merged_into_pot: int | None = None


def pot_tree(initial: int, events: Sequence[Event]) -> list[Pot]:
    """Every pot that ever was open, in order of opening; a channel that is opened again is another pot.

    >>> [pot.channel for pot in pot_tree(1, [Event(epoch=3, what="opened", channel=1, parent=0)])]
    [0, 1]
    """
    fields: dict[str, Any] = dict.fromkeys(("opened", "parent", "closed", "merged_into")) | {"sources": {}}
    pots = [Pot(channel=channel, **fields) for channel in range(initial)]
    idle: int | None = None  # the pot that nothing used, if the one on trial took over its channel

    def change(place: int | None, **changes: Any) -> None:
        if place is not None:
            pots[place] = pots[place].model_copy(update=changes)

    for event in events:
        if event.channel is None:
            continue
        places = {pot.channel: at for at, pot in enumerate(pots) if pot.closed is None}
        place, other = places.get(event.channel), None if event.parent is None else places.get(event.parent)
        if event.what == "opened":
            idle = place
            change(idle, closed=event.epoch)
            opened = {
                "channel": event.channel,
                "opened": event.epoch,
                "parent": event.parent,
                "parent_pot": other,
            }
            pots.append(Pot(**(fields | opened)))
        elif event.what == "kept":
            change(place, sources=event.sources)
        elif event.what == "closed":  # all is as it was before
            change(place, sources=event.sources, closed=event.epoch)
            change(idle, closed=None)
        elif event.what == "merged":
            change(place, closed=event.epoch, merged_into=event.parent, merged_into_pot=other)
    return pots

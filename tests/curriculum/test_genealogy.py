"""The tree of pots tells what the events tell: one pot for every opening, and one open pot for every open channel."""

import json
import random
from typing import Any

import pytest

from rcmvae.curriculum import Pot, pot_tree
from rcmvae.structs import Event


def opened(epoch: int, channel: int, parent: int) -> Event:
    return Event(epoch=epoch, what="opened", channel=channel, parent=parent)


def kept(epoch: int, channel: int, parent: int, sources: dict[int, float]) -> Event:
    return Event(epoch=epoch, what="kept", channel=channel, parent=parent, helped=True, sources=sources)


def closed(epoch: int, channel: int, parent: int, sources: dict[int, float]) -> Event:
    return Event(epoch=epoch, what="closed", channel=channel, parent=parent, helped=False, sources=sources)


def merged(epoch: int, channel: int, into: int) -> Event:
    return Event(epoch=epoch, what="merged", channel=channel, parent=into)


ENDED = Event(epoch=99, what="ended", reason="no channel is left to open")


def plain(pots: list[Pot]) -> list[tuple[Any, ...]]:
    return [(p.channel, p.opened, p.parent, p.sources, p.closed, p.merged_into) for p in pots]


def test_without_events_there_are_the_first_channels():
    assert plain(pot_tree(2, [])) == [(0, None, None, {}, None, None), (1, None, None, {}, None, None)]
    assert pot_tree(2, [ENDED]) == pot_tree(2, [])


def test_a_pot_on_trial_has_no_sources_yet():
    assert plain(pot_tree(1, [opened(3, 1, 0)]))[1:] == [(1, 3, 0, {}, None, None)]


def test_a_story_with_every_kind_of_event():
    events = [
        opened(2, 1, 0),
        kept(3, 1, 0, {0: 0.75, 1: 0.25}),
        opened(4, 2, 1),
        closed(6, 2, 1, {1: 1.0}),
        opened(7, 2, 0),
        kept(9, 2, 0, {0: 1.0}),
        merged(10, 1, 2),
        opened(11, 1, 2),
        kept(12, 1, 2, {2: 0.5, 0: 0.5}),
        ENDED,
    ]
    assert plain(pot_tree(1, events)) == [
        (0, None, None, {}, None, None),
        (1, 2, 0, {0: 0.75, 1: 0.25}, 10, 2),
        (2, 4, 1, {1: 1.0}, 6, None),
        (2, 7, 0, {0: 1.0}, None, None),
        (1, 11, 2, {2: 0.5, 0: 0.5}, None, None),
    ]
    # Channel 2 was a pot that was closed at 6 and another from 7 on; 1 went into that, and came from it again.
    pots = pot_tree(1, events)
    assert [pot.parent_pot for pot in pots] == [None, 0, 1, 0, 3]
    assert [pot.merged_into_pot for pot in pots] == [None, 3, None, None, None]


def test_a_first_channel_may_be_merged_away():
    assert plain(pot_tree(2, [merged(5, 0, 1)]))[0] == (0, None, None, {}, 5, 1)


def test_an_idle_channel_that_is_opened_anew_is_one_open_pot():
    """Nothing used channel 1, so it is taken for a new one without having been closed."""
    events = [opened(2, 1, 0), kept(3, 1, 0, {0: 1.0}), opened(5, 1, 0), kept(6, 1, 0, {0: 0.9, 1: 0.1})]
    assert plain(pot_tree(1, events)) == [
        (0, None, None, {}, None, None),
        (1, 2, 0, {0: 1.0}, 5, None),
        (1, 5, 0, {0: 0.9, 1: 0.1}, None, None),
    ]
    assert plain(pot_tree(1, events[:3]))[1:] == [(1, 2, 0, {0: 1.0}, 5, None), (1, 5, 0, {}, None, None)]


def test_an_idle_channel_whose_trial_failed_is_open_and_idle_again():
    events = [opened(2, 1, 0), kept(3, 1, 0, {0: 1.0}), opened(5, 1, 0), closed(6, 1, 0, {0: 1.0})]
    pots = pot_tree(1, events)
    assert plain(pots)[1:] == [(1, 2, 0, {0: 1.0}, None, None), (1, 5, 0, {0: 1.0}, 6, None)]
    # It may find samples later, and be merged then: the pot that is open is the one that goes.
    assert plain(pot_tree(1, [*events, merged(8, 1, 0)]))[1:] == [
        (1, 2, 0, {0: 1.0}, 8, 0),
        (1, 5, 0, {0: 1.0}, 6, None),
    ]


def story(seed: int, initial: int, K: int = 5) -> tuple[list[Event], set[int], int]:
    """Random events as they can happen, the channels that are open after them, and how many openings there were."""
    draw, open_now, events, openings = random.Random(seed), set(range(initial)), [], 0
    for epoch in range(1, 30, 2):
        if len(open_now) > 1 and draw.random() < 0.3:
            gone, into = draw.sample(sorted(open_now), 2)
            events.append(merged(epoch, gone, into))
            open_now.remove(gone)
            continue
        before = set(open_now)
        channel = draw.choice([k for k in range(K) if k not in open_now or (k > 0 and len(open_now) > 1)])
        parent = draw.choice(sorted(open_now - {channel}))
        events.append(opened(epoch, channel, parent))
        openings += 1
        end = draw.choice([kept, closed])(epoch + 1, channel, parent, {parent: 1.0})
        events.append(end)
        open_now = before | ({channel} if end.what == "kept" else set())
    return events, open_now, openings


@pytest.mark.parametrize("seed", range(20))
def test_the_open_pots_are_the_open_channels(seed: int):
    initial = 1 + seed % 3
    events, open_now, openings = story(seed, initial)
    pots = pot_tree(initial, events)
    assert sorted(pot.channel for pot in pots if pot.closed is None) == sorted(open_now)
    assert len(pots) == initial + openings
    for pot in pots:
        assert pot.closed is None or pot.opened is None or pot.closed > pot.opened
        assert pot.merged_into is None or pot.closed is not None
    assert sum(pot.merged_into is not None for pot in pots) == sum(e.what == "merged" for e in events)


def test_the_tree_is_made_from_saved_events_too():
    events, _, _ = story(3, 1)
    saved = json.loads(json.dumps([event.model_dump(mode="json") for event in events]))
    assert pot_tree(1, [Event.model_validate(one) for one in saved]) == pot_tree(1, events)

"""Worlds for a curriculum to decide in: what is seen with which channels open, and a life of so many epochs."""

import copy
import functools
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import numpy as np

from rcmvae.curriculum import Act, Action, Curriculum, Grower, Growth
from rcmvae.structs import Codes, Signals

K = 5
APART = (
    0.0,
    1.0,
    2.0,
    4.0,
    6.0,
)  # how far the two clusters of each channel's codes lie apart, in their spread
EACH = {"kind": "scheduled", "every": 1}
BIRTH = {"kind": "birth", "when": EACH}
EASY, HARD = {"cleanness": 1e-9, "bound": 1e-9, "min_usage": 0}, {"cleanness": 99, "bound": 1e9}


class Sight(NamedTuple):
    """What a world looks like with these channels open."""

    joint: np.ndarray
    bound: float
    channel_loss: np.ndarray


World = Callable[[frozenset[int], int], Sight]


def shared(sizes: Mapping[int, float], bound: float = 10.0, loss: Mapping[int, float] | None = None) -> Sight:
    """Channels of these sizes, all told apart perfectly; what each costs is its size unless given."""
    joint = np.zeros((K, K))
    for channel, size in sizes.items():
        joint[channel, channel] = size
    cost = np.zeros(K)
    for channel, value in (sizes if loss is None else loss).items():
        cost[channel] = value
    return Sight(joint / joint.sum(), bound, cost)


def even(open_now: frozenset[int], epoch: int) -> Sight:
    """Everybody holds the same, and another channel lowers the bound by one."""
    return shared(dict.fromkeys(open_now, 1.0), bound=10.0 - len(open_now))


def useless(open_now: frozenset[int], epoch: int) -> Sight:
    """A new channel shares samples with channel 0 at random, and nothing improves."""
    sight = even(open_now, epoch)
    return Sight(np.outer(p := sight.joint.sum(axis=1), p), 10.0, sight.channel_loss)


@functools.cache
def two_clouds() -> Codes:
    """Samples that all channels share alike, in two clusters each, as far `APART`."""
    rng, side = np.random.default_rng(0), np.repeat([-0.5, 0.5], 40)
    z = rng.normal(size=(80, K, 2))
    z[..., 0] += side[:, None] * np.array(APART)
    return Codes(responsibility=np.full((80, K), 1 / K), z=z)


def signals(epoch: int, open_now: frozenset[int], sight: Sight) -> Signals:
    return Signals(
        epoch=epoch,
        step=7 * epoch,
        train={},
        validation={"bound": sight.bound, "loss": sight.bound},
        usage=sight.joint.sum(axis=1),
        active=np.isin(np.arange(K), list(open_now)),
        seconds=0.0,
        joint=sight.joint,
        codes=two_clouds(),
        channel_loss=sight.channel_loss,
    )


class Day(NamedTuple):
    """An epoch: what was open in it, the state after it and what was done."""

    epoch: int
    open: frozenset[int]
    growth: Growth
    action: Action


FLOW = np.outer([0.7, 0.0, 0.2, 0.1, 0.0], np.ones(K)) / K


def grower(epochs: int = 30, **settings: Any) -> Grower:
    given = {"policy": EACH, "helps": EASY, "start": "jitter", "finish": {"epochs": 2}, **settings}
    return Grower(Curriculum.model_validate(given), K, epochs)


def lived(
    by: Grower, world: World, *, rewrite: Callable[[Growth], Growth] = lambda growth: growth
) -> list[Day]:
    """All epochs, with what is decided done."""
    growth, open_now, before = by.init(), frozenset(range(by.options.initial)), frozenset[int]()
    days = []
    for epoch in range(1, by.epochs + 1):
        growth = rewrite(growth)
        seen = signals(epoch, open_now, world(open_now, epoch))
        held = copy.deepcopy((growth, seen))
        after, action = by.step(growth, seen, FLOW if by.is_due(growth, epoch) else None)
        assert held[0] == growth, "a step changes nothing that it was given"
        np.testing.assert_array_equal(held[1].joint, seen.joint)
        days.append(Day(epoch, open_now, after, action))
        if action.act is Act.OPEN:
            open_now, before = open_now | {action.channel}, open_now
        elif action.act is Act.RESTORE:
            open_now = before
        elif action.act is Act.MERGE:
            open_now -= {action.channel}
        growth = after
    return days


def told(days: list[Day]) -> list[tuple[Any, ...]]:
    return [(e.epoch, e.what, e.channel, e.parent) for e in days[-1].growth.events]


def anything(seed: int) -> World:
    """Sizes, bounds, costs and confusions at random, but the same for the same epoch and channels."""

    def world(open_now: frozenset[int], epoch: int) -> Sight:
        rng = np.random.default_rng([seed, epoch, *sorted(open_now)])
        size = np.zeros(K)
        size[list(open_now)] = rng.gamma(0.5, size=len(open_now)) + 1e-9
        blur = rng.uniform(0, 1)
        p = size / size.sum()
        joint = (1 - blur) * np.diag(p) + blur * np.outer(p, p)
        return Sight(joint, float(rng.normal(10)), rng.uniform(size=K))

    return world

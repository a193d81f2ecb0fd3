"""Seeded, stratified choices among samples. Unlabelled samples are a stratum of their own.

Each purpose has its own random stream, so asking for fewer labels does not change the validation split.
"""

import enum

import numpy as np
from jaxtyping import Bool, Int, Int32

from rcmvae.structs import UNLABELLED


class Purpose(enum.IntEnum):
    """What a choice is for."""

    TEST = 0
    SUBSET = 1
    VALIDATION = 2
    LABELS = 3
    IMBALANCE = 4


def stream(seed: int, purpose: Purpose) -> np.random.Generator:
    """The random stream of one purpose."""
    return np.random.default_rng([seed, purpose])


def size_of(part: int | float, available: int) -> int:
    """A part given as a count, or as a share, which is rounded and is never nothing unless the share is 0.

    >>> size_of(7, 50), size_of(0.1, 50), size_of(0.001, 50), size_of(0.0, 50)
    (7, 5, 1, 0)
    """
    if isinstance(part, int):
        return part
    return max(1, round(part * available)) if part > 0 else 0


def allocate(
    counts: Int[np.ndarray, " T"], total: int, rng: np.random.Generator, at_least: int = 0
) -> Int[np.ndarray, " T"]:
    """Share `total` among strata in proportion to their counts: the method of largest remainders.

    Ties fall by lot. With `at_least`, strata that would get less are served first, at the cost of those that
    exceed their share by most; the total stays exact.

    >>> allocate(np.asarray([60, 30, 10]), 10, np.random.default_rng(0)).tolist()
    [6, 3, 1]
    """
    counts = np.asarray(counts, np.int64)
    available = int(counts.sum())
    floor = np.minimum(counts, at_least)
    if not int(floor.sum()) <= total <= available:
        raise ValueError(f"{total} cannot be shared among {counts.tolist()} with at least {at_least} each.")
    if total == 0:
        return np.zeros_like(counts)
    # quota = ⌊counts · total / available⌋; what is missing goes to the largest remainders
    quota, remainder = np.divmod(counts * total, available)
    order = np.lexsort((rng.permutation(len(counts)), -remainder))
    quota[order[: total - int(quota.sum())]] += 1

    given = np.maximum(quota, floor)
    for _ in range(int(given.sum()) - total):
        excess = np.where(given > floor, given * available - counts * total, np.iinfo(np.int64).min)
        given[np.argmax(excess)] -= 1
    return given


def draw(
    label: Int32[np.ndarray, " N"], count: int, rng: np.random.Generator, at_least: int = 0
) -> Int[np.ndarray, " count"]:
    """Positions of a stratified draw of exactly `count` samples, in ascending order.

    >>> draw(np.asarray([0, 0, 1, 1, -1, -1], np.int32), 3, np.random.default_rng(0)).size
    3
    """
    values, stratum, counts = np.unique(label, return_inverse=True, return_counts=True)
    members = np.split(np.argsort(stratum, kind="stable"), np.cumsum(counts)[:-1]) if len(values) else []
    share = allocate(counts, count, rng, at_least)
    # each stratum is shuffled whole, so that a larger draw of equal shares contains the smaller one
    chosen = [rng.permutation(rows)[:n] for rows, n in zip(members, share, strict=True)]
    return np.sort(np.concatenate([np.zeros(0, np.int64), *chosen]))


def thin(label: Int32[np.ndarray, " N"], ratio: float, rng: np.random.Generator) -> Int[np.ndarray, " count"]:
    """Positions of what stays when the last class keeps `ratio` times less of its samples than the first.

    Between them shares fall in geometric steps. The first class keeps all it has, and every class at least one.

    >>> label = np.repeat(np.asarray([0, 1, 2], np.int32), 100)
    >>> np.bincount(label[thin(label, 4.0, np.random.default_rng(0))]).tolist()
    [100, 50, 25]
    """
    values, counts = np.unique(label, return_counts=True)
    shares = ratio ** -np.linspace(0, 1, len(values))
    kept = [
        rng.permutation(np.flatnonzero(label == value))[: size_of(float(share), count)]
        for value, share, count in zip(values, shares, counts.tolist(), strict=True)
    ]
    return np.sort(np.concatenate([np.zeros(0, np.int64), *kept]))


def split(
    label: Int32[np.ndarray, " N"], count: int, rng: np.random.Generator
) -> tuple[Int[np.ndarray, " M"], Int[np.ndarray, " count"]]:
    """Positions of what stays and of what is drawn.

    >>> stay, drawn = split(np.zeros(10, np.int32), 3, np.random.default_rng(0))
    >>> len(stay), len(drawn), sorted({*stay.tolist(), *drawn.tolist()}) == list(range(10))
    (7, 3, True)
    """
    drawn = draw(label, count, rng)
    stays: Bool[np.ndarray, " N"] = np.ones(len(label), bool)
    stays[drawn] = False
    return np.flatnonzero(stays), drawn


def keep_labels(
    label: Int32[np.ndarray, " N"], count: int, rng: np.random.Generator
) -> Int32[np.ndarray, " N"]:
    """Hide all labels but a stratified few; every class keeps one where `count` reaches that far.

    >>> sorted(keep_labels(np.asarray([0, 0, 0, 1, -1], np.int32), 2, np.random.default_rng(0)).tolist())
    [-1, -1, -1, 0, 1]
    """
    labelled = np.flatnonzero(label != UNLABELLED)
    classes = len(np.unique(label[labelled]))
    kept = labelled[draw(label[labelled], count, rng, at_least=1 if count >= classes else 0)]
    visible = np.full_like(label, UNLABELLED)
    visible[kept] = label[kept]
    return visible

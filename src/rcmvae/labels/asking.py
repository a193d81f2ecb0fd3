"""Which samples to ask a person about, several at a time, and how far a number of answers goes."""

import dataclasses
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int

from rcmvae.errors import ConfigError, DataError, nearest
from rcmvae.labels.acquisition import ACQUISITIONS, Pool
from rcmvae.labels.tau import Tau
from rcmvae.structs import UNLABELLED


def acquisition(name: str) -> str:
    """The name of a strategy, if it is one."""
    if name not in ACQUISITIONS:
        raise ConfigError(
            f"strategy is `{name}`, but it must be one of {', '.join(ACQUISITIONS)}.{nearest(name, ACQUISITIONS)}"
        )
    return name


def ask(pool: Pool, strategy: str, count: int, *, apart: float = 2.0) -> Int[np.ndarray, " count"]:
    """The rows to ask about: those that score highest, unlike one another and unlike what is known.

    One after the other, each the best by rank − `apart` · likeness to its most similar among those. The likeness of
    two samples is how much they share their channels, times how close their codes lie. Nothing is asked twice.
    """
    from scipy.stats import rankdata  # noqa: PLC0415 — slow to import

    score = ACQUISITIONS[acquisition(strategy)](pool)
    rows = np.flatnonzero(pool.unknown)
    if not 1 <= count <= len(rows):
        raise DataError(f"count is {count}, but it must be 1 to {len(rows)}, the samples without a label.")
    worth, like = rankdata(score[rows]) / len(rows), np.zeros(len(rows))
    for known in np.flatnonzero(~pool.unknown) if apart else ():
        like = np.maximum(like, likeness(pool, rows, known))
    picked: list[int] = []
    for _ in range(count):
        best = int(np.argmax(worth - apart * like))
        picked.append(best)
        worth[best] = -np.inf
        like = np.maximum(like, likeness(pool, rows, rows[best]))
    return rows[picked]


def likeness(pool: Pool, rows: Int[np.ndarray, " n"], other: int | np.integer) -> Float[np.ndarray, " n"]:
    """Σ_c r_c r'_c · ½ (1 + exp(−|z − z'|²)), with codes in units of their spread: at most 1."""
    scale = np.maximum(pool.code.std(axis=0), np.finfo(float).tiny)
    away = (pool.code[rows] - pool.code[other]) / scale
    return (pool.r[rows] @ pool.r[other]) * (1 + np.exp(-np.square(away).sum(axis=1))) / 2


class Progress(NamedTuple):
    """How well labels are predicted with so many of them known."""

    known: Int[np.ndarray, " T"]
    accuracy: Float[np.ndarray, " T"]

    def needed(self, accuracy: float) -> int | None:
        """The fewest labels from which on the accuracy stays this high; None if it never does."""
        low = np.flatnonzero(self.accuracy < accuracy)
        after = 0 if len(low) == 0 else low[-1] + 1
        return int(self.known[after]) if after < len(self.known) else None


@dataclasses.dataclass(frozen=True)
class Asking:
    """A strategy for every time: the first until so many labels are known, then the next."""

    strategies: Sequence[tuple[str, int]]
    at_once: int = 1
    apart: float = 2.0  # how much likeness counts against a sample

    def strategy(self, known: int) -> str | None:
        """Which one asks once so many labels are known; None when all have asked."""
        for name, until in self.strategies:
            if known < until:
                return name
        return None


def simulated(
    pool: Pool,
    truth: Int[np.ndarray, " N"],
    asking: Asking,
    test: tuple[Float[np.ndarray, "M K"], Int[np.ndarray, " M"]],
) -> Progress:
    """A person who knows the truth is asked; what channels stand for is told from the answers alone."""
    for name, _ in asking.strategies:
        acquisition(name)
    r, expected = test
    known, accuracy = [], []
    while (strategy := asking.strategy(int((~pool.unknown).sum()))) is not None and pool.unknown.any():
        rows = ask(pool, strategy, min(asking.at_once, int(pool.unknown.sum())), apart=asking.apart)
        pool = answered(pool, rows, truth[rows])
        known.append(int((~pool.unknown).sum()))
        accuracy.append(float(np.mean(pool.tau.predict(r) == expected)))
    return Progress(np.array(known, int), np.array(accuracy))


def answered(pool: Pool, rows: Int[np.ndarray, " n"], label: Int[np.ndarray, " n"]) -> Pool:
    """With these labels known as well."""
    every = pool.label.copy()
    every[rows] = label
    return dataclasses.replace(pool, label=every, tau=pool.tau.taught(pool.r[rows], label))


def unlabelled(
    r: Float[np.ndarray, "N K"],
    code: Float[np.ndarray, "N D"],
    num_labels: int,
    seed: int = 0,
    groups: Int[np.ndarray, " K"] | None = None,
) -> Pool:
    """A pool of which nothing is known yet; names are shared within groups of channels, where those are told."""
    if num_labels < 1:
        raise DataError(f"num_labels is {num_labels}, but there has to be a label to ask for.")
    tau = Tau.blank(r.shape[1], num_labels, groups=groups)
    return Pool(r, code, np.full(len(r), UNLABELLED), tau, seed)

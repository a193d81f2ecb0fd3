"""Joints of two views: of any shape, and with classes planted in them."""

import numpy as np
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

CLASSES, CHANNELS = 10, 30


def normalised(mass: np.ndarray) -> np.ndarray:
    return (mass + mass.T) / (2 * mass.sum())


def joints(smallest: int = 2) -> st.SearchStrategy[np.ndarray]:
    """Symmetric joints with many zeros, closed channels among them, and entries of many magnitudes."""
    entry = st.one_of(st.just(0.0), st.floats(0.1, 1.0), st.floats(-12, 0).map(lambda e: 10**e))
    tables = st.integers(smallest, 7).flatmap(lambda K: arrays(float, (K, K), elements=entry))
    closed = st.sets(st.integers(0, 6), max_size=2)

    def build(table: np.ndarray, without: set[int]) -> np.ndarray:
        gone = [k for k in without if k < len(table)]
        table[gone] = 0
        table[:, gone] = 0
        return table

    return st.builds(build, tables, closed).filter(lambda table: table.sum() > 1e-6).map(normalised)


def folded(joint: np.ndarray, kept: int, closed: int) -> np.ndarray:
    """The joint when all that `closed` holds goes to `kept`, cell by cell."""
    table = np.zeros_like(joint)
    for i, j in np.ndindex(*joint.shape):
        table[kept if i == closed else i, kept if j == closed else j] += joint[i, j]
    return table


def generic(seed: int, K: int) -> np.ndarray:
    """A joint in which no two pairs are equally alike."""
    return normalised(np.random.default_rng(seed).random((K, K)) ** 4 + 1e-3)


def planted(
    seed: int,
    *,
    classes: int = CLASSES,
    channels: int = CHANNELS,
    slip: float = 0.4,
    slip_class: float = 0.01,
) -> tuple[np.ndarray, np.ndarray]:
    """Classes of unequal size that are split into channels of unequal size, and the class of each channel.

    The joint is that of 10,000 samples. Of the views, a share of `slip` lands anywhere in its class, and one of
    `slip_class` in a class of its own choice, most often in one that is easily mistaken for it.
    """
    g = np.random.default_rng(seed)
    size = g.dirichlet(np.full(classes, 10.0))
    owner = np.sort(np.concatenate([np.arange(classes), g.choice(classes, channels - classes, p=size)]))
    share = g.uniform(0.3, 1.0, channels)
    share /= np.bincount(owner, share)[owner]
    mistaken = g.gamma(0.5, size=(classes, classes)) + 1e-6
    mistaken /= mistaken.sum(axis=1, keepdims=True)
    within = (owner[:, None] == owner) * share
    among = mistaken[owner][:, owner] * share
    view = (1 - slip - slip_class) * np.eye(channels) + slip * within + slip_class * among
    mass = (size[owner] * share)[:, None] * view
    counts = g.multinomial(10_000, (mass / mass.sum()).ravel()).reshape(mass.shape)
    return normalised(counts.astype(float)), owner

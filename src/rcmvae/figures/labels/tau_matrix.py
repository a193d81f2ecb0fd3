"""Which label each channel stands for."""

import numpy as np
from jaxtyping import Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rcmvae.errors import counted, percent
from rcmvae.figures import needs
from rcmvae.figures.contents import and_more
from rcmvae.figures.drawing import figure
from rcmvae.figures.shares import beside, show_shares
from rcmvae.figures.style import QUIET, page
from rcmvae.findings import Findings
from rcmvae.labels import Names

MOST_CHANNELS, MOST_LABELS = 40, 30
TOLD = 0.1  # from this share on, a cell has a number


@figure(needs.names)
def tau_matrix(findings: Findings) -> Figure:
    """A row per open channel, a column per label: what the channel stands for, by the labels counted in it."""
    names = needs.given(findings.names)
    active = findings.bundle.active
    channels, labels = _shown(findings, names)
    named = sum(names.name(k) is not None for k in np.flatnonzero(active).tolist())
    certainty = float(findings.bundle.usage @ names.tau.certainty)
    drawn = page(
        f"By {counted(len(names), 'label')}, {named} of {counted(int(active.sum()), 'open channel')} have a name: they "
        f"are {percent(certainty)} sure of it",
        f"Each row: p(label | channel) in %, where it is {100 * TOLD:.0f} or more. To the right: how many labels were "
        f"counted in the channel, rounded. Where hardly any was, it is called what its group is called."
        f"{and_more(int(active.sum()) - len(channels))}{and_more(len(names.labels) - len(labels), 'label')}",
        1.5 + 0.26 * len(channels),
    )
    axes = drawn.subplots()
    shares = names.tau.table[np.ix_(channels, labels)]
    show_shares(axes, shares, channels, [names.labels[y] for y in labels], TOLD)
    _beside(axes, names.tau.counts.sum(axis=1)[channels].tolist(), len(labels))
    return drawn


def _beside(axes: Axes, held: list[float], columns: int) -> None:
    """How many labels were counted in each channel."""
    axes.text(columns - 0.4, -0.8, "labels", ha="left", va="center", fontsize=7.5, color=QUIET)
    beside(axes, [f"{labels:,.0f}" for labels in held], columns)


def _shown(findings: Findings, names: Names) -> tuple[Int[np.ndarray, " k"], Int[np.ndarray, " y"]]:
    """The open channels that hold most, ordered by the label they stand for; labels in order."""
    usage, table = findings.bundle.usage, names.tau.table
    largest = np.argsort(-usage, kind="stable")[: min(MOST_CHANNELS, int(findings.bundle.active.sum()))]
    order = np.lexsort((largest, -table[largest].max(axis=1), table[largest].argmax(axis=1)))
    met = np.zeros(len(names.labels))
    np.add.at(met, names.label, 1)
    labels = np.sort(np.argsort(-met, kind="stable")[:MOST_LABELS])
    return largest[order], labels

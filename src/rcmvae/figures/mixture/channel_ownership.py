"""Which channel holds which label."""

import numpy as np
from jaxtyping import Int
from matplotlib.figure import Figure

from rcmvae.diagnostics.clustering import contingency
from rcmvae.errors import percent
from rcmvae.figures import needs
from rcmvae.figures.contents import and_more
from rcmvae.figures.drawing import figure
from rcmvae.figures.shares import beside, show_shares
from rcmvae.figures.style import page
from rcmvae.findings import Findings
from rcmvae.structs import UNLABELLED

MOST_CHANNELS, MOST_LABELS = 40, 30


@figure(needs.labels)
def channel_ownership(findings: Findings) -> Figure:
    """A row per channel, a column per label: the share of the channel's labelled samples."""
    bundle = findings.bundle
    known = bundle.truth != UNLABELLED
    table = contingency(bundle.channel[known], bundle.truth[known])
    channels, labels = _shown(table)
    counts = table[np.ix_(channels, labels)]
    share = counts / table[channels].sum(axis=1, keepdims=True)
    purity = table.max(axis=1).sum() / table.sum()
    drawn = page(
        f"{percent(float(purity))} of the labelled samples have the commonest label of their channel",
        f"Each row: where the {known.sum():,} labelled samples of the {bundle.split} split lie, in % of those "
        f"that the channel holds; their number is to the right."
        f"{and_more(int((table.sum(axis=1) > 0).sum()) - len(channels))}"
        f"{and_more(int((table.sum(axis=0) > 0).sum()) - len(labels), 'label')}",
        1.4 + 0.26 * len(channels),
    )
    axes = drawn.subplots()
    show_shares(axes, share, channels, [bundle.label_names[label] for label in labels], 0.005)
    beside(axes, [f"{total:,}" for total in table[channels].sum(axis=1).tolist()], len(labels))
    return drawn


def _shown(table: Int[np.ndarray, "K Y"]) -> tuple[Int[np.ndarray, " k"], Int[np.ndarray, " y"]]:
    """The largest channels, ordered by their commonest label, and the commonest labels, in order."""
    held, had = table.sum(axis=1), table.sum(axis=0)
    labels = np.sort(np.argsort(-had, kind="stable")[: min(MOST_LABELS, (had > 0).sum())])
    largest = np.argsort(-held, kind="stable")[: min(MOST_CHANNELS, (held > 0).sum())]
    return largest[np.lexsort((-held[largest], table[largest].argmax(axis=1)))], labels

"""Samples and what the model makes of them."""

import itertools

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rcmvae.figures.contents import short
from rcmvae.figures.drawing import figure
from rcmvae.figures.pictures import some_of_each
from rcmvae.figures.style import QUIET, page, panels, rows_of
from rcmvae.figures.tiles import tiles_of
from rcmvae.findings import Findings

COLUMNS, MOST = 16, 48
TILE = 8.6 / COLUMNS  # inches


@figure()
def reconstructions(findings: Findings) -> Figure:
    """Examples above, below each what its own channel draws from its mean code."""
    bundle, tiles = findings.bundle, tiles_of(findings.bundle)
    at = some_of_each(bundle, MOST)
    own = bundle.channel[bundle.pictures.example[at]]
    pairs = np.stack([bundle.pictures.original[at], bundle.pictures.reconstruction[at, own]])
    nll = bundle.nll[np.arange(len(bundle)), bundle.channel].mean(dtype=float)
    drawn = page(
        f"Samples (above) and their reconstructions (below): {nll:.1f} nats per sample",
        f"−log p(x | z, k) over {len(bundle):,} samples of the {bundle.split} split, z drawn in the channel k that "
        f"holds the sample. Pictures from the mean code, grouped by channel (ch).{tiles.caption}",
        1.0 + rows_of(len(at), COLUMNS) * (2 * tiles.aspect * TILE + 0.25),
    )
    for n, axes in enumerate(panels(drawn, rows_of(len(at), COLUMNS), 1)):
        part = slice(COLUMNS * n, COLUMNS * (n + 1))
        count = len(at[part])
        shown = np.zeros((2, COLUMNS), bool)
        shown[:, :count] = True
        table = np.zeros((2, COLUMNS, *pairs.shape[2:]), pairs.dtype)
        table[:, :count] = pairs[:, part]
        tiles.table(axes, table, shown)
        _name_groups(axes, own[part].tolist())
    return drawn


def _name_groups(axes: Axes, channels: list[int]) -> None:
    """Above pictures side by side that belong to one channel, its name, once."""
    first = 0
    for k, group in itertools.groupby(channels):
        last = first + len(list(group)) - 1
        axes.plot([first - 0.4, last + 0.4], [-0.56, -0.56], color=QUIET, linewidth=0.8, clip_on=False)
        axes.text((first + last) / 2, -0.62, short(k), ha="center", va="bottom", fontsize=8)
        first = last + 1

"""Samples and what the model makes of them."""

import numpy as np
from matplotlib.figure import Figure

from rcmvae.figures.drawing import figure
from rcmvae.figures.pictures import some_of_each
from rcmvae.figures.style import page, panels, rows_of
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
        f"holds the sample. Pictures from the mean code; numbers are channels.{tiles.caption}",
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
        for column, channel in enumerate(own[part].tolist()):
            axes.text(column, -0.55, str(channel), ha="center", va="bottom", fontsize=8)
    return drawn

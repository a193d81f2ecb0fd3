"""What the model makes up."""

import numpy as np
from matplotlib.figure import Figure

from rcmvae.errors import counted
from rcmvae.figures.contents import and_more, contents, largest, short
from rcmvae.figures.drawing import figure
from rcmvae.figures.style import page
from rcmvae.figures.tiles import tiles_of
from rcmvae.findings import Findings

MOST = 40
MOST_OF_BLOCK = 6  # where there are more, half of them are put beside the others


@figure()
def samples(findings: Findings) -> Figure:
    """Draws from the prior of each channel in use, a row each."""
    bundle, tiles = findings.bundle, tiles_of(findings.bundle)
    found = contents(bundle)
    shown = largest(found, MOST)
    drawn = bundle.pictures.drawn[[content.channel for content in shown]]
    blocks = 2 if len(shown) > MOST_OF_BLOCK else 1
    rows, draws = -(-len(shown) // blocks), drawn.shape[1]
    made = page(
        f"What {counted(len(found), 'channel')} draw from their priors",
        f"A row for each channel in use; {draws} draws of its latent, decoded to means.{and_more(len(found) - MOST)}"
        f"{tiles.caption}",
        1.0 + rows * tiles.aspect * 8.0 / (blocks * (draws + 2)),
    )
    for block, axes in enumerate(made.subplots(1, blocks, squeeze=False)[0]):
        part = shown[block * rows : (block + 1) * rows]
        present = np.zeros((rows, draws), bool)
        present[: len(part)] = True
        table = np.zeros((rows, *drawn.shape[1:]), drawn.dtype)
        table[: len(part)] = drawn[block * rows : (block + 1) * rows]
        tiles.table(axes, table, present)
        for row, content in enumerate(part):
            axes.text(
                -0.7, row, f"{short(content.channel)}\n{content.kind}", ha="right", va="center", fontsize=7.5
            )
    return made

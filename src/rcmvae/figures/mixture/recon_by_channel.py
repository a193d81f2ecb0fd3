"""How every channel would draw a sample."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle

from rcmvae.figures import needs
from rcmvae.figures.contents import and_more, contents, largest, short
from rcmvae.figures.drawing import figure
from rcmvae.figures.pictures import some_of_each
from rcmvae.figures.style import PALETTE, page
from rcmvae.figures.tiles import tiles_of
from rcmvae.findings import Findings

MOST_CHANNELS, MOST_SAMPLES = 16, 12


@figure(needs.rival)
def recon_by_channel(findings: Findings) -> Figure:
    """A row per sample: itself, and what each channel in use draws from its code; its own channel is framed."""
    bundle, tiles = findings.bundle, tiles_of(findings.bundle)
    found = contents(bundle)
    shown = [content.channel for content in largest(found, MOST_CHANNELS)]
    at = some_of_each(bundle, MOST_SAMPLES)
    own = bundle.channel[bundle.pictures.example[at]]
    table = np.concatenate(
        [bundle.pictures.original[at][:, None], bundle.pictures.reconstruction[at][:, shown]], axis=1
    )
    drawn = page(
        _finding(findings),
        f"Left: examples of the {bundle.split} split; then what each channel draws from the code that it gives the "
        f"sample. Framed: the channel that holds it.{and_more(len(found) - MOST_CHANNELS)}{tiles.caption}",
        1.1 + len(at) * tiles.aspect * min(8.6 / table.shape[1], 0.8),
    )
    axes = drawn.subplots()
    tiles.table(axes, table)
    for column, name in enumerate(["sample", *map(short, shown)]):
        axes.text(column, -0.6, name, ha="center", va="bottom", fontsize=8)
    for row, k in enumerate(own.tolist()):
        if k in shown:
            corner = (shown.index(k) + 0.5, row - 0.5)
            axes.add_patch(Rectangle(corner, 1, 1, fill=False, edgecolor=PALETTE[5], linewidth=1.8))
    return drawn


def _finding(findings: Findings) -> str:
    """What the right channel is worth."""
    bundle = findings.bundle
    each, own = np.arange(len(bundle)), bundle.channel
    others = np.where(bundle.active, bundle.nll, np.inf)
    others[each, own] = np.inf
    gain = float((others.min(axis=1) - bundle.nll[each, own]).mean(dtype=float))
    way = "better" if gain >= 0 else "worse"
    return (
        f"A sample's own channel draws it {abs(gain):.1f} nats {way} than the best of the others, on average"
    )

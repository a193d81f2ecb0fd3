"""What each channel's latent space decodes to."""

from matplotlib.figure import Figure

from rcmvae.errors import counted
from rcmvae.figures.contents import and_more, contents, largest
from rcmvae.figures.drawing import figure
from rcmvae.figures.style import page, panels, rows_of
from rcmvae.figures.tiles import tiles_of
from rcmvae.findings import Findings

MOST, COLUMNS = 24, 4
BETWEEN = 0.03  # of a side: enough to see where one picture ends, too little to break a gradual change


@figure()
def manifolds(findings: Findings) -> Figure:
    """A table per channel in use: its latent plane, decoded on a grid."""
    bundle, tiles = findings.bundle, tiles_of(findings.bundle)
    found = contents(bundle)
    shown = largest(found, MOST)
    columns = min(COLUMNS, len(shown))
    step = -(-bundle.pictures.manifold.shape[1] // tiles.most_across)
    tables = bundle.pictures.manifold[:, ::step, ::step]
    G = tables.shape[1]
    drawn = page(
        f"What {counted(len(found), 'channel')} can draw",
        f"The latent plane of each channel, decoded on a grid of {G} × {G} codes over where nearly all of its samples "
        f"are: the first dimension to the right, the second upwards.{and_more(len(found) - MOST)}{tiles.caption}",
        0.9 + rows_of(len(shown), COLUMNS) * (tiles.aspect * min(8.6 / columns, 5.0) + 0.3),
    )
    for axes, content in zip(panels(drawn, len(shown), COLUMNS), shown, strict=True):
        tiles.table(axes, tables[content.channel], gap=BETWEEN)
        axes.set_title(f"channel {content.channel}: {content.kind}", fontsize=8)
    return drawn

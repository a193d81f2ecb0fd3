"""All codes in one plot, against the standard normal."""

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Circle

from rcmvae.diagnostics.survey import plane_of
from rcmvae.figures.drawing import figure
from rcmvae.figures.maps import MOST_POINTS, Shades, name_axes, places, scatter, shown_of, thinned
from rcmvae.figures.style import INK, page
from rcmvae.findings import Findings


@figure()
def latent_space(findings: Findings) -> Figure:
    """The mean code of every sample in its own channel."""
    bundle = findings.bundle
    plane, shades = plane_of(bundle.mean).dimensions, Shades.of(bundle)
    rows = shades.ordered(thinned(np.arange(len(bundle)), MOST_POINTS))
    spread = bundle.mean.std(axis=0, dtype=float)[plane]
    drawn = page(
        f"Codes spread by {spread[0]:.2f} and {spread[1]:.2f} where a standard normal spreads by 1",
        f"Mean code of each sample of the {bundle.split} split in the channel that holds it, all channels on top of "
        f"each other. {shades.caption} Dashed: one and two standard deviations of a standard normal."
        f"{shown_of(len(rows), len(bundle))}",
        6.4,
    )
    axes = drawn.subplots()
    points = places(bundle, rows, plane)
    scatter(axes, points, shades(rows, points))
    for radius in (1, 2):
        axes.add_patch(
            Circle((0, 0), radius, fill=False, linestyle="--", linewidth=1.2, edgecolor=INK, zorder=3)
        )
    axes.set_aspect("equal", adjustable="datalim")
    name_axes(axes, plane)
    shades.legend(drawn, rows)
    return drawn

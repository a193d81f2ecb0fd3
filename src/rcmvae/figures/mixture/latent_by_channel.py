"""Where in the latent space the channels have their samples."""

import numpy as np
from jaxtyping import Float
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patheffects import withStroke

from rcmvae.diagnostics.survey import plane_of
from rcmvae.errors import counted
from rcmvae.figures.contents import and_more, contents, largest, short
from rcmvae.figures.drawing import figure
from rcmvae.figures.maps import MOST_POINTS, name_axes, places, scatter, shown_of, thinned
from rcmvae.figures.style import FAINT, HELD_OUT, INK, PAPER, colours, page
from rcmvae.findings import Findings

MOST, MOST_DIMENSIONS = 60, 4
MIDDLE = (0.05, 0.25, 0.5, 0.75, 0.95)


@figure()
def latent_by_channel(findings: Findings) -> Figure:
    """One space for all: its codes, coloured by channel. A space for each: how far codes reach in every dimension."""
    return _shared(findings) if findings.config.model.layout == "shared" else _private(findings)


def _shared(findings: Findings) -> Figure:
    bundle = findings.bundle
    plane, channel, found = plane_of(bundle.mean).dimensions, bundle.channel, contents(bundle)
    rows = thinned(np.arange(len(bundle)), MOST_POINTS)
    drawn = page(
        f"{counted(len(found), 'channel')} in one latent space: {100 * _between(findings):.0f} % of the codes' "
        f"variance lies between them",
        f"Mean codes of the {bundle.split} split, coloured by channel; its name marks the median of each."
        f"{shown_of(len(rows), len(bundle))}",
        6.4,
    )
    axes = drawn.subplots()
    scatter(axes, places(bundle, rows, plane), colours(channel[rows]))
    for content in found:
        x, y = np.median(places(bundle, content.rows, plane), axis=0).tolist()
        outline = [withStroke(linewidth=3, foreground=PAPER)]
        axes.text(
            x, y, short(content.channel), ha="center", va="center", fontweight="bold", path_effects=outline
        )
    axes.set_aspect("equal", adjustable="datalim")
    name_axes(axes, plane)
    return drawn


def _between(findings: Findings) -> float:
    """The share of the variance of all codes that is the variance of their channels' means."""
    mean, channel = findings.bundle.mean.astype(float), findings.bundle.channel
    held = np.bincount(channel)[:, None]
    middle = np.zeros((len(held), mean.shape[1]))
    np.add.at(middle, channel, mean)
    middle = middle / np.maximum(held, 1)
    total = mean.var(axis=0).sum()
    return float(middle[channel].var(axis=0).sum() / total) if total > 0 else 0.0


def _private(findings: Findings) -> Figure:
    bundle = findings.bundle
    found = contents(bundle)
    shown = largest(found, MOST)
    D = bundle.mean.shape[1]
    dimensions = min(D, MOST_DIMENSIONS)
    spread = np.array([bundle.mean[content.rows].std(axis=0, dtype=float) for content in found])
    drawn = page(
        f"Codes spread by {spread.min():.2f} to {spread.max():.2f} in the latent spaces of "
        f"{counted(len(found), 'channel')}",
        f"A row for each channel, with its mean codes on the {bundle.split} split: median, half of them (thick) and "
        f"90 % of them (thin). A channel whose codes do not spread makes no use of that dimension. Grey: one and two "
        f"standard deviations of a standard "
        f"normal.{and_more(len(found) - MOST)}{and_more(D - dimensions, 'dimension')}",
        1.3 + 0.2 * len(shown),
    )
    panels = drawn.subplots(1, dimensions, sharey=True, squeeze=False)[0]
    for d, axes in enumerate(panels):
        reach = np.array([np.quantile(bundle.mean[content.rows, d], MIDDLE) for content in shown])
        _ranges(axes, reach)
        axes.set(xlabel=f"latent {d}", ylim=(len(shown) - 0.4, -0.6))
    panels[0].set_yticks(
        range(len(shown)), [f"{short(content.channel)}: {content.kind}" for content in shown]
    )
    return drawn


def _ranges(axes: Axes, reach: Float[np.ndarray, "c 5"]) -> None:
    at = np.arange(len(reach))
    for width in (2, 1):
        axes.axvspan(-width, width, color=FAINT, alpha=0.35, linewidth=0, zorder=0)
    axes.hlines(at, reach[:, 0], reach[:, 4], color=HELD_OUT, linewidth=1)
    axes.hlines(at, reach[:, 1], reach[:, 3], color=HELD_OUT, linewidth=5)
    axes.plot(reach[:, 2], at, linestyle="", marker="|", markersize=7, color=INK)

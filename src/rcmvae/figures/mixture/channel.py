"""The map of one channel, with samples at their places."""

import numpy as np
from jaxtyping import Float, Int
from matplotlib.figure import Figure

from rcmvae.figures.contents import Content, contents
from rcmvae.figures.drawing import figure_of_channel
from rcmvae.figures.maps import MOST_POINTS, Shades, has_plane, name_axes, places, scatter, shown_of, thinned
from rcmvae.figures.style import page
from rcmvae.figures.tiles import tiles_of
from rcmvae.findings import Findings

CELLS = 12  # along each side; in each at most one picture
FILLED = 0.82  # of a cell


@figure_of_channel
def channel(findings: Findings, k: int) -> Figure:
    """The mean codes of a channel's samples, and some of the samples where their codes are."""
    bundle, shades, tiles = findings.bundle, Shades.of(findings.bundle), tiles_of(findings.bundle)
    content = next(content for content in contents(bundle) if content.channel == k)
    plane = bundle.pictures.plane[k]
    rows = shades.ordered(thinned(content.rows, MOST_POINTS))
    drawn = page(
        f"Channel {k}: {content.told}",
        f"Mean codes of its samples of the {bundle.split} split, and some of the samples where their codes are. "
        f"{shades.caption}{shown_of(len(rows), len(content.rows))}{tiles.caption}",
        8.0,
    )
    axes = drawn.subplots()
    points = places(bundle, rows, plane)
    scatter(axes, points, shades(rows, points))
    left, right, low, high = _limits(points, square=has_plane(plane))
    at, centres, (width, height) = _pictured(findings, content, (left, right, low, high))
    tiles.put(axes, bundle.pictures.thumbnail[at], centres, FILLED * width, FILLED * height)
    axes.set(xlim=(left, right), ylim=(low, high), box_aspect=1)
    name_axes(axes, plane)
    shades.legend(drawn, rows)
    return drawn


def _limits(points: Float[np.ndarray, "n 2"], *, square: bool) -> tuple[float, float, float, float]:
    """Left, right, bottom and top; as far to the right as upwards where both are codes."""
    low, high = points.min(axis=0), points.max(axis=0)
    extent = high - low
    side = np.where(square, extent.max(), extent)
    room = (side - extent) / 2 + np.where(side > 0, 0.05 * side, 1.0)
    (left, bottom), (right, top) = (low - room).tolist(), (high + room).tolist()
    return left, right, bottom, top


def _pictured(
    findings: Findings, content: Content, limits: tuple[float, float, float, float]
) -> tuple[Int[np.ndarray, " p"], Float[np.ndarray, "p 2"], tuple[float, float]]:
    """Places among the thumbnails, their codes, and the size of a cell: of each cell the sample nearest to its middle.

    Two that would cover each other, from cells side by side, are never both kept.
    """
    bundle = findings.bundle
    left, right, low, high = limits
    size = np.array([(right - left) / CELLS, (high - low) / CELLS])
    held = np.flatnonzero(np.isin(bundle.pictures.thumbnail_of, content.rows))
    codes = places(bundle, bundle.pictures.thumbnail_of[held], bundle.pictures.plane[content.channel])
    in_cells = (codes - [left, low]) / size
    off = np.abs(in_cells - np.floor(in_cells) - 0.5).max(axis=1)
    kept: list[int] = []
    for n in np.argsort(off, kind="stable").tolist():
        if len(kept) < CELLS**2 and (np.abs(in_cells[kept] - in_cells[n]).max(axis=1) >= FILLED).all():
            kept.append(n)
    return held[kept], codes[kept], (float(size[0]), float(size[1]))

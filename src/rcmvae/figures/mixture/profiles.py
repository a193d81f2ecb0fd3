"""By which columns the channels of vectors differ."""

import dataclasses

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure

from rcmvae.diagnostics import Bundle
from rcmvae.errors import in_words, percent
from rcmvae.figures import needs
from rcmvae.figures.contents import and_more, contents, largest, short, shortened
from rcmvae.figures.drawing import figure
from rcmvae.figures.shares import beside
from rcmvae.figures.style import INK, PALETTE, PAPER, QUIET, page
from rcmvae.findings import Findings

MOST_CHANNELS, MOST_COLUMNS = 20, 30
FULL = 2.0  # deviations, from which on a cell has its full colour
TOLD = 0.1  # share of a column's variance between channels, below which it hardly tells them apart
DEVIATION = LinearSegmentedColormap.from_list("deviation", [PALETTE[5], PAPER, PALETTE[0]])


@dataclasses.dataclass(frozen=True)
class Profile:
    """What the columns of vectors are in each channel."""

    deviation: Float[np.ndarray, "F k"]  # of a channel's mean from that of all, in standard deviations
    between: Float[np.ndarray, " F"]  # share of a column's variance that lies between channels


def profile_of(
    x: Float[np.ndarray, "T F"], channel: Int[np.ndarray, " T"], channels: Int[np.ndarray, " k"]
) -> Profile:
    """The columns in these channels. One that is the same throughout differs nowhere.

    >>> x, channel = np.array([[1.0, 7.0], [1.0, 7.0], [3.0, 7.0], [3.0, 7.0]]), np.array([0, 0, 1, 1])
    >>> found = profile_of(x, channel, np.array([0, 1]))
    >>> found.deviation.tolist(), found.between.tolist()
    ([[-1.0, 1.0], [0.0, 0.0]], [1.0, 0.0])
    """
    x = x.astype(float)
    spread = x.std(axis=0)
    z = np.where(spread > 0, (x - x.mean(axis=0)) / np.where(spread > 0, spread, 1.0), 0.0)
    every, inverse, count = np.unique(channel, return_inverse=True, return_counts=True)
    total = np.zeros((len(every), x.shape[1]))
    np.add.at(total, inverse, z)
    mean = total / count[:, None]
    between = (count / len(x)) @ np.square(mean)
    return Profile(mean[np.searchsorted(every, channels)].T, between)


@figure(needs.vectors, needs.several_in_use)
def profiles(findings: Findings) -> Figure:
    """A row per column of the data, a column per channel: how far the channel's samples lie from the others."""
    bundle = findings.bundle
    held = bundle.channel[bundle.pictures.thumbnail_of]
    used = [content for content in contents(bundle) if content.channel in held]
    shown = largest(used, MOST_CHANNELS)
    channels = np.array([content.channel for content in shown])
    found = profile_of(bundle.pictures.thumbnail, held, channels)
    order = np.argsort(-found.between, kind="stable")[:MOST_COLUMNS]
    names = [_name(bundle, column) for column in order.tolist()]
    drawn = page(
        _finding(names, found.between[order]),
        f"Each cell: how far the mean of the channel's samples of the {bundle.split} split lies from that of all, "
        f"in standard deviations of the column; blue above, orange below. To the right: how much of the column's "
        f"variance lies between channels; those that tell channels apart best come first."
        f"{and_more(len(used) - len(shown))}{and_more(len(found.between) - len(order), 'column')}",
        1.6 + 0.26 * len(order),
    )
    axes = drawn.subplots()
    _show(axes, found.deviation[order])
    axes.set_yticks(range(len(order)), [shortened(name, 28) for name in names])
    room = max(4, 80 // len(shown))
    labels = ["" if content.label is None else f"\n“{shortened(content.label, room)}”" for content in shown]
    axes.set_xticks(
        range(len(shown)), [f"{short(int(k))}{label}" for k, label in zip(channels, labels, strict=True)]
    )
    beside(axes, [percent(share) for share in found.between[order].tolist()], len(shown), QUIET)
    return drawn


def _show(axes: Axes, deviation: Float[np.ndarray, "f k"]) -> None:
    axes.imshow(deviation, cmap=DEVIATION, vmin=-FULL, vmax=FULL, aspect="auto")
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    for row, column in np.ndindex(*deviation.shape):
        tone = PAPER if abs(deviation[row, column]) > 0.75 * FULL else INK
        told = _signed(float(deviation[row, column]))
        axes.text(column, row, told, ha="center", va="center", fontsize=7.5, color=tone)


def _signed(value: float) -> str:
    """One decimal place, and a sign where there is anything to tell.

    >>> _signed(-0.04), _signed(0.26), _signed(-1.25)
    ('0.0', '+0.3', '−1.2')
    """
    return "0.0" if abs(value) < 0.05 else f"{value:+.1f}".replace("-", "−")


def _name(bundle: Bundle, column: int) -> str:
    return bundle.columns[column] if bundle.columns else f"column {column}"


def _finding(names: list[str], between: Float[np.ndarray, " f"]) -> str:
    telling = [shortened(name, 28) for name, share in zip(names, between, strict=True) if share >= TOLD]
    if not telling:
        return "Channels hardly differ in the mean of any column"
    return f"Channels differ most in {in_words(telling[:3])}"

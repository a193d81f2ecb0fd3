"""How all figures look: their size, their colours, and where the words stand."""

import textwrap
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.colors import LinearSegmentedColormap, to_rgb
from matplotlib.figure import Figure

WIDTH = 9.0  # inches
DPI = 130
INK, QUIET, FAINT, PAPER = "#222222", "#6b6b6b", "#d4d4d4", "#ffffff"

# The first six are those of Okabe and Ito; each of the others is the colour farthest from all before it, as seen with
# normal sight, without red, green or blue cones (Oklab distance, Machado 2009). The least distance is 0.09.
PALETTE = (
    *("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#880033", "#55eebb", "#0000dd", "#553388"),
    *("#8877ff", "#885566", "#ccdd44", "#99bb88", "#bb2222", "#bbccff", "#7733ff", "#cc11aa", "#ff4466", "#00cccc"),
)  # fmt: skip
TRAIN, HELD_OUT = PALETTE[1], PALETTE[0]
DENSITY = LinearSegmentedColormap.from_list("density", ["#b9d7ea", "#56b4e9", "#0072b2", "#1b1464"])
SHARE = LinearSegmentedColormap.from_list("share", [PAPER, "#56b4e9", "#0072b2", "#08306b"])

RC: dict[Any, Any] = {
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "axes.facecolor": PAPER,
    "font.family": "DejaVu Sans",
    "font.size": 9,
    "text.color": INK,
    "text.usetex": False,
    "text.parse_math": False,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.labelsize": 9,
    "axes.titlesize": 9,
    "axes.titlelocation": "left",
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.grid": False,
    "grid.color": FAINT,
    "grid.linewidth": 0.5,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "legend.frameon": False,
    "legend.fontsize": 8,
    "image.interpolation": "nearest",
    "image.resample": False,
    "lines.linewidth": 1.4,
    "figure.constrained_layout.h_pad": 0.06,
    "figure.constrained_layout.w_pad": 0.06,
}


def page(title: str, caption: str, height: float) -> Figure:
    """A figure as wide as a report: what was found above, what is shown below."""
    figure = Figure(figsize=(WIDTH, height), layout="constrained")
    figure.suptitle(textwrap.fill(title, 92), x=0.01, ha="left", fontsize=12, fontweight="bold")
    figure.supxlabel(textwrap.fill(caption, 148), x=0.01, ha="left", fontsize=8, color=QUIET)
    return figure


def panels(figure: Figure, count: int, columns: int) -> list[Axes]:
    """Axes in rows for so many panels; the last row may have fewer."""
    columns = min(columns, count)
    grid = figure.add_gridspec(-(-count // columns), columns)
    return [figure.add_subplot(grid[n // columns, n % columns]) for n in range(count)]


def rows_of(count: int, columns: int) -> int:
    """How many rows of panels there will be."""
    return -(-count // min(columns, count))


def bare(axes: Axes) -> None:
    """Nothing but what is drawn."""
    axes.set_axis_off()


def colours(index: Int[np.ndarray, " n"]) -> Float[np.ndarray, "n 3"]:
    """A colour for each category; −1 is grey. After twenty they come again, lighter, and then darker.

    >>> colours(np.array([0, 20, -1])).round(2).tolist()
    [[0.0, 0.45, 0.7], [0.45, 0.7, 0.83], [0.83, 0.83, 0.83]]
    """
    turn, place = np.divmod(np.maximum(index, 0), len(PALETTE))
    plain = np.array([to_rgb(colour) for colour in PALETTE])[place]
    towards = np.where(turn % 2 == 1, 1.0, 0.0)[:, None]
    amount = np.where(turn == 0, 0.0, 0.45)[:, None]
    mixed = (1 - amount) * plain + amount * towards
    return np.where(index[:, None] < 0, np.array([to_rgb(FAINT)]), mixed)


def colour(index: int) -> tuple[float, float, float]:
    """The colour of one category."""
    red, green, blue = colours(np.array([index]))[0].tolist()
    return red, green, blue

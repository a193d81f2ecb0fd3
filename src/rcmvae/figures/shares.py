"""A table of shares as a picture: a row per channel, a column per label."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes

from rcmvae.figures.contents import short, shortened
from rcmvae.figures.style import INK, PAPER, SHARE


def show_shares(
    axes: Axes,
    table: Float[np.ndarray, "k y"],
    channels: Int[np.ndarray, " k"],
    labels: Sequence[str],
    least: float,
) -> None:
    """The darker, the more; from the share `least` on, a cell says it in %."""
    axes.imshow(table, cmap=SHARE, vmin=0, vmax=1, aspect="auto")
    shown = [shortened(label, 10) for label in labels]
    axes.set_xticks(range(len(labels)), shown, rotation=45 if sum(map(len, shown)) > 90 else 0)
    axes.set_yticks(range(len(channels)), [short(k) for k in channels.tolist()])
    axes.set(xlabel="label")
    axes.tick_params(length=0)
    for row, column in np.argwhere(table >= least).tolist():
        tone = PAPER if table[row, column] > 0.5 else INK
        text = f"{100 * table[row, column]:.0f}"
        axes.text(column, row, text, ha="center", va="center", fontsize=7.5, color=tone)


def beside(axes: Axes, told: Sequence[str], columns: int, color: str = INK) -> None:
    """A text to the right of each row of a table of so many columns."""
    for row, text in enumerate(told):
        axes.text(columns - 0.4, row, text, ha="left", va="center", fontsize=7.5, color=color)

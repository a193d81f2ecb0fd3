"""Curves over epochs as SVG, which takes the colours of the page that it stands in."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from matplotlib.ticker import MaxNLocator

WIDTH, HEIGHT = 760, 280
LEFT, RIGHT, TOP, BOTTOM = 64, 12, 10, 34
CENTRAL = 0.02  # of all values, on either side, may lie outside: the first epochs would hide the rest


class Line(NamedTuple):
    """A curve."""

    points: tuple[tuple[int, float], ...]  # epoch and value
    colour: str
    is_faint: bool


def chart(lines: Sequence[Line]) -> str:
    """All curves in one plot."""
    values = np.array([value for line in lines for _, value in line.points])
    epochs = [epoch for line in lines for epoch, _ in line.points]
    low, high = np.quantile(values, [CENTRAL, 1 - CENTRAL]).tolist()
    low, high = (low, high) if high > low else (low - 1, high + 1)
    first, last = min(epochs), max(*epochs, min(epochs) + 1)

    def x(epoch: float) -> float:
        return LEFT + (epoch - first) / (last - first) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        inside = min(max(value, low), high)
        return TOP + (high - inside) / (high - low) * (HEIGHT - TOP - BOTTOM)

    levels = "".join(
        f'<path class="axis" d="M{LEFT} {y(tick):.1f}H{WIDTH - RIGHT}"/>'
        f'<text x="{LEFT - 6}" y="{y(tick) + 4:.1f}" text-anchor="end">{tick:g}</text>'
        for tick in _ticks(low, high)
    )
    times = "".join(
        f'<text x="{x(tick):.1f}" y="{HEIGHT - 16}" text-anchor="middle">{tick:g}</text>'
        for tick in _ticks(first, last)
    )
    name = f'<text x="{WIDTH - RIGHT}" y="{HEIGHT - 2}" text-anchor="end">epoch</text>'
    curves = "".join(
        f'<path d="M{"L".join(f"{x(epoch):.1f} {y(value):.1f}" for epoch, value in line.points)}" '
        f'stroke="{line.colour}" stroke-opacity="{0.3 if line.is_faint else 1}"/>'
        for line in lines
    )
    return f'<svg viewBox="0 0 {WIDTH} {HEIGHT}" role="img">{levels}{times}{name}{curves}</svg>'


def _ticks(low: float, high: float) -> list[float]:
    return [float(tick) for tick in MaxNLocator(5).tick_values(low, high) if low <= tick <= high]

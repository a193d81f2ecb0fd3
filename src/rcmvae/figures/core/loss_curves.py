"""How training went."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rcmvae.figures import needs
from rcmvae.figures.drawing import figure
from rcmvae.figures.style import FAINT, HELD_OUT, TRAIN, page, panels, rows_of
from rcmvae.findings import Findings
from rcmvae.training import Row

COLUMNS = 3
SKIPPED = 20  # the first of so many parts of training may leave the panel


@figure(needs.history)
def loss_curves(findings: Findings) -> Figure:
    """Every term over the epochs, in training and on held-out samples."""
    rows, epoch = findings.rows, findings.bundle.epoch
    names = dict.fromkeys(name.partition("/")[2] for row in rows for name in row if "/" in name)
    ordered = [name for name in ("bound", "loss") if name in names]
    ordered += [name for name in names if name not in ("bound", "loss", "gradient_norm")]
    ordered += [name for name in names if name == "gradient_norm"]
    drawn = page(
        _finding(rows, epoch),
        "Orange: training, blue: held-out samples, in nats per sample. `bound` is −ELBO, `loss` the weighted sum of "
        "the terms, and each of the others one of these, without its weight; gradient_norm is no loss. Grey line: the "
        "epoch whose weights are kept. Panels fit what comes after the first 5 % of the epochs.",
        1.2 + 1.75 * rows_of(len(ordered), COLUMNS),
    )
    for n, (axes, name) in enumerate(zip(panels(drawn, len(ordered), COLUMNS), ordered, strict=True)):
        _panel(axes, rows, name, epoch)
        if n + COLUMNS >= len(ordered):  # none below
            axes.set_xlabel("epoch")
    return drawn


def _finding(rows: Sequence[Row], epoch: int) -> str:
    bounds = {row["epoch"]: row["validation/bound"] for row in rows if "validation/bound" in row}
    if epoch not in bounds:
        return f"The weights are those of epoch {epoch}"
    first = next(iter(bounds.values()))
    return f"−ELBO on held-out samples: {bounds[epoch]:.1f} nats at epoch {epoch}, after {first:.1f} at first"


def _panel(axes: Axes, rows: Sequence[Row], name: str, epoch: int) -> None:
    late: list[float] = []
    for part, tone in (("train", TRAIN), ("validation", HELD_OUT)):
        told = [(row["epoch"], row[f"{part}/{name}"]) for row in rows if f"{part}/{name}" in row]
        if not told:
            continue
        at, value = np.array(told, float).T
        axes.plot(at, value, color=tone, marker="o" if len(at) < 2 else "", markersize=3)
        late += value[len(value) // SKIPPED :].tolist()
    axes.axvline(epoch, color=FAINT, zorder=0)
    low, high = min(late), max(late)
    room = 0.06 * (high - low) or 1.0
    axes.set(title=name, ylim=(low - room, high + room))

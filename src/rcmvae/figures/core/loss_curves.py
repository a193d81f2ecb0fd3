"""How training went."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rcmvae.figures import needs
from rcmvae.figures.drawing import figure
from rcmvae.figures.style import FAINT, HELD_OUT, QUIET, TRAIN, page, panels, rows_of
from rcmvae.findings import Findings
from rcmvae.training import Row

COLUMNS = 3
BOUND = ("reconstruction", "kl_z", "kl_c")  # the terms that −ELBO consists of
SKIPPED = 20  # the first of so many parts of training may leave the panel


@figure(needs.history)
def loss_curves(findings: Findings) -> Figure:
    """Every term over the epochs, in training and on held-out samples."""
    rows, epoch = findings.rows, findings.bundle.epoch
    late = late_terms(findings)
    names = dict.fromkeys(name.partition("/")[2] for row in rows for name in row if "/" in name)
    ordered = [name for name in ("bound", "loss") if name in names]
    ordered += [name for name in names if name not in ("bound", "loss", "gradient_norm")]
    ordered += [name for name in names if name == "gradient_norm"]
    drawn = page(
        _finding(rows, epoch, late),
        "Orange: training, blue: held-out samples, in nats per sample. “bound” is −ELBO, “loss” the weighted sum of "
        "the terms, and each of the others one of these, without its weight; gradient_norm is no loss. Grey line: the "
        "epoch whose weights are kept. Panels fit what comes after the first 5 % of the epochs."
        f"{_told(late)}",
        1.2 + 1.75 * rows_of(len(ordered), COLUMNS),
    )
    for n, (axes, name) in enumerate(zip(panels(drawn, len(ordered), COLUMNS), ordered, strict=True)):
        _panel(axes, rows, name, epoch)
        _mark(axes, late, name)
        if n + COLUMNS >= len(ordered):  # none below
            axes.set_xlabel("epoch")
    return drawn


def late_terms(findings: Findings) -> dict[str, int]:
    """The first epoch in which a term counts, of those that do not count from the start but did in time."""
    begins = {name: term.weight.begins() for name, term in findings.config.objective.terms.items()}
    last = findings.rows[-1]["epoch"]
    return {name: math.floor(begin) + 1 for name, begin in begins.items() if 0 < begin < last}


def _told(late: Mapping[str, int]) -> str:
    """What the dashed lines stand for."""
    at = sorted({*late.values()})
    each = (f"{', '.join(name for name in late if late[name] == epoch)} from epoch {epoch}" for epoch in at)
    return f" Dashed: terms begin to count ({'; '.join(each)})." if at else ""


def _mark(axes: Axes, late: Mapping[str, int], name: str) -> None:
    """A line where terms begin to count, and words where this panel is of one of them."""
    for epoch in {*late.values()}:
        axes.axvline(epoch, color=QUIET, linestyle="--", linewidth=0.7, zorder=0)
    if name in late:
        axes.set_title(f"counts from epoch {late[name]}", loc="right", fontsize=7, color=QUIET)


def _finding(rows: Sequence[Row], epoch: int, late: Mapping[str, int]) -> str:
    bounds = {row["epoch"]: row["validation/bound"] for row in rows if "validation/bound" in row}
    if epoch not in bounds:
        return f"The weights are those of epoch {epoch}"
    begin = max((late[name] for name in BOUND if name in late and late[name] < epoch), default=0)
    first = next(at for at in bounds if at >= begin)
    since = f"from {bounds[first]:.1f} at epoch {first}" if begin else f"after {bounds[first]:.1f} at first"
    return f"−ELBO on held-out samples: {bounds[epoch]:.1f} nats at epoch {epoch}, {since}"


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

"""How the use of channels came about, and what it came to."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rcmvae.errors import counted
from rcmvae.figures import needs
from rcmvae.figures.contents import and_more, short
from rcmvae.figures.drawing import figure
from rcmvae.figures.style import FAINT, HELD_OUT, INK, TRAIN, page
from rcmvae.findings import Findings

MOST = 30
FLAT = 12  # with so many channels their names fit side by side


@figure(needs.history)
def evolution(findings: Findings) -> Figure:
    """Open and used channels over the epochs; then the usage of each, and π."""
    bundle = findings.bundle
    learned = findings.config.model.prior.learns_pi
    last = findings.rows[-1]
    drawn = page(
        f"{counted(last['channels_1pct'], 'channel')} of {len(bundle.active)} hold 1 % or more after "
        f"{counted(last['epoch'], 'epoch')}",
        f"Left: channels over training, on held-out samples. Right: mean responsibility of each open channel on the "
        f"{bundle.split} split, the largest first, with weights of epoch {bundle.epoch}; dots: the channel prior π, "
        f"{'learned' if learned else 'uniform, not learned'}.{and_more(int(bundle.active.sum()) - MOST)}",
        3.6,
    )
    over_time, at_end = drawn.subplots(1, 2, width_ratios=[1, 1.3])
    epochs = [row["epoch"] for row in findings.rows]
    lines = (("k_active", "open", FAINT, 4.5), ("channels_1pct", "hold 1 % or more", HELD_OUT, 1.4))
    for name, label, tone, width in lines:
        over_time.step(
            epochs,
            [row[name] for row in findings.rows],
            where="post",
            color=tone,
            linewidth=width,
            label=label,
        )
    over_time.set(
        xlabel="epoch",
        ylabel="channels",
        ylim=(0, 1.25 * int(max(row["k_active"] for row in findings.rows)) + 0.5),
    )
    over_time.yaxis.set_major_locator(MaxNLocator(integer=True))
    over_time.legend(loc="upper left", ncols=2)
    _usage(at_end, findings)
    return drawn


def _usage(axes: Axes, findings: Findings) -> None:
    bundle = findings.bundle
    open_ones = np.flatnonzero(bundle.active)
    order = open_ones[np.argsort(-bundle.usage[open_ones], kind="stable")][:MOST]
    at = np.arange(len(order))
    axes.bar(at, 100 * bundle.usage[order], color=HELD_OUT, width=0.75 if len(at) > 3 else 0.3)
    axes.plot(
        at,
        100 * np.exp(bundle.log_pi[order]),
        linestyle="",
        marker="o",
        markersize=4,
        color=TRAIN,
        markeredgecolor=INK,
        markeredgewidth=0.4,
    )
    axes.set_xticks(at, [short(k) for k in order.tolist()], fontsize=7, rotation=0 if len(at) <= FLAT else 90)
    axes.set(ylabel="mean share of a sample, %", xlim=(-0.75, len(at) - 0.25))

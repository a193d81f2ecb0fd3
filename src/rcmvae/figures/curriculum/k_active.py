"""When channels opened, and what became of it."""

from itertools import groupby

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rcmvae.errors import counted
from rcmvae.figures import needs
from rcmvae.figures.drawing import figure
from rcmvae.figures.style import INK, PALETTE, QUIET, page
from rcmvae.findings import Findings

KEPT, CLOSED, MERGED = PALETTE[2], PALETTE[5], PALETTE[3]


@figure(needs.curriculum, needs.history)
def k_active(findings: Findings) -> Figure:
    """Open channels over the epochs, every opening by how its trial ended, and the windows of kicks."""
    rows, events = findings.rows, findings.events
    outcomes = {
        what: [event for event in events if event.what == what]
        for what in ("kept", "closed", "merged", "ended")
    }
    opened = [event.epoch for event in events if event.what == "opened"]
    drawn = page(
        f"{counted(len(opened), 'trial')} of a new channel, {len(outcomes['kept'])} kept: "
        f"{rows[-1]['k_active']} open at the end",
        _caption(findings),
        4.0,
    )
    axes = drawn.subplots()
    epochs, count = [row["epoch"] for row in rows], [row["k_active"] for row in rows]
    axes.step(epochs, count, where="post", color=PALETTE[0])
    level = dict(zip(epochs, count, strict=True))
    for what, marker, tone in (("kept", "^", KEPT), ("closed", "v", CLOSED), ("merged", "s", MERGED)):
        at = [event.epoch for event in outcomes[what]]
        if at:
            heights = [level.get(epoch, count[-1]) for epoch in at]
            axes.plot(
                at,
                heights,
                linestyle="",
                marker=marker,
                markersize=6,
                color=tone,
                label=f"{what} ({len(at)})",
            )
    if opened:
        axes.plot(
            opened,
            [0.35] * len(opened),
            linestyle="",
            marker="|",
            markersize=7,
            color=INK,
            label=f"opened ({len(opened)})",
        )
    for start, end in kicked(findings):
        axes.axvspan(start, end, color=PALETTE[1], alpha=0.25, linewidth=0)
    for event in outcomes["ended"]:
        axes.axvline(event.epoch, color=INK, linestyle="--", linewidth=0.9)
        axes.annotate(
            " growth ends", (event.epoch, 0.1), xycoords=("data", "axes fraction"), color=QUIET, fontsize=8
        )
    axes.set(xlabel="epoch", ylabel="open channels", ylim=(0, max(count) + 1.5))
    axes.yaxis.set_major_locator(MaxNLocator(integer=True))
    if events:
        axes.legend(loc="upper left")
    return drawn


def _caption(findings: Findings) -> str:
    curriculum = findings.config.curriculum
    assert curriculum is not None
    said = (
        "Every channel that opens stays."
        if curriculum.policy.keeps_unhelpful
        else "A channel opens on trial; it is kept if it helps, else closed, and all is as it was before."
    )
    kick = " Shaded: epochs with a kick." if kicked(findings) else ""
    ended = [event for event in findings.events if event.what == "ended" and event.reason]
    reason = f" Growth ended with epoch {ended[-1].epoch}: {ended[-1].reason}." if ended else ""
    return f"{said}{kick}{reason}".replace("..", ".")


def kicked(findings: Findings) -> list[tuple[int, int]]:
    """From which epoch to which a kick was on, each time."""
    spans: list[tuple[int, int]] = []
    for on, group in groupby(findings.rows, key=lambda row: bool(row["kick_active"])):
        epochs = [row["epoch"] for row in group]
        if on:
            spans.append((epochs[0] - 1, epochs[-1]))
    return spans

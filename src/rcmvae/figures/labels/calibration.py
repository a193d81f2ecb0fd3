"""Whether the probabilities of labels can be taken at their word."""

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rcmvae.diagnostics import wilson
from rcmvae.errors import counted, percent
from rcmvae.figures import needs
from rcmvae.figures.drawing import figure
from rcmvae.figures.style import HELD_OUT, QUIET, page
from rcmvae.findings import Findings
from rcmvae.labels import Reliability

CLOSE = 0.03  # a mean difference that is none to speak of
FEW = 10  # samples of a bin that say little


@figure(needs.judged)
def calibration(findings: Findings) -> Figure:
    """Accuracy against confidence, in bins: on the diagonal, of all that is 80 % sure, 80 % is right."""
    split, judged = needs.given(findings.judged)
    names = needs.given(findings.names)
    used = judged.samples > 0
    samples, right = judged.samples.sum(), judged.share_right
    said = float(judged.confidence[used] @ judged.samples[used] / samples)
    fitted = (
        f"A temperature of {names.temperature:.2f} was fitted on {counted(names.held_out, 'held-out label')}."
        if names.held_out
        else "No temperature was fitted."
    )
    drawn = page(
        f"{percent(right)} of the labels are right, where {percent(said)} was said: "
        f"{_verdict(right, said, int(samples))}",
        f"Over the {counted(int(samples), 'sample')} of the {split} split that have a label and were not counted. "
        f"Points: how many of the samples of about one confidence are right, and how many samples those are; bars: "
        f"Wilson's interval of 95 %. Grey: fewer than {FEW} samples. On the dashed line, what is said holds. ECE "
        f"{judged.ece:.3f} is the mean gap to that line. {fitted}",
        4.6,
    )
    above, below = drawn.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    _diagram(above, judged)
    width = 1 / len(judged.edges[1:])
    below.bar(
        judged.edges[:-1] + width / 2, 100 * judged.samples / samples, width=0.92 * width, color=HELD_OUT
    )
    below.set(xlabel="probability of the label, as told", ylabel="% of samples", xlim=(0, 1.01))
    return drawn


def _diagram(axes: Axes, judged: Reliability) -> None:
    axes.plot([0, 1], [0, 1], color=QUIET, linestyle="--", linewidth=1)
    used = judged.samples > 0
    at, right, samples = judged.confidence[used], judged.accuracy[used], judged.samples[used]
    low, high = wilson(right, samples)
    tones = np.where(samples < FEW, QUIET, HELD_OUT)
    axes.vlines(at, low, high, color=tones.tolist(), linewidth=1.4)
    axes.scatter(at, right, s=36, color=tones.tolist(), zorder=3)
    for x, y, n in zip(at.tolist(), low.tolist(), samples.tolist(), strict=True):
        axes.annotate(
            f"{n:,}", (x, y), (0, -4), textcoords="offset points", ha="center", va="top", fontsize=7.5
        )
    told: Any = {"fontsize": 8, "color": QUIET, "transform": axes.transAxes}
    axes.text(0.015, 0.97, "above the line: right more often than said", va="top", **told)
    axes.text(0.3, 0.03, "below the line: less often", va="bottom", **told)
    axes.set(ylabel="share that is right", ylim=(-0.03, 1.06))
    axes.set_yticks(np.linspace(0, 1, 6))


def _verdict(right: float, said: float, samples: int) -> str:
    """What the difference means, and that it may be chance where few samples judge."""
    low, high = map(float, wilson(right, samples))
    if not low <= said <= high and abs(right - said) >= CLOSE:
        return "surer than they should be" if right < said else "better than they say"
    if right - low <= CLOSE and high - right <= CLOSE:
        return "take them at their word"
    return f"{counted(samples, 'sample')} cannot tell these apart"

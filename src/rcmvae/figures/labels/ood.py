"""Whether samples of another kind are found."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rcmvae.errors import percent
from rcmvae.figures import needs
from rcmvae.figures.contents import and_more, shortened
from rcmvae.figures.drawing import figure
from rcmvae.figures.style import HELD_OUT, TRAIN, page
from rcmvae.findings import Findings

MOST = 4
AXES = {
    "doubt": "no channel holds it for sure",
    "bound": "what it costs, nats",
    "combined": "surprise at both, nats",
}


@figure(needs.outliers)
def ood(findings: Findings) -> Figure:
    """Scores of samples of the training's kind, and of another: the less they overlap, the better."""
    shown = findings.outliers[:MOST]
    first = shown[0]
    best = max(first["scores"], key=lambda name: first["scores"][name]["auroc"]["mean"])
    auroc = first["scores"][best]["auroc"]["mean"]
    kind = "channels and labels" if first["labelled"] else "channels alone, since no label was counted"
    split = first["split"]
    drawn = page(
        f"By {best}, samples of {_name(first)} look stranger than ours in {percent(auroc)} of pairs",
        f"Filled, blue: the {first['samples']:,} samples of the {split} split. Line, orange: samples of another kind; "
        f"what is outside is in the last bar. AUROC: chance that a sample of the other kind scores higher. "
        f"FPR95: false alarms where 95 % of them are found. Doubt is by {kind}."
        f"{and_more(len(findings.outliers) - MOST, 'evaluation')}",
        1.2 + 2.2 * len(shown),
    )
    grid = drawn.subplots(len(shown), len(AXES), squeeze=False)
    for row, told in zip(grid, shown, strict=True):
        histograms = told["histograms"][told["seeds"].index(findings.bundle.seed)]
        for axes, name in zip(row, AXES, strict=True):
            _panel(axes, name, told, histograms[name])
        row[0].set_ylabel(f"{_name(told)}\n% of samples")
    handles, names = grid[0][0].get_legend_handles_labels()
    drawn.legend(handles, names, loc="outside right center")
    return drawn


def _panel(axes: Axes, name: str, told: Mapping[str, Any], histogram: Mapping[str, Any]) -> None:
    edges = np.array(histogram["edges"])
    normal, strange = (100 * np.array(histogram[kind]) for kind in ("normal", "outliers"))
    axes.stairs(normal, edges, fill=True, color=HELD_OUT, alpha=0.65, label=told["split"])
    axes.stairs(strange, edges, color=TRAIN, linewidth=1.8, label="other kind")
    auroc, fpr95 = (told["scores"][name][key]["mean"] for key in ("auroc", "fpr95"))
    axes.set_title(f"{name}\nAUROC {auroc:.3f}, FPR95 {percent(fpr95)}")
    axes.set_xlabel(AXES[name])


def _name(told: Mapping[str, Any]) -> str:
    return shortened(told["outliers"].rstrip("/").rpartition("/")[2], 24)

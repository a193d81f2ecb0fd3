"""In which order channels merge."""

import numpy as np
from jaxtyping import Float, Int
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from scipy.cluster.hierarchy import dendrogram

from rcmvae import diagnostics
from rcmvae.curriculum.tree import HALF_TOLD, ChannelTree
from rcmvae.diagnostics import Bundle
from rcmvae.errors import counted
from rcmvae.figures import needs
from rcmvae.figures.contents import contents, short
from rcmvae.figures.drawing import figure
from rcmvae.figures.style import INK, QUIET, colour, page
from rcmvae.findings import Findings
from rcmvae.structs import UNLABELLED

MANY = 40
CUT = "Dashed: the proposed cut (docs/growing.md tells its rule); what would merge right of it is grey.{} A colour is"
NEARLY = " Dotted: a cut that is nearly as clear."
OF_GROUP, OF_LABEL = "a group of several channels.", "the commonest label of a group of several channels."
NO_CUT = (
    f"No two are told apart by more than {HALF_TOLD:g}, and no step stands out, so no groups are proposed: "
    "go by the channels."
)


@figure(needs.merges)
def tree(findings: Findings) -> Figure:
    """The dendrogram of the channel tree; groups of several channels are coloured, by label where there are any."""
    found, groups = findings.tree, findings.groups
    told = {content.channel: content.told for content in contents(findings.bundle)}
    laid_out = dendrogram(found.linkage(), no_plot=True)
    order = [found.channels[leaf] for leaf in laid_out["leaves"]]
    cut = cut_height(found.heights, len(found.channels) - found.proposed)
    is_cut = found.is_clear
    labels = commonest(findings.bundle, groups)
    shades = groups if labels is None else labels[groups]
    drawn = page(
        _title(found),
        "Channels merge from left to right, those first that two views of a sample tell apart worst: 0 is not at all, "
        f"1 is never confused. {_about_colours(found, labels is not None) if is_cut else NO_CUT}",
        1.3 + (0.21 if len(order) <= MANY else 0.13) * len(order),
    )
    axes = drawn.subplots()
    lines, tones = [], []
    for across, up in zip(laid_out["dcoord"], laid_out["icoord"], strict=True):
        lines.append(list(zip(across, up, strict=True)))
        inside = order[round((min(up) - 5) / 10)] if is_cut and across[1] <= cut else None
        tones.append(QUIET if inside is None else colour(int(shades[inside])))
    axes.add_collection(LineCollection(lines, colors=tones, linewidths=1.6))
    if is_cut:
        axes.axvline(cut, color=INK, linestyle="--", linewidth=0.9)
        for groups_left in found.nearly:
            other = cut_height(found.heights, len(found.channels) - groups_left)
            axes.axvline(other, color=INK, linestyle=":", linewidth=0.9)
            axes.annotate(
                f"{groups_left} groups", (other, 1), (0, 2), xycoords=("data", "axes fraction"),
                textcoords="offset points", ha="center", fontsize=7, color=INK,
            )  # fmt: skip
    names = [f"{short(k)}: {told.get(k, 'likeliest of no sample')}" for k in order]
    axes.set_yticks(10.0 * np.arange(len(order)) + 5, names, fontsize=8 if len(order) <= MANY else 6)
    for label, k in zip(axes.get_yticklabels(), order, strict=True):
        label.set_color(colour(int(shades[k])) if is_cut and (groups == groups[k]).sum() > 1 else INK)
    for group in np.unique(groups[groups >= 0]).tolist() if is_cut else ():
        middle = np.mean([10 * order.index(k) + 5 for k in np.flatnonzero(groups == group).tolist()])
        axes.annotate(
            f"group {group}", (cut, middle), (3, 2), textcoords="offset points", fontsize=7, color=QUIET
        )
    axes.set(
        xlabel="how well two views tell the parts apart",
        xlim=(0, max(1.0, *found.heights)),
        ylim=(0, 10 * len(order)),
    )
    axes.tick_params(axis="y", length=0)
    return drawn


def _title(found: ChannelTree) -> str:
    many = counted(len(found.channels), "channel")
    if not found.is_clear:
        return f"{many}, and no cut to propose"
    if found.proposed == len(found.channels):
        return f"{many}, each told from the others"
    return f"{many} make {counted(found.proposed, 'group')}"


def _about_colours(found: ChannelTree, labelled: bool) -> str:
    return f"{CUT.format(NEARLY if found.nearly else '')} {OF_LABEL if labelled else OF_GROUP}"


def commonest(bundle: Bundle, groups: Int[np.ndarray, " K"]) -> Int[np.ndarray, " G"] | None:
    """The commonest label of each group; nothing where no sample has one."""
    if (bundle.truth == UNLABELLED).all():
        return None
    held = groups[bundle.channel]
    inside = held >= 0  # a channel of next to nothing has no group
    return diagnostics.contents(held[inside], int(groups.max()) + 1, bundle.truth[inside]).label


def cut_height(heights: Float[np.ndarray, " M"], merges: int) -> float:
    """Between the last merge below the cut and the first above it.

    >>> cut_height(np.array([0.2, 0.8]), 1), cut_height(np.array([0.2, 0.8]), 2)
    (0.5, 0.9)
    """
    bounds = [0.0, *heights.tolist(), 1.0]
    return 0.5 * (bounds[merges] + max(bounds[merges], bounds[merges + 1]))

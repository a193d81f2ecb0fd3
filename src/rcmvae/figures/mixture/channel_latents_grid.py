"""The map of every channel: what a run is for."""

import numpy as np
from jaxtyping import Int
from matplotlib.figure import Figure

from rcmvae.errors import counted, percent
from rcmvae.figures.contents import Content, and_more, contents, largest
from rcmvae.figures.drawing import figure
from rcmvae.figures.maps import MOST_OF_PANEL, Shades, has_plane, places, scatter, sparse_ticks, thinned
from rcmvae.figures.style import page, panels, rows_of
from rcmvae.findings import Findings

MOST, COLUMNS = 30, 5
VARY_MOST = "; the two latent dimensions that vary most"


@figure()
def channel_latents_grid(findings: Findings) -> Figure:
    """A small plot per channel that holds samples: their mean codes, in its own latent space."""
    bundle, shades = findings.bundle, Shades.of(findings.bundle)
    found = contents(bundle)
    shown = largest(found, MOST)
    some = f" At most {MOST_OF_PANEL:,} points a channel, drawn at random."
    crowded = any(len(content.rows) > MOST_OF_PANEL for content in shown)
    holds = "holds" if len(found) == 1 else "hold"
    drawn = page(
        f"{len(found)} of {counted(len(bundle.active), 'channel')} {holds} samples{_purity(findings)}",
        f"Mean codes of the samples of the {bundle.split} split, each in the channel that holds it"
        f"{VARY_MOST * (bundle.mean.shape[1] > 2)}. {shades.caption}{some * crowded}{and_more(len(found) - MOST)}",
        1.1 + 1.85 * rows_of(len(shown), COLUMNS),
    )
    for axes, content in zip(panels(drawn, len(shown), COLUMNS), shown, strict=True):
        rows = shades.ordered(thinned(content.rows, MOST_OF_PANEL))
        plane = bundle.pictures.plane[content.channel]
        points = places(bundle, rows, plane)
        scatter(axes, points, shades(rows, points))
        axes.set_aspect("equal" if has_plane(plane) else "auto", adjustable="datalim")
        sparse_ticks(axes)
        axes.tick_params(labelsize=6, length=2, pad=1)
        axes.set_title(_title(content, findings.groups), fontsize=7.5)
    shades.legend(drawn, np.arange(len(bundle)))
    return drawn


def _purity(findings: Findings) -> str:
    known = [content for content in contents(findings.bundle) if content.purity is not None]
    if not known:
        return ""
    least = min(known, key=lambda content: content.purity or 0.0)
    return f", the least pure {percent(least.purity or 0.0)} of one label"


def _title(content: Content, groups: Int[np.ndarray, " K"]) -> str:
    """Two lines; the group where there are several, of several channels."""
    group = groups[content.channel]
    told = groups.max() > 0 and group >= 0 and (groups == group).sum() > 1
    below = [content.kind] if content.label is not None else []
    below += [f"group {group}"] if told else []
    return f"channel {content.channel}, {content.samples}\n{', '.join(below)}".rstrip()

"""A sample, and how the channels that could have it draw it."""

import numpy as np
from jaxtyping import Shaped
from matplotlib.figure import Figure

from rcmvae.errors import percent
from rcmvae.figures.contents import short
from rcmvae.figures.drawing import figure
from rcmvae.figures.pictures import some_of_each
from rcmvae.figures.style import QUIET, page
from rcmvae.figures.tiles import tiles_of
from rcmvae.findings import Findings

MOST = 14


@figure()
def recon_selected(findings: Findings) -> Figure:
    """Original, as drawn by the selected channel, by all weighed by responsibility, and by the second best."""
    bundle, tiles = findings.bundle, tiles_of(findings.bundle)
    at = some_of_each(bundle, MOST)
    r, by_channel = bundle.responsibility[bundle.pictures.example[at]], bundle.pictures.reconstruction[at]
    ranked = np.argsort(-np.where(bundle.active, r, -1), axis=1, kind="stable")
    each = np.arange(len(at))
    original = bundle.pictures.original[at]
    rows = {
        "original": original,
        "selected": by_channel[each, ranked[:, 0]],
        "weighted": weighted(by_channel, r),
    }
    if bundle.active.sum() > 1:
        rows["second best"] = by_channel[each, ranked[:, 1]]
    table = np.stack([row.astype(float) for row in rows.values()])
    soft = bundle.responsibility.max(axis=1)
    drawn = page(
        f"The selected channel has {percent(float(soft.mean(dtype=float)))} of a sample's responsibility on average",
        f"Examples of the {bundle.split} split. Above each: its channel and that one's responsibility; below: the "
        f"second best. “weighted” is the sum over all channels, weighed by responsibility.{tiles.caption}",
        1.3 + len(rows) * tiles.aspect * 7.6 / len(at) if len(at) > 5 else 1.3 + len(rows) * tiles.aspect,
    )
    axes = drawn.subplots()
    tiles.table(axes, table)
    for row, name in enumerate(rows):
        axes.text(-0.65, row, name, ha="right", va="center", color=QUIET)
    for column in range(len(at)):
        for place, y, side in ((0, -0.55, "bottom"), (1, len(rows) - 0.45, "top"))[: len(rows) - 2]:
            k = int(ranked[column, place])
            axes.text(
                column, y, f"{short(k)}\n{percent(float(r[column, k]))}", ha="center", va=side, fontsize=7.5
            )
    return drawn


def weighted(
    by_channel: Shaped[np.ndarray, "e K *S"], r: Shaped[np.ndarray, "e K"]
) -> Shaped[np.ndarray, "e *S"]:
    """Σ_k r_k x̂_k."""
    return np.einsum("ek,ek...->e...", r.astype(float), by_channel.astype(float))

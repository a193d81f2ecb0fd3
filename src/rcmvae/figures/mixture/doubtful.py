"""Samples that a person should look at: those the model is unsure of, and those it is sure of but labels are not."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rcmvae import diagnostics
from rcmvae.diagnostics import SURE, Bundle
from rcmvae.errors import counted, percent
from rcmvae.figures import needs
from rcmvae.figures.contents import short, shortened
from rcmvae.figures.drawing import figure
from rcmvae.figures.style import INK, page
from rcmvae.figures.tiles import Tiles, tiles_of
from rcmvae.findings import Findings
from rcmvae.structs import UNLABELLED

ROWS, MOST_ACROSS = 2, 10  # of a block


class Block(NamedTuple):
    """Pictures of one kind, and what is said of each."""

    title: str
    at: Int[np.ndarray, " p"]  # among the thumbnails
    told: Callable[[int], str]  # of a row of the bundle


@figure(needs.rival)
def doubtful(findings: Findings) -> Figure:
    """Samples that the model is least sure of, and those that it is sure of in a channel of another label."""
    bundle, tiles = findings.bundle, tiles_of(findings.bundle)
    columns = min(tiles.most_across, MOST_ACROSS)
    blocks = [block for block in (_unsure(bundle), _elsewhere(bundle)) if len(block.at)]
    rows = [
        (block, block.at[first : first + columns], first == 0)
        for block in blocks
        for first in range(0, min(len(block.at), ROWS * columns), columns)
    ]
    drawn = page(
        _finding(bundle),
        f"Of the {bundle.split} split{_kept(bundle)}. Certainty is the largest responsibility; sure is "
        f"{100 * SURE:.0f} % or more.{tiles.caption}",
        1.1 + 0.3 * len(blocks) + (tiles.aspect * 8.6 / columns + 0.45) * len(rows),
    )
    for axes, (block, at, first) in zip(drawn.subplots(len(rows), 1, squeeze=False)[:, 0], rows, strict=True):
        _row(axes, tiles, bundle, at, columns, block.told)
        if first:
            axes.set_title(block.title, pad=34, color=INK)
    return drawn


def certainty(bundle: Bundle) -> Float[np.ndarray, " N"]:
    """The largest responsibility of each sample."""
    return bundle.responsibility.max(axis=1)


def _apart(bundle: Bundle) -> Bool[np.ndarray, " N"]:
    return diagnostics.elsewhere(bundle.channel, len(bundle.active), bundle.truth)


def _unsure(bundle: Bundle) -> Block:
    def told(row: int) -> str:
        r = np.where(bundle.active, bundle.responsibility[row], -1)
        first, second = np.argsort(-r, kind="stable")[:2].tolist()
        return "\n".join(f"{short(k)}: {percent(float(r[k]))}" for k in (first, second))

    at = np.argsort(certainty(bundle)[bundle.pictures.thumbnail_of], kind="stable")
    title = "Least sure first: above each sample its channel, then the runner-up, with their responsibility"
    return Block(title, at, told)


def _elsewhere(bundle: Bundle) -> Block:
    sure, names = certainty(bundle), bundle.label_names
    of_channel = diagnostics.contents(bundle.channel, len(bundle.active), bundle.truth).label

    def told(row: int) -> str:
        k = int(bundle.channel[row])
        own, other = (shortened(names[label], 10) for label in (bundle.truth[row], of_channel[k]))
        return f"“{own}”\nin “{other}”\n{short(k)}, {percent(float(sure[row]))}"

    kept = bundle.pictures.thumbnail_of
    at = np.flatnonzero((_apart(bundle) & (sure >= SURE))[kept])
    title = "Surely in a channel of another label, the surest first: above each its label, then the channel's"
    return Block(title, at[np.argsort(-sure[kept[at]], kind="stable")], told)


def _row(
    axes: Axes,
    tiles: Tiles,
    bundle: Bundle,
    at: Int[np.ndarray, " p"],
    columns: int,
    told: Callable[[int], str],
) -> None:
    """Pictures side by side, with words above; places that are left over stay empty."""
    thumbnail, thumbnail_of = bundle.pictures.thumbnail, bundle.pictures.thumbnail_of
    table = np.zeros((1, columns, *thumbnail.shape[1:]), thumbnail.dtype)
    table[0, : len(at)] = thumbnail[at]
    tiles.table(axes, table, np.arange(columns)[None] < len(at))
    for column, row in enumerate(thumbnail_of[at].tolist()):
        axes.text(column, -0.5, told(row), ha="center", va="bottom", fontsize=7)


def _kept(bundle: Bundle) -> str:
    kept = len(bundle.pictures.thumbnail_of)
    return "" if kept == len(bundle) else f", those of the {kept:,} whose pictures are kept"


def _finding(bundle: Bundle) -> str:
    """How many lie elsewhere; without labels, how many are unsure."""
    sure, known = certainty(bundle) >= SURE, bundle.truth != UNLABELLED
    if not known.any():
        return f"The model is not sure of the channel of {int((~sure).sum()):,} of {counted(len(bundle), 'sample')}"
    apart = _apart(bundle)
    count, surely = int(apart.sum()), int((apart & sure).sum())
    verb = "lies" if count < 2 else "lie"
    where = f"of {counted(int(known.sum()), 'labelled sample')} {verb} in a channel of another label"
    return f"{count:,} {where}, {surely or 'none'} of them surely" if count else f"None {where}"

"""Latent codes as points of a plot."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Int
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator
from scipy.ndimage import gaussian_filter

from rcmvae.diagnostics import Bundle
from rcmvae.figures.contents import shortened
from rcmvae.figures.style import DENSITY, PALETTE, colours
from rcmvae.structs import UNLABELLED

MOST_POINTS = 20_000  # of a figure
MOST_OF_PANEL = 3_000
RARE = 0.5  # of an equal share of the points: a label with less is not to be covered by others


def thinned(rows: Int[np.ndarray, " n"], most: int) -> Int[np.ndarray, " m"]:
    """At most so many rows, drawn and ordered at random, always the same way.

    >>> thinned(np.arange(100), 3).shape, sorted(thinned(np.array([4, 7]), 3).tolist())
    ((3,), [4, 7])
    """
    return np.random.default_rng(0).permutation(rows)[:most]


def shown_of(shown: int, total: int) -> str:
    """What a caption says of points that were left out.

    >>> shown_of(5, 5), shown_of(20000, 70000)
    ('', ' Shown: 20,000 of 70,000 samples, drawn at random.')
    """
    return "" if shown == total else f" Shown: {shown:,} of {total:,} samples, drawn at random."


def places(
    bundle: Bundle, rows: Int[np.ndarray, " n"], plane: Int[np.ndarray, " 2"]
) -> Float[np.ndarray, "n 2"]:
    """Mean codes in a plane; a latent space of one dimension is spread upwards at random, to be seen."""
    codes = bundle.mean[rows][:, plane].astype(float)
    if not has_plane(plane):
        codes[:, 1] = np.random.default_rng(0).uniform(-0.5, 0.5, len(rows))
    return codes


def name_axes(axes: Axes, plane: Int[np.ndarray, " 2"]) -> None:
    """Say which latent dimensions a plot shows."""
    across, up = plane.tolist()
    axes.set(xlabel=f"latent {across}", ylabel=f"latent {up}" if across != up else "(spread to be seen)")


def has_plane(plane: Int[np.ndarray, " 2"]) -> bool:
    """Whether both axes are latent dimensions, in the same unit."""
    return bool(plane[0] != plane[1])


def sparse_ticks(axes: Axes, most: int = 3) -> None:
    """A few round numbers."""
    axes.xaxis.set_major_locator(MaxNLocator(most))
    axes.yaxis.set_major_locator(MaxNLocator(most))


def scatter(
    axes: Axes, points: Float[np.ndarray, "n 2"], shade: Float[np.ndarray, "n c"], size: float | None = None
) -> None:
    """Points, the smaller the more there are."""
    area = float(np.clip(6000 / max(len(points), 1), 2, 20)) if size is None else size
    axes.scatter(points[:, 0], points[:, 1], s=area, c=shade, linewidths=0, rasterized=True)


def density(points: Float[np.ndarray, "n 2"]) -> Float[np.ndarray, "n 4"]:
    """A shade for each point: the darker, the more others lie around it."""
    if len(points) < 2:
        return DENSITY(np.ones(len(points)))
    bins = int(np.clip(np.sqrt(len(points)), 4, 60))
    counts, *edges = np.histogram2d(points[:, 0], points[:, 1], bins=bins)
    smooth = gaussian_filter(counts, 1.0)
    at = [
        np.clip(np.searchsorted(edge, points[:, d], side="right") - 1, 0, bins - 1)
        for d, edge in enumerate(edges)
    ]
    found = smooth[at[0], at[1]]
    return DENSITY(np.sqrt(found / found.max()))


@dataclasses.dataclass(frozen=True)
class Shades:
    """What the colour of a point says."""

    bundle: Bundle
    by_label: bool

    @classmethod
    def of(cls, bundle: Bundle) -> "Shades":
        """By label, where there are any."""
        return cls(bundle, bool((bundle.truth != UNLABELLED).any()))

    def __call__(
        self, rows: Int[np.ndarray, " n"], points: Float[np.ndarray, "n 2"]
    ) -> Float[np.ndarray, "n c"]:
        return colours(self.bundle.truth[rows]) if self.by_label else density(points)

    def ordered(self, rows: Int[np.ndarray, " n"]) -> Int[np.ndarray, " n"]:
        """As they are drawn one over the other: first those without a label, last those of rare labels."""
        truth = self.bundle.truth[rows]
        known = truth != UNLABELLED
        count = np.bincount(truth[known], minlength=1)
        rare = count < RARE * known.sum() / max((count > 0).sum(), 1)
        late = np.where(rare, len(rows) - count, 0)[truth] + 1
        return rows[np.argsort(np.where(known, late, 0), kind="stable")]

    @property
    def caption(self) -> str:
        if not self.by_label:
            return "The darker, the more samples."
        repeated = len(self.bundle.label_names) > len(PALETTE)
        unknown = (self.bundle.truth == UNLABELLED).any()
        again = f" (of {len(self.bundle.label_names)} labels some look alike)" if repeated else ""
        return f"Colours are labels{again}{'; grey has none' if unknown else ''}; rare ones lie on top."

    def legend(self, figure: Figure, rows: Int[np.ndarray, " n"]) -> None:
        """The labels of these samples, where colours tell them apart."""
        names, truth = self.bundle.label_names, self.bundle.truth[rows]
        present = np.unique(truth[truth != UNLABELLED]).tolist()
        if present and len(names) <= len(PALETTE):
            name_colours(figure, [shortened(names[label]) for label in present], present)


def name_colours(figure: Figure, names: Sequence[str], index: Sequence[int]) -> None:
    """A legend to the right of everything."""
    dots = [
        Line2D([], [], linestyle="", marker="o", markersize=6, color=tone)
        for tone in colours(np.array(index)).tolist()
    ]
    figure.legend(dots, list(names), loc="outside right upper", handletextpad=0.1, borderaxespad=0.2)

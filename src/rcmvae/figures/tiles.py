"""Samples as small pictures: images as they are, vectors as bars or lines."""

import dataclasses
import math
from abc import ABC, abstractmethod

import numpy as np
from jaxtyping import Bool, Float, Shaped, UInt8
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection

from rcmvae.diagnostics import Bundle
from rcmvae.figures.style import FAINT, bare, colour

MOST_PIXELS = 64  # of a side; larger images are averaged down
MOST_BARS = 30
BAR = 0.8  # of its share of the width
ABOVE, BELOW = np.array([colour(0)]), np.array([colour(5)])
MOST_VALUES = 128  # of a line
GAP = 1 / 16  # of a side, around a picture in a table
DEVIATIONS = 2.0  # from the middle of a vector's picture to its edge
WIDTH, HEIGHT = 64, 40  # of a vector's picture in pixels
INK, PAPER = 40, 255


@dataclasses.dataclass(frozen=True)
class Tiles(ABC):
    """How the samples of one data set are drawn."""

    @property
    @abstractmethod
    def aspect(self) -> float:
        """Height of a tile over its width."""

    @property
    @abstractmethod
    def most_across(self) -> int:
        """Of a large table no more are shown side by side."""

    @property
    def caption(self) -> str:
        """What has to be said about how they are drawn."""
        return ""

    @abstractmethod
    def grid(
        self,
        axes: Axes,
        samples: Shaped[np.ndarray, "R C *S"],
        shown: Bool[np.ndarray, "R C"],
        gap: float,
    ) -> None:
        """A table of samples: that of row r and column c lies around the point (c, r), with a gap on every side."""

    @abstractmethod
    def put(
        self,
        axes: Axes,
        samples: Shaped[np.ndarray, "n *S"],
        centres: Float[np.ndarray, "n 2"],
        width: float,
        height: float,
    ) -> None:
        """Samples at places of a plot."""

    @abstractmethod
    def sprites(self, samples: Shaped[np.ndarray, "n *S"]) -> UInt8[np.ndarray, "n h w c"]:
        """Samples as pictures of bytes, grey or in colours."""

    def table(
        self,
        axes: Axes,
        samples: Shaped[np.ndarray, "R C *S"],
        shown: Bool[np.ndarray, "R C"] | None = None,
        gap: float = GAP,
    ) -> None:
        """A table of samples and nothing else; those that are not shown leave their cells empty."""
        R, C = samples.shape[:2]
        bare(axes)
        self.grid(axes, samples, np.ones((R, C), bool) if shown is None else shown, gap)
        axes.set(xlim=(-0.5, C - 0.5), ylim=(R - 0.5, -0.5), aspect=self.aspect)


def tiles_of(bundle: Bundle) -> Tiles:
    """How the samples of this bundle are drawn."""
    known = bundle.pictures.thumbnail if len(bundle.pictures.thumbnail) else bundle.pictures.original
    return Images.like(known) if bundle.is_image else Vectors.like(known)


@dataclasses.dataclass(frozen=True)
class Images(Tiles):
    """Images between the darkest and the brightest value there is; bytes as they are."""

    low: float
    high: float
    shape: tuple[int, ...]

    @classmethod
    def like(cls, known: Shaped[np.ndarray, "n H W C"]) -> "Images":
        if known.dtype == np.uint8:
            return cls(0.0, 255.0, known.shape[1:])
        low, high = float(known.min()), float(known.max())
        return cls(low, high if high > low else low + 1, known.shape[1:])

    @property
    def most_across(self) -> int:
        return 12

    @property
    def aspect(self) -> float:
        return self.shape[0] / self.shape[1]

    def pixels(self, samples: Shaped[np.ndarray, "*n H W C"]) -> UInt8[np.ndarray, "*n h w 3"]:
        """Red, green and blue; grey where there are not three of them."""
        small = averaged(averaged(samples, -3, MOST_PIXELS), -2, MOST_PIXELS)
        if small.shape[-1] != 3:
            small = np.repeat(small.mean(axis=-1, keepdims=True), 3, axis=-1)
        return np.rint(255 * np.clip((small - self.low) / (self.high - self.low), 0, 1)).astype(np.uint8)

    def grid(
        self,
        axes: Axes,
        samples: Shaped[np.ndarray, "R C *S"],
        shown: Bool[np.ndarray, "R C"],
        gap: float,
    ) -> None:
        R, C = samples.shape[:2]
        drawn = self.pixels(samples)
        drawn[~shown] = 255
        above, beside = (math.ceil(gap * side) for side in drawn.shape[2:4])
        framed = np.pad(
            drawn, ((0, 0), (0, 0), (above, above), (beside, beside), (0, 0)), constant_values=255
        )
        height, width = framed.shape[2:4]
        picture = framed.swapaxes(1, 2).reshape(R * height, C * width, 3)
        axes.imshow(picture, extent=(-0.5, C - 0.5, R - 0.5, -0.5), aspect="auto")

    def put(
        self,
        axes: Axes,
        samples: Shaped[np.ndarray, "n *S"],
        centres: Float[np.ndarray, "n 2"],
        width: float,
        height: float,
    ) -> None:
        for picture, (x, y) in zip(self.pixels(samples), centres.tolist(), strict=True):
            box = (x - width / 2, x + width / 2, y - height / 2, y + height / 2)
            axes.imshow(picture, extent=box, aspect="auto", zorder=3)

    def sprites(self, samples: Shaped[np.ndarray, "n H W C"]) -> UInt8[np.ndarray, "n h w c"]:
        coloured = self.pixels(samples)
        return coloured if self.shape[-1] == 3 else coloured[..., :1]


@dataclasses.dataclass(frozen=True)
class Vectors(Tiles):
    """Vectors by how far each value is from its mean, in standard deviations."""

    mean: Float[np.ndarray, " F"]
    sd: Float[np.ndarray, " F"]

    @classmethod
    def like(cls, known: Shaped[np.ndarray, "n F"]) -> "Vectors":
        mean, sd = known.mean(axis=0, dtype=float), known.std(axis=0, dtype=float)
        return cls(mean, np.where(sd > 0, sd, 1.0))

    @property
    def most_across(self) -> int:
        return 6

    @property
    def aspect(self) -> float:
        return 0.7

    @property
    def caption(self) -> str:
        how = "a bar" if len(self.mean) <= MOST_BARS else "a point of the line"
        return f" Of a sample each value is {how}: how far from its mean, up to ±{DEVIATIONS:g} standard deviations."

    def heights(self, samples: Shaped[np.ndarray, "*n F"]) -> Float[np.ndarray, "*n f"]:
        """From −½ to ½."""
        deviation = np.clip((samples - self.mean) / self.sd, -DEVIATIONS, DEVIATIONS)
        return averaged(deviation, -1, MOST_VALUES) / (2 * DEVIATIONS)

    def grid(
        self,
        axes: Axes,
        samples: Shaped[np.ndarray, "R C *S"],
        shown: Bool[np.ndarray, "R C"],
        gap: float,
    ) -> None:
        rows, columns = np.nonzero(shown)
        size = 1 - 2 * max(gap, GAP)  # rows are counted downwards, values upwards
        self._draw(axes, samples[shown], np.stack([columns, rows], axis=1).astype(float), size, -size)

    def put(
        self,
        axes: Axes,
        samples: Shaped[np.ndarray, "n *S"],
        centres: Float[np.ndarray, "n 2"],
        width: float,
        height: float,
    ) -> None:
        self._draw(axes, samples, centres, width, height)

    def sprites(self, samples: Shaped[np.ndarray, "n F"]) -> UInt8[np.ndarray, "n h w c"]:
        """Bars around the mean."""
        heights = self.heights(samples)
        bar = np.arange(WIDTH) * heights.shape[1] // WIDTH
        end = np.rint((0.5 - heights[:, None, bar]) * (HEIGHT - 1))
        row, middle = np.arange(HEIGHT)[:, None], (HEIGHT - 1) // 2
        inside = (row >= np.minimum(end, middle)) & (row <= np.maximum(end, middle))
        return np.where(inside, INK, PAPER).astype(np.uint8)[..., None]

    def _draw(
        self,
        axes: Axes,
        samples: Shaped[np.ndarray, "n *S"],
        centres: Float[np.ndarray, "n 2"],
        width: float,
        height: float,
    ) -> None:
        up = centres[:, 1:] + height * self.heights(samples)
        n, F = up.shape
        along = centres[:, :1] + width * (((np.arange(F) + 0.5) / F) - 0.5)[None]
        middle = np.broadcast_to(centres[:, 1:], up.shape)
        paper = [[(x - width / 2, y), (x + width / 2, y)] for x, y in centres.tolist()]
        axes.add_collection(LineCollection(paper, colors=FAINT, linewidths=0.6, zorder=3))
        if len(self.mean) > MOST_BARS:
            lines = list(np.stack([along, up], axis=-1))
            axes.add_collection(LineCollection(lines, colors=[colour(0)], linewidths=1.0, zorder=4))
            return
        half = BAR * width / (2 * F)
        left, right = along - half, along + half
        corners = [[left, middle], [left, up], [right, up], [right, middle]]
        bars = np.stack([np.stack(corner, axis=-1) for corner in corners], axis=2).reshape(n * F, 4, 2)
        tones = np.where((up - middle).reshape(-1, 1) * height >= 0, ABOVE, BELOW)
        axes.add_collection(PolyCollection(list(bars), facecolors=tones, linewidths=0, zorder=4))


def averaged(x: Shaped[np.ndarray, "..."], axis: int, most: int) -> Shaped[np.ndarray, "..."]:
    """Means of neighbours along an axis, so that no more than so many are left.

    >>> averaged(np.arange(6.0), 0, 3).tolist()
    [0.5, 2.5, 4.5]
    """
    size = x.shape[axis]
    if size <= most:
        return x
    starts = np.unique(np.linspace(0, size, most, endpoint=False).astype(int))
    lengths = np.diff([*starts, size])
    shape = [1] * x.ndim
    shape[axis] = len(lengths)
    return np.add.reduceat(x, starts, axis=axis, dtype=float) / lengths.reshape(shape)

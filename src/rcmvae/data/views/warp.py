"""A smooth random deformation of each image: turned, slanted, stretched, shifted, bent, made thicker."""

import math
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key
from pydantic import Field

from rcmvae.data.views.base import ImageView, Pool


class Motion(eqx.Module):
    """What one warp does to each image: drawn first, then applied without chance. Pairs are (row, column)."""

    angle: Float[Array, " B"]  # radians
    shear: Float[Array, " B"]  # columns per row
    log_scale: Float[Array, "B 2"]
    shift: Float[Array, "B 2"]  # fractions of the height and of the width
    bend: Float[Array, "B 2 G G"]  # coefficients of the elastic field, in the same fractions
    stroke: Float[Array, " B"]  # above 0 bright strokes grow, below 0 they shrink

    @property
    def matrix(self) -> Float[Array, "B 2 2"]:
        """The linear map from an offset in the result to an offset in the source, in pixels."""
        cos, sin, shear = jnp.cos(self.angle), jnp.sin(self.angle), self.shear
        rows, columns = jnp.exp(self.log_scale[:, 0]), jnp.exp(self.log_scale[:, 1])
        # A = rotation · shear · scale, written out: some devices round the factors of a product
        entries = [(cos - sin * shear) * rows, -sin * columns, (sin + cos * shear) * rows, cos * columns]
        return jnp.stack(entries, axis=-1).reshape(-1, 2, 2)


def bump_centres(sigma: float) -> Float[np.ndarray, " G"]:
    """Where the bumps of the elastic field stand on a side of length 1: 1.5 σ apart or less, also beyond."""
    margin = 1.5 * sigma
    return np.linspace(-margin, 1 + margin, math.ceil((1 + 2 * margin) / margin) + 1)


def bumps(side: int, sigma: float) -> Float[np.ndarray, "side G"]:
    """Gaussian bumps of width σ (a fraction of the side) that span the smooth curves along one axis.

    Each row has norm 1, so that independent coefficients of variance 1 make a curve of variance 1 everywhere:
    white noise blurred with that Gaussian, from a handful of draws.
    """
    pixel = (np.arange(side) + 0.5) / side
    basis = np.exp(-0.5 * ((pixel[:, None] - bump_centres(sigma)[None, :]) / sigma) ** 2)
    return (basis / np.linalg.norm(basis, axis=1, keepdims=True)).astype(np.float32)


def source(
    motion: Motion, height: int, width: int, sigma: float
) -> tuple[Float[Array, "B H W"], Float[Array, "B H W"]]:
    """The row and the column in the source that each pixel of the result is taken from."""
    field = jnp.einsum("hi,bkij,wj->kbhw", bumps(height, sigma), motion.bend, bumps(width, sigma))
    matrix, shift = motion.matrix[..., None, None], motion.shift[..., None, None]
    row = (jnp.arange(height) - (height - 1) / 2).reshape(1, -1, 1)
    column = (jnp.arange(width) - (width - 1) / 2).reshape(1, 1, -1)
    # u(p) = c + A (p − c) + side · (shift + field(p)), with c the centre
    turned = [matrix[:, axis, 0] * row + matrix[:, axis, 1] * column for axis in (0, 1)]
    moved = [side * (shift[:, axis] + field[axis]) for axis, side in enumerate((height, width))]
    return (height - 1) / 2 + turned[0] + moved[0], (width - 1) / 2 + turned[1] + moved[1]


def resample(
    x: Float[Array, "B H W C"],
    row: Float[Array, "B Y X"],
    column: Float[Array, "B Y X"],
    fill: float,
) -> Float[Array, "B Y X C"]:
    """Bilinear values of each image at these coordinates; beyond the border lies an endless plane of `fill`.

    >>> x = jnp.arange(4.0).reshape(1, 2, 2, 1)
    >>> resample(x, jnp.full((1, 1, 1), 0.5), jnp.full((1, 1, 1), 0.5), 0.0).item()
    1.5
    """
    # Four gathers. On a CPU, at 256 × 28 × 28 × 1 and 256 × 32 × 32 × 3, a warp takes 1.2 and 1.3 times as
    # long with one gather of 2 × 2 blocks, 1.0 and 1.2 with map_coordinates; products with hat matrices take
    # 9 and 25 times the four gathers. Indexed per image, not as one flat batch, so that it can be sharded.
    H, W = x.shape[1:3]
    row, column = jnp.clip(row + 1, 0, H + 1), jnp.clip(column + 1, 0, W + 1)
    top, left = jnp.minimum(jnp.floor(row), H), jnp.minimum(jnp.floor(column), W)
    down, right = (row - top)[..., None], (column - left)[..., None]

    def corner(
        image: Float[Array, "h w C"], i: Int[Array, "Y X"], j: Int[Array, "Y X"]
    ) -> Float[Array, "Y X C"]:
        return image.at[i, j].get(mode="clip")

    framed = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), constant_values=fill)
    i, j = top.astype(jnp.int32), left.astype(jnp.int32)
    a, b, c, d = (jax.vmap(corner)(framed, i + di, j + dj) for di in (0, 1) for dj in (0, 1))
    # (1 − v) [(1 − h) a + h b] + v [(1 − h) c + h d]
    return (1 - down) * ((1 - right) * a + right * b) + down * ((1 - right) * c + right * d)


def thicken(x: Float[Array, "B H W C"], stroke: Float[Array, " B"]) -> Float[Array, "B H W C"]:
    """Blend each pixel with the brightest (stroke > 0) or darkest (stroke < 0) of a cross around it."""
    H, W = x.shape[1:3]
    framed = jnp.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)), mode="edge")
    cross = [framed[:, i : i + H, j : j + W] for i, j in ((0, 1), (1, 0), (1, 2), (2, 1))]
    brightest, darkest = x, x
    for neighbour in cross:
        brightest, darkest = jnp.maximum(brightest, neighbour), jnp.minimum(darkest, neighbour)
    stroke = stroke.reshape(-1, 1, 1, 1)
    return x + jnp.abs(stroke) * (jnp.where(stroke > 0, brightest, darkest) - x)


class Warp(ImageView):
    """A random rotation, shear, stretch, shift and elastic bend, and a change of stroke width.

    Everything is uniform within ± its strength, independently for each image. Lengths are fractions of the
    side they lie along. The bend is a smooth field whose root mean square, along each axis, is uniform between
    0 and `elastic`. Only `stroke`, the share of the blend, speaks of pixels: a small image wants less of it.
    """

    kind: Literal["warp"] = "warp"
    rotate: float = Field(default=10.0, ge=0, le=180, description="The widest rotation, in degrees.")
    shear: float = Field(default=0.25, ge=0, description="The strongest slant, in columns per row.")
    log_scale: float = Field(
        default=0.12, ge=0, description="The widest stretch of height and of width, as a logarithm."
    )
    shift: float = Field(default=1.5 / 28, ge=0, description="The widest shift, as a share of the side.")
    elastic: float = Field(
        default=1.1 / 28, ge=0, description="The strongest elastic bend, as a share of the side."
    )
    elastic_sigma: float = Field(
        default=4 / 28,
        ge=0.02,
        le=1,
        description="How smooth the bend is: its width, as a share of the side.",
    )
    stroke: float = Field(
        default=0.5,
        ge=0,
        le=1,
        description="How much strokes grow or shrink at most, as a share of a blend with the neighbouring pixels.",
    )
    fill: float = Field(default=0.0, description="The scaled value of what lies beyond the border.")

    def draw(self, key: Key[Array, ""], batch: int) -> Motion:
        """A random motion for each image of a batch."""
        G = len(bump_centres(self.elastic_sigma))
        u = jax.random.uniform(key, (batch, 8 + 2 * G * G), minval=-1.0)
        # √3 u has variance 1; being bounded, it makes no rare wild bend as a normal draw would.
        amplitude = self.elastic * math.sqrt(3) * jnp.abs(u[:, 7])
        return Motion(
            angle=math.radians(self.rotate) * u[:, 0],
            shear=self.shear * u[:, 1],
            log_scale=self.log_scale * u[:, 2:4],
            shift=self.shift * u[:, 4:6],
            bend=amplitude.reshape(-1, 1, 1, 1) * u[:, 8:].reshape(-1, 2, G, G),
            stroke=self.stroke * u[:, 6],
        )

    def apply(self, motion: Motion, x: Float[Array, "B H W C"]) -> Float[Array, "B H W C"]:
        """The images after this motion."""
        row, column = source(motion, x.shape[1], x.shape[2], self.elastic_sigma)
        # Strokes first: after the gathers, XLA would repeat them for each of the five pixels of the cross.
        return resample(thicken(x, motion.stroke), row, column, self.fill).astype(x.dtype)

    def __call__(
        self, key: Key[Array, ""], x: Float[Array, "B H W C"], pool: Pool
    ) -> Float[Array, "B H W C"]:
        return self.apply(self.draw(key, x.shape[0]), x)

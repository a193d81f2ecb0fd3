"""p(z | k) = N(c_k, I) in one shared latent, with fixed centres on a circle or a grid."""

import math
from typing import ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key
from pydantic import Field, PositiveFloat

from rcmvae.priors.base import Encode, Prior, PriorOptions, gaussian_kl
from rcmvae.structs import Posterior


def circle(num_centres: int, dim: int, radius: float) -> Float[np.ndarray, "K D"]:
    """Centres spread evenly on a circle in the first two dimensions (on a line from −radius to radius if D = 1)."""
    centres = np.zeros((num_centres, dim), np.float32)
    if dim == 1:
        centres[:, 0] = np.linspace(-radius, radius, num_centres) if num_centres > 1 else 0.0
        return centres
    angle = 2 * math.pi * np.arange(num_centres) / num_centres
    centres[:, 0], centres[:, 1] = radius * np.cos(angle), radius * np.sin(angle)
    return centres


def grid(num_centres: int, dim: int, radius: float) -> Float[np.ndarray, "K D"]:
    """The first K points of the smallest D-dimensional grid that holds them, spanning [−radius, radius]."""
    side = 1
    while side**dim < num_centres:
        side += 1
    axis = np.linspace(-radius, radius, side) if side > 1 else np.zeros(1)
    # The digits of k in base `side`: the whole grid has side^D points, which is beyond any memory for a large D.
    points = [[axis[k // side**d % side] for d in reversed(range(dim))] for k in range(num_centres)]
    return np.asarray(points, np.float32)


ARRANGEMENTS = {"circle": circle, "grid": grid}


class GeometricPrior(Prior):
    """N(c_k, I) with centres that never move."""

    centres: tuple[tuple[float, ...], ...] = eqx.field(static=True)

    def kl(self, posterior: Posterior, encode: Encode, key: Key[Array, ""]) -> Float[Array, "B K"]:
        centre = jnp.asarray(self.centres, posterior.mean.dtype)[None]
        B, K, D = posterior.mean.shape[0], *centre.shape[1:]
        mean = jnp.broadcast_to(posterior.mean, (B, K, D))
        log_var = jnp.broadcast_to(posterior.log_var, (B, K, D))
        return gaussian_kl(mean, log_var, jnp.broadcast_to(centre, (B, K, D)))

    def log_density(self, z: Float[Array, "B 1 D"], encode: Encode) -> Float[Array, "B K"]:
        from_centre = z - jnp.asarray(self.centres, z.dtype)[None]
        return super().log_density(from_centre, encode)

    def draw(self, shape: tuple[int, int, int], encode: Encode, key: Key[Array, ""]) -> Float[Array, "N K D"]:
        return jnp.asarray(self.centres)[None] + jax.random.normal(key, shape)


class Geometric(PriorOptions):
    """p(z | k) = N(c_k, I) in one shared latent, around fixed centres on a circle or a grid."""

    layouts: ClassVar[tuple[str, ...]] = ("shared",)
    kl_per_channel: ClassVar[bool] = True
    can_be_widened: ClassVar[bool] = False

    kind: Literal["geometric"] = "geometric"
    arrangement: Literal["circle", "grid"] = Field(default="circle", description="Where the centres lie.")
    radius: PositiveFloat = Field(
        default=4.0, description="The radius of the circle, or half the side of the grid."
    )

    def build(
        self, num_channels: int, latent_dim: int, shape: tuple[int, ...], key: Key[Array, ""]
    ) -> GeometricPrior:
        centres = ARRANGEMENTS[self.arrangement](num_channels, latent_dim, self.radius)
        return GeometricPrior(tuple(map(tuple, centres.tolist())))

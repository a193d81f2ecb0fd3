"""What a prior owes the model: the KL of each latent and the channel prior π."""

import math
from abc import abstractmethod
from collections.abc import Callable
from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from rcmvae.options import Options
from rcmvae.routing import over_open
from rcmvae.structs import Posterior

Encode = Callable[[Float[Array, "P *S"]], Posterior]


def gaussian_kl(
    mean: Float[Array, "*B D"], log_var: Float[Array, "*B D"], centre: Float[Array, "*B D"] | float = 0.0
) -> Float[Array, "*B"]:
    """KL(N(μ, σ²) ‖ N(c, I)), summed over the D dimensions.

    >>> float(gaussian_kl(jnp.ones(2), jnp.zeros(2)))
    1.0
    """
    # KL = ½ Σ_d (σ² + (μ − c)² − 1 − log σ²)
    return 0.5 * jnp.sum(jnp.exp(log_var) + (mean - centre) ** 2 - 1.0 - log_var, axis=-1)


def log_normal(
    z: Float[Array, "*B D"], mean: Float[Array, "*B D"], log_var: Float[Array, "*B D"]
) -> Float[Array, "*B"]:
    """Log density of a diagonal Gaussian."""
    # log N(z; μ, σ²) = −½ Σ_d (log 2π + log σ² + (z − μ)² / σ²)
    return -0.5 * jnp.sum(math.log(2 * math.pi) + log_var + (z - mean) ** 2 * jnp.exp(-log_var), axis=-1)


class Prior(eqx.Module):
    """Base of all priors: p(z) per latent, and π over channels, uniform unless a leaf says otherwise."""

    @abstractmethod
    def kl(self, posterior: Posterior, encode: Encode, key: Key[Array, ""]) -> Float[Array, "B C"]:
        """KL(q(z_l | x) ‖ p(z_l)) of each latent (C = L), or of the one latent under each channel (C = K)."""

    def log_density(self, z: Float[Array, "B L D"], encode: Encode) -> Float[Array, "B C"]:
        """Log p(z_l) of each latent (C = L), or of the one latent under each channel (C = K)."""
        return log_normal(z, jnp.zeros_like(z), jnp.zeros_like(z))

    def draw(self, shape: tuple[int, int, int], encode: Encode, key: Key[Array, ""]) -> Float[Array, "N K D"]:
        """Latents from the prior, of shape (N, K, D): N for every channel."""
        return jax.random.normal(key, shape)

    def log_pi(self, active: Bool[Array, " K"]) -> Float[Array, " K"]:
        """Log π over the open channels."""
        return over_open(jnp.zeros(active.shape), active)

    def fitted(self, x: Float[np.ndarray, "N *S"], key: Key[Array, ""]) -> "Prior":
        """The same prior with whatever it takes from the training data before the first step."""
        return self

    @property
    def starts_from_data(self) -> bool:
        """Whether `fitted` looks at the samples."""
        return False

    @property
    def update_scale(self) -> float:
        """Factor on the learning rate of this prior's parameters."""
        return 1.0


class PriorOptions(Options):
    """Base of all priors' options."""

    layouts: ClassVar[tuple[str, ...]] = ("decentralized", "shared")
    kl_per_channel: ClassVar[bool] = False  # the one shared latent has another KL under every channel
    can_be_widened: ClassVar[bool] = True  # by channels more, while nothing changes for those that are there

    @property
    def learns_pi(self) -> bool:
        """Whether π is a parameter."""
        return False

    @abstractmethod
    def build(self, num_channels: int, latent_dim: int, shape: tuple[int, ...], key: Key[Array, ""]) -> Prior:
        """A prior for K channels of D dimensions, over samples of this shape."""

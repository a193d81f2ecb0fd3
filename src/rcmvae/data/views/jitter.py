"""Noise and swapped features: the view for data that have no geometry."""

import math
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key
from pydantic import Field

from rcmvae.data.views.base import Pool, View
from rcmvae.errors import ConfigError


class Jitter(View):
    """Replaces each feature with probability `drop`, then adds Gaussian noise of standard deviation `scale`.

    A dropped feature takes its value in another random sample of the batch, the same one for all features
    of a sample: a value that occurs in the data, where a zero could mean something or be impossible.
    """

    kind: Literal["jitter"] = "jitter"
    scale: float = Field(
        default=0.1, ge=0, description="Standard deviation of the noise, in units of the scaled samples."
    )
    drop: float = Field(
        default=0.1,
        ge=0,
        le=1,
        description="Probability with which a feature is replaced by that of another sample.",
    )

    def __call__(self, key: Key[Array, ""], x: Float[Array, "B *S"], pool: Pool) -> Float[Array, "B *S"]:
        B = x.shape[0]
        donor_key, feature_key = jax.random.split(key)
        # An offset from 1 to B − 1 never lands on the sample itself.
        donor = (jnp.arange(B) + jax.random.randint(donor_key, (B,), 1, max(B, 2))) % B
        # Random bits cost more than all else: half of each word chooses, the other half is the noise. A flat
        # shape, because counters over four axes are slower still: together 5 times faster at 32 × 32 × 3.
        bits = jax.random.bits(feature_key, (B, x.size // B), jnp.uint32).reshape(x.shape)
        mixed = jnp.where((bits & 0xFFFF) < round(self.drop * 2**16), x[donor], x)
        # Φ⁻¹(u) = √2 erf⁻¹(2u − 1), at the middles of 2¹⁶ equal cells
        noise = math.sqrt(2) * jax.lax.erf_inv(((bits >> 16).astype(jnp.float32) + 0.5) / 2**15 - 1)
        return mixed + self.scale * noise.astype(x.dtype)

    def check(self, shape: tuple[int, ...]) -> None:
        if not shape or min(shape) < 1:
            raise ConfigError(f"`jitter` needs samples with features, but they have shape {shape}.")

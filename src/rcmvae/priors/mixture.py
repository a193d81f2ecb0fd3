"""p(c, z) = Cat(π) · N(0, I): the channels have probabilities of their own, fixed uniform or learned."""

from collections.abc import Callable
from typing import Literal

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Key
from pydantic import Field

from rcmvae.nn import PerChannel, Rows
from rcmvae.priors.base import Encode, Prior, PriorOptions, gaussian_kl
from rcmvae.routing import over_open
from rcmvae.structs import Posterior


class MixturePrior(Prior, PerChannel):
    """Cat(π) × N(0, I), with logits of π when it is learned."""

    pi_logits: Float[Array, " K"] | None

    def kl(self, posterior: Posterior, encode: Encode, key: Key[Array, ""]) -> Float[Array, "B L"]:
        return gaussian_kl(posterior.mean, posterior.log_var)

    def map_channels(self, change: Callable[[Rows], Rows]) -> "MixturePrior":
        return self if self.pi_logits is None else MixturePrior(change(self.pi_logits))

    def log_pi(self, active: Bool[Array, " K"]) -> Float[Array, " K"]:
        return super().log_pi(active) if self.pi_logits is None else over_open(self.pi_logits, active)


class Mixture(PriorOptions):
    """N(0, I) for every latent, and a probability π for each channel."""

    kind: Literal["mixture"] = "mixture"
    pi: Literal["uniform", "learned"] = Field(
        default="uniform",
        description="Whether every open channel is equally probable beforehand, or its probability is learned.",
    )

    @property
    def learns_pi(self) -> bool:
        return self.pi == "learned"

    def build(
        self, num_channels: int, latent_dim: int, shape: tuple[int, ...], key: Key[Array, ""]
    ) -> MixturePrior:
        return MixturePrior(jnp.zeros(num_channels) if self.pi == "learned" else None)

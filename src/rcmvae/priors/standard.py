"""p(z) = N(0, I) for every latent, π uniform over the open channels."""

from typing import Literal

from jaxtyping import Array, Float, Key

from rcmvae.priors.base import Encode, Prior, PriorOptions, gaussian_kl
from rcmvae.structs import Posterior


class StandardPrior(Prior):
    """N(0, I)."""

    def kl(self, posterior: Posterior, encode: Encode, key: Key[Array, ""]) -> Float[Array, "B L"]:
        return gaussian_kl(posterior.mean, posterior.log_var)


class Standard(PriorOptions):
    """N(0, I) for every latent, and all open channels alike."""

    kind: Literal["standard"] = "standard"

    def build(
        self, num_channels: int, latent_dim: int, shape: tuple[int, ...], key: Key[Array, ""]
    ) -> StandardPrior:
        return StandardPrior()

"""p(z) = 1/P Σ_j q(z | u_j): the posterior's own average over learned pseudo-inputs u_j, in a shared latent."""

import dataclasses
import math
from typing import ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key
from pydantic import Field, PositiveFloat, PositiveInt

from rcmvae.errors import ConfigError
from rcmvae.priors.base import Encode, Prior, PriorOptions, log_normal
from rcmvae.structs import Posterior


class VampPrior(Prior):
    """A mixture of posteriors at pseudo-inputs, in the space of the scaled samples."""

    pseudo_inputs: Float[Array, "P *S"]
    num_samples: int = eqx.field(static=True)
    start: Literal["kmeans", "random"] = eqx.field(static=True)
    learning_rate_scale: float = eqx.field(static=True)

    @property
    def starts_from_data(self) -> bool:
        return True

    @property
    def update_scale(self) -> float:
        return self.learning_rate_scale

    def log_density(self, z: Float[Array, "B 1 D"], encode: Encode) -> Float[Array, "B 1"]:
        pseudo = encode(self.pseudo_inputs)
        (B, _, D), P = z.shape, self.pseudo_inputs.shape[0]
        at = (
            jnp.broadcast_to(a, (B, P, D)) for a in (z, pseudo.mean[None, :, 0], pseudo.log_var[None, :, 0])
        )
        return jax.nn.logsumexp(log_normal(*at), axis=-1, keepdims=True) - math.log(P)

    def kl(self, posterior: Posterior, encode: Encode, key: Key[Array, ""]) -> Float[Array, "B 1"]:
        mean, log_var = posterior.mean[:, 0], posterior.log_var[:, 0]
        shape = (self.num_samples, *mean.shape)
        mean, log_var = jnp.broadcast_to(mean, shape), jnp.broadcast_to(log_var, shape)
        z = mean + jnp.exp(0.5 * log_var) * jax.random.normal(key, shape, mean.dtype)
        # KL ≈ 1/S Σ_s log q(z_s | x) − log p(z_s)
        log_p = self.log_density(z.reshape(-1, 1, z.shape[-1]), encode).reshape(shape[:-1])
        return jnp.mean(log_normal(z, mean, log_var) - log_p, axis=0)[:, None]

    def draw(self, shape: tuple[int, int, int], encode: Encode, key: Key[Array, ""]) -> Float[Array, "N K D"]:
        which_key, noise_key = jax.random.split(key)
        which = jax.random.randint(which_key, shape[:2], 0, self.pseudo_inputs.shape[0])
        pseudo = encode(self.pseudo_inputs)
        mean, log_var = (table[which, 0] for table in (pseudo.mean, pseudo.log_var))
        return mean + jnp.exp(0.5 * log_var) * jax.random.normal(noise_key, shape)

    def fitted(self, x: Float[np.ndarray, "N *S"], key: Key[Array, ""]) -> "VampPrior":
        return dataclasses.replace(self, pseudo_inputs=jnp.asarray(STARTS[self.start](self, x, key)))


def _centroids(prior: VampPrior, x: Float[np.ndarray, "N *S"], key: Key[Array, ""]) -> np.ndarray:
    from sklearn.cluster import MiniBatchKMeans  # noqa: PLC0415 — slow to import, and only needed here

    P = prior.pseudo_inputs.shape[0]
    if len(x) < P:
        raise ConfigError(
            f"model.prior.num_pseudo_inputs is {P}, but k-means can place no more centres than there are "
            f"training samples ({len(x)})."
        )
    seed = int(jax.random.randint(key, (), 0, 2**31 - 1))
    kmeans = MiniBatchKMeans(n_clusters=P, random_state=seed).fit(x.reshape(len(x), -1))
    return np.asarray(kmeans.cluster_centers_, np.float32).reshape(P, *x.shape[1:])


def _random_inputs(prior: VampPrior, x: Float[np.ndarray, "N *S"], key: Key[Array, ""]) -> np.ndarray:
    """Normal noise around the mean sample, as spread as the samples are."""
    noise = np.asarray(jax.random.normal(key, prior.pseudo_inputs.shape))
    return (x.mean(axis=0, keepdims=True) + x.std() * noise).astype(np.float32)


STARTS = {"kmeans": _centroids, "random": _random_inputs}


class Vamp(PriorOptions):
    """The posterior's own average over learned pseudo-inputs, in one shared latent."""

    layouts: ClassVar[tuple[str, ...]] = ("shared",)

    kind: Literal["vamp"] = "vamp"
    num_pseudo_inputs: PositiveInt = Field(
        default=50, description="How many learned samples the prior is an average over."
    )
    num_samples: PositiveInt = Field(default=1, description="Latents drawn per sample to estimate the KL.")
    start: Literal["kmeans", "random"] = Field(
        default="kmeans",
        description="Where the pseudo-inputs begin: at the centres of k-means, or at noise around the mean sample.",
    )
    learning_rate_scale: PositiveFloat = Field(
        default=0.1, description="Factor on the learning rate for the pseudo-inputs."
    )

    def build(
        self, num_channels: int, latent_dim: int, shape: tuple[int, ...], key: Key[Array, ""]
    ) -> VampPrior:
        pseudo_inputs = jax.random.normal(key, (self.num_pseudo_inputs, *shape))
        return VampPrior(pseudo_inputs, self.num_samples, self.start, self.learning_rate_scale)

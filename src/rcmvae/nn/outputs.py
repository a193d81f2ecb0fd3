"""Output heads: from a canvas to a density. Likelihoods are log-densities in nats, summed over the sample."""

import math
from abc import abstractmethod
from typing import Annotated, ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key
from pydantic import Field, PositiveFloat, model_validator

from rcmvae.nn.backbones import Canvas
from rcmvae.nn.ops import LINEAR_GAIN, Linear, clip_returning
from rcmvae.options import OneOf, Options, by_kind
from rcmvae.structs import Decoded

LOG_2PI = math.log(2 * math.pi)

Sample = Float[Array, "B *S"]
PerDecode = Float[Array, "B M"]
Images = Float[Array, "B M *S"]


class Output(eqx.Module):
    """Base of all output heads."""

    @abstractmethod
    def decode(self, canvas: Canvas) -> Decoded: ...

    @abstractmethod
    def nll(self, decoded: Decoded, x: Sample) -> PerDecode:
        """−log p(x | z_k, k) of each decode."""

    @abstractmethod
    def mean(self, decoded: Decoded) -> Images:
        """E[x | z_k, k]."""

    @abstractmethod
    def sample(self, decoded: Decoded, key: Key[Array, ""]) -> Images:
        """A draw from p(x | z_k, k)."""


class OutputOptions(Options):
    """Base of what an output head is configured with."""

    requires_unit_range: ClassVar[bool] = False
    is_density: ClassVar[bool] = True  # rather than a probability: −log p depends on the unit of x

    def counts_no_bits(self, x: Float[np.ndarray, "N *S"]) -> str | None:
        """Why −log p of scaled samples such as these cannot be told in bits; None where it can."""
        return None

    @abstractmethod
    def build(self, summary_features: int, *, key: Key[Array, ""]) -> Output: ...


def flat_pair(location: Images, x: Sample) -> tuple[Float[Array, "B M P"], Float[Array, "B 1 P"]]:
    """Decodes and samples as vectors of float32, with the sample's axes for all M."""
    B, M = location.shape[:2]
    flat = location.reshape(B, M, -1).astype(jnp.float32)
    return flat, x.reshape(B, 1, -1).astype(jnp.float32)


@jax.custom_vjp
def bernoulli_nll(logits: Float[Array, "B M P"], x: Float[Array, "B 1 P"]) -> PerDecode:
    """−Σ_p x log σ(l) + (1 − x) log(1 − σ(l)), for any x in [0, 1]."""
    # −log p = max(l, 0) + log(1 + e^−|l|) − x l
    return jnp.sum(jnp.maximum(logits, 0) + jnp.log1p(jnp.exp(-jnp.abs(logits))) - x * logits, axis=-1)


def _bernoulli_forward(logits, x):
    return bernoulli_nll(logits, x), (logits, x)


def _bernoulli_backward(residual, g):
    logits, x = residual
    # d/dl = σ(l) − x, d/dx = −l
    return g[..., None] * (jax.nn.sigmoid(logits) - x), -jnp.sum(g[..., None] * logits, axis=1, keepdims=True)


bernoulli_nll.defvjp(_bernoulli_forward, _bernoulli_backward)


def gaussian_nll(
    location: Images, x: Sample, log_scale: Float[Array, "B M"] | Float[Array, "1 1"]
) -> PerDecode:
    """½ Σ_p ((x − μ) / σ)² + P log σ + ½ P log 2π."""
    mean, target = flat_pair(location, x)
    squares = jnp.sum(jnp.square(target - mean), axis=-1)
    return 0.5 * squares * jnp.exp(-2 * log_scale) + mean.shape[-1] * (log_scale + 0.5 * LOG_2PI)


class BernoulliHead(Output):
    """Pixels as independent Bernoulli variables; the canvas holds their logits."""

    def decode(self, canvas: Canvas) -> Decoded:
        return Decoded(location=canvas.pixels)

    def nll(self, decoded: Decoded, x: Sample) -> PerDecode:
        return bernoulli_nll(*flat_pair(decoded.location, x))

    def mean(self, decoded: Decoded) -> Images:
        return jax.nn.sigmoid(decoded.location.astype(jnp.float32))

    def sample(self, decoded: Decoded, key: Key[Array, ""]) -> Images:
        return jax.random.bernoulli(key, self.mean(decoded)).astype(jnp.float32)


class Bernoulli(OutputOptions):
    """For samples in [0, 1]."""

    kind: Literal["bernoulli"] = "bernoulli"
    requires_unit_range: ClassVar[bool] = True
    is_density: ClassVar[bool] = False

    def counts_no_bits(self, x: Float[np.ndarray, "N *S"]) -> str | None:
        if np.isin(x, (0, 1)).all():
            return None
        return (
            "A Bernoulli output gives a probability to 0 and 1 alone: for the values between, what it adds up to is "
            "no probability of a sample."
        )

    def build(self, summary_features: int, *, key: Key[Array, ""]) -> BernoulliHead:
        return BernoulliHead()


class GaussianHead(Output):
    """Independent normal variables of one fixed σ; the canvas holds their means."""

    sigma: float = eqx.field(static=True)

    def decode(self, canvas: Canvas) -> Decoded:
        return Decoded(location=canvas.pixels)

    def nll(self, decoded: Decoded, x: Sample) -> PerDecode:
        return gaussian_nll(decoded.location, x, jnp.full((1, 1), math.log(self.sigma)))

    def mean(self, decoded: Decoded) -> Images:
        return decoded.location.astype(jnp.float32)

    def sample(self, decoded: Decoded, key: Key[Array, ""]) -> Images:
        return self.mean(decoded) + self.sigma * jax.random.normal(key, decoded.location.shape)


class Gaussian(OutputOptions):
    """For real values that share one known noise level."""

    kind: Literal["gaussian"] = "gaussian"
    sigma: PositiveFloat = Field(
        default=0.1, description="The standard deviation, in units of the scaled samples."
    )

    def build(self, summary_features: int, *, key: Key[Array, ""]) -> GaussianHead:
        return GaussianHead(self.sigma)


def learned_scale(decoded: Decoded) -> PerDecode:
    """The σ that a decode carries."""
    if decoded.scale is None:
        raise ValueError("this decode carries no scale: it comes from an output head of another kind")
    return decoded.scale


class HeteroscedasticHead(Output):
    """Independent normal variables; one σ per image, read from the backbone's summary."""

    spread: Linear
    bounds: tuple[float, float] = eqx.field(static=True)

    def decode(self, canvas: Canvas) -> Decoded:
        raw = self.spread(canvas.summary)[..., 0].astype(jnp.float32)
        # σ = σ_min + softplus(w·f + b), clipped to [σ_min, σ_max]
        low, high = self.bounds
        return Decoded(location=canvas.pixels, scale=clip_returning(low + jax.nn.softplus(raw), low, high))

    def nll(self, decoded: Decoded, x: Sample) -> PerDecode:
        return gaussian_nll(decoded.location, x, jnp.log(learned_scale(decoded)))

    def mean(self, decoded: Decoded) -> Images:
        return decoded.location.astype(jnp.float32)

    def sample(self, decoded: Decoded, key: Key[Array, ""]) -> Images:
        location = self.mean(decoded)
        scale = learned_scale(decoded).reshape(*location.shape[:2], *(1,) * (location.ndim - 2))
        return location + scale * jax.random.normal(key, location.shape)


class Heteroscedastic(OutputOptions):
    """For real values whose noise level differs from image to image."""

    kind: Literal["heteroscedastic"] = "heteroscedastic"
    sigma_min: PositiveFloat = Field(
        default=0.05, description="The lowest standard deviation, in units of the scaled samples."
    )
    sigma_max: PositiveFloat = Field(default=0.5, description="The highest standard deviation.")

    @model_validator(mode="after")
    def _ordered(self) -> "Heteroscedastic":
        if self.sigma_min >= self.sigma_max:
            raise ValueError(
                f"sigma_min must be below sigma_max, but {self.sigma_min} and {self.sigma_max} were given."
            )
        return self

    def build(self, summary_features: int, *, key: Key[Array, ""]) -> HeteroscedasticHead:
        # σ starts halfway between the bounds on a log scale: softplus(b) = √(σ_min σ_max) − σ_min
        start = math.log(math.expm1(math.sqrt(self.sigma_min * self.sigma_max) - self.sigma_min))
        spread = Linear(summary_features, 1, key=key, gain=0.1 * LINEAR_GAIN)
        spread = eqx.tree_at(lambda linear: linear.bias, spread, jnp.full(1, start))
        return HeteroscedasticHead(spread, (self.sigma_min, self.sigma_max))


OUTPUTS = by_kind(Bernoulli, Gaussian, Heteroscedastic)

AnyOutput = Annotated[OutputOptions, OneOf(OUTPUTS)]

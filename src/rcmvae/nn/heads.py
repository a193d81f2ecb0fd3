"""Heads: what is read off the trunk's features."""

import dataclasses
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key
from pydantic import Field, PositiveInt

from rcmvae.nn.ops import LINEAR_GAIN, Linear, clip_returning, leaky_relu
from rcmvae.nn.per_channel import PerChannel, Rows
from rcmvae.options import Options
from rcmvae.structs import Posterior


class Heads(PerChannel):
    """Linear maps to the channel logits and to each latent's mean and log-variance, which leave as float32."""

    logits: Linear
    mean: Linear
    log_var: Linear
    latents: tuple[int, int] = eqx.field(static=True)  # (L, D)
    log_var_bounds: tuple[float, float] = eqx.field(static=True)

    @classmethod
    def build(
        cls,
        features: int,
        K: int,
        L: int,
        D: int,
        *,
        log_var_bounds: tuple[float, float] = (-8.0, 4.0),
        key: Key[Array, ""],
    ) -> "Heads":
        """Heads for K channels and L latents of D dimensions."""
        sizes = (K, L * D, L * D)
        keys = jax.random.split(key, len(sizes))
        maps = (Linear(features, n, key=k, gain=LINEAR_GAIN) for n, k in zip(sizes, keys, strict=True))
        return cls(*maps, latents=(L, D), log_var_bounds=log_var_bounds)

    def __call__(self, h: Float[Array, "B F"]) -> Posterior:
        per_latent = (h.shape[0], *self.latents)
        log_var = self.log_var(h).astype(jnp.float32).reshape(per_latent)
        return Posterior(
            logits=self.logits(h).astype(jnp.float32),
            mean=self.mean(h).astype(jnp.float32).reshape(per_latent),
            log_var=clip_returning(log_var, *self.log_var_bounds),
        )

    def map_channels(self, change: Callable[[Rows], Rows]) -> "Heads":
        (K,) = self.logits.bias.shape
        L, D = self.latents
        logits = _map_outputs(self.logits, K, 1, change)
        if L != K:  # one latent that all channels share
            return dataclasses.replace(self, logits=logits)
        mean, log_var = (_map_outputs(head, K, D, change) for head in (self.mean, self.log_var))
        return dataclasses.replace(self, logits=logits, mean=mean, log_var=log_var)


def _map_outputs(head: Linear, K: int, size: int, change: Callable[[Rows], Rows]) -> Linear:
    """A linear map whose K·size outputs are changed channel by channel; there may be more of them afterwards."""
    n_in = head.weight.shape[0]
    weight = jnp.moveaxis(change(jnp.moveaxis(head.weight.reshape(n_in, K, size), 1, 0)), 0, 1)
    bias = change(head.bias.reshape(K, size))
    return eqx.tree_at(
        lambda layer: (layer.weight, layer.bias),
        head,
        (weight.reshape(n_in, -1), bias.reshape(-1)),
    )


class Classifier(eqx.Module):
    """A small network from the trunk's features to class logits."""

    layers: tuple[Linear, ...]
    out: Linear
    dropout_rate: float = eqx.field(static=True)

    def __call__(self, h: Float[Array, "B F"], key: Key[Array, ""] | None) -> Float[Array, "B Y"]:
        """Class logits; without a key nothing is dropped."""
        keys = [None] * (len(self.layers) + 1) if key is None else jax.random.split(key, len(self.layers) + 1)
        for layer, k in zip(self.layers, keys[1:], strict=True):
            h = leaky_relu(layer(self._drop(h, k)))
        return self.out(self._drop(h, keys[0])).astype(jnp.float32)

    def _drop(self, h: Float[Array, "B F"], key: Key[Array, ""] | None) -> Float[Array, "B F"]:
        if key is None or self.dropout_rate == 0:
            return h
        kept = jax.random.bernoulli(key, 1 - self.dropout_rate, h.shape)
        return jnp.where(kept, h / (1 - self.dropout_rate), 0)


class ClassifierHead(Options):
    """A separate classifier, trained on the labelled samples."""

    hidden: tuple[PositiveInt, ...] = Field(
        default=(), description="The size of each layer between features and classes."
    )
    dropout_rate: float = Field(
        default=0.0, ge=0, lt=1, description="Share of each layer's inputs that is dropped in training."
    )

    def build(self, features: int, num_classes: int, *, key: Key[Array, ""]) -> Classifier:
        """The network from `features` numbers to a logit per class."""
        sizes = (features, *self.hidden)
        keys = jax.random.split(key, len(sizes))
        layers = tuple(Linear(sizes[i], sizes[i + 1], key=k) for i, k in enumerate(keys[1:]))
        out = Linear(sizes[-1], num_classes, key=keys[0], gain=LINEAR_GAIN)
        return Classifier(layers, out, self.dropout_rate)

"""Backbones: from a channel's latent to pixels."""

import math
from abc import abstractmethod
from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key
from pydantic import Field, PositiveInt

from rcmvae.errors import ConfigError
from rcmvae.nn.conditioning import Conditioner, ConditionerOptions
from rcmvae.nn.ops import HE_GAIN, LINEAR_GAIN, Conv3x3, Linear, leaky_relu, product
from rcmvae.nn.per_channel import PerChannel, Rows
from rcmvae.options import OneOf, Options, by_kind
from rcmvae.structs import Selection

Latent = Float[Array, "B M D"]
Embedding = Float[Array, "K E"]


class Canvas(eqx.Module):
    """What a backbone hands to the output head."""

    pixels: Float[Array, "B M *S"]  # one number per entry of the sample
    summary: Float[Array, "B M F"]  # features of the whole decode, for what the head says once per image


class Backbone(eqx.Module):
    """Base of all backbones."""

    summary_features: eqx.AbstractVar[int]

    @abstractmethod
    def __call__(self, z: Latent, embedding: Embedding, selection: Selection) -> Canvas: ...


class BackboneOptions(Options):
    """Base of what a backbone is configured with."""

    tells_channels_apart: ClassVar[bool] = False

    @abstractmethod
    def build(
        self,
        shape: tuple[int, ...],
        D: int,
        K: int,
        conditioner: ConditionerOptions,
        embedding_dim: int,
        *,
        key: Key[Array, ""],
    ) -> Backbone: ...

    def check(self, shape: tuple[int, ...], conditioner: ConditionerOptions) -> None:
        """Refuse a sample shape that this backbone cannot draw, or not under this conditioner."""


class ConditionedLayer(eqx.Module):
    """A linear map, the activation, then the conditioner."""

    linear: Linear
    condition: Conditioner

    def __call__(
        self, h: Float[Array, "B M *space C"], embedding: Embedding, selection: Selection
    ) -> Float[Array, "B M *space C_out"]:
        return self.condition(leaky_relu(self.linear(h)), embedding, selection)


def conditioned_layers(
    n_in: int,
    hidden: tuple[int, ...],
    conditioner: ConditionerOptions,
    embedding_dim: int,
    *,
    key: Key[Array, ""],
) -> tuple[tuple[ConditionedLayer, ...], int]:
    """A stack of layers and the number of features that leaves it."""
    layers = []
    for size, k in zip(hidden, jax.random.split(key, len(hidden)), strict=True):
        linear_key, condition_key = jax.random.split(k)
        condition = conditioner.build(size, embedding_dim, key=condition_key)
        layers.append(ConditionedLayer(Linear(n_in, size, key=linear_key), condition))
        n_in = condition.out_features
    return tuple(layers), n_in


class DenseDecoder(Backbone):
    """Conditioned layers, then one linear map to all entries of the sample."""

    layers: tuple[ConditionedLayer, ...]
    out: Linear
    shape: tuple[int, ...] = eqx.field(static=True)
    summary_features: int = eqx.field(static=True)

    def __call__(self, z: Latent, embedding: Embedding, selection: Selection) -> Canvas:
        h = z
        for layer in self.layers:
            h = layer(h, embedding, selection)
        return Canvas(pixels=self.out(h).reshape(*h.shape[:2], *self.shape), summary=h)


class DenseBackbone(BackboneOptions):
    """A dense network shared by all channels."""

    kind: Literal["dense"] = "dense"
    hidden: tuple[PositiveInt, ...] = Field(
        default=(256, 256), min_length=1, description="The size of each layer."
    )

    def build(
        self,
        shape: tuple[int, ...],
        D: int,
        K: int,
        conditioner: ConditionerOptions,
        embedding_dim: int,
        *,
        key: Key[Array, ""],
    ) -> DenseDecoder:
        layer_key, out_key = jax.random.split(key)
        layers, features = conditioned_layers(D, self.hidden, conditioner, embedding_dim, key=layer_key)
        out = Linear(features, math.prod(shape), key=out_key, gain=LINEAR_GAIN)
        return DenseDecoder(layers=layers, out=out, shape=shape, summary_features=features)


class OwnLayer(PerChannel):
    """A linear map of each channel's own, the activation, then the conditioner."""

    weight: Float[Array, "K n_in n_out"]
    bias: Float[Array, "K n_out"]
    condition: Conditioner

    def __init__(self, K: int, n_in: int, n_out: int, condition: Conditioner, *, key: Key[Array, ""]) -> None:
        self.weight = jax.random.normal(key, (K, n_in, n_out)) * (HE_GAIN / math.sqrt(n_in))
        self.bias = jnp.zeros((K, n_out))
        self.condition = condition

    def __call__(
        self, h: Float[Array, "B M n_in"], embedding: Embedding, selection: Selection
    ) -> Float[Array, "B M C_out"]:
        h = self._linear(h.astype(self.weight.dtype), selection) + selection.pick(self.bias)
        return self.condition(leaky_relu(h), embedding, selection)

    def map_channels(self, change: Callable[[Rows], Rows]) -> "OwnLayer":
        changed = change(self.weight), change(self.bias)
        return eqx.tree_at(lambda layer: (layer.weight, layer.bias), self, changed)

    def _linear(self, h: Float[Array, "B M n_in"], selection: Selection) -> Float[Array, "B M n_out"]:
        K, n_in, n_out = self.weight.shape
        if selection.channel is None:
            return jnp.einsum("bki,kio->bko", h, self.weight)
        # h_m W_k(m) = (onehot(k) ⊗ h_m) [W_1; …; W_K]: products both ways, where a gather would scatter back
        one_hot = jax.nn.one_hot(selection.channel, K, dtype=h.dtype)
        spread = (one_hot[..., None] * h[..., None, :]).reshape(*h.shape[:2], K * n_in)
        return product(spread, self.weight.reshape(K * n_in, n_out))


class ExpertsDecoder(Backbone):
    """Each channel's own layers, then a dense decoder that all share."""

    own: tuple[OwnLayer, ...]
    shared: DenseDecoder
    summary_features: int = eqx.field(static=True)

    def __call__(self, z: Latent, embedding: Embedding, selection: Selection) -> Canvas:
        h = z
        for layer in self.own:
            h = layer(h, embedding, selection)
        return self.shared(h, embedding, selection)


class ExpertsBackbone(BackboneOptions):
    """The first layers belong to one channel each; the rest is shared."""

    kind: Literal["experts"] = "experts"
    tells_channels_apart: ClassVar[bool] = True
    own: tuple[PositiveInt, ...] = Field(
        default=(256,), min_length=1, description="The size of each layer that a channel has for itself."
    )
    hidden: tuple[PositiveInt, ...] = Field(
        default=(256, 256), description="The size of each layer after those, which all channels share."
    )

    def build(
        self,
        shape: tuple[int, ...],
        D: int,
        K: int,
        conditioner: ConditionerOptions,
        embedding_dim: int,
        *,
        key: Key[Array, ""],
    ) -> ExpertsDecoder:
        shared_key, out_key, *own_keys = jax.random.split(key, 2 + len(self.own))
        own, features = [], D
        for size, k in zip(self.own, own_keys, strict=True):
            layer_key, condition_key = jax.random.split(k)
            condition = conditioner.build(size, embedding_dim, key=condition_key)
            own.append(OwnLayer(K, features, size, condition, key=layer_key))
            features = condition.out_features
        layers, features = conditioned_layers(
            features, self.hidden, conditioner, embedding_dim, key=shared_key
        )
        out = Linear(features, math.prod(shape), key=out_key, gain=LINEAR_GAIN)
        shared = DenseDecoder(layers=layers, out=out, shape=shape, summary_features=features)
        return ExpertsDecoder(own=tuple(own), shared=shared, summary_features=features)


class ConvDecoder(Backbone):
    """A small map from the latent, one 3×3 stage on it, then two doublings by matrix products.

    The doublings leave their 2×2 blocks nested in the cell they came from; one transpose of the finished
    pixels, the smallest map of all, puts every block in its place.
    """

    seed: Linear
    seed_condition: Conditioner
    mix: Conv3x3
    mix_condition: Conditioner
    double: Linear
    double_condition: Conditioner
    out: Linear
    cells: tuple[int, int] = eqx.field(static=True)
    shape: tuple[int, int, int] = eqx.field(static=True)
    summary_features: int = eqx.field(static=True)

    def __call__(self, z: Latent, embedding: Embedding, selection: Selection) -> Canvas:
        B, M, _ = z.shape
        h, w = self.cells
        seed = leaky_relu(self.seed(z)).reshape(B, M, h, w, -1)
        seed = self.seed_condition(seed, embedding, selection)
        coarse = self.mix_condition(leaky_relu(self.mix(seed)), embedding, selection)
        fine = leaky_relu(self.double(coarse)).reshape(B, M, h, w * 4, -1)
        fine = self.double_condition(fine, embedding, selection)
        summary = jnp.mean(coarse.astype(jnp.float32), axis=(2, 3)).astype(coarse.dtype)
        return Canvas(pixels=self._unnest(self.out(fine)), summary=summary)

    def _unnest(self, blocks: Float[Array, "B M h w4 C4"]) -> Float[Array, "B M H W C"]:
        B, M = blocks.shape[:2]
        (h, w), (H, W, C) = self.cells, self.shape
        nested = blocks.reshape(B, M, h, w, 2, 2, 2, 2, C)
        # (h, w, row, column, row, column, C) → (h, row, row, w, column, column, C)
        placed = nested.transpose(0, 1, 2, 4, 6, 3, 5, 7, 8).reshape(B, M, 4 * h, 4 * w, C)
        return placed[:, :, :H, :W]


class ConvBackbone(BackboneOptions):
    """A convolutional decoder for images of any size; `features` at a quarter and at half its resolution."""

    kind: Literal["conv"] = "conv"
    features: tuple[PositiveInt, PositiveInt] = Field(
        default=(64, 32), description="Features at a quarter and at half of the image's resolution."
    )

    def check(self, shape: tuple[int, ...], conditioner: ConditionerOptions) -> None:
        if len(shape) != 3:
            raise ConfigError(
                f"decoder.backbone: `conv` draws images of shape (height, width, channels), but the samples "
                f"have shape {shape}; use `dense` or `experts` for vectors."
            )
        conditioner.check_cells(self.cells(shape)[0] * self.cells(shape)[1])

    def cells(self, shape: tuple[int, ...]) -> tuple[int, int]:
        """Rows and columns of the map that the drawing begins with."""
        return -(-shape[0] // 4), -(-shape[1] // 4)

    def build(
        self,
        shape: tuple[int, ...],
        D: int,
        K: int,
        conditioner: ConditionerOptions,
        embedding_dim: int,
        *,
        key: Key[Array, ""],
    ) -> ConvDecoder:
        self.check(shape, conditioner)
        H, W, C = shape
        coarse, fine = self.features
        cells = self.cells(shape)
        keys = jax.random.split(key, 7)
        conditions = [
            conditioner.build(n, embedding_dim, key=k)
            for n, k in zip((coarse, coarse, fine), keys[4:], strict=True)
        ]
        seed, mix, double = (condition.out_features for condition in conditions)
        return ConvDecoder(
            seed=Linear(D, cells[0] * cells[1] * coarse, key=keys[0]),
            seed_condition=conditions[0],
            mix=Conv3x3(seed, coarse, key=keys[1]),
            mix_condition=conditions[1],
            double=Linear(mix, 4 * fine, key=keys[2]),
            double_condition=conditions[2],
            out=Linear(double, 4 * C, key=keys[3], gain=LINEAR_GAIN),
            cells=cells,
            shape=(H, W, C),
            summary_features=mix,
        )


BACKBONES = by_kind(ConvBackbone, DenseBackbone, ExpertsBackbone)

AnyBackbone = Annotated[BackboneOptions, OneOf(BACKBONES)]

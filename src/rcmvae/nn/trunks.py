"""Trunks: what turns a sample into the one feature vector that all heads read."""

import math
from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key
from pydantic import Field, PositiveInt

from rcmvae.errors import ConfigError
from rcmvae.nn.ops import Conv3x3, Linear, layer_norm, leaky_relu, overlapping, space_to_depth
from rcmvae.options import OneOf, Options, by_kind

Norm = Literal["layer", "none"]


class Trunk(eqx.Module):
    """Base of all trunks."""

    features: eqx.AbstractVar[int]

    @abstractmethod
    def __call__(self, x: Float[Array, "B *S"]) -> Float[Array, "B features"]: ...


class TrunkOptions(Options):
    """Base of what a trunk is configured with."""

    @abstractmethod
    def build(self, shape: tuple[int, ...], *, key: Key[Array, ""]) -> Trunk: ...

    def check(self, shape: tuple[int, ...]) -> None:
        """Refuse a sample shape that this trunk cannot read."""


class NormedActivation(eqx.Module):
    """Layer norm with a gain and no shift (or nothing), then the leaky rectifier."""

    gain: Float[Array, " C"] | None

    def __init__(self, features: int, norm: Norm) -> None:
        self.gain = jnp.ones(features) if norm == "layer" else None

    def __call__(self, x: Float[Array, "B *space C"]) -> Float[Array, "B *space C"]:
        normed = x if self.gain is None else layer_norm(x, self.gain, trailing=x.ndim - 1)
        return leaky_relu(normed)


class DenseStack(Trunk):
    """Layers of linear map, norm and activation on the flattened sample."""

    layers: tuple[Linear, ...]
    activations: tuple[NormedActivation, ...]
    features: int = eqx.field(static=True)

    def __call__(self, x: Float[Array, "B *S"]) -> Float[Array, "B features"]:
        h = x.reshape(x.shape[0], -1)
        for layer, activate in zip(self.layers, self.activations, strict=True):
            h = activate(layer(h))
        return h


class DenseTrunk(TrunkOptions):
    """A dense network; images are flattened, so any shape will do."""

    kind: Literal["dense"] = "dense"
    hidden: tuple[PositiveInt, ...] = Field(
        default=(512, 256),
        min_length=1,
        description="The size of each layer; the last is the number of features.",
    )
    norm: Norm = Field(default="layer", description="Layer norm before each activation, or none.")

    def build(self, shape: tuple[int, ...], *, key: Key[Array, ""]) -> DenseStack:
        sizes = (math.prod(shape), *self.hidden)
        keys = jax.random.split(key, len(self.hidden))
        layers = tuple(Linear(sizes[i], sizes[i + 1], key=k) for i, k in enumerate(keys))
        activations = tuple(NormedActivation(n, self.norm) for n in self.hidden)
        return DenseStack(layers=layers, activations=activations, features=sizes[-1])


class ImageTrunk(TrunkOptions):
    """Base of the trunks that need rows and columns."""

    def check(self, shape: tuple[int, ...]) -> None:
        if len(shape) != 3:
            raise ConfigError(
                f"trunk: `{self.kind_name()}` reads images of shape (height, width, channels), but the samples have "
                f"shape {shape}; use `dense` for vectors."
            )


Shape = tuple[int, int, int]


def halving_stages(
    shape: Shape, features: Sequence[int], keys: Iterable[Key[Array, ""]]
) -> tuple[tuple[Linear, ...], Shape]:
    """A linear map for each stage that halves height and width, and the shape that the last one leaves."""
    layers = []
    for n_out, key in zip(features, keys, strict=True):
        H, W, C = shape
        layers.append(Linear(4 * C, n_out, key=key))
        shape = -(-H // 2), -(-W // 2), n_out
    return tuple(layers), shape


class ConvStack(Trunk):
    """Halving stages, one 3×3 stage at the lowest resolution, then a linear map of the flattened result."""

    halvings: tuple[Linear, ...]
    mix: Conv3x3
    project: Linear
    activations: tuple[NormedActivation, ...]
    features: int = eqx.field(static=True)

    def __call__(self, x: Float[Array, "B H W C"]) -> Float[Array, "B features"]:
        h = x
        for layer, activate in zip(self.halvings, self.activations[:-2], strict=True):
            h = activate(layer(space_to_depth(h)))
        h = self.activations[-2](self.mix(h))
        return self.activations[-1](self.project(h.reshape(h.shape[0], -1)))


class ConvTrunk(ImageTrunk):
    """A convolutional network for images of any size; each stage but the last halves the resolution.

    The result is flattened, not averaged: where a stroke lies is what a latent space is asked to describe.
    """

    kind: Literal["conv"] = "conv"
    features: tuple[PositiveInt, ...] = Field(
        default=(32, 64, 128),
        min_length=1,
        description="Features of each stage; every stage but the last halves height and width.",
    )
    out: PositiveInt = Field(default=256, description="The number of features that leave the trunk.")
    norm: Norm = Field(default="layer", description="Layer norm before each activation, or none.")

    def build(self, shape: tuple[int, ...], *, key: Key[Array, ""]) -> ConvStack:
        self.check(shape)
        H, W, C = shape
        *halved, last = self.features
        keys = jax.random.split(key, len(halved) + 2)
        halvings, (H, W, C) = halving_stages((H, W, C), halved, keys[2:])
        return ConvStack(
            halvings=halvings,
            mix=Conv3x3(C, last, key=keys[0]),
            project=Linear(H * W * last, self.out, key=keys[1]),
            activations=tuple(NormedActivation(n, self.norm) for n in (*self.features, self.out)),
            features=self.out,
        )


class PatchStack(Trunk):
    """A stage on overlapping patches, stages that halve the resolution, then a linear map of the flattened result."""

    patch: Linear
    halvings: tuple[Linear, ...]
    project: Linear
    activations: tuple[NormedActivation, ...]
    stride: int = eqx.field(static=True)
    features: int = eqx.field(static=True)

    def __call__(self, x: Float[Array, "B H W C"]) -> Float[Array, "B features"]:
        first, *others, last = self.activations
        h = first(self.patch(overlapping(space_to_depth(x, self.stride))))
        for layer, activate in zip(self.halvings, others, strict=True):
            h = activate(layer(space_to_depth(h)))
        return last(self.project(h.reshape(h.shape[0], -1)))


class PatchTrunk(ImageTrunk):
    """A cheap convolutional network for images of any size: its first stage reads overlapping patches.

    A patch is twice as wide and as high as the step to the next one. Every further stage halves height and width.
    At 28×28 it multiplies about as much as the default `dense`, with half its weights; with the copies of patches, it
    takes about 1.6 times as long on a CPU.
    """

    kind: Literal["patches"] = "patches"
    stride: PositiveInt = Field(
        default=4, description="Pixels from a patch to the next; a patch is twice as wide and as high."
    )
    features: tuple[PositiveInt, ...] = Field(
        default=(32, 64),
        min_length=1,
        description="Features of each stage; all but the first halve height and width. Large images want more.",
    )
    out: PositiveInt = Field(default=256, description="The number of features that leave the trunk.")
    norm: Norm = Field(default="layer", description="Layer norm before each activation, or none.")

    def build(self, shape: tuple[int, ...], *, key: Key[Array, ""]) -> PatchStack:
        self.check(shape)
        H, W, C = shape
        first, *others = self.features
        keys = jax.random.split(key, len(self.features) + 1)
        positions = -(-H // self.stride) + 1, -(-W // self.stride) + 1, first
        halvings, left = halving_stages(positions, others, keys[2:])
        return PatchStack(
            patch=Linear(4 * self.stride**2 * C, first, key=keys[0]),
            halvings=halvings,
            project=Linear(math.prod(left), self.out, key=keys[1]),
            activations=tuple(NormedActivation(n, self.norm) for n in (*self.features, self.out)),
            stride=self.stride,
            features=self.out,
        )


TRUNKS = by_kind(DenseTrunk, ConvTrunk, PatchTrunk)

AnyTrunk = Annotated[TrunkOptions, OneOf(TRUNKS)]

"""Every backbone, conditioner and output in a small size, and the selections that decode with them."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Int

from rcmvae.nn import (
    Backbone,
    Bernoulli,
    Canvas,
    Cin,
    Concat,
    ConvBackbone,
    DenseBackbone,
    ExpertsBackbone,
    Film,
    FilmNorm,
    Gaussian,
    Heteroscedastic,
    NoConditioner,
)
from rcmvae.structs import Selection

B, K, D, E = 3, 4, 2, 5
IMAGE = (8, 8, 1)
SHAPES = [IMAGE, (28, 28, 1), (17, 23, 3), (13,)]
BACKBONES = [
    ConvBackbone(features=(5, 3)),
    DenseBackbone(hidden=(7, 6)),
    ExpertsBackbone(own=(6,), hidden=(7,)),
]
CONDITIONERS = [Cin(), Film(), FilmNorm(), Concat(features=3), NoConditioner()]
OUTPUTS = [Bernoulli(), Gaussian(), Heteroscedastic()]

LEGAL = [
    (backbone, conditioner, shape)
    for backbone in BACKBONES
    for conditioner in CONDITIONERS
    for shape in SHAPES
    if len(shape) == 3 or not isinstance(backbone, ConvBackbone)
]


def describe(value):
    return (
        str(value)
        if isinstance(value, tuple)
        else f"{value.kind_name()}-{value.model_dump(exclude_defaults=True)}"
    )


def selection(channel: Int[Array, "B M"] | None = None, *, batch: int = B, channels: int = K) -> Selection:
    r = jnp.full((batch, channels), 1 / channels)
    weight = r if channel is None else jnp.ones(channel.shape)
    return Selection(responsibility=r, log_responsibility=jnp.log(r), weight=weight, channel=channel)


def latents(channels: int = K):
    rng = np.random.default_rng(0)
    z, embedding = rng.normal(size=(B, channels, D)), rng.normal(size=(channels, E))
    return jnp.asarray(z, jnp.float32), jnp.asarray(embedding, jnp.float32)


def filled(make, seed: int = 0):
    """What `make(key)` builds, with random numbers in every leaf: those that start at zero matter too."""
    rng = np.random.default_rng(seed)

    def fill(leaf):
        scale = 1 / np.sqrt(leaf.shape[-2]) if leaf.ndim > 1 else 0.3
        return jnp.asarray(scale * rng.normal(size=leaf.shape), jnp.float32)

    return jax.tree.map(fill, eqx.filter_eval_shape(make, jax.random.key(0)))


def build(backbone, conditioner, shape, seed: int = 0) -> Any:
    """A backbone with random numbers in every leaf."""
    return filled(lambda key: backbone.build(shape, D, K, conditioner, E, key=key), seed)


@jax.jit
def draw(decoder: Backbone, z, embedding, channel: Int[Array, "B M"] | None = None) -> Canvas:
    """The decodes of these channels, or of all."""
    return decoder(z, embedding, selection(channel))

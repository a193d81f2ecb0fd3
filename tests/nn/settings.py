"""Every backbone, conditioner and output in a small size, and the selections that decode with them."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int

from rcmvae.nn import (
    Backbone,
    Bernoulli,
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
    ExpertsBackbone(own=(6, 5), hidden=()),
]
CONDITIONERS = [Cin(), Film(), FilmNorm(mix=0.5), FilmNorm(), Concat(features=3), NoConditioner()]
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


def latents(seed: int = 0, channels: int = K):
    z_key, e_key = jax.random.split(jax.random.key(seed))
    return jax.random.normal(z_key, (B, channels, D)), jax.random.normal(e_key, (channels, E))


def build(backbone, conditioner, shape, seed: int = 0) -> Backbone:
    """A backbone whose zero-initialised leaves have been moved away from zero, so that each one matters."""
    built = backbone.build(shape, D, K, conditioner, E, key=jax.random.key(seed))
    leaves, tree = jax.tree.flatten(built)
    keys = jax.random.split(jax.random.key(seed + 1), len(leaves))
    moved = [x + 0.3 * jax.random.normal(k, x.shape) for x, k in zip(leaves, keys, strict=True)]
    return jax.tree.unflatten(tree, moved)

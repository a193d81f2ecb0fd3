"""Every legal combination decodes, and its density says what the canvas says."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rcmvae.errors import ConfigError
from rcmvae.nn import BACKBONES as BACKBONE_KINDS
from rcmvae.nn import CONDITIONERS as CONDITIONER_KINDS
from rcmvae.nn import OUTPUTS as OUTPUT_KINDS
from rcmvae.nn import (
    Bernoulli,
    Cin,
    ConvBackbone,
    DecoderOptions,
    DenseBackbone,
    Film,
    Heteroscedastic,
    NoConditioner,
)
from tests.helpers import assert_close, assert_finite
from tests.nn.settings import (
    BACKBONES,
    CONDITIONERS,
    IMAGE,
    OUTPUTS,
    B,
    D,
    E,
    K,
    describe,
    filled,
    latents,
    selection,
)

PAIRS = [(b, c) for b in BACKBONES for c in CONDITIONERS]


def samples(shape):
    return jnp.asarray(np.random.default_rng(0).uniform(size=(B, *shape)), jnp.float32)


@pytest.mark.parametrize(("backbone", "conditioner"), PAIRS, ids=describe)
def test_every_combination_decodes(backbone, conditioner):
    z, embedding = latents()
    channel = jnp.asarray([[3, 1], [0, 2], [2, 2]])
    rows = np.arange(B)[:, None]
    options = [
        DecoderOptions(backbone=backbone, conditioner=conditioner, output=output) for output in OUTPUTS
    ]
    decoders = [filled(lambda key, o=o: o.build(IMAGE, D, K, E, key=key)) for o in options]

    def densities(decoder, key, x):
        every = decoder(z, embedding, selection())
        picked = decoder(z[rows, channel], embedding, selection(channel))
        images = decoder.mean(every), decoder.sample(every, key)
        return decoder.nll(every, x), decoder.nll(picked, x), images

    together = jax.jit(lambda *args: [densities(decoder, *args) for decoder in decoders])
    for of_every, of_picked, images in together(jax.random.key(0), samples(IMAGE)):
        assert of_every.shape == (B, K)
        assert_close(of_picked, of_every[rows, channel], rtol=1e-4, atol=1e-3)
        assert [image.shape for image in images] == [(B, K, *IMAGE)] * 2
        assert_finite((of_every, images))


def test_convolutional_film_with_a_scale_per_image_learns_everywhere():
    options = DecoderOptions(backbone=ConvBackbone(), conditioner=Film(), output=Heteroscedastic())
    decoder = filled(lambda key: options.build((17, 23, 3), D, K, E, key=key))
    z, embedding = latents()
    x = samples((17, 23, 3))

    @jax.jit
    def gradient(decoder):
        return jax.grad(lambda d: jnp.mean(d.nll(d(z, embedding, selection()), x)))(decoder)

    for path, leaf in jax.tree_util.tree_flatten_with_path(gradient(decoder))[0]:
        assert np.all(np.isfinite(leaf)), jax.tree_util.keystr(path)
        assert np.any(leaf != 0), jax.tree_util.keystr(path)


def test_kinds_are_chosen_by_name():
    options = DecoderOptions.model_validate(
        {"backbone": "experts", "conditioner": "film_norm", "output": {"kind": "gaussian", "sigma": 0.3}}
    )
    assert options.model_dump()["output"] == {"kind": "gaussian", "sigma": 0.3}
    assert set(BACKBONE_KINDS) == {"conv", "dense", "experts"}
    assert set(CONDITIONER_KINDS) == {"cin", "film", "film_norm", "concat", "none"}
    assert set(OUTPUT_KINDS) == {"bernoulli", "gaussian", "heteroscedastic"}


def test_what_cannot_be_built_is_refused_in_a_sentence():
    film = DecoderOptions(backbone=DenseBackbone(), conditioner=Film(), output=Bernoulli())
    with pytest.raises(ConfigError, match=r"`film` reads a channel embedding, but model\.embedding_dim is 0"):
        film.check(0, (13,))
    conv = DecoderOptions(backbone=ConvBackbone(), conditioner=NoConditioner(), output=Bernoulli())
    with pytest.raises(ConfigError, match="`conv` draws images"):
        conv.build((13,), D, K, 0, key=jax.random.key(0))
    conv.check(0, IMAGE)


def test_instance_norm_over_a_single_cell_is_refused() -> None:
    options = DecoderOptions(backbone=ConvBackbone(), conditioner=Cin(), output=Bernoulli())
    options.check(4, (5, 4, 1))
    with pytest.raises(ConfigError, match=r"`cin` normalises .* single one"):
        options.check(4, (4, 4, 1))
    DecoderOptions(backbone=ConvBackbone(), conditioner=Film(), output=Bernoulli()).check(4, (4, 4, 1))

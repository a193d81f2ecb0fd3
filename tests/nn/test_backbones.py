"""Laws that every backbone keeps with every conditioner, on every shape; then what each one computes."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rcmvae.errors import ConfigError
from rcmvae.nn import ConvBackbone, DenseBackbone, ExpertsBackbone, Film, NoConditioner
from rcmvae.nn.backbones import OwnLayer
from tests.helpers import assert_close
from tests.nn.settings import (
    BACKBONES,
    CONDITIONERS,
    IMAGE,
    LEGAL,
    B,
    D,
    E,
    K,
    build,
    describe,
    draw,
    latents,
    selection,
)
from tests.nn.test_ops import conv_loop

every_legal = pytest.mark.parametrize(("backbone", "conditioner", "shape"), LEGAL, ids=describe)
every_pair = pytest.mark.parametrize(
    ("backbone", "conditioner"), [(b, c) for b in BACKBONES for c in CONDITIONERS], ids=describe
)


@every_legal
def test_picked_channels_are_rows_of_all_channels(backbone, conditioner, shape):
    decoder = build(backbone, conditioner, shape)
    z, embedding = latents()
    every = draw(decoder, z, embedding)
    assert every.pixels.shape == (B, K, *shape)
    assert every.summary.shape == (B, K, decoder.summary_features)
    rows = np.arange(B)[:, None]
    for channel in ([[0, 1, 2, 3]] * B, [[3, 1, 1, 0], [0, 2, 1, 3], [2, 2, 2, 2]]):
        picked = draw(decoder, z[rows, np.asarray(channel)], embedding, jnp.asarray(channel))
        expected = jax.tree.map(lambda a, c=channel: a[rows, np.asarray(c)], every)
        assert_close(picked, expected, rtol=1e-4, atol=1e-4)


def permuted(decoder, order):
    """The same decoder with its channels in another order: only experts hold anything per channel."""
    is_own = lambda node: isinstance(node, OwnLayer)  # noqa: E731
    reorder = lambda layer: eqx.tree_at(  # noqa: E731
        lambda t: (t.weight, t.bias), layer, (layer.weight[order], layer.bias[order])
    )
    return jax.tree.map(lambda node: reorder(node) if is_own(node) else node, decoder, is_leaf=is_own)


@every_pair
def test_renaming_the_channels_renames_the_decodes(backbone, conditioner):
    decoder = build(backbone, conditioner, IMAGE)
    z, embedding = latents()
    order = np.asarray([2, 0, 3, 1])
    straight = draw(decoder, z, embedding).pixels[:, order]
    renamed = draw(permuted(decoder, order), z[:, order], embedding[order]).pixels
    assert_close(renamed, straight, rtol=1e-4, atol=1e-4)


@every_pair
def test_every_leaf_learns(backbone, conditioner):
    decoder = build(backbone, conditioner, IMAGE)
    z, embedding = latents()

    @jax.jit
    def gradient(decoder, z, embedding):
        def loss(args):
            decoder, z, embedding = args
            return jnp.sum(jnp.sin(decoder(z, embedding, selection()).pixels))

        return jax.grad(loss)((decoder, z, embedding))

    of_decoder, of_z, of_embedding = gradient(decoder, z, embedding)
    for leaf in [*jax.tree.leaves(of_decoder), of_z]:
        assert np.all(np.isfinite(leaf))
        assert np.any(leaf != 0)
    assert np.any(of_embedding != 0) == conditioner.needs_embedding


@pytest.mark.parametrize(
    ("backbone", "conditioner"),
    [(b, Film()) for b in BACKBONES] + [(BACKBONES[1], c) for c in CONDITIONERS],
    ids=describe,
)
def test_bfloat16_stays_close(backbone, conditioner):
    decoder = build(backbone, conditioner, IMAGE)
    z, embedding = latents()
    wide = draw(decoder, z, embedding)
    half = draw(jax.tree.map(lambda p: p.astype(jnp.bfloat16), decoder), z, embedding)
    assert half.pixels.dtype == half.summary.dtype == jnp.bfloat16
    error = jnp.sqrt(jnp.mean(jnp.square(half.pixels.astype(jnp.float32) - wide.pixels)))
    assert float(error) < 0.05 * float(jnp.std(wide.pixels))


@pytest.mark.parametrize("backbone", BACKBONES, ids=describe)
def test_several_models_at_once_are_each_one_alone(backbone):
    conditioner = Film()
    models = [build(backbone, conditioner, IMAGE, seed) for seed in (0, 7)]
    z, embedding = latents()
    stacked = jax.tree.map(lambda *leaves: jnp.stack(leaves), *models)
    together = jax.jit(jax.vmap(lambda model: model(z, embedding, selection())))(stacked)
    for i, model in enumerate(models):
        alone = draw(model, z, embedding)
        assert_close(jax.tree.map(lambda a, i=i: a[i], together), alone, rtol=1e-4, atol=1e-4)


def leaky(x):
    return np.where(x > 0, x, 0.1 * x)


def linear(layer, x):
    return x @ np.asarray(layer.weight) + np.asarray(layer.bias)


def test_experts_have_first_layers_of_their_own():
    decoder = build(ExpertsBackbone(own=(6, 5), hidden=(7,)), NoConditioner(), (13,))
    z, embedding = latents()
    hidden = decoder.shared.layers[0].linear
    expected = np.zeros((B, K, 13))
    for b in range(B):
        for k in range(K):
            h = np.asarray(z[b, k])
            for own in decoder.own:
                h = leaky(h @ np.asarray(own.weight[k]) + np.asarray(own.bias[k]))
            expected[b, k] = linear(decoder.shared.out, leaky(linear(hidden, h)))
    assert_close(draw(decoder, z, embedding).pixels, expected, rtol=1e-4, atol=1e-5)


def test_dense_is_the_same_network_for_every_channel():
    decoder = build(DenseBackbone(hidden=(7,)), NoConditioner(), (2, 3, 1))
    z, embedding = latents()
    h = leaky(linear(decoder.layers[0].linear, np.asarray(z)))
    canvas = draw(decoder, z, embedding)
    assert_close(canvas.summary, h)
    assert_close(canvas.pixels, linear(decoder.out, h).reshape(B, K, 2, 3, 1))


@pytest.mark.parametrize("shape", [(8, 8, 1), (5, 7, 2)])
def test_conv_against_numpy(shape):
    H, W, C = shape
    decoder = build(ConvBackbone(features=(5, 3)), NoConditioner(), shape)
    z, embedding = latents()
    h, w = -(-H // 4), -(-W // 4)
    seed = leaky(linear(decoder.seed, np.asarray(z).reshape(B * K, D))).reshape(B * K, h, w, 5)
    coarse = leaky(conv_loop(seed, np.asarray(decoder.mix.weight)) + np.asarray(decoder.mix.bias))
    blocks = leaky(linear(decoder.double, coarse)).reshape(B * K, h, w, 2, 2, 3)
    pixels = np.zeros((B * K, 4 * h, 4 * w, C))
    for i in range(4 * h):
        for j in range(4 * w):
            cell = blocks[:, i // 4, j // 4, i // 2 % 2, j // 2 % 2]
            start = (2 * (i % 2) + j % 2) * C
            pixels[:, i, j] = linear(decoder.out, cell)[:, start : start + C]
    canvas = draw(decoder, z, embedding)
    assert_close(canvas.pixels, pixels[:, :H, :W].reshape(B, K, H, W, C), rtol=1e-4, atol=1e-4)
    assert_close(canvas.summary, coarse.mean((1, 2)).reshape(B, K, 5), rtol=1e-4, atol=1e-5)


def test_conv_refuses_vectors():
    with pytest.raises(ConfigError, match=r"`conv` draws images .* \(13,\); use `dense` or `experts`"):
        ConvBackbone().build((13,), D, K, NoConditioner(), E, key=jax.random.key(0))

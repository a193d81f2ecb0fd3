"""Trunks against independent NumPy, on every shape they take."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rcmvae.errors import ConfigError
from rcmvae.nn import TRUNKS, ConvTrunk, DenseTrunk, PatchTrunk
from rcmvae.nn.ops import NORM_EPS
from tests.helpers import assert_close
from tests.nn.settings import filled
from tests.nn.test_ops import conv_loop, normal

SMALL = [
    DenseTrunk(hidden=(6, 5)),
    DenseTrunk(hidden=(6,), norm="none"),
    ConvTrunk(features=(3, 4, 5), out=6),
    PatchTrunk(stride=3, features=(3, 4, 5), out=6),
    PatchTrunk(features=(3,), out=6, norm="none"),
]


def activation(x, gain):
    axes = tuple(range(1, x.ndim))
    if gain is not None:
        x = (
            (x - x.mean(axes, keepdims=True))
            / np.sqrt(x.var(axes, keepdims=True) + NORM_EPS)
            * np.asarray(gain)
        )
    return np.where(x > 0, x, 0.1 * x)


@pytest.mark.parametrize("norm", ["layer", "none"])
def test_dense_trunk_against_numpy(norm):
    trunk = filled(lambda key: DenseTrunk(hidden=(6, 5), norm=norm).build((2, 3, 1), key=key))
    x = normal(4, 2, 3, 1)
    h = np.asarray(x).reshape(4, 6)
    for layer, activate in zip(trunk.layers, trunk.activations, strict=True):
        h = activation(h @ np.asarray(layer.weight) + np.asarray(layer.bias), activate.gain)
    assert_close(jax.jit(lambda trunk: trunk(x))(trunk), h, rtol=1e-4, atol=1e-5)


def cells_loop(x):
    """Each 2 × 2 pixels as the features of one cell, pixel by pixel."""
    N, H, W, C = x.shape
    cells = np.zeros((N, -(-H // 2), -(-W // 2), 4 * C))
    for i, j in np.ndindex(H, W):
        start = ((i % 2) * 2 + j % 2) * C
        cells[:, i // 2, j // 2, start : start + C] = x[:, i, j]
    return cells


def test_conv_trunk_against_numpy():
    trunk = filled(lambda key: ConvTrunk(features=(3, 4), out=6).build((5, 6, 2), key=key))
    x = normal(2, 5, 6, 2)
    h = activation(
        cells_loop(x) @ np.asarray(trunk.halvings[0].weight) + np.asarray(trunk.halvings[0].bias),
        trunk.activations[0].gain,
    )
    h = activation(
        conv_loop(h, np.asarray(trunk.mix.weight)) + np.asarray(trunk.mix.bias), trunk.activations[1].gain
    )
    h = activation(
        h.reshape(2, -1) @ np.asarray(trunk.project.weight) + np.asarray(trunk.project.bias),
        trunk.activations[2].gain,
    )
    assert_close(jax.jit(lambda trunk: trunk(x))(trunk), h, rtol=1e-4, atol=1e-5)


def patch_loop(x, weight, stride):
    """A correlation with kernels of twice the stride, and as many zeros around as one stride, pixel by pixel."""
    N, H, W, C = x.shape
    rows, columns = -(-H // stride) + 1, -(-W // stride) + 1
    kernel = np.asarray(weight, np.float64).reshape(2, 2, stride, stride, C, -1)
    out = np.zeros((N, rows, columns, kernel.shape[-1]))
    for (p, q), (a, b, i, j) in itertools.product(
        np.ndindex(rows, columns), np.ndindex(2, 2, stride, stride)
    ):
        row, column = (p - 1 + a) * stride + i, (q - 1 + b) * stride + j
        if 0 <= row < H and 0 <= column < W:
            out[:, p, q] += np.asarray(x[:, row, column]) @ kernel[a, b, i, j]
    return out


@pytest.mark.parametrize(("shape", "stride"), [((5, 6, 2), 2), ((8, 8, 1), 4), ((7, 5, 1), 3)])
def test_patch_trunk_against_a_loop(shape, stride):
    options = PatchTrunk(stride=stride, features=(3, 4), out=6)
    trunk = filled(lambda key: options.build(shape, key=key))
    x = normal(2, *shape)
    h = activation(
        patch_loop(x, trunk.patch.weight, stride) + np.asarray(trunk.patch.bias), trunk.activations[0].gain
    )
    halving = trunk.halvings[0]
    h = activation(
        cells_loop(h) @ np.asarray(halving.weight) + np.asarray(halving.bias), trunk.activations[1].gain
    )
    flat = h.reshape(2, -1) @ np.asarray(trunk.project.weight) + np.asarray(trunk.project.bias)
    assert_close(
        jax.jit(lambda trunk: trunk(x))(trunk),
        activation(flat, trunk.activations[2].gain),
        rtol=1e-4,
        atol=1e-5,
    )


@pytest.mark.parametrize("options", SMALL, ids=str)
@pytest.mark.parametrize("shape", [(8, 8, 1), (17, 23, 3), (1, 1, 2)])
def test_every_leaf_of_a_trunk_learns(options, shape):
    trunk = filled(lambda key: options.build(shape, key=key))
    x, target = normal(4, *shape), normal(4, trunk.features, seed=1)
    slope = jax.jit(jax.grad(lambda trunk: jnp.sum(trunk(x) * target)))(trunk)
    for leaf in jax.tree.leaves(slope):
        assert np.all(np.isfinite(leaf))
        assert np.any(leaf != 0)


@pytest.mark.parametrize("options", SMALL, ids=str)
def test_bfloat16_stays_close(options):
    trunk = filled(lambda key: options.build((8, 8, 1), key=key))
    half = jax.tree.map(lambda p: p.astype(jnp.bfloat16), trunk)
    x = normal(4, 8, 8, 1)
    run = jax.jit(lambda trunk: trunk(x))
    assert run(half).dtype == jnp.bfloat16
    assert_close(run(half), run(trunk), rtol=0.1, atol=0.1)


@pytest.mark.parametrize("options", [ConvTrunk(), PatchTrunk()], ids=str)
def test_trunks_for_images_refuse_vectors(options):
    with pytest.raises(ConfigError, match=rf"`{options.kind_name()}` reads images .* \(13,\); use `dense`"):
        options.build((13,), key=jax.random.key(0))
    DenseTrunk().check((13,))


def test_registry_lists_each_kind():
    assert set(TRUNKS) == {"dense", "conv", "patches"}

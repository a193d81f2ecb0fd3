"""Each operation against an independent loop, and the laws that hold for any size."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcmvae.nn.ops import (
    NORM_EPS,
    Conv3x3,
    Linear,
    clip_returning,
    conv3x3,
    conv3x3_by_patches,
    conv3x3_native,
    depth_to_space,
    layer_norm,
    leaky_relu,
    product,
    space_to_depth,
)
from tests.helpers import assert_close

small = st.integers(1, 7)


def normal(*shape: int, seed: int = 0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


@given(H=small, W=small, C=st.integers(1, 3), block=st.integers(1, 3), leading=st.integers(0, 2))
@settings(max_examples=15, deadline=None)
def test_depth_to_space_undoes_space_to_depth(H, W, C, block, leading):
    x = normal(*(2,) * leading, H, W, C)
    cells = space_to_depth(x, block)
    assert cells.shape == (*x.shape[:-3], -(-H // block), -(-W // block), block * block * C)
    np.testing.assert_array_equal(depth_to_space(cells, (H, W, C), block), x)


def test_space_to_depth_puts_each_pixel_where_a_loop_does():
    x = np.asarray(normal(2, 5, 4, 3))
    expected = np.zeros((2, 3, 2, 12), np.float32)
    for i in range(5):
        for j in range(4):
            start = ((i % 2) * 2 + j % 2) * 3
            expected[:, i // 2, j // 2, start : start + 3] = x[:, i, j]
    np.testing.assert_array_equal(space_to_depth(jnp.asarray(x)), expected)


def conv_loop(x, w):
    x, w = np.asarray(x, np.float64), np.asarray(w, np.float64)
    N, H, W, _ = x.shape
    out = np.zeros((N, H, W, w.shape[-1]))
    for i in range(H):
        for j in range(W):
            for di in range(3):
                for dj in range(3):
                    row, column = i + di - 1, j + dj - 1
                    if 0 <= row < H and 0 <= column < W:
                        out[:, i, j] += x[:, row, column] @ w[di, dj]
    return out


@pytest.mark.parametrize("variant", [conv3x3, conv3x3_by_patches, conv3x3_native])
@pytest.mark.parametrize("size", [(1, 1), (2, 3), (7, 7), (5, 6)])
def test_conv3x3_is_a_correlation_with_zeros_around(variant, size):
    x, w = normal(2, *size, 3), normal(3, 3, 3, 4, seed=1)
    assert_close(variant(x, w), conv_loop(x, w))
    assert_close(variant(x.reshape(1, 2, *size, 3), w)[0], conv_loop(x, w))


def test_conv3x3_variants_have_the_same_gradient():
    x, w, cotangent = normal(2, 4, 5, 3), normal(3, 3, 3, 2, seed=1), normal(2, 4, 5, 2, seed=2)
    _, by_patches = jax.vjp(conv3x3_by_patches, x, w)
    _, native = jax.vjp(conv3x3_native, x, w)
    assert_close(by_patches(cotangent), native(cotangent))


def test_conv3x3_stage_adds_its_bias_to_every_pixel():
    stage = Conv3x3(3, 2, key=jax.random.key(0))
    x = normal(2, 4, 4, 3)
    shifted = eqx.tree_at(lambda s: s.bias, stage, jnp.asarray([1.0, -2.0]))
    assert_close(shifted(x) - stage(x), np.broadcast_to([1.0, -2.0], (2, 4, 4, 2)))


@pytest.mark.parametrize("lead", [(), (4,), (2, 3, 5)])
def test_linear_acts_on_the_last_axis(lead):
    layer = Linear(3, 5, key=jax.random.key(0))
    x = normal(*lead, 3)
    assert layer.bias is not None
    assert_close(layer(x), np.asarray(x) @ np.asarray(layer.weight) + np.asarray(layer.bias))


@pytest.mark.parametrize("lead", [(), (4,), (2, 3, 5)])
def test_product_has_the_gradient_of_a_product(lead):
    x, w, g = normal(*lead, 3), normal(3, 5, seed=1), normal(*lead, 5, seed=2)
    of_x, of_w = jax.vjp(product, x, w)[1](g)
    rows, slopes = np.asarray(x).reshape(-1, 3), np.asarray(g).reshape(-1, 5)
    assert_close(of_x, np.asarray(g) @ np.asarray(w).T)
    assert_close(of_w, sum(np.outer(a, b) for a, b in zip(rows, slopes, strict=True)), atol=1e-5)


def test_linear_starts_at_the_scale_of_he():
    weight = Linear(400, 300, key=jax.random.key(0)).weight
    assert abs(float(jnp.std(weight)) / np.sqrt(2 / 400) - 1) < 0.02


def test_linear_computes_in_the_dtype_of_its_weights():
    half = jax.tree.map(lambda p: p.astype(jnp.bfloat16), Linear(3, 5, key=jax.random.key(0)))
    assert half(normal(2, 3)).dtype == jnp.bfloat16


@pytest.mark.parametrize("trailing", [1, 3])
def test_layer_norm_against_numpy(trailing):
    x, gain = 5 + 3 * normal(2, 4, 5, 6), normal(6, seed=1)
    axes = tuple(range(4 - trailing, 4))
    a = np.asarray(x, np.float64)
    centred = a - a.mean(axes, keepdims=True)
    expected = centred / np.sqrt(a.var(axes, keepdims=True) + NORM_EPS) * np.asarray(gain)
    assert_close(layer_norm(x, gain, trailing=trailing), expected, rtol=1e-4, atol=1e-5)


def test_layer_norm_reduces_in_float32():
    x = jnp.asarray(100 + normal(2, 512), jnp.bfloat16)
    normed = layer_norm(x, jnp.ones(512))
    assert normed.dtype == jnp.bfloat16
    assert_close(normed, layer_norm(x.astype(jnp.float32), jnp.ones(512)), rtol=1e-2, atol=1e-2)


def test_leaky_relu_keeps_a_tenth_below_zero():
    x = jnp.asarray([-3.0, -0.5, 0.0, 2.0])
    np.testing.assert_allclose(leaky_relu(x), [-0.3, -0.05, 0.0, 2.0], rtol=1e-6)
    assert leaky_relu(x.astype(jnp.bfloat16)).dtype == jnp.bfloat16


def test_clip_lets_a_gradient_pull_back_but_not_push_out():
    x = jnp.asarray([-2.0, -2.0, 0.5, 3.0, 3.0])
    y, pull = jax.vjp(lambda x: clip_returning(x, -1.0, 1.0), x)
    np.testing.assert_array_equal(y, [-1.0, -1.0, 0.5, 1.0, 1.0])
    # descent moves against the gradient: +1 lowers, −1 raises
    (slope,) = pull(jnp.asarray([1.0, -1.0, 1.0, 1.0, -1.0]))
    np.testing.assert_array_equal(slope, [0.0, -1.0, 1.0, 1.0, 0.0])

"""The warp against SciPy, exact cases and the bounds of what it draws."""

import dataclasses

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from rcmvae.data import Scaling
from rcmvae.data.views import Pool, Warp
from rcmvae.data.views.warp import Motion, bump_centres, bumps, resample, source, thicken

SHAPES = [(8, 8, 1), (28, 28, 1), (17, 23, 3), (2, 5, 1)]
KEY = jax.random.key(1)
# Coordinates are computed anew in each place that uses them. Where they are whole, the programs that compile fastest
# round some of them to just below; those that users run do not.
AS_RUN = {"xla_cpu_use_fusion_emitters": True}


def images(batch: int, shape: tuple[int, ...]) -> jax.Array:
    return jax.random.uniform(jax.random.key(5), (batch, *shape))


def still(batch: int, sigma: float = 1 / 7) -> Motion:
    G = len(bump_centres(sigma))
    zero, pair = jnp.zeros(batch), jnp.zeros((batch, 2))
    return Motion(zero, zero, pair, pair, jnp.zeros((batch, 2, G, G)), zero)


def scipy_resample(image: np.ndarray, row: np.ndarray, column: np.ndarray, fill: float) -> np.ndarray:
    channels = [
        ndimage.map_coordinates(
            image[..., c], [row, column], order=1, mode="grid-constant", cval=fill, prefilter=False
        )
        for c in range(image.shape[-1])
    ]
    return np.stack(channels, axis=-1)


@pytest.mark.parametrize(("shape", "fill"), list(zip(SHAPES, (0.0, 0.0, -0.7, 1.5), strict=True)))
def test_affine_warp_is_scipys(shape: tuple[int, ...], fill: float):
    warp = Warp(rotate=30, shear=0.3, log_scale=0.3, shift=0.2, elastic=0, stroke=0, fill=fill)
    x = images(6, shape)
    motion = warp.draw(KEY, 6)
    H, W, _ = shape
    grid = np.stack(np.meshgrid(np.arange(H), np.arange(W), indexing="ij")).astype(float)
    centre = np.array([(H - 1) / 2, (W - 1) / 2])
    for b, y in enumerate(np.asarray(jax.jit(warp.apply)(motion, x))):
        angle, shear = float(motion.angle[b]), float(motion.shear[b])
        rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        matrix = rotation @ np.array([[1, 0], [shear, 1]]) @ np.diag(np.exp(np.asarray(motion.log_scale[b])))
        offset = centre - matrix @ centre + np.asarray(motion.shift[b]) * [H, W]
        row, column = np.einsum("ij,jhw->ihw", matrix, grid) + offset[:, None, None]
        np.testing.assert_allclose(y, scipy_resample(np.asarray(x[b]), row, column, fill), atol=5e-5)


@given(seed=st.integers(0, 10_000), reach=st.floats(0, 50))
@settings(max_examples=25, deadline=None)
def test_resample_is_scipys_at_any_coordinates(seed: int, reach: float):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(1, 6, 9, 2)).astype(np.float32)
    row, column = rng.uniform(-reach, 9 + reach, (2, 1, 5, 4)).astype(np.float32)
    expected = scipy_resample(x[0], row[0], column[0], 0.25)
    y = resample(jnp.asarray(x), jnp.asarray(row), jnp.asarray(column), 0.25)
    np.testing.assert_allclose(y[0], expected, atol=1e-4)


def test_elastic_field_displaces_the_coordinates_by_itself():
    H, W, sigma = 12, 20, 0.2
    motion = Warp(rotate=0, shear=0, log_scale=0, shift=0, elastic_sigma=sigma).draw(KEY, 3)
    row, column = source(motion, H, W, sigma)
    for b in range(3):
        field = [bumps(H, sigma) @ np.asarray(motion.bend[b, k]) @ bumps(W, sigma).T for k in (0, 1)]
        np.testing.assert_allclose(row[b] - np.arange(H)[:, None], H * field[0], atol=1e-5)
        np.testing.assert_allclose(column[b] - np.arange(W)[None, :], W * field[1], atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES)
def test_whole_pixels_are_an_exact_roll(shape: tuple[int, ...]):
    H, W, C = shape
    moves = [(1, 0), (0, -2), (-1, 1), (40, 0)]
    x = images(len(moves), shape)
    shift = jnp.asarray(moves) / jnp.asarray([[H, W]])
    y = jax.jit(Warp().apply, compiler_options=AS_RUN)(dataclasses.replace(still(len(moves)), shift=shift), x)
    frame = 50
    for b, (down, right) in enumerate(moves):
        plane = np.zeros((H + 2 * frame, W + 2 * frame, C), np.float32)
        plane[frame : frame + H, frame : frame + W] = x[b]
        top, left = frame + down, frame + right
        np.testing.assert_allclose(y[b], plane[top : top + H, left : left + W], atol=5e-6)


def test_a_quarter_turn_is_rot90():
    x = images(2, (9, 9, 2))
    y = jax.jit(Warp().apply)(dataclasses.replace(still(2), angle=jnp.full(2, jnp.pi / 2)), x)
    np.testing.assert_allclose(y, np.rot90(np.asarray(x), -1, axes=(1, 2)), atol=2e-5)


@pytest.mark.parametrize("fill", [0.0, 2.0, 0.5])
def test_stays_between_the_darkest_and_the_brightest(fill: float):
    x = images(64, (11, 13, 1)) * 0.6 + 0.2
    warp = Warp(rotate=90, shift=0.5, elastic=0.2, stroke=1, fill=fill)
    y = jax.jit(warp)(KEY, x, Pool(x, jnp.arange(64), Scaling.identity()))
    assert y.min() >= min(x.min(), fill) - 1e-6
    assert y.max() <= max(x.max(), fill) + 1e-6


def test_each_image_moves_by_itself():
    x = images(8, (10, 14, 2))
    apply = jax.jit(Warp().apply)
    motion = Warp().draw(KEY, 8)
    order = jax.random.permutation(jax.random.key(2), 8)
    shuffled = jax.tree.map(lambda leaf: leaf[order], motion)
    np.testing.assert_allclose(apply(shuffled, x[order]), apply(motion, x)[order], atol=1e-5)
    alone = apply(jax.tree.map(lambda leaf: leaf[3:4], motion), x[3:4])
    np.testing.assert_allclose(alone[0], apply(motion, x)[3], atol=1e-5)


@pytest.mark.parametrize("sign", [1, -1])
def test_stroke_is_scipys_grey_morphology(sign: int):
    x = images(2, (9, 12, 2))
    cross = ndimage.generate_binary_structure(2, 1)
    filters = {1: ndimage.maximum_filter, -1: ndimage.minimum_filter}
    y = thicken(x, jnp.asarray([sign * 1.0, sign * 0.3]))
    for b, share in enumerate((1.0, 0.3)):
        for c in range(2):
            image = np.asarray(x[b, ..., c])
            extreme = filters[sign](image, footprint=cross, mode="nearest")
            np.testing.assert_allclose(y[b, ..., c], (1 - share) * image + share * extreme, atol=1e-6)


def test_what_is_drawn_fills_its_bounds():
    warp = Warp(rotate=20, shear=0.3, log_scale=0.2, shift=0.1, stroke=0.4)
    motion = warp.draw(KEY, 4000)
    for value, bound in [
        (motion.angle, np.deg2rad(20)),
        (motion.shear, 0.3),
        (motion.log_scale, 0.2),
        (motion.shift, 0.1),
        (motion.stroke, 0.4),
    ]:
        assert jnp.abs(value).max() <= bound + 1e-6
        assert jnp.abs(value).max() > 0.99 * bound
        # A uniform variable on ±a has mean 0 and variance a² / 3.
        assert abs(float(value.mean())) < 4 * bound / np.sqrt(3 * 4000)
        np.testing.assert_allclose(float(value.var()), bound**2 / 3, rtol=0.1)


@pytest.mark.parametrize("sigma", [1 / 12, 1 / 7, 0.5])
def test_elastic_field_has_the_promised_size_everywhere_and_is_smooth(sigma: float):
    H, W, amplitude, B = 12, 31, 0.04, 3000
    warp = Warp(rotate=0, shear=0, log_scale=0, shift=0, elastic=amplitude, elastic_sigma=sigma)
    row, column = source(warp.draw(KEY, B), H, W, sigma)
    for field in (
        (row - jnp.arange(H).reshape(1, -1, 1)) / H,
        (column - jnp.arange(W).reshape(1, 1, -1)) / W,
    ):
        # E[(a U)²] = a² / 3 for the amplitude's own uniform draw
        rms = np.sqrt(np.mean(np.square(field), axis=0) * 3)
        np.testing.assert_allclose(rms, amplitude, rtol=0.12)
        # white noise blurred with σ has correlation exp(−d² / 4σ²) at distance d
        middle = np.asarray(field)[:, H // 2]
        distance = 6 / W
        correlation = np.mean(middle[:, W // 2 - 3] * middle[:, W // 2 + 3]) / (amplitude**2 / 3)
        np.testing.assert_allclose(correlation, np.exp(-((distance / sigma) ** 2) / 4), atol=0.12)


def test_bumps_have_rows_of_norm_one_and_span_beyond_the_border():
    for sigma in (0.02, 0.1, 1.0):
        centres = bump_centres(sigma)
        assert centres[0] < 0
        assert centres[-1] > 1
        assert np.diff(centres).max() <= 1.5 * sigma + 1e-9
        np.testing.assert_allclose(np.linalg.norm(bumps(13, sigma), axis=1), 1, atol=1e-6)

import json
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rcmvae.data.scaling import Scaling, ScalingKind, fit_scaling
from rcmvae.errors import DataError, RunError

moderate = st.floats(-1e4, 1e4, width=32, allow_subnormal=False)
shapes = st.tuples(st.sampled_from([2, 3, 20]), st.sampled_from([1, 5]))  # few: each is compiled once
vectors = hnp.arrays(np.float32, shapes, elements=moderate)


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (50, 5, 4, 3)).astype(np.uint8)


def test_unit_maps_bytes_to_exactly_zero_and_one() -> None:
    x = np.asarray([[0, 51, 255]], np.uint8)
    np.testing.assert_array_equal(fit_scaling("unit", x)(x)[0, jnp.asarray([0, 2])], [0, 1])
    np.testing.assert_allclose(fit_scaling("unit", x)(x), x / 255, rtol=1e-6)


@given(vectors)
def test_standard_agrees_with_numpy(x: np.ndarray) -> None:
    x[:, 0] = 3  # a constant feature
    x = np.round(x, 1)
    scaled = np.asarray(fit_scaling("standard", x)(x))
    varies = x.min(0) < x.max(0)
    wide = x.astype(np.float64)
    expected = (wide - wide.mean(0)) / np.where(varies, wide.std(0), 1)
    # a shift rounded to float32 is off by half a unit in its last place, in units of the deviation
    slack = 1e-5 + np.abs(wide).max(0) * 2e-7 / np.where(varies, wide.std(0), 1)
    assert (np.abs(scaled - expected) <= slack).all()


def test_statistics_of_bytes_are_those_of_all_chunks(
    images: np.ndarray, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rcmvae.data.scaling._CHUNK", 7)
    scaling = fit_scaling("standard", images)
    np.testing.assert_allclose(scaling.shift, images.mean((0, 1, 2)), rtol=1e-6)
    np.testing.assert_allclose(scaling.scale, 1 / images.std((0, 1, 2)), rtol=1e-6)


@given(vectors)
def test_range_stays_within_zero_and_one_and_reaches_both(x: np.ndarray) -> None:
    scaled = np.asarray(fit_scaling("range", x)(x))
    varies = x.min(0) < x.max(0)
    assert (scaled >= 0).all()
    assert (scaled <= 1).all()
    np.testing.assert_array_equal(scaled.min(0), np.zeros(x.shape[1]))
    np.testing.assert_allclose(scaled.max(0), varies.astype(float), rtol=1e-6)


def test_range_leaves_no_split_outside() -> None:
    train, others = (
        np.array([[1, 5], [3, 6]], "float32"),
        (np.array([[4, 5]], "float32"), np.array([[2, 1]], "float32"), np.zeros((0, 2), "float32")),
    )
    scaling = fit_scaling("range", train, *others)
    scaled = np.concatenate([scaling(part) for part in (train, *others[:2])])
    np.testing.assert_allclose((scaled.min(axis=0), scaled.max(axis=0)), ([0, 0], [1, 1]), rtol=1e-6)
    # Means and variances are the training split's, whatever else there is.
    np.testing.assert_array_equal(
        fit_scaling("standard", train, *others).shift, fit_scaling("standard", train).shift
    )


@pytest.mark.parametrize("kind", ["none", "unit", "standard", "range"])
def test_inverse_and_jit_and_json(kind: ScalingKind, images: np.ndarray) -> None:
    scaling = fit_scaling(kind, images)
    scaled = scaling(images)
    assert scaled.dtype == jnp.float32
    assert scaled.shape == images.shape
    np.testing.assert_allclose(scaling.inverse(scaled), images, atol=1e-3)
    np.testing.assert_allclose(jax.jit(lambda s, x: s(x))(scaling, jnp.asarray(images)), scaled, atol=1e-6)
    restored = Scaling.from_dict(json.loads(json.dumps(scaling.as_dict())))
    np.testing.assert_array_equal(restored.shift, scaling.shift)
    np.testing.assert_array_equal(restored.scale, scaling.scale)
    assert restored.shift.dtype == jnp.float32


@settings(deadline=None)
@given(hnp.arrays(np.float32, 6, elements=st.floats(-(2.0**100), 2.0**100, width=32)))
def test_json_keeps_every_bit(numbers: np.ndarray) -> None:
    scaling = Scaling(jnp.asarray(numbers), jnp.ones(6))
    restored = Scaling.from_dict(json.loads(json.dumps(scaling.as_dict())))
    assert np.asarray(restored.shift).tobytes() == np.asarray(scaling.shift).tobytes()


@pytest.mark.parametrize("stored", [{"shift": 0.0}, {"shift": [0.0], "scale": 1.0}])
def test_a_damaged_record_is_refused(stored: dict[str, Any]) -> None:
    with pytest.raises(RunError, match="A stored scaling has"):
        Scaling.from_dict(stored)


@pytest.mark.parametrize(
    ("shape", "dtype", "kind"),
    [
        ((8, 3), np.uint8, "unit"),
        ((2, 3, 4, 1), np.uint8, "unit"),
        ((8, 3), np.float32, "standard"),
        ((2, 3, 4, 1), np.float32, "none"),
    ],
)
def test_automatic_choice(shape: tuple[int, ...], dtype: type, kind: ScalingKind) -> None:
    x = np.linspace(0, 1, 24).reshape(shape).astype(dtype)
    assert fit_scaling("auto", x).as_dict() == fit_scaling(kind, x).as_dict()


@pytest.mark.parametrize(("factor", "advice"), [(255, "unit"), (1000, "range"), (-1, "range")])
def test_images_of_floats_outside_zero_and_one_need_a_scaling(factor: float, advice: str) -> None:
    inside = np.linspace(0, 1, 24, dtype=np.float32).reshape(2, 3, 4, 1)
    outside = np.float32(factor) * inside
    with pytest.raises(DataError, match=rf"between 0 and 1; these lie between .* data\.scaling: {advice} "):
        fit_scaling("auto", inside, inside[:0], outside)
    np.testing.assert_array_equal(fit_scaling("none", outside)(outside), outside)


def test_unit_refuses_what_is_not_in_bytes_range() -> None:
    fit_scaling("unit", np.full((2, 2), 200, np.float32))
    with pytest.raises(
        DataError, match=r"unit divides by 255.*between 0 and 255; these lie between -3 and 0"
    ):
        fit_scaling("unit", np.zeros((2, 2), np.float32), np.full((2, 2), -3, np.float32))


@pytest.mark.parametrize(
    ("kind", "column"), [("standard", [0, 1e-44]), ("range", [0, 1e-44]), ("range", [-3e38, 3e38])]
)
def test_features_beyond_float32_are_named(kind: ScalingKind, column: list[float]) -> None:
    x = np.asarray([[0, column[0]], [1, column[1]]], np.float32)
    with pytest.raises(DataError, match=f"Feature 1 varies .* {kind} scaling"):
        fit_scaling(kind, x)

"""The test of normality: its formula, its false alarms, its power, and the codes that are drawn for it."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Float
from sklearn.datasets import load_iris

from rcmvae.curriculum.policies.gaussianity import (
    effective_size,
    gaussianity,
    henze_zirkler,
    thinned,
    whitened,
    window,
)

Z = Float[np.ndarray, "N D"]


def p_value(z: Z, weight: Float[np.ndarray, " N"] | None = None) -> float:
    return gaussianity(z, np.ones(len(z)) if weight is None else weight).p_value


def by_loops(z: Z) -> float:
    """Henze and Zirkler's T as their paper writes it, for equal weights."""
    n, D = z.shape
    inverse = np.linalg.inv(np.cov(z.T, bias=True).reshape(D, D))
    mean = [sum(z[:, d]) / n for d in range(D)]
    beta = 1 / math.sqrt(2) * ((2 * D + 1) / 4) ** (1 / (D + 4)) * n ** (1 / (D + 4))
    pairs = single = 0.0
    for i in range(n):
        single += math.exp(-(beta**2) / (2 * (1 + beta**2)) * float((z[i] - mean) @ inverse @ (z[i] - mean)))
        for j in range(n):
            pairs += math.exp(-(beta**2) / 2 * float((z[i] - z[j]) @ inverse @ (z[i] - z[j])))
    inside = pairs / n**2 - 2 * (1 + beta**2) ** (-D / 2) * single / n + (1 + 2 * beta**2) ** (-D / 2)
    return n * inside


@pytest.mark.parametrize(("D", "n"), [(1, 25), (2, 40), (5, 30)])
def test_the_statistic_is_that_of_the_paper(D: int, n: int):
    z = np.random.default_rng(D).exponential(size=(n, D)) @ np.random.default_rng(n).normal(size=(D, D))
    np.testing.assert_allclose(gaussianity(z, np.ones(n)).statistic, by_loops(z), rtol=1e-9)


def test_the_iris_flowers_give_the_published_numbers():
    # R's package MVN (Korkmaz et al. 2014) prints these for the 50 flowers of the first kind.
    found = gaussianity(np.asarray(load_iris(return_X_y=True)[0])[:50], np.ones(50))
    assert found.statistic == pytest.approx(0.9488453, abs=1e-6)
    assert found.p_value == pytest.approx(0.04995356, abs=1e-7)


def test_a_weight_counts_as_so_many_codes():
    rng = np.random.default_rng(0)
    z, weight = rng.normal(size=(30, 2)), rng.integers(1, 4, 30).astype(float)
    share, repeated = weight / weight.sum(), np.repeat(z, weight.astype(int), axis=0)
    alike = np.full(len(repeated), 1 / len(repeated))
    np.testing.assert_allclose(
        henze_zirkler(whitened(z, share), share, 1.5) / effective_size(weight),
        henze_zirkler(whitened(repeated, alike), alike, 1.5) / len(repeated),
        rtol=1e-9,
    )


@pytest.mark.parametrize("D", [1, 2, 5])
def test_affine_maps_order_scale_of_weights_and_weightless_codes_change_nothing(D: int):
    rng = np.random.default_rng(D)
    z, weight = rng.gamma(2, size=(80, D)), rng.uniform(size=80)
    found = gaussianity(z, weight)
    moved = z @ (rng.normal(size=(D, D)) * 10.0 ** rng.uniform(-3, 3, D)) + 100 * rng.normal(size=D)
    order = rng.permutation(80)
    outliers = np.vstack([z, np.full((3, D), 1e6)])
    for other in (
        gaussianity(moved, weight),
        gaussianity(z[order], weight[order]),
        gaussianity(z, 1e-30 * weight),
        gaussianity(outliers, np.append(weight, np.zeros(3))),
    ):
        np.testing.assert_allclose(other, found, rtol=1e-6)
    single = gaussianity(z.astype(np.float32), weight.astype(np.float32))
    np.testing.assert_allclose(single, found, rtol=1e-3)


def affine(z: Z, rng: np.random.Generator) -> Z:
    D = z.shape[1]
    return z @ rng.normal(size=(D, D)) * 10.0 ** rng.uniform(-2, 2, D) + 10 * rng.normal(size=D)


WEIGHTS = {
    "equal": lambda rng, n: np.ones(n),
    "uniform": lambda rng, n: rng.uniform(size=n),
    "mostly 0 or 1": lambda rng, n: rng.beta(0.3, 0.3, size=n),
}


@pytest.mark.parametrize("weights", WEIGHTS)
@pytest.mark.parametrize(("D", "n"), [(1, 40), (1, 150), (2, 40), (2, 150), (2, 300), (5, 60), (5, 300)])
def test_false_alarms_are_as_frequent_as_the_level_says(D: int, n: int, weights: str):
    rng, runs = np.random.default_rng(1000 * D + n), 800 if n <= 150 else 400
    p = np.array(
        [p_value(affine(rng.normal(size=(n, D)), rng), WEIGHTS[weights](rng, n)) for _ in range(runs)]
    )
    for level in (0.1, 0.05):
        assert abs(np.mean(p < level) - level) <= 4 * math.sqrt(level * (1 - level) / runs)
    assert np.mean(p < 0.01) <= 0.01 + 4 * math.sqrt(0.01 * 0.99 / runs)


@pytest.mark.parametrize(
    ("D", "n", "second", "power"),
    [
        (1, 100, 0.5, 0.99), (1, 100, 0.2, 0.98), (1, 300, 0.1, 0.99),
        (2, 100, 0.5, 0.85), (2, 300, 0.5, 0.99), (2, 300, 0.2, 0.99),
        (5, 300, 0.5, 0.90), (5, 300, 0.2, 0.98),
    ],
)  # fmt: skip
@pytest.mark.parametrize("weights", WEIGHTS)
def test_two_clusters_four_deviations_apart_are_found(
    D: int, n: int, second: float, power: float, weights: str
):
    rng, runs = np.random.default_rng(1000 * D + n), 60
    found = 0
    for _ in range(runs):
        weight = WEIGHTS[weights](rng, 4 * n)
        sizes = np.cumsum(weight) ** 2 / np.cumsum(weight**2)
        weight = weight[sizes <= n]
        z = rng.normal(size=(len(weight), D))
        z[:, 0] += 4 * (rng.uniform(size=len(z)) < second)
        found += p_value(affine(z, rng), weight) < 0.01
    assert found / runs >= power - 4 * math.sqrt(power * (1 - power) / runs)


def test_a_ring_whose_every_direction_looks_symmetric_is_found():
    angle = np.random.default_rng(0).uniform(0, 2 * np.pi, 200)
    assert p_value(np.stack([np.cos(angle), np.sin(angle)], axis=1)) < 1e-6


def test_directions_without_variance_are_left_out():
    rng = np.random.default_rng(0)
    z = rng.normal(size=(60, 2))
    flat = np.column_stack([z, np.full(60, 3.0), z @ [1.0, 2.0]])
    np.testing.assert_allclose(gaussianity(flat, np.ones(60)), gaussianity(z, np.ones(60)), rtol=1e-6)


@pytest.mark.parametrize(
    ("z", "weight"),
    [
        (np.ones((50, 2)), np.ones(50)),
        (np.eye(4), np.ones(4)),
        (np.zeros((0, 2)), np.zeros(0)),
        (np.arange(10.0)[:, None], np.zeros(10)),
        (np.arange(10.0)[:, None], np.eye(10)[3]),
    ],
    ids=["all alike", "too few to span", "none", "no weight", "one"],
)
def test_codes_that_say_nothing_pass(z: Z, weight: Float[np.ndarray, " N"]):
    found = gaussianity(z, weight)
    assert found.p_value == 1.0
    assert found.statistic == 0.0
    assert found.effective_size <= len(z)


def test_the_window_grows_with_the_codes():
    assert window(50, 2) < window(500, 2)


weights_lists = st.lists(st.sampled_from([0.0, 1e-9, 0.01, 0.3, 0.5, 1.0]) | st.floats(1e-6, 1), max_size=60)


@given(weights_lists, st.integers(1, 20))
def test_the_draw_follows_the_weights(values: list[float], most: int):
    weight = np.array(values)
    rows, counts = thinned(weight, most)
    held = np.flatnonzero(weight)
    assert len(rows) == min(most, len(held))
    assert np.all(np.diff(rows) > 0)
    if len(held) <= most:
        np.testing.assert_array_equal(rows, held)
        np.testing.assert_array_equal(counts, weight[held])
        return
    c = rate(values, most)
    np.testing.assert_allclose(counts, np.maximum(weight[rows], 1 / c), rtol=1e-6)
    # From the first row to any other, as many are drawn as the chances add up to, up to one half.
    drawn = np.cumsum(np.isin(np.arange(len(weight)), rows))
    assert np.all(np.abs(drawn - np.cumsum(np.minimum(1, c * weight))) <= 0.5 + 1e-6)


def rate(values: list[float], most: int) -> float:
    """The c with Σ min(1, c w) = most, by bisection."""
    low, high = 1e-6, 1e12
    for _ in range(200):
        middle = math.sqrt(low * high)
        if sum(min(1.0, middle * value) for value in values) < most:
            low = middle
        else:
            high = middle
    return low


def test_codes_of_equal_weight_stay_equal():
    rows, counts = thinned(np.full(1000, 0.25), 100)
    assert np.all(np.abs(np.diff(rows) - 10) <= 1)
    np.testing.assert_allclose(counts, 2.5)

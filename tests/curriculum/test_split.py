"""Where a channel is cut: between two Gaussians of one shape, wherever the codes lie and whatever turns them."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit
from sklearn.cluster import KMeans
from sklearn.mixture import GaussianMixture

from rcmvae.curriculum import Boundary, halves, two_clusters
from rcmvae.curriculum.split import Cutter


def clusters(
    seed: int, D: int = 2, sizes: tuple[int, int] = (30, 50), apart: float = 12.0
) -> tuple[np.ndarray, np.ndarray]:
    """Two round clouds far from each other, and a weight for each point."""
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=D)
    direction *= apart / np.linalg.norm(direction)
    side = np.repeat([0.0, 1.0], sizes)[:, None]
    return rng.normal(size=(sum(sizes), D)) + 3 + side * direction, rng.uniform(0.1, 1.0, sum(sizes))


def odds(cut: Boundary, z: np.ndarray) -> np.ndarray:
    return z @ cut.axis - cut.offset


def child(cut: Boundary, z: np.ndarray) -> np.ndarray:
    return odds(cut, z) > 0


def same_partition(a: np.ndarray, b: np.ndarray) -> bool:
    return bool((a == b).all() or (a != b).all())


@pytest.mark.parametrize("D", [1, 2, 5])
@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_mixture_of_two_gaussians_with_one_covariance(seed: int, D: int):
    z, _ = clusters(seed, D, sizes=(60, 300), apart=4.0)
    z = z * np.linspace(0.5, 2, D)
    count = np.random.default_rng(seed).integers(1, 4, len(z))
    cut = two_clusters(z, count.astype(float))
    repeated = np.repeat(z, count, axis=0)
    mixture = GaussianMixture(
        2, covariance_type="tied", tol=1e-10, max_iter=2000, reg_covar=1e-9, random_state=0
    )
    probability = np.asarray(mixture.fit(repeated).predict_proba(z))
    small = probability[:, probability.mean(axis=0).argmin()]
    np.testing.assert_allclose(expit(odds(cut, z)), small, atol=2e-3)


@pytest.mark.parametrize("D", [1, 2, 5])
@pytest.mark.parametrize("seed", range(4))
def test_halves_are_those_of_weighted_k_means(seed: int, D: int):
    z, weight = clusters(seed, D)
    found = KMeans(2, random_state=0).fit(z, sample_weight=weight)
    low, high = np.asarray(found.cluster_centers_)
    # Log-odds of N(high, s² I) against N(low, s² I), s² the weighted mean square distance per dimension
    s2 = float(np.asarray(found.inertia_)) / weight.sum() / D
    expected = ((z - low) ** 2).sum(axis=1) / (2 * s2) - ((z - high) ** 2).sum(axis=1) / (2 * s2)
    in_high = np.asarray(found.labels_) == 1
    cut = halves(z, weight)
    assert same_partition(child(cut, z), in_high)
    sign = 1.0 if (child(cut, z) == in_high).all() else -1.0
    np.testing.assert_allclose(odds(cut, z), sign * expected, rtol=1e-8, atol=1e-6)


def test_a_small_cluster_beside_a_large_one_is_found_where_2_means_halves_the_large_one():
    rng = np.random.default_rng(0)
    z = np.concatenate([rng.normal(size=(3000, 2)), rng.normal(size=(300, 2)) * 0.6 + [3.2, 0]])
    small = np.arange(len(z)) >= 3000
    half = child(halves(z, np.ones(len(z))), z)
    assert min((half != small).mean(), (half == small).mean()) > 0.2
    assert (child(two_clusters(z, np.ones(len(z))), z) != small).mean() < 0.03


def test_a_small_cluster_is_found_too():
    z, weight = clusters(1, 3, sizes=(6, 200))
    assert child(two_clusters(z, weight), z).sum() == 6


def test_a_weight_is_a_repetition():
    z, _ = clusters(0)
    count = np.random.default_rng(5).integers(0, 4, len(z))
    weighted, repeated = (
        two_clusters(z, count.astype(float)),
        two_clusters(np.repeat(z, count, axis=0), np.ones(count.sum())),
    )
    np.testing.assert_allclose(weighted.axis, repeated.axis, rtol=1e-10)
    np.testing.assert_allclose(weighted.offset, repeated.offset, rtol=1e-10)


def test_points_without_weight_have_no_say():
    z, weight = clusters(2)
    far = np.concatenate([z, np.full((5, 2), 1e4)])
    with_them = two_clusters(far, np.concatenate([weight, np.zeros(5)]))
    np.testing.assert_allclose(with_them.axis, two_clusters(z, weight).axis, rtol=1e-8)


def test_the_scale_of_the_weights_makes_no_difference():
    z, weight = clusters(3)
    for scale in (1e-6, 0.5, 1e6):
        np.testing.assert_allclose(
            two_clusters(z, scale * weight).axis, two_clusters(z, weight).axis, rtol=1e-9
        )


@pytest.mark.parametrize("seed", range(3))
def test_what_moves_or_turns_the_codes_moves_and_turns_the_plane(seed: int):
    rng = np.random.default_rng(seed)
    z, weight = clusters(seed, 3)
    Q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
    shift = 5 * rng.normal(size=3)
    plain, moved = odds(two_clusters(z, weight), z), odds(two_clusters(z @ Q + shift, weight), z @ Q + shift)
    np.testing.assert_allclose(moved, plain, rtol=1e-6, atol=1e-6)


def test_log_odds_have_no_unit():
    z, weight = clusters(4)
    plain = odds(two_clusters(z, weight), z)
    np.testing.assert_allclose(odds(two_clusters(1e3 * z, weight), 1e3 * z), plain, rtol=1e-8, atol=1e-6)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("N", [1, 2, 37, 1000])
def test_a_single_point_is_not_cut(N: int, dtype: Any):
    rng = np.random.default_rng(N)
    z = np.tile(rng.normal(size=(1, 2)).astype(dtype), (N, 1))
    for weight in (np.ones(N, dtype), rng.uniform(size=N).astype(dtype), np.zeros(N, dtype)):
        cut = two_clusters(z, weight)
        assert (cut.axis == 0).all()
        assert cut.offset == 0


def test_nothing_to_weigh_is_not_cut():
    z, _ = clusters(0)
    assert (two_clusters(z, np.zeros(len(z))).axis == 0).all()


@pytest.mark.parametrize("distance", [1e-3, 1.0, 5.0, 1e3])
def test_two_points_are_cut_by_a_plane_that_single_precision_can_hold(distance: float):
    """Nothing scatters about the centres: the odds are large, but they are numbers."""
    z = np.array([[1.0, 2.0], [1.0 + distance, 2.0]], np.float32)
    cut = two_clusters(z, np.ones(2, np.float32))
    assert np.isfinite(np.float32(cut.axis)).all()
    assert np.isfinite(np.float32(cut.offset))
    assert child(cut, z).sum() == 1


@given(
    points=st.lists(st.tuples(st.integers(-20, 20), st.integers(-20, 20)), min_size=1, max_size=12),
    powers=st.lists(st.integers(-30, 0), min_size=12, max_size=12),
)
def test_whatever_the_codes_the_plane_is_finite(points: list[tuple[int, int]], powers: list[int]):
    z = np.array(points, np.float32) / 4
    cut = two_clusters(z, np.exp2(np.array(powers[: len(points)], np.float32)))
    assert np.isfinite(np.float32(cut.axis)).all()
    assert np.isfinite(np.float32(cut.offset))


def test_nothing_is_drawn():
    z, weight = clusters(6)
    first, second = two_clusters(z, weight), two_clusters(z.copy(), weight.copy())
    np.testing.assert_array_equal(first.axis, second.axis)
    assert first.offset == second.offset


@pytest.mark.parametrize("cutter", [two_clusters, halves])
@pytest.mark.parametrize("seed", range(3))
def test_what_a_cut_tells_is_the_information_between_side_and_code(cutter: Cutter, seed: int):
    """I(side; z) = Σ_n w_n Σ_side p(side | z_n) log p(side | z_n) / p(side)"""
    z, weight = clusters(seed, apart=2.5)
    cut = cutter(z, weight)
    p = expit(odds(cut, z))
    pairs = [(w, (one, 1 - one)) for w, one in zip(weight / weight.sum(), p, strict=True)]
    share = [sum(w * sides[side] for w, sides in pairs) for side in (0, 1)]
    expected = sum(w * sides[s] * np.log(sides[s] / share[s]) for w, sides in pairs for s in (0, 1))
    assert cut.tells(z, weight) == pytest.approx(expected)


def test_a_cut_tells_more_the_farther_the_clusters_lie_apart_up_to_all_of_their_sizes():
    told = [two_clusters(z, w).tells(z, w) for z, w in (clusters(0, apart=apart) for apart in (3, 5, 9, 40))]
    assert told == sorted(told)
    _, weight = clusters(0, apart=40)
    share = weight[:30].sum() / weight.sum()
    assert told[-1] == pytest.approx(-share * np.log(share) - (1 - share) * np.log(1 - share), abs=1e-6)


def test_where_nothing_is_cut_nothing_is_told():
    z, weight = clusters(0)
    assert Boundary(np.zeros(2), 0.0).tells(z, weight) == pytest.approx(0)
    assert Boundary(np.array([1.0, 0.0]), 0.0).tells(z, np.zeros(len(z))) == 0

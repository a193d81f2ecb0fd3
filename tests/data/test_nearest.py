"""Neighbours among near cells, against comparing all with all."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcmvae.data import Digits, load
from rcmvae.data import nearest as search
from rcmvae.data.nearest import among_all, among_near_cells


def distances(points: np.ndarray, found: np.ndarray) -> np.ndarray:
    return np.linalg.norm(points[found] - points[:, None], axis=-1)


@settings(max_examples=30)
@given(
    seed=st.integers(0, 999),
    samples=st.integers(2, 150),
    features=st.integers(1, 6),
    cell=st.integers(1, 60),
    number=st.integers(1, 12),
    distinct=st.booleans(),
)
def test_where_all_cells_are_probed_nothing_is_missed(
    seed: int, samples: int, features: int, cell: int, number: int, distinct: bool
) -> None:
    number = min(number, samples - 1)
    points = np.random.default_rng(seed).normal(size=(samples, features)).astype(np.float32)
    points = points if distinct else points.round()
    found = among_near_cells(points, number, cell, probed=samples)
    assert (found.shape, found.dtype) == ((samples, number), np.int32)
    assert (found != np.arange(samples)[:, None]).all()
    assert all(len(set(row)) == number for row in found.tolist())
    exact = distances(points, among_all(points, number))
    np.testing.assert_allclose(distances(points, found), exact, rtol=1e-4, atol=2e-3)


def test_among_few_near_cells_most_are_found_and_none_is_nearer_than_the_nearest() -> None:
    points = load(Digits()).train.x.reshape(-1, 64).astype(np.float32)
    exact, found = among_all(points, 10), among_near_cells(points, 10, cell=50, probed=12)
    alike = [len(set(ours) & set(true)) / 10 for ours, true in zip(found, exact, strict=True)]
    assert 0.95 < np.mean(alike) < 1, "a third of the cells"
    assert (distances(points, found) >= distances(points, exact) - 1e-3).all()
    assert (np.diff(distances(points, found), axis=1) >= -1e-3).all(), "the nearest first"


def test_more_neighbours_than_the_probed_cells_hold_are_found_further_away() -> None:
    points = np.random.default_rng(0).normal(size=(90, 2)).astype(np.float32)
    found = among_near_cells(points, 80, cell=5, probed=1)
    assert all(len({*row, n}) == 81 for n, row in enumerate(found.tolist()))


def test_equal_points_fill_one_cell() -> None:
    points = np.repeat(np.array([[0, 0], [5, 5]], np.float32), 60, axis=0)
    found = among_near_cells(points, 3, cell=20, probed=2)
    np.testing.assert_array_equal(points[found, 0], np.repeat(points[:, :1], 3, axis=1))


def test_how_many_there_are_decides_the_way(monkeypatch: pytest.MonkeyPatch) -> None:
    points = np.random.default_rng(1).normal(size=(70, 3)).astype(np.float32)
    monkeypatch.setattr(search, "EXACT", 70)
    monkeypatch.setattr(search, "PROBED", 1)
    np.testing.assert_array_equal(search.nearest(points, 4), among_all(points, 4))
    monkeypatch.setattr(search, "EXACT", 69)
    np.testing.assert_array_equal(search.nearest(points, 4), among_near_cells(points, 4))

"""What channels tell: against loops over the definition, scikit-learn, and what must hold of any information."""

import itertools
import math
from decimal import Decimal, localcontext

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import mutual_info_score

from rcmvae.curriculum.information import (
    gain,
    mixing,
    mutual_information,
    purity_of_split,
    split_information,
    undecided,
)
from rcmvae.errors import ConfigError
from tests.curriculum.joints import folded, generic, joints


def by_definition(joint: np.ndarray) -> float:
    """Σ J ln(J / (p q)), cell by cell."""
    total = 0.0
    for row in joint:
        for j, mass in enumerate(row):
            if mass > 0:
                total += mass * math.log(mass / sum(row) / sum(joint[:, j]))
    return total


def mixed(a: float, b: float) -> Decimal:
    """a ln((a + b) / a) + b ln((a + b) / b), to 60 digits."""
    x, y = Decimal(a), Decimal(b)
    with localcontext() as context:
        context.prec = 60
        return sum((z * ((x + y) / z).ln() for z in (x, y) if z > 0), Decimal(0))


@given(joint=joints(smallest=1))
def test_mutual_information_is_its_definition(joint: np.ndarray) -> None:
    found = mutual_information(joint)
    assert found == pytest.approx(by_definition(joint), abs=1e-13)
    assert -1e-14 <= found <= np.log(len(joint)) + 1e-14


@given(seed=st.integers(0, 2**32 - 1), K=st.integers(1, 8))
def test_mutual_information_of_counts_is_that_of_scikit_learn(seed: int, K: int) -> None:
    table = np.random.default_rng(seed).poisson(1.0, (K, K)) + np.eye(K, dtype=int)
    found = mutual_information(table / table.sum())
    expected = mutual_info_score(None, None, contingency=table)
    assert found == pytest.approx(float(expected), abs=1e-12)


def test_single_precision_is_enough() -> None:
    joint = generic(0, 20)
    assert mutual_information(joint.astype(np.float32)) == pytest.approx(mutual_information(joint), abs=1e-6)


@given(joint=joints())
def test_split_information_is_what_a_merge_loses(joint: np.ndarray) -> None:
    K = len(joint)
    p = joint.sum(axis=1)
    together = gain(p, joint, undecided(joint))
    for i, j in itertools.permutations(range(K), 2):
        found = split_information(joint, i, j)
        assert found == pytest.approx(by_definition(joint) - by_definition(folded(joint, i, j)), abs=1e-13)
        assert found == pytest.approx(together[i, j], abs=1e-15)
        assert found == pytest.approx(split_information(joint, j, i), abs=1e-15)
        # The data-processing inequality; and no split is worth more than its entropy in both views.
        worth = float(mixing(p[[i]], p[[j]])[0])
        assert -1e-14 * worth <= found <= 2 * worth * (1 + 1e-14)
    assert not np.diagonal(together).any()


@given(joint=joints())
def test_undecided_is_a_sum_over_channels(joint: np.ndarray) -> None:
    U = undecided(joint)
    for i, j in np.ndindex(*joint.shape):
        expected = sum(mixed(a, b) for a, b in zip(joint[i], joint[j], strict=True))
        assert U[i, j] == pytest.approx(float(expected), rel=1e-13, abs=1e-60)


@given(share=st.floats(1e-9, 1 - 1e-9), rest=st.floats(0, 0.99))
def test_a_clean_split_is_pure_whatever_its_sizes(share: float, rest: float) -> None:
    joint = (1 - rest) * np.diag([share, 1 - share, 0.0]) + rest * np.diag([0, 0, 1.0])
    assert purity_of_split(joint, 0, 1) == pytest.approx(1)


@given(seed=st.integers(0, 2**32 - 1), share=st.floats(1e-9, 1 - 1e-9))
def test_a_channel_split_at_random_tells_nothing(seed: int, share: float) -> None:
    whole = np.pad(generic(seed, 4), (0, 1))
    parts = np.eye(5)
    parts[3, 3:] = share, 1 - share
    joint = parts.T @ whole @ parts
    assert abs(purity_of_split(joint, 3, 4)) < 1e-12


def test_the_more_views_slip_the_less_a_split_is_worth() -> None:
    found = [
        purity_of_split(np.array([[1 - e, e], [e, 1 - e]]) / 2, 0, 1) for e in (0, 0.01, 0.05, 0.1, 0.3, 0.5)
    ]
    assert found == sorted(found, reverse=True)
    # 1 − H₂(e) / ln 2
    assert found == pytest.approx([1, 0.9192, 0.7136, 0.5310, 0.1187, 0], abs=1e-4)


def test_two_that_other_channels_tell_apart_pass_one() -> None:
    e = 1e-3
    samples = np.array([[e, 0, 1 - e, 0], [0, e, 0, 1 - e]])
    assert purity_of_split(samples.T @ samples / 2, 0, 1) == pytest.approx(2, abs=2 * e)


def test_without_mass_there_is_nothing_to_tell() -> None:
    joint = np.diag([1.0, 0.0, 0.0])
    for i, j in [(0, 1), (1, 2)]:
        assert (split_information(joint, i, j), purity_of_split(joint, i, j)) == (0, 0)


@pytest.mark.parametrize("pair", [(1, 1), (0, 3), (-1, 0)])
@pytest.mark.parametrize("function", [split_information, purity_of_split])
def test_no_pair(function, pair: tuple[int, int]) -> None:
    with pytest.raises(ConfigError, match=r"are no pair: name two different channels of 0 to 2\.$"):
        function(np.eye(3) / 3, *pair)


@given(a=st.floats(1e-20, 1), b=st.floats(1e-20, 1))
def test_mixing_is_precise(a: float, b: float) -> None:
    found = float(mixing(np.array([a]), np.array([b]))[0])
    assert found == pytest.approx(float(mixed(a, b)), rel=1e-14)

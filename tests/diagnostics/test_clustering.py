"""Agreement with labels: by hand, by brute force, and against scikit-learn."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from rcmvae.diagnostics import clustering
from rcmvae.diagnostics.clustering import contingency

K, Y = 5, 4
samples = st.lists(st.tuples(st.integers(0, K - 1), st.integers(-1, Y - 1)), min_size=1, max_size=60)


def by_brute_force(channel: np.ndarray, label: np.ndarray) -> float:
    """The best of all ways to give every label a channel of its own."""
    return max(
        sum(int(((channel == k) & (label == y)).sum()) for y, k in enumerate(names)) / len(label)
        for names in itertools.permutations(range(K), Y)
    )


@given(samples=samples)
def test_any_partition(samples: list[tuple[int, int]]) -> None:
    channel, label = (np.array(column) for column in zip(*samples, strict=True))
    found = clustering(channel, label)
    known = label >= 0
    if not known.any():
        assert found is None
        return
    assert found is not None
    channel, label = channel[known], label[known]
    assert found.accuracy == pytest.approx(by_brute_force(channel, label))
    majority = [np.bincount(label[channel == k]).max() for k in np.unique(channel)]
    assert found.purity == pytest.approx(sum(majority) / len(label))
    assert found.nmi == pytest.approx(normalized_mutual_info_score(label, channel))
    assert found.ari == pytest.approx(adjusted_rand_score(label, channel))
    assert 1 / K - 1e-9 <= found.accuracy <= found.purity + 1e-9


def test_names_of_channels_do_not_matter() -> None:
    label = np.repeat(np.arange(4), 25)
    found = clustering(np.array([7, 2, 0, 5])[label], label)
    assert found is not None
    assert (found.accuracy, found.purity, found.garbage_channels) == (1.0, 1.0, 0)
    assert found.nmi == pytest.approx(1)
    assert found.ari == pytest.approx(1)


def test_a_split_label_costs_accuracy_and_no_purity() -> None:
    label = np.repeat([0, 1], 50)
    channel = np.concatenate([np.repeat([0, 1], [30, 20]), np.full(50, 2)])
    found = clustering(channel, label)
    assert found is not None
    assert (found.accuracy, found.purity) == (0.8, 1.0)


def test_one_channel_for_all_agrees_with_nothing() -> None:
    found = clustering(np.zeros(100, int), np.repeat(np.arange(4), 25))
    assert found is not None
    assert (found.accuracy, found.purity, found.ari, found.garbage_channels) == (0.25, 0.25, 0.0, 1)
    assert found.nmi == pytest.approx(0, abs=1e-12)


def test_garbage_is_used_and_mixed() -> None:
    # Of 200 samples: channel 0 is pure, 1 is half of each, 2 holds 60 % of one label, 3 a single sample.
    channel = np.repeat([0, 1, 2, 3], [99, 40, 60, 1])
    label = np.concatenate([np.zeros(99), np.repeat([0, 1], 20), np.repeat([0, 1], [24, 36]), [1]]).astype(
        int
    )
    found = clustering(channel, label)
    assert found is not None
    assert found.garbage_channels == 1


def test_unlabelled_samples_are_left_out() -> None:
    label = np.array([0, 0, 1, 1, -1, -1])
    with_them = clustering(np.array([1, 1, 0, 0, 4, 3]), label)
    assert with_them == clustering(np.array([1, 1, 0, 0]), label[:4])
    assert clustering(np.array([0, 1]), np.array([-1, -1])) is None


def test_contingency_counts_every_pair() -> None:
    channel, label = np.random.default_rng(0).integers(0, [[K], [Y]], (2, 300))
    table = contingency(channel, label)
    for k, y in itertools.product(range(K), range(Y)):
        assert table[k, y] == ((channel == k) & (label == y)).sum()

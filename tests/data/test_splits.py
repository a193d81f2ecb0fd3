import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from rcmvae.data.splits import Purpose, allocate, draw, keep_labels, size_of, split, stream, thin

counts_of_strata = hnp.arrays(np.int64, st.integers(1, 12), elements=st.integers(0, 200)).filter(
    lambda c: c.sum() > 0
)
labels = hnp.arrays(np.int32, st.integers(1, 120), elements=st.integers(-1, 5))
seeds = st.integers(0, 2**32 - 1)


def fresh(seed: int) -> np.random.Generator:
    return stream(seed, Purpose.VALIDATION)


@given(counts_of_strata, st.floats(0, 1), seeds)
def test_allocation_is_exact_proportional_and_possible(counts: np.ndarray, share: float, seed: int) -> None:
    total = int(share * counts.sum())
    parts = allocate(counts, total, fresh(seed))
    assert parts.sum() == total
    assert (parts <= counts).all()
    assert (np.abs(parts - counts * total / counts.sum()) < 1).all()


@given(counts_of_strata, st.floats(0, 1), seeds)
def test_allocation_serves_every_stratum_that_has_anything(
    counts: np.ndarray, share: float, seed: int
) -> None:
    nonempty = int((counts > 0).sum())
    total = nonempty + int(share * (counts.sum() - nonempty))
    parts = allocate(counts, total, fresh(seed), at_least=1)
    assert parts.sum() == total
    assert (parts <= counts).all()
    assert ((parts >= 1) == (counts > 0)).all()


@given(counts_of_strata, st.floats(0, 1), seeds)
def test_a_minimum_that_is_met_anyway_changes_nothing(counts: np.ndarray, share: float, seed: int) -> None:
    total = int(share * counts.sum())
    free = allocate(counts, total, fresh(seed))
    assume((free[counts > 0] >= 1).all())
    np.testing.assert_array_equal(allocate(counts, total, fresh(seed), at_least=1), free)


def test_a_minimum_is_taken_from_the_strata_that_have_more_than_their_share() -> None:
    # quotas 9.7, 0.2 and 0.1: both small strata get their one, and the large one pays
    assert allocate(np.asarray([970, 20, 10]), 10, fresh(0), at_least=1).tolist() == [8, 1, 1]


def test_allocation_refuses_the_impossible() -> None:
    with pytest.raises(ValueError, match="4 cannot be shared"):
        allocate(np.asarray([1, 2]), 4, fresh(0))
    with pytest.raises(ValueError, match="at least 1 each"):
        allocate(np.asarray([1, 2]), 1, fresh(0), at_least=1)


@given(labels, st.floats(0, 1), seeds)
def test_a_split_is_disjoint_complete_exact_and_stratified(
    label: np.ndarray, share: float, seed: int
) -> None:
    count = int(share * len(label))
    stay, drawn = split(label, count, fresh(seed))
    assert len(drawn) == count
    np.testing.assert_array_equal(np.sort(np.concatenate([stay, drawn])), np.arange(len(label)))
    for value in np.unique(label):
        here, everywhere = (label[drawn] == value).sum(), (label == value).sum()
        assert abs(here - everywhere * count / len(label)) < 1


@given(labels, st.floats(0, 1), seeds)
def test_the_same_seed_draws_the_same_samples(label: np.ndarray, share: float, seed: int) -> None:
    count = int(share * len(label))
    np.testing.assert_array_equal(draw(label, count, fresh(seed)), draw(label, count, fresh(seed)))


def test_seeds_and_purposes_draw_independently() -> None:
    label = np.zeros(1000, np.int32)
    draws = [draw(label, 100, stream(seed, purpose)).tobytes() for seed in range(3) for purpose in Purpose]
    assert len(set(draws)) == 3 * len(Purpose)


def test_every_sample_of_a_stratum_is_equally_likely() -> None:
    label = np.repeat(np.asarray([0, 1], np.int32), [30, 10])
    seen = np.zeros(40)
    for seed in range(2000):
        seen[draw(label, 8, fresh(seed))] += 1
    # each is drawn with p = 1/5: mean 400, standard deviation 18; five of them leave 1 chance in 40,000 to fail
    assert np.abs(seen - 400).max() < 5 * np.sqrt(2000 * 0.2 * 0.8)


def test_a_larger_draw_of_equal_classes_contains_the_smaller_one() -> None:
    label = np.tile(np.arange(5, dtype=np.int32), 40)
    small, large = (set(draw(label, count, fresh(3)).tolist()) for count in (10, 50))
    assert small < large


@settings(max_examples=50)
@given(labels, st.integers(0, 120), seeds)
def test_kept_labels_are_a_stratified_few_of_the_true_ones(label: np.ndarray, count: int, seed: int) -> None:
    labelled = label[label >= 0]
    assume(count <= len(labelled))
    kept = keep_labels(label, count, fresh(seed))
    assert (kept >= 0).sum() == count
    assert ((kept == label) | (kept == -1)).all()
    classes = len(np.unique(labelled))
    if count >= classes:
        assert len(np.unique(kept[kept >= 0])) == classes


def test_sizes() -> None:
    assert size_of(0.1, 60_000) == 6_000
    assert size_of(0.5, 1) == 1
    assert size_of(3, 1) == 3


@given(hnp.arrays(np.int32, st.integers(1, 300), elements=st.integers(0, 5)), st.floats(1, 100), seeds)
def test_thinned_classes_fall_in_geometric_steps(label: np.ndarray, ratio: float, seed: int) -> None:
    kept = thin(label, ratio, fresh(seed))
    assert (np.diff(kept) > 0).all()
    values, counts = np.unique(label, return_counts=True)
    for place, (value, count) in enumerate(zip(values, counts, strict=True)):
        share = ratio ** (-place / max(1, len(values) - 1))
        found = (label[kept] == value).sum()
        assert found >= 1
        assert abs(found - share * count) <= max(0.5, 1 - share * count)
    assert (label[kept] == values[0]).sum() == counts[0]

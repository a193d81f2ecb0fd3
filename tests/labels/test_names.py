"""Names of channels: what is said of a sample last is what counts, in whatever order and however often."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcmvae.errors import DataError
from rcmvae.labels import Names, Tau, reliability

SEEDS = st.integers(0, 2**32 - 1)
KINDS = ("ant", "bee", "cow")
GROUPS = np.array([0, 1, 0, 1, -1])


def said(rng: np.random.Generator, N: int = 30) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Beliefs, labels and marks of samples, some of them twice."""
    mark = rng.integers(0, 20, N).astype(np.uint64)
    r = rng.dirichlet(np.full(5, 0.4), size=20)[mark.astype(int)]
    return r, rng.integers(-1, 3, N), mark


def blank() -> Names:
    return Names.blank(GROUPS, KINDS)


class TestCounts:
    @given(seed=SEEDS)
    def test_a_family_counts_as_one_label_in_each_of_its_channels(self, seed: int):
        rng = np.random.default_rng(seed)
        counts = rng.gamma(0.5, size=(5, 3))
        found = Tau(counts, 0.2, GROUPS).table
        for c in range(5):
            family = [c] if GROUPS[c] < 0 else [k for k in range(5) if GROUPS[k] == GROUPS[c]]
            group = [sum(counts[k, y] for k in family) + 0.2 for y in range(3)]
            row = [counts[c, y] + group[y] / sum(group) for y in range(3)]
            np.testing.assert_allclose(found[c], np.array(row) / sum(row), rtol=1e-12)

    def test_a_channel_without_labels_is_called_what_its_family_is_called(self):
        r = np.eye(5)
        names = blank().taught(r[:2], np.array([2, 1]), KINDS, np.arange(2, dtype=np.uint64))
        assert names.predict(r).tolist()[:4] == ["cow", "bee", "cow", "bee"]
        np.testing.assert_allclose(names.tau.table[4], 1 / 3)
        # Its own labels outweigh those of the family.
        own = names.taught(r[[2]], np.array([0]), KINDS, np.array([5], np.uint64))
        assert own.predict(r).tolist()[:3] == ["cow", "bee", "ant"]

    @given(seed=SEEDS)
    def test_what_is_said_last_of_each_sample_counts(self, seed: int):
        rng = np.random.default_rng(seed)
        first, second = said(rng), said(rng)
        table = {int(m): belief for belief, _, m in zip(*first, strict=True)}
        again = np.array([table.get(int(m), belief) for belief, _, m in zip(*second, strict=True)])
        names = blank().taught(first[0], first[1], KINDS, first[2])
        names = names.taught(again, second[1], KINDS, second[2])
        replaced = {int(m) for _, y, m in zip(*second, strict=True) if y >= 0}
        counts = np.zeros((5, 3))
        for belief, y, m in zip(*first, strict=True):
            if y >= 0 and int(m) not in replaced:
                counts[:, y] += belief
        for belief, y in zip(again, second[1], strict=True):
            if y >= 0:
                counts[:, y] += belief
        np.testing.assert_allclose(names.tau.counts, counts, atol=2e-4)
        marks = {int(m) for _, y, m in zip(*first, strict=True) if y >= 0} | replaced
        assert {*names.mark.tolist()} == marks
        assert names.counted(np.arange(25, dtype=np.uint64)).tolist() == [m in marks for m in range(25)]

    @given(seed=SEEDS)
    def test_saying_it_twice_or_in_another_order_changes_nothing(self, seed: int):
        rng = np.random.default_rng(seed)
        r, label, _ = said(rng)
        mark = np.arange(30, dtype=np.uint64)
        once = blank().taught(r, label, KINDS, mark)
        twice = once.taught(r, label, KINDS, mark)
        order = rng.permutation(30)
        parts = blank()
        for rows in np.array_split(order, 4):
            parts = parts.taught(r[rows], label[rows], KINDS, mark[rows])
        for other in (twice, parts):
            np.testing.assert_allclose(other.tau.counts, once.tau.counts, atol=2e-4)
            assert sorted(other.mark) == sorted(once.mark)
            assert len(other) == len(once)


class TestLabels:
    def test_labels_are_known_by_name_whatever_their_number(self):
        r, mark = np.eye(5)[:3], np.arange(3, dtype=np.uint64)
        one = blank().taught(r, np.array([0, 1, 2]), ["ant", "bee", "cow"], mark)
        other = blank().taught(r, np.array([2, 0, 1]), ["bee", "cow", "ant"], mark)
        np.testing.assert_array_equal(one.tau.counts, other.tau.counts)
        assert one.labels == other.labels == KINDS

    def test_a_new_label_takes_nothing_from_the_others(self):
        r = np.eye(5)
        names = blank().taught(r[:2], np.array([0, 1]), KINDS, np.arange(2, dtype=np.uint64))
        more = names.taught(r[[4]], np.array([1]), ["unseen", "yak"], np.array([9], np.uint64))
        assert more.labels == (*KINDS, "yak")
        assert more.tau.smoothing == 1 / 4
        assert more.predict(r[[0, 1, 4]]).tolist() == ["ant", "bee", "yak"]
        assert [more.name(k) for k in range(5)] == ["ant", "bee", "ant", "bee", "yak"]
        assert [names.name(k) for k in range(5)] == ["ant", "bee", "ant", "bee", None]

    def test_without_any_label_there_is_nothing_to_say(self):
        names = Names.blank(GROUPS)
        none = names.taught(np.eye(5), np.full(5, -1), ["ant"], np.arange(5, dtype=np.uint64))
        assert (none.labels, len(none), none.name(0)) == ((), 0, None)
        assert none.taught(np.eye(5)[:1], np.zeros(1, int), ["ant"], np.zeros(1, np.uint64)).name(0) == "ant"


class TestTemperature:
    def test_it_is_fitted_on_labels_that_were_not_counted_and_mends_calibration(self):
        rng = np.random.default_rng(0)
        truth = np.concatenate([np.arange(3), rng.integers(0, 3, 3997)])
        r = np.full((4000, 3), 0.05)
        r[np.arange(4000), truth] = 0.9
        mark = np.arange(4000, dtype=np.uint64)
        names = Names.blank(np.array([0, 1, 2]), KINDS).taught(r[:3], truth[:3], KINDS, mark[:3])
        assert (names.temperature, names.held_out) == (1.0, 0)
        assert names.calibrated(r[3:], np.full(3997, -1)).temperature == 1.0
        label = np.where(mark < 2000, truth, -1)
        fitted = names.calibrated(r[3:], label[3:])
        assert (fitted.held_out, fitted.temperature < 1) == (1997, True)
        rest = slice(2000, None)
        before, after = (reliability(one.predict_proba(r[rest]), truth[rest]).ece for one in (names, fitted))
        assert after < 0.05 < before
        # One label more is too little to fit another, and many are judged by one another.
        assert fitted.taught(r[5:6], truth[5:6], KINDS, mark[5:6]).temperature == fitted.temperature
        again = names.taught(r[3:503], truth[3:503], KINDS, mark[3:503])
        assert again.held_out == 500
        assert reliability(again.predict_proba(r[rest]), truth[rest]).ece < 0.02


def test_counts_that_make_no_sense_are_refused():
    with pytest.raises(DataError, match="A label is 3"):
        Tau(np.zeros((2, 3)), 0.3, np.array([0, 0])).taught(np.ones((1, 2)), np.array([3]))

"""What labels say of channels, against counting by hand, closed forms, scikit-learn and Monte Carlo."""

import itertools

import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import roc_auc_score

from rcmvae.errors import DataError
from rcmvae.labels import (
    Tau,
    by_doubt,
    combined,
    detection,
    fit_temperature,
    reliability,
    surprise,
    tempered,
    uncertainty,
    unlike_its_channel,
)

SEEDS = st.integers(0, 2**32 - 1)


def beliefs(rng: np.random.Generator, N: int, K: int) -> np.ndarray:
    return rng.dirichlet(np.full(K, 0.4), size=N)


def taught(
    rng: np.random.Generator, K: int = 5, Y: int = 3, N: int = 40
) -> tuple[Tau, np.ndarray, np.ndarray]:
    r, label = beliefs(rng, N, K), rng.integers(-1, Y, N)
    return Tau.blank(K, Y, smoothing=0.3).taught(r, label), r, label


class TestTau:
    @given(seed=SEEDS)
    def test_it_is_a_sum_over_labelled_samples(self, seed: int):
        tau, r, label = taught(np.random.default_rng(seed))
        counts = np.full((5, 3), 0.3)
        for belief, y in zip(r, label, strict=True):
            for c in range(5):
                if y >= 0:
                    counts[c, y] += belief[c]
        table = np.array([[count / sum(row) for count in row] for row in counts])
        np.testing.assert_allclose(tau.table, table, rtol=1e-12)
        expected = [[sum(belief[c] * table[c, y] for c in range(5)) for y in range(3)] for belief in r]
        np.testing.assert_allclose(tau.predict_proba(r), expected, rtol=1e-12)
        np.testing.assert_allclose(tau.predict_proba(r).sum(axis=1), 1)

    @given(seed=SEEDS)
    def test_the_order_of_labels_makes_no_difference(self, seed: int):
        rng = np.random.default_rng(seed)
        tau, r, label = taught(rng)
        order = rng.permutation(len(r))
        first, second = order[:15], order[15:]
        again = Tau.blank(5, 3, 0.3).taught(r[first], label[first]).taught(r[second], label[second])
        np.testing.assert_allclose(again.counts, tau.counts, rtol=1e-12, atol=1e-15)

    def test_one_label_per_channel_names_everything(self):
        truth = np.array([2, 0, 1, 2, 0, 1])
        r = np.eye(3)[truth]
        tau = Tau.blank(3, 4).taught(r[:3], np.array([3, 1, 0]))
        assert tau.predict(r).tolist() == [3, 1, 0, 3, 1, 0]

    @given(seed=SEEDS)
    def test_a_sample_that_is_left_out_was_never_counted(self, seed: int):
        rng = np.random.default_rng(seed)
        r, label, groups = beliefs(rng, 12, 5), rng.integers(0, 3, 12), np.array([0, 0, 1, 2, -1])
        tau = Tau(np.zeros((5, 3)), 0.4, groups).taught(r, label)
        p, told = tau.left_out(r, label)
        for i in range(12):
            others = np.arange(12) != i
            without = Tau(np.zeros((5, 3)), 0.4, groups).taught(r[others], label[others])
            np.testing.assert_allclose(p[i], without.predict_proba(r[[i]])[0], rtol=1e-9)
            own = groups == groups[r[i].argmax()] if r[i].argmax() < 4 else np.arange(5) == 4
            assert told[i] == (without.counts[own].sum() >= 0.5)

    @given(seed=SEEDS)
    def test_each_label_owns_the_group_that_all_of_them_together_agree_upon(self, seed: int):
        rng = np.random.default_rng(seed)
        counts = rng.gamma(0.3, size=(4, 3))
        plain = [[count + 0.4 for count in row] for row in counts]
        fit = {
            places: sum(np.log(counts[g, y] + 1e-9) for y, g in enumerate(places))
            for places in itertools.permutations(range(4), 3)
        }
        for y, g in enumerate(max(fit, key=lambda places: fit[places])):
            plain[g][y] += 1.0
        table = []
        for mine, group in zip(counts, plain, strict=True):
            row = [own + of_group / sum(group) for own, of_group in zip(mine, group, strict=True)]
            table.append([value / sum(row) for value in row])
        np.testing.assert_allclose(Tau(counts, 0.4, np.arange(4)).table, table, rtol=1e-9)

    def test_a_label_whose_only_sample_lies_with_another_kind_is_not_lost(self):
        # The 4 lies among the nines, and a little where fours belong; no other label is there.
        r = np.array([[0.001, 0.998, 0.001], [0.03, 0.96, 0.01], [0.005, 0.005, 0.99]])
        label = np.array([2, 1, 0])
        alone = Tau.blank(3, 3).taught(r, label)
        owned = Tau(alone.counts, alone.smoothing, np.arange(3)).predict(np.eye(3))
        assert owned.tolist() == [1, 2, 0]
        # However little that is: an encoder that is sure leaves it next to nothing.
        sure = np.array([[3e-8, 1 - 6e-8, 3e-8], [1e-9, 1, 1e-10], [0.03, 1e-10, 0.97]])
        counted = Tau.blank(3, 3).taught(sure, label)
        assert Tau(counted.counts, counted.smoothing, np.arange(3)).predict(np.eye(3)).tolist() == [2, 1, 0]
        # And the channel is said to stand for it.
        assert Tau(alone.counts, alone.smoothing, np.arange(3)).has_name.all()
        assert alone.has_name.tolist() == [False, True, True]
        # Where a label was never counted in any group, it owns none: not another's, and no empty one.
        counts = np.array([[5.0, 0.0], [0.9, 0.0], [0.0, 0.0], [0.0, 3.0], [0.0, 0.0]])
        plain = counts + (counts + 0.5) / (counts + 0.5).sum(axis=1, keepdims=True)
        owning = Tau(counts, 0.5, np.array([0, 1, 2, -1, 3])).table
        np.testing.assert_allclose(owning[1:], (plain / plain.sum(axis=1, keepdims=True))[1:])
        # With more labels than groups, nobody owns any.
        few = Tau(alone.counts[:2], 1 / 3, np.arange(2))
        family = (few.counts + 1 / 3) / (few.counts + 1 / 3).sum(axis=1, keepdims=True)
        expected = few.counts + family
        np.testing.assert_allclose(few.table, expected / expected.sum(axis=1, keepdims=True))

    def test_a_channel_without_labels_says_nothing(self):
        tau = Tau.blank(2, 4).taught(np.array([[1.0, 0.0]]), np.array([2]))
        np.testing.assert_allclose(tau.table[1], 0.25)
        assert tau.has_name.tolist() == [True, False]
        np.testing.assert_allclose(tau.certainty, [1.25 / 2, 0.25])

    @given(seed=SEEDS)
    def test_what_a_family_was_told_each_of_its_channels_knows(self, seed: int):
        tau, r, label = taught(np.random.default_rng(seed))
        groups = np.array([0, 1, 0, 1, 1])
        grouped = np.stack([r[:, groups == g].sum(axis=1) for g in (0, 1)], axis=1)
        as_one = Tau.blank(2, 3, 0.3).taught(grouped, label)
        found = Tau(tau.counts, 0.3, groups).family_counts
        np.testing.assert_allclose(found, as_one.counts[groups], rtol=1e-10)

    def test_new_labels_find_room_and_old_ones_stay(self):
        tau, r, _ = taught(np.random.default_rng(0))
        more = tau.with_labels(5)
        np.testing.assert_array_equal(more.counts[:, :3], tau.counts)
        assert (more.counts[:, 3:] == 0).all()
        assert (more.predict(r) == tau.predict(r)).all()
        with pytest.raises(DataError, match="would forget some"):
            tau.with_labels(2)

    def test_what_makes_no_sense_is_refused(self):
        tau, r, _ = taught(np.random.default_rng(0))
        with pytest.raises(DataError, match="A label is 7, but there are 3 labels: 0 to 2"):
            tau.taught(r[:1], np.array([7]))
        with pytest.raises(DataError, match="smoothing is 0"):
            Tau.blank(2, 2, smoothing=0.0)
        with pytest.raises(DataError, match="finite"):
            Tau(np.array([[np.nan]]), 1.0)


@given(seed=SEEDS)
def test_doubt_is_the_sum_of_its_parts_as_monte_carlo_finds_them(seed: int):
    rng = np.random.default_rng(seed)
    tau, r, _ = taught(rng)
    doubt = uncertainty(tau, r)
    joint = r[:, :, None] * tau.table[None]  # p(c, y | x)
    for x in range(3):
        p = joint[x]
        np.testing.assert_allclose(doubt.total[x], scipy.stats.entropy(p.sum(axis=0)), atol=1e-10)
        information = scipy.stats.entropy(p.ravel(), np.outer(p.sum(axis=1), p.sum(axis=0)).ravel())
        np.testing.assert_allclose(doubt.epistemic[x], information, atol=1e-10)
    np.testing.assert_allclose(doubt.aleatoric + doubt.epistemic, doubt.total, atol=1e-12)


class TestCalibration:
    def test_ece_is_a_loop_over_bins(self):
        rng = np.random.default_rng(0)
        p, label = rng.dirichlet([1, 1, 1], 300), rng.integers(0, 3, 300)
        total = 0.0
        for low in np.linspace(0, 0.9, 10):
            inside = [i for i in range(300) if low < p[i].max() <= low + 0.1 + 1e-12]
            if inside:
                right = np.mean([p[i].argmax() == label[i] for i in inside])
                total += len(inside) / 300 * abs(right - np.mean([p[i].max() for i in inside]))
        assert reliability(p, label, bins=10).ece == pytest.approx(total)

    @pytest.mark.parametrize("temperature", [0.4, 1.0, 2.5])
    def test_the_temperature_that_spoiled_probabilities_is_found(self, temperature: float):
        rng = np.random.default_rng(1)
        p = rng.dirichlet(np.full(4, 0.5), 40_000)
        label = (p.cumsum(axis=1) < rng.random((len(p), 1))).sum(axis=1)
        spoiled = tempered(p, 1 / temperature)
        found = fit_temperature(spoiled, label)
        assert found == pytest.approx(temperature, rel=0.03)
        assert reliability(tempered(spoiled, found), label).ece < 0.012

    def test_unlabelled_samples_are_left_out_and_some_must_be_labelled(self):
        p, label = np.array([[0.9, 0.1], [0.3, 0.7], [0.5, 0.5]]), np.array([0, 1, -1])
        assert reliability(p, label).samples.sum() == 2
        with pytest.raises(DataError, match="No sample is labelled"):
            fit_temperature(p, np.full(3, -1))

    @given(seed=SEEDS, temperature=st.floats(0.1, 10))
    def test_tempering_keeps_the_order_and_undoes_itself(self, seed: int, temperature: float):
        p = np.random.default_rng(seed).dirichlet([2, 2, 2], 5)
        there = tempered(p, temperature)
        assert (there.argmax(axis=1) == p.argmax(axis=1)).all()
        np.testing.assert_allclose(tempered(there, 1 / temperature), p, rtol=1e-6)


class TestOutliers:
    @given(seed=SEEDS)
    def test_detection_is_what_scikit_learn_and_a_loop_say(self, seed: int):
        rng = np.random.default_rng(seed)
        normal, strange = rng.integers(0, 8, 30).astype(float), rng.integers(3, 11, 40).astype(float)
        found = detection(normal, strange)
        truth = np.repeat([0, 1], [30, 40])
        assert found.auroc == pytest.approx(roc_auc_score(truth, np.concatenate([normal, strange])))
        thresholds = [t for t in np.unique(strange) if np.mean(strange >= t) >= 0.95]
        assert found.fpr95 == pytest.approx(np.mean(normal >= max(thresholds)))

    def test_the_surprise_at_a_known_law_is_its_tail(self):
        rng = np.random.default_rng(2)
        normal = rng.exponential(size=200_000)
        score = np.array([0.3, 1.0, 2.0, 5.0, 9.0, 14.0])
        np.testing.assert_allclose(surprise(score, normal), score, rtol=0.03)

    @given(seed=SEEDS)
    def test_a_higher_score_is_no_less_surprising(self, seed: int):
        rng = np.random.default_rng(seed)
        normal = rng.normal(size=60).round(1)
        score = np.sort(rng.normal(scale=3, size=50))
        assert (np.diff(surprise(score, normal)) >= -1e-12).all()

    def test_together_scores_find_what_either_alone_misses(self):
        rng = np.random.default_rng(3)
        normal, held_out = rng.normal(size=(2000, 2)), rng.normal(size=(2000, 2))
        strange = rng.normal(size=(2000, 2)) + np.repeat([[6, 0], [0, 6]], 1000, axis=0)
        alone = [detection(normal[:, i], strange[:, i]).auroc for i in (0, 1)]
        both = detection(combined(normal, held_out), combined(strange, held_out)).auroc
        assert max(alone) < 0.8
        assert both > 0.99

    @given(seed=SEEDS)
    def test_a_sample_is_compared_with_normal_ones_of_its_own_channel(self, seed: int):
        rng = np.random.default_rng(seed)
        channel = np.repeat([0, 1, 2], [50, 45, 5])
        normal = rng.normal(size=(100, 3)) * [1, 20, 0.1] + 10 * channel[:, None]
        x, own = rng.normal(size=(12, 3)) + 10, np.arange(12) % 4
        found = unlike_its_channel(x, own, normal, channel)
        for i in range(12):
            # Of channel 2 there are too few, of channel 3 there are none.
            beside = normal[channel == own[i]] if own[i] < 2 else normal
            away = (x[i] - beside.mean(axis=0)) / np.sqrt(beside.var(axis=0))
            covariance = np.corrcoef(beside.T) + 0.01 * np.eye(3)
            assert found[i] == pytest.approx(away @ np.linalg.inv(covariance) @ away, rel=1e-6)

    def test_of_normal_samples_the_distance_is_chi_squared_on_either_side(self):
        rng = np.random.default_rng(4)
        mixed = rng.normal(size=(4, 4))
        normal, other = rng.normal(size=(2, 20_000, 4)) @ mixed
        one = np.zeros(20_000, int)
        found = unlike_its_channel(other, one, normal, one)
        expected = scipy.stats.chi2(4).ppf([0.1, 0.5, 0.9])
        np.testing.assert_allclose(np.quantile(found, [0.1, 0.5, 0.9]), expected, rtol=0.15)
        # What lies too low is as odd as what lies too high.
        far = np.array([[9.0, 0, 0, 0], [-9.0, 0, 0, 0]]) @ mixed
        assert (unlike_its_channel(far, one[:2], normal, one) > scipy.stats.chi2(4).ppf(0.999)).all()

    def test_a_sample_of_a_channel_that_stands_for_nothing_is_doubtful(self):
        tau = Tau(np.array([[50.0, 0.0], [0.0, 0.0]]), 0.5)
        doubt = by_doubt(tau, np.eye(2))
        np.testing.assert_allclose(doubt, [0.5 / 51, 0.5])

    def test_too_few_samples_are_told(self):
        with pytest.raises(DataError, match="3 normal samples are too few"):
            surprise(np.zeros(1), np.zeros(3))
        with pytest.raises(DataError, match="both needed"):
            detection(np.zeros(0), np.zeros(3))

"""Whom to ask, and how far the answers go."""

import dataclasses
from importlib import import_module

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad
from scipy.special import entr
from scipy.stats import beta

from rcmvae.errors import ConfigError, DataError
from rcmvae.labels import ACQUISITIONS, Asking, Pool, Progress, Tau, answered, ask, simulated, unlabelled

K, Y, N = 5, 3, 120
every_strategy = pytest.mark.parametrize("name", ACQUISITIONS)


def pool(seed: int = 0, known: int = 10) -> Pool:
    """Random beliefs and codes, some of them named at random."""
    rng = np.random.default_rng(seed)
    start = unlabelled(rng.dirichlet(np.full(K, 0.3), N), rng.normal(size=(N, 2)), Y, seed)
    return answered(start, rng.permutation(N)[:known], rng.integers(0, Y, known))


def clear(classes: int = 4, each: int = 30) -> tuple[Pool, np.ndarray]:
    """Every channel holds one class, with little doubt."""
    rng = np.random.default_rng(1)
    truth = np.repeat(np.arange(classes), each)
    r = 0.97 * np.eye(classes)[truth] + 0.03 / classes
    return unlabelled(r, rng.normal(size=(len(truth), 2)), classes), truth


class TestScores:
    @every_strategy
    @given(seed=st.integers(0, 1000), known=st.integers(0, 60))
    @settings(max_examples=15)
    def test_there_is_a_finite_one_for_each_sample(self, name: str, seed: int, known: int):
        score = ACQUISITIONS[name](pool(seed, known))
        assert score.shape == (N,)
        assert np.isfinite(score).all()

    @pytest.mark.parametrize("name", [name for name in ACQUISITIONS if name != "chance"])
    def test_the_order_of_the_samples_makes_no_difference(self, name: str):
        given, order = pool(3), np.random.default_rng(0).permutation(N)
        turned = dataclasses.replace(
            given, r=given.r[order], code=given.code[order], label=given.label[order]
        )
        np.testing.assert_allclose(ACQUISITIONS[name](turned), ACQUISITIONS[name](given)[order], atol=1e-9)

    @every_strategy
    def test_codes_that_all_coincide_are_no_problem(self, name: str):
        given = dataclasses.replace(pool(), code=np.zeros((N, 2)))
        assert np.isfinite(ACQUISITIONS[name](given)).all()

    def test_entropy_and_margin_are_those_of_the_prediction(self):
        given = pool()
        for p, h, m in zip(
            given.tau.predict_proba(given.r),
            ACQUISITIONS["entropy"](given),
            ACQUISITIONS["margin"](given),
            strict=True,
        ):
            assert h == pytest.approx(-sum(q * np.log(q) for q in p))
            first, second, *_ = sorted(p, reverse=True)
            assert m == pytest.approx(second - first)

    @pytest.mark.parametrize("counts", [(0.0, 0.0), (3.0, 0.5), (40.0, 10.0)])
    def test_bald_is_the_information_of_a_label_about_tau(
        self, counts: tuple[float, float], monkeypatch: pytest.MonkeyPatch
    ):
        """One channel, two labels: τ ~ Beta, and the mean of H(τ) is an integral."""
        monkeypatch.setattr(import_module("rcmvae.labels.acquisition.bald"), "DRAWS", 20_000)
        tau = Tau(np.array([counts]), 0.5)
        a, b = tau.counts[0] + tau.smoothing
        left = quad(lambda p: (entr(p) + entr(1 - p)) * beta.pdf(p, a, b), 0, 1)[0]
        mean = a / (a + b)
        one = Pool(np.ones((1, 1)), np.zeros((1, 2)), np.array([-1]), tau)
        assert ACQUISITIONS["bald"](one)[0] == pytest.approx(
            entr(mean) + entr(1 - mean) - left, rel=0.05, abs=2e-4
        )

    def test_medoids_are_the_middles_of_channels_by_size_and_of_those_without_a_name_first(self):
        given, truth = clear()
        given = dataclasses.replace(given, r=given.r[10:], code=given.code[10:], label=given.label[10:])
        rows = np.argsort(-ACQUISITIONS["medoids"](given))
        first = given.channel[rows[0]]
        assert first != 0, "channel 0 has ten samples fewer"
        mine = np.flatnonzero(given.channel == first)
        away = given.code[mine] - np.median(given.code[mine], axis=0)
        spread = np.sqrt((away**2).mean(axis=0))
        assert rows[0] == mine[np.argmin(np.square(away / spread).sum(axis=1))]
        named = answered(given, rows[:1], truth[10:][rows[:1]])
        assert given.channel[np.argmax(ACQUISITIONS["medoids"](named))] != first


class TestAsking:
    @every_strategy
    @pytest.mark.parametrize("count", [1, 7, 110])
    def test_nothing_is_asked_twice_or_known_already(self, name: str, count: int):
        given = pool(known=10)
        rows = ask(given, name, count)
        assert len(set(rows.tolist())) == count
        assert given.unknown[rows].all()
        np.testing.assert_array_equal(rows, ask(given, name, count))

    @every_strategy
    def test_while_nothing_is_known_the_best_is_asked_first(self, name: str):
        given = pool(known=0)
        score = np.where(given.unknown, ACQUISITIONS[name](given), -np.inf)
        assert score[ask(given, name, 1)[0]] == score.max()

    def test_several_at_once_are_of_several_channels(self):
        given, _ = clear()
        for name in ACQUISITIONS:
            assert set(given.channel[ask(given, name, 4)]) == {0, 1, 2, 3}, name

    @every_strategy
    def test_one_at_a_time_what_is_known_counts_as_asked_before(self, name: str):
        given, truth = clear()
        for _ in range(4):
            rows = ask(given, name, 1)
            given = answered(given, rows, truth[rows])
        assert set(truth[~given.unknown]) == {0, 1, 2, 3}

    def test_what_cannot_be_asked_is_told(self):
        with pytest.raises(ConfigError, match=r"strategy is `entrpy`, .* Did you mean 'entropy'\?"):
            ask(pool(), "entrpy", 1)
        with pytest.raises(DataError, match="count is 111, but it must be 1 to 110"):
            ask(pool(known=10), "chance", 111)


class TestSimulation:
    def test_medoids_need_one_label_per_channel_and_chance_needs_more(self):
        given, truth = clear(classes=8)
        test = given.r, truth
        needed = {}
        for name in ("medoids", "chance"):
            progress = simulated(given, truth, Asking([(name, 60)], apart=0), test)
            np.testing.assert_array_equal(progress.known, np.arange(1, 61))
            needed[name] = progress.needed(0.999)
        assert needed["medoids"] == 8
        assert needed["chance"] > 8

    def test_strategies_follow_one_another(self):
        given, truth = clear()
        two = Asking([("medoids", 4), ("chance", 9)], at_once=2)
        progress = simulated(given, truth, two, (given.r, truth))
        assert progress.known.tolist() == [2, 4, 6, 8, 10]
        assert [two.strategy(known) for known in (0, 3, 4, 8, 9)] == ["medoids"] * 2 + ["chance"] * 2 + [None]

    def test_an_accuracy_is_reached_once_it_stays(self):
        progress = Progress(np.array([1, 2, 3, 4]), np.array([0.9, 0.5, 0.8, 0.9]))
        assert [progress.needed(a) for a in (0.4, 0.6, 0.85, 0.95)] == [1, 3, 4, None]

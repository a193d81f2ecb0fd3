"""What holds for every policy, and what each one decides, against a loop written independently."""

import copy
import dataclasses
import math
from collections import deque
from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jaxtyping import Float
from pydantic import TypeAdapter

from rcmvae.curriculum import POLICIES, AnyPolicy, Policy, PolicyState
from rcmvae.curriculum.policies.birth import TRIGGERS, Birth
from rcmvae.curriculum.policies.normality import FEWEST, Normality, p_values
from rcmvae.curriculum.policies.plateau import Plateau
from rcmvae.curriculum.policies.scheduled import Scheduled
from rcmvae.structs import Codes, Signals
from tests.helpers import label

K = 3
ALL = np.ones(K, bool)
CASES: list[Policy] = [
    Plateau(),
    Plateau(monitor="loss", patience=1, min_delta=0.5, cooldown=4),
    Normality(),
    Normality(propose="when_some_fail", patience=1, cooldown=0, max_wait=None),
    Scheduled(every=3),
    Scheduled(at=(1, 2, 7)),
    Birth(),
    Birth(when=Normality(patience=1, cooldown=0)),
    Birth(when=Scheduled(at=(2,))),
]


def cloud(N: int, clusters: int, rng: np.random.Generator, D: int = 2) -> Float[np.ndarray, "N D"]:
    """Gaussian clusters of equal size, far apart."""
    return rng.normal(size=(N, D)) + 8.0 * (np.arange(N) % clusters)[:, None]


def codes(*clusters: int, N: int = 60, seed: int = 0) -> Codes:
    """Private codes: N samples in each channel, in so many clusters."""
    rng = np.random.default_rng(seed)
    z = np.stack([cloud(N * len(clusters), number, rng) for number in clusters], axis=1)
    return Codes(responsibility=np.repeat(np.eye(len(clusters)), N, axis=0), z=z)


SETTLED, UNSETTLED = codes(1, 1, 1), codes(1, 2, 1)


def signals(epoch: int = 1, bound: float = 0.0, seen_codes: Codes | None = SETTLED, seed: int = 0) -> Signals:
    """An epoch in which everything that no policy reads is random."""
    rng = np.random.default_rng([seed, epoch])
    return Signals(
        epoch=epoch,
        step=int(rng.integers(100)),
        train={"loss": float(rng.normal())},
        validation={"bound": bound, "loss": 2 * bound, "kl_c": float(rng.normal())},
        usage=rng.dirichlet(np.ones(K)),
        active=ALL,
        seconds=float(rng.uniform()),
        joint=np.diag(rng.dirichlet(np.ones(K))),
        channel_loss=rng.normal(size=K),
        codes=seen_codes,
    )


def story(seed: int = 0, length: int = 25) -> list[Signals]:
    """A bound that falls and rests, and codes that are settled now and then."""
    rng = np.random.default_rng(seed)
    bounds = 10 - np.cumsum(rng.choice([0.0, 0.0, 0.2, 1.0], length))
    kinds = rng.choice(2, length, p=[0.3, 0.7])
    return [
        signals(i + 1, float(bound), (UNSETTLED, SETTLED)[kind], seed)
        for i, (bound, kind) in enumerate(zip(bounds, kinds, strict=True))
    ]


def decisions(policy: Policy, seen: list[Signals]) -> list[bool]:
    state, made = policy.init(), []
    for epoch in seen:
        state, propose = policy.step(state, epoch)
        made.append(propose)
    return made


def numbers(state: PolicyState) -> list[Any]:
    return list(state.model_dump().values())


def test_every_policy_is_among_the_cases():
    assert {type(policy) for policy in CASES} == set(POLICIES.values())
    assert set(POLICIES) - set(TRIGGERS) == {"birth"}


@pytest.mark.parametrize("policy", CASES, ids=label)
class TestEveryPolicy:
    def test_its_state_survives_json_and_decides_alike(self, policy: Policy):
        state = policy.init()
        for epoch in story():
            read = type(state).model_validate_json(state.model_dump_json())
            assert read == state
            after, propose = policy.step(state, epoch)
            assert policy.step(read, epoch) == (after, propose)
            assert type(after) is type(state)
            state = after

    def test_a_step_is_pure(self, policy: Policy):
        state = policy.init()
        for epoch in story(1):
            before = copy.deepcopy((policy, state, epoch))
            first, second = policy.step(state, epoch), policy.step(state, epoch)
            assert first == second
            assert isinstance(first[1], bool)
            assert before[:2] == (policy, state)
            jax.tree.map(np.testing.assert_array_equal, before[2], epoch)
            state = first[0]

    @pytest.mark.parametrize("seed", range(5))
    def test_no_proposal_comes_sooner_than_told(self, policy: Policy, seed: int):
        made = np.flatnonzero(decisions(policy, story(seed, length=60))) + 1
        assert (made >= [policy.soonest(n) for n in range(1, len(made) + 1)]).all()

    def test_it_reads_nothing_but_what_it_says(self, policy: Policy):
        def hidden(i: int, epoch: Signals) -> Signals:
            other = signals(epoch.epoch, seen_codes=epoch.codes if policy.needs_codes else None, seed=99 + i)
            watched = {name: epoch.validation[name] for name in policy.watches}
            return dataclasses.replace(other, validation=watched)

        seen = story(2)
        assert decisions(policy, [hidden(i, epoch) for i, epoch in enumerate(seen)]) == decisions(
            policy, seen
        )

    def test_its_state_is_finite_whatever_is_measured(self, policy: Policy):
        state = policy.init()
        for i, bound in enumerate([math.nan, 1.0, math.inf, -math.inf, math.nan, 0.5]):
            state, _ = policy.step(state, signals(i + 1, bound))
            assert all(value is None or math.isfinite(value) for value in numbers(state))

    def test_it_is_written_and_read_back(self, policy: Policy):
        field = TypeAdapter(AnyPolicy)
        assert field.validate_json(field.dump_json(policy)) == policy
        assert hash(policy) == hash(field.validate_python(policy.model_dump()))

    def test_it_proposes_sooner_or_later_and_not_always(self, policy: Policy):
        assert 0 < sum(decisions(policy, story(3))) < 25


# --- plateau


def stalled(values: list[float], patience: int, min_delta: float, cooldown: int) -> list[bool]:
    """For each epoch, by looking back at all before it."""
    made = []
    for now in range(len(values)):
        best, last = None, -1
        for epoch, value in enumerate(values[: now + 1]):
            if math.isfinite(value) and (best is None or value < best - min_delta):
                best, last = value, epoch
        made.append(now - last >= patience and now + 1 > cooldown)
    return made


VALUES = st.lists(st.integers(-4, 4).map(float) | st.floats() | st.just(math.nan), max_size=30)


@given(VALUES, st.integers(1, 5), st.sampled_from([0.0, 0.5, 1.0, 2.5]), st.integers(0, 8))
def test_plateau_waits_for_patience_and_cooldown(
    values: list[float], patience: int, min_delta: float, cooldown: int
):
    policy = Plateau(patience=patience, min_delta=min_delta, cooldown=cooldown)
    seen = [signals(i + 1, value) for i, value in enumerate(values)]
    assert decisions(policy, seen) == stalled(values, patience, min_delta, cooldown)


def test_plateau_counts_from_the_start_again_after_a_trial():
    policy = Plateau(patience=2, cooldown=3)
    flat = [signals(i, 1.0) for i in range(10, 16)]
    assert decisions(policy, flat) == [False, False, False, True, True, True]


# --- scheduled


def due_epochs(policy: Scheduled, epochs: int) -> list[int]:
    if policy.at is not None:
        return [epoch for epoch in policy.at if epoch <= epochs]
    return [epoch for epoch in range(1, epochs + 1) if epoch % (policy.every or 0) == 0]


SCHEDULES = st.one_of(
    st.sets(st.integers(1, 30), min_size=1, max_size=8).map(lambda at: Scheduled(at=tuple(sorted(at)))),
    st.integers(1, 9).map(lambda every: Scheduled(every=every)),
)


@given(SCHEDULES, st.integers(0, 6), st.lists(st.booleans(), min_size=40, max_size=40))
def test_no_epoch_of_a_schedule_is_lost_or_doubled(policy: Scheduled, trial: int, kept: list[bool]):
    state, opened, busy_until = policy.init(), [], 0
    for epoch in range(1, 41):
        if epoch == busy_until and kept[len(opened)]:
            state = policy.renew(state)
        if epoch > busy_until:
            state, propose = policy.step(state, signals(epoch))
            if propose:
                opened.append(epoch)
                busy_until = epoch + trial

    waiting, expected, free_from = deque(due_epochs(policy, 40)), [], 1
    for epoch in range(1, 41):
        if waiting and waiting[0] <= epoch and epoch >= free_from:
            waiting.popleft()
            expected.append(epoch)
            free_from = epoch + trial + 1
    assert opened == expected


def test_a_schedule_without_trials_opens_after_its_very_epochs():
    seen = [signals(epoch) for epoch in range(1, 10)]
    for policy, epochs in ((Scheduled(at=(2, 3, 8)), [2, 3, 8]), (Scheduled(every=4), [4, 8])):
        assert [i + 1 for i, propose in enumerate(decisions(policy, seen)) if propose] == epochs


# --- normality


@given(
    st.lists(st.booleans(), max_size=15), st.integers(1, 3), st.integers(0, 4), st.none() | st.integers(5, 9)
)
def test_normality_counts_epochs_in_a_row(
    settled: list[bool], patience: int, cooldown: int, max_wait: int | None
):
    seen = [signals(i + 1, seen_codes=SETTLED if one else UNSETTLED) for i, one in enumerate(settled)]
    limits: dict[str, Any] = {"patience": patience, "cooldown": cooldown, "max_wait": max_wait}
    for propose in ("when_all_pass", "when_some_fail"):
        wanted = settled if propose == "when_all_pass" else [not one for one in settled]
        expected = [
            (now >= max(patience, cooldown + 1) and all(wanted[now - patience : now]))
            or (max_wait is not None and now >= max_wait)
            for now in range(1, len(wanted) + 1)
        ]
        assert decisions(Normality(propose=propose, **limits), seen) == expected


def test_only_open_channels_with_enough_codes_are_judged():
    two = codes(1, 2, 2)
    # The third channel holds just fewer than the fewest that can be judged.
    few = Codes(responsibility=two.responsibility.copy(), z=two.z)
    few.responsibility[2 * 60 + FEWEST - 1 :, 2] = 0.0
    enough = Codes(responsibility=two.responsibility.copy(), z=two.z)
    enough.responsibility[2 * 60 + FEWEST :, 2] = 0.0
    assert p_values(few, ALL, 300)[2] == 1.0
    assert p_values(enough, ALL, 300)[2] < 0.05
    closed = p_values(two, np.array([True, False, True]), 300)
    assert closed[1] == 1.0
    assert closed[0] > 0.01
    assert closed[2] < 1e-6
    assert not Normality().all_pass(two, ALL)
    assert Normality().all_pass(two, np.array([True, False, False]))


def test_a_shared_latent_is_judged_by_each_channels_part_of_it():
    z = cloud(200, 2, np.random.default_rng(0))[:, None]
    apart = np.eye(2)[np.arange(200) % 2]
    both = np.array([True, True])
    assert np.all(p_values(Codes(apart, z), both, 300) > 0.01)
    blurred = 0.5 * apart + 0.25
    assert np.all(p_values(Codes(blurred, z), both, 300) < 1e-6)
    # A little of the other cluster, as a softmax leaves it everywhere, does no harm.
    assert np.all(p_values(Codes(0.999 * apart + 0.0005, z), both, 300) > 0.01)


def test_a_small_departure_is_found_only_among_many_codes():
    z = np.random.default_rng(0).gamma(25, size=(20_000, 1, 2))
    by_many, by_few, again = (
        p_values(Codes(np.ones((20_000, 1)), z), np.array([True]), samples)[0] for samples in (2000, 100, 100)
    )
    assert by_many < 1e-4
    assert by_few > 0.01
    assert again == by_few


def test_all_channels_together_fail_without_reason_as_often_as_the_level_says():
    runs, level, failed = 300, 0.05, 0
    for seed in range(runs):
        rng = np.random.default_rng(seed)
        responsibility = rng.dirichlet(0.2 * np.ones(4), size=800)
        failed += not Normality(level=level, samples=100).all_pass(
            Codes(responsibility, rng.normal(size=(800, 4, 2))), np.ones(4, bool)
        )
    assert abs(failed / runs - level) <= 4 * math.sqrt(level * (1 - level) / runs)


# --- birth


@pytest.mark.parametrize("when", [policy for policy in CASES if not isinstance(policy, Birth)], ids=label)
def test_birth_decides_as_its_trigger_does_and_keeps_no_unhelpful_channel(when: Policy):
    birth = Birth(when=when)
    assert decisions(birth, story(4)) == decisions(when, story(4))
    assert (birth.needs_codes, birth.watches) == (when.needs_codes, when.watches)
    assert type(birth.init()) is type(when.init())
    assert when.keeps_unhelpful
    assert not birth.keeps_unhelpful


# --- what is refused


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"kind": "scheduled"}, "give one of the two, but neither was given"),
        ({"kind": "scheduled", "at": [2], "every": 3}, r"but both were given: \[2\] and 3"),
        ({"kind": "scheduled", "at": [3, 3]}, r"must increase, but it is \[3, 3\]"),
        ({"kind": "scheduled", "at": []}, "at least 1"),
        ({"kind": "scheduled", "at": [0, 3]}, "greater than 0"),
        ({"kind": "normality", "patience": 5, "max_wait": 4}, "no proposal comes before epoch 5"),
        ({"kind": "normality", "cooldown": 9, "max_wait": 9}, "no proposal comes before epoch 10"),
        ({"kind": "normality", "samples": FEWEST - 1}, "greater than or equal to 20"),
        ({"kind": "normality", "level": 0}, "greater than 0"),
        ({"kind": "normality", "propose": "always"}, "when_all_pass"),
        ({"kind": "plateau", "patience": 0}, "greater than 0"),
        ({"kind": "plateau", "min_delta": -1}, "greater than or equal to 0"),
        ({"kind": "birth", "when": "birth"}, "'normality', 'plateau', 'scheduled'"),
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(given: dict[str, Any], complaint: str):
    with pytest.raises(ValueError, match=complaint):
        TypeAdapter(AnyPolicy).validate_python(given)

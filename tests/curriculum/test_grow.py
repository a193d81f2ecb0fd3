"""The decisions of a curriculum, in worlds made by hand: what is opened, from whom, what stays and when it ends."""

import json
from typing import Any

import numpy as np
import pytest

from rcmvae.curriculum import Act, Action, Grower, Growth, two_clusters
from rcmvae.curriculum.grow import FREE
from rcmvae.curriculum.information import purity_of_split
from rcmvae.structs import Event

from .worlds import (
    BIRTH,
    EACH,
    EASY,
    HARD,
    Day,
    K,
    Sight,
    anything,
    even,
    grower,
    lived,
    shared,
    signals,
    told,
    two_clouds,
    useless,
)


def information(joint: np.ndarray) -> float:
    p = joint.sum(axis=1)
    pairs = [(joint[i, j], p[i] * p[j]) for i in range(K) for j in range(K)]
    return sum(both * np.log(both / alone) for both, alone in pairs if both > 0)


def last(days: list[Day], what: str) -> Event:
    return [event for event in days[-1].growth.events if event.what == what][-1]


class TestTrial:
    def test_it_takes_its_time_and_what_helps_is_kept(self):
        days = lived(grower(trial=3, epochs=12), even)
        assert told(days)[:3] == [(1, "opened", 1, 0), (4, "kept", 1, 0), (5, "opened", 2, 0)]
        assert [len(day.open) for day in days[:7]] == [1, 2, 2, 2, 2, 3, 3]
        assert all(day.action == Action() for day in days[1:4])
        assert days[3].growth.trial is None

    def test_the_scores_are_those_of_the_world(self):
        def world(open_now: frozenset[int], epoch: int) -> Sight:
            if len(open_now) == 1:
                return shared({0: 1.0}, bound=12.5)
            return shared({0: 0.55, 1: 0.45}, bound=11.0)

        event = last(lived(grower(limit=2, epochs=6, policy={"kind": "scheduled", "at": [2]}), world), "kept")
        gained = information(world(frozenset({0, 1}), 0).joint)
        assert event.helped
        # −.55 log .55 − .45 log .45 is what the two, told apart for certain, would be worth.
        assert event.scores["cleanness"] == pytest.approx(gained / 0.688139, rel=1e-5)
        assert event.scores["bound_gain"] == pytest.approx(1.5)
        assert event.scores["smallest_usage"] == pytest.approx(0.45)
        # Of the newcomer's mass: columns of FLOW are all alike
        assert event.sources == pytest.approx({0: 0.7, 2: 0.2, 3: 0.1})

    @pytest.mark.parametrize("more", [0.0, 0.5, 1.5])
    def test_what_training_brings_by_itself_is_no_help(self, more: float):
        """The bound falls by 2 nats in every epoch, and by so many more once the second channel is open."""

        def world(open_now: frozenset[int], epoch: int) -> Sight:
            return useless(open_now, epoch)._replace(bound=100.0 - 2 * epoch - more * (len(open_now) - 1))

        late = {"kind": "birth", "when": {"kind": "scheduled", "at": [3]}}
        helps = {"cleanness": 9, "bound": 1, "min_usage": 0}
        (_, judged) = lived(grower(policy=late, helps=helps, epochs=8, trial=2, limit=2), world)[
            -1
        ].growth.events[:2]
        assert judged.scores["bound_gain"] == pytest.approx(more)
        assert judged.helped == (more > 1)

    @pytest.mark.parametrize(
        ("helps", "helped"),
        [
            ({"cleanness": 0.9, "bound": 99}, True),
            ({"cleanness": 1.1, "bound": 99}, False),
            ({"cleanness": 9, "bound": 0.9}, True),
            ({"cleanness": 9, "bound": 1.0}, False),  # it has to be passed
            ({"cleanness": 0.9, "bound": 0.9, "min_usage": 0.5}, True),
            ({"cleanness": 0.9, "bound": 0.9, "min_usage": 0.51}, False),
        ],
    )
    def test_a_clean_cut_or_a_lower_bound_helps_unless_somebody_starves(
        self, helps: dict[str, float], helped: bool
    ):
        second = {"kind": "scheduled", "at": [2]}  # an epoch in which nothing changes comes before
        for policy, undoes in (({"kind": "birth", "when": second}, True), (second, False)):
            days = lived(grower(policy=policy, helps=helps, prolong=0, limit=2, epochs=6), even)
            event = last(days, "closed" if undoes and not helped else "kept")
            assert event.helped is helped
            assert event.scores["cleanness"] == pytest.approx(1.0)
            restored = undoes and not helped
            assert days[2].action == (Action(Act.RESTORE, 1, 0) if restored else Action())

    def test_a_third_channel_that_starves_has_a_veto(self):
        def world(open_now: frozenset[int], epoch: int) -> Sight:
            return shared({**dict.fromkeys(open_now, 1.0), 0: 0.01}, bound=10.0 - len(open_now), loss={1: 1})

        days = lived(grower(policy=BIRTH, helps={**EASY, "min_usage": 0.02}, initial=2, epochs=5), world)
        assert told(days)[:2] == [(1, "opened", 2, 1), (2, "closed", 2, 1)]

    def test_a_channel_that_nothing_uses_is_no_parent_and_has_no_veto(self):
        def world(open_now: frozenset[int], epoch: int) -> Sight:
            held = {0: 1.0} if len(open_now) == 2 else {0: 0.5, 2: 0.5}
            return shared(held, bound=10.0 - len(open_now), loss={0: 2.0, 1: 9.0})

        days = lived(
            grower(policy=BIRTH, helps={**EASY, "min_usage": 0.02}, index="next", initial=2, epochs=5), world
        )
        assert told(days)[:2] == [(1, "opened", 2, 0), (2, "kept", 2, 0)]

    def test_nothing_is_decided_before_it_is_due(self):
        by = grower(trial=4)
        days = lived(by, even)
        assert [by.is_due(days[0].growth, epoch) for epoch in range(1, 8)] == [False] * 4 + [True] * 3


class TestPromise:
    """Channel 1 makes a cut that is as clean as `pace` says, more so after every epoch."""

    @staticmethod
    def life(pace: list[float], **settings: Any) -> list[Day]:
        began = 1

        def world(open_now: frozenset[int], epoch: int) -> Sight:
            if len(open_now) == 1:
                return shared({0: 1.0})
            clean = pace[min(epoch - began, len(pace)) - 1]
            joint = np.zeros((K, K))
            joint[:2, :2] = clean * np.eye(2) / 2 + (1 - clean) / 4
            return Sight(joint, 10.0, np.zeros(K))

        helps = {"cleanness": 0.5, "promising": 0.2, "bound": 99, "min_usage": 0}
        given = {"policy": BIRTH, "helps": helps, "limit": 2, "stop_after": 1, "prolong": 2, "epochs": 12}
        return lived(grower(**{**given, **settings}), world)

    def cleanness(self, clean: float) -> float:
        """What `life` makes of it: the information of the joint, of the log 2 that two even halves could have."""
        same, other = (1 + clean) / 4, (1 - clean) / 4
        return float(sum(2 * p * np.log(4 * p) for p in (same, other) if p > 0) / np.log(2))

    def test_the_paces_lie_where_they_should(self):
        assert (
            self.cleanness(0.3) < 0.2 < self.cleanness(0.6) < self.cleanness(0.7) < 0.5 < self.cleanness(0.9)
        )

    @pytest.mark.parametrize(
        ("pace", "verdict"),
        [
            ([0.9], (2, "kept")),
            ([0.3, 0.9], (2, "closed")),
            ([0.6, 0.9], (3, "kept")),
            ([0.6, 0.3], (3, "closed")),
            ([0.6, 0.7, 0.9], (4, "kept")),
            ([0.6, 0.7, 0.7, 0.9], (4, "closed")),
        ],
    )
    def test_what_is_promising_gets_more_time_and_not_for_ever(
        self, pace: list[float], verdict: tuple[int, str]
    ):
        judged = [(e.epoch, e.what) for e in self.life(pace)[-1].growth.events if e.helped is not None]
        assert judged[0] == verdict

    def test_each_time_is_a_whole_trial(self):
        days = self.life([0.6] * 5 + [0.9], trial=3)
        found = [(e.epoch, e.what) for e in days[-1].growth.events][1:3]
        assert found == [(4, "prolonged"), (7, "kept")]

    def test_a_promise_is_judged_while_there_is_time_for_the_finish(self):
        days = self.life([0.6, 0.9], epochs=4)  # the finish takes two
        assert [(e.epoch, e.what) for e in days[-1].growth.events][:2] == [(1, "opened"), (2, "closed")]


class TestWho:
    def test_the_parent_is_the_channel_that_costs_most(self):
        def world(open_now: frozenset[int], epoch: int) -> Sight:
            return shared(dict.fromkeys(open_now, 1.0), loss={0: 1.0, 1: 3.0, 2: 2.0})

        assert told(lived(grower(initial=3, epochs=5), world))[0] == (1, "opened", 3, 1)

    def test_what_counts_is_what_its_samples_cost_beyond_the_cheapest(self):
        """A density's cost is below 0: the largest sum would be that of the smallest channel."""
        size, cost = {0: 0.6, 1: 0.3, 2: 0.1}, {0: -2.0, 1: -10.0, 2: -1.0}
        excess = {k: size[k] * (cost[k] - min(cost.values())) for k in size}
        sight = shared(size, loss={k: size[k] * cost[k] for k in size})
        days = lived(grower(initial=3, epochs=5), lambda open_now, epoch: sight)
        assert told(days)[0] == (1, "opened", 3, max(excess, key=lambda k: excess[k])) == (1, "opened", 3, 0)

    @pytest.mark.parametrize(
        ("size", "parent"), [({0: 1, 1: 1, 2: 1, 3: 1}, 3), ({0: 9, 1: 1, 2: 9, 3: 1}, 2)]
    )
    def test_where_codes_are_cut_it_is_the_one_whose_clusters_say_most(
        self, size: dict[int, int], parent: int
    ):
        """Two clouds that lie apart, and many samples in them; whatever they cost."""

        def world(open_now: frozenset[int], epoch: int) -> Sight:
            return shared(size, loss={k: 10.0 - k for k in size})

        by = grower(policy=BIRTH, start="clusters", initial=4, epochs=7)
        growth, action = by.step(by.init(), signals(1, frozenset(size), world(frozenset(size), 1)), None)
        (event,) = growth.events
        assert (event.what, event.parent, action.parent) == ("opened", parent, parent)
        cut, expected = action.cut, two_clusters(*two_clouds().of(parent))
        assert cut is not None
        assert (cut.axis.tolist(), cut.offset) == (expected.axis.tolist(), expected.offset)

    def test_parents_that_were_refused_are_not_asked_twice_while_another_is_left(self):
        def world(open_now: frozenset[int], epoch: int) -> Sight:
            return useless(open_now, epoch)._replace(channel_loss=np.array([1.0, 3.0, 2.0, 0, 0]))

        settings = {"policy": BIRTH, "helps": HARD, "initial": 3, "stop_after": 5, "epochs": 20}
        days = lived(grower(**settings), world)
        assert [event[3] for event in told(days) if event[1] == "opened"] == [1, 2, 0, 1, 1]

    def test_one_that_helped_gives_everybody_another_chance(self):
        def world(open_now: frozenset[int], epoch: int) -> Sight:
            helpful = epoch == 4  # when the second trial is judged
            sight = even(open_now, epoch) if helpful else useless(open_now, epoch)
            return sight._replace(channel_loss=np.array([2.0, 1.0, 0, 0, 0]))

        settings = {"policy": BIRTH, "helps": {"cleanness": 0.1, "bound": 99}, "initial": 2, "stop_after": 2}
        days = lived(grower(**settings), world)
        assert told(days)[:5] == [
            (1, "opened", 2, 0),
            (2, "closed", 2, 0),
            (3, "opened", 2, 1),
            (4, "kept", 2, 1),
            (5, "opened", 3, 0),
        ]
        assert [day.growth.unhelpful for day in days[:6]] == [0, 1, 1, 0, 0, 1]

    def test_index_next_never_takes_a_number_twice(self):
        settings = {"policy": BIRTH, "helps": HARD, "stop_after": 99}
        for index, expected in (("next", [1, 2, 3, 4]), ("free", [1] * 14)):
            days = lived(grower(index=index, **settings), useless)
            assert [day.action.channel for day in days if day.action.act is Act.OPEN] == expected

    def test_a_closed_channel_is_opened_again(self):
        settings = {"policy": {"kind": "scheduled", "at": [1, 4]}, "merge_below": 3.0, "initial": 3}
        days = lived(grower(**settings, epochs=12, index="free"), even)
        assert told(days)[0] == (1, "merged", 1, 0)
        reopened = [event for event in told(days) if event[1] == "opened"]
        assert reopened[0][2] == 1
        days = lived(grower(**settings, epochs=12, index="next"), even)
        assert next(event for event in told(days) if event[1] == "opened")[2] == 3

    def test_an_open_channel_that_nothing_uses_is_taken_first(self):
        def world(open_now: frozenset[int], epoch: int) -> Sight:
            sizes = {0: 1.0, 1: 0.5 * FREE if epoch == 1 else 0.5}
            return shared(sizes, loss={1: 5.0, 0: 1.0})

        for index, channel in (("free", 1), ("next", 2)):
            days = lived(grower(initial=2, epochs=5, index=index), world)
            assert told(days)[0] == (1, "opened", channel, 0)


class TestEnd:
    @pytest.mark.parametrize("limit", [1, 2, 4, None])
    def test_there_are_never_more_open_than_the_limit(self, limit: int | None):
        days = lived(grower(limit=limit), even)
        assert max(len(day.open) for day in days) == (limit or K)
        assert last(days, "ended").epoch == 2 * ((limit or K) - 1) + 1
        key = "model.num_channels" if limit is None else "curriculum.limit"
        assert last(days, "ended").reason == f"no channel is left to open; a larger {key} would leave some"

    @pytest.mark.parametrize("stop_after", [1, 2, 3])
    @pytest.mark.parametrize("policy", [EACH, BIRTH])
    def test_it_gives_up_after_so_many_that_did_not_help(self, stop_after: int, policy: dict[str, Any]):
        days = lived(grower(policy=policy, helps=HARD, stop_after=stop_after), useless)
        ended = last(days, "ended")
        assert ended.epoch == 2 * stop_after
        assert ended.reason == f"{stop_after} new channels in a row did not help"
        assert len(days[-1].open) == (1 + stop_after if policy is EACH else 1)

    @pytest.mark.parametrize("stop_after", [1, 2])
    def test_it_gives_up_once_every_way_of_cutting_has_failed_so_often(self, stop_after: int):
        by = grower(policy=BIRTH, helps=HARD, start="clusters", stop_after=stop_after, initial=3, limit=4)
        days = lived(by, useless)
        opened = [event for event in days[-1].growth.events if event.what == "opened"]
        assert [event.cut for event in opened] == ["two_clusters"] * stop_after + ["halves"] * stop_after
        assert last(days, "ended").epoch == 4 * stop_after
        # A parent that the first way has cut in vain is asked again by the second.
        parents = [event.parent for event in opened]
        assert parents[0] == parents[stop_after] == 2

    def test_after_the_end_nothing_happens(self):
        days = lived(grower(limit=2), even)
        growth = days[-1].growth
        assert growth.ended is not None
        assert growth.over == growth.ended + 2
        assert all(
            day.action == Action() and day.growth == growth for day in days if day.epoch >= growth.ended
        )

    @pytest.mark.parametrize("epochs", range(4, 25))
    @pytest.mark.parametrize(("trial", "finish"), [(1, 2), (2, 2), (3, 1)])
    def test_trials_and_the_finish_fit_into_the_epochs(self, epochs: int, trial: int, finish: int):
        if epochs < 1 + trial + finish:  # the configuration is refused
            return
        for policy in (EACH, {"kind": "scheduled", "every": 3}, {"kind": "scheduled", "at": [99]}):
            settings = {"policy": policy, "trial": trial, "finish": {"epochs": finish}, "epochs": epochs}
            growth = lived(grower(**settings), even)[-1].growth
            assert growth.over is not None
            assert growth.over <= epochs
            assert growth.trial is None

    def test_the_last_trial_begins_as_late_as_it_can(self):
        late = {"kind": "scheduled", "at": [7]}
        settings = {"policy": late, "trial": 3, "finish": {"epochs": 2}}
        assert told(lived(grower(**settings, epochs=12), even))[0] == (7, "opened", 1, 0)
        days = lived(grower(**settings, epochs=11), even)
        assert told(days) == [(7, "ended", None, None)]
        assert last(days, "ended").reason == "no epochs are left for another trial"


class TestMerge:
    def test_a_channel_that_would_be_merged_again_is_no_help(self):
        """Whatever the bound does."""

        def world(open_now: frozenset[int], epoch: int) -> Sight:
            return useless(open_now, epoch)._replace(bound=100.0 - 5 * epoch)

        helps = {"cleanness": 9, "bound": 1, "min_usage": 0}
        days = lived(grower(policy=BIRTH, helps=helps, merge_below=0.3, stop_after=2), world)
        assert [event[1] for event in told(days)] == ["opened", "closed"] * 2 + ["ended"]

    def test_a_help_that_is_merged_soon_after_was_none(self):
        """Otherwise it would open, stay and merge for ever."""

        def world(open_now: frozenset[int], epoch: int) -> Sight:
            judged = epoch % 3 == 2  # after an epoch of trial, and before the epoch in which it is merged
            return even(open_now, epoch) if judged else useless(open_now, epoch)

        settings = {"policy": BIRTH, "helps": {"cleanness": 0.1, "bound": 99}, "merge_below": 0.3}
        days = lived(grower(**settings, stop_after=3), world)
        assert [event[1] for event in told(days)] == ["opened", "kept", "merged"] * 3 + ["ended"]
        assert last(days, "ended").reason == "3 new channels in a row did not help"
        assert len(days[-1].open) == 1

    @pytest.mark.parametrize("policy", [BIRTH, EACH])
    def test_a_help_that_is_merged_later_counts_as_the_failure_that_it_was(self, policy: dict[str, Any]):
        """With those since then: the stop rule goes on where it was, and nothing lets it begin anew."""

        def world(open_now: frozenset[int], epoch: int) -> Sight:
            return even(open_now, epoch) if epoch <= 2 else useless(open_now, epoch)

        settings = {"policy": policy, "helps": {"cleanness": 0.1, "bound": 99}, "merge_below": 0.3}
        days = lived(grower(**settings, stop_after=3, epochs=200), world)
        assert [event[1] for event in told(days)].count("opened") == 3
        assert last(days, "ended").reason == "3 new channels in a row did not help"

    def test_two_helps_that_are_both_merged_count_as_two_failures(self):
        def world(open_now: frozenset[int], epoch: int) -> Sight:
            return even(open_now, epoch) if epoch % 6 in (1, 2, 3, 4) else useless(open_now, epoch)

        settings = {"policy": BIRTH, "helps": {"cleanness": 0.1, "bound": 99}, "merge_below": 0.3}
        days = lived(grower(**settings, stop_after=4, epochs=60), world)
        assert [event[1] for event in told(days)] == [
            "opened",
            "kept",
            "opened",
            "kept",
            "merged",
            "merged",
        ] * 2 + ["ended"]
        assert last(days, "ended").reason == "4 new channels in a row did not help"

    @pytest.mark.parametrize("initial", [1, 2, 3])
    def test_a_help_that_another_channel_swallows_was_none_either(self, initial: int):
        """Whoever absorbs a newcomer: or it would open, stay and be swallowed for ever."""
        new = initial

        def world(open_now: frozenset[int], epoch: int) -> Sight:
            if new not in open_now or epoch % 3 == 2:
                return even(open_now, epoch)
            joint = np.diag([1.0 if k in open_now else 0.0 for k in range(K)])
            other = max(open_now - {new})  # it came from channel 0, and is confused with the last before it
            share = np.array([0.6, 0.4])
            joint[np.ix_([other, new], [other, new])] = 2 * np.outer(share, share)
            return Sight(joint / joint.sum(), 10.0, np.array([9.0, 1, 1, 1, 1]))

        settings = {"policy": BIRTH, "helps": {"cleanness": 0.1, "bound": 99}, "merge_below": 0.3}
        days = lived(grower(**settings, initial=initial, stop_after=3, epochs=300), world)
        assert [event[1] for event in told(days)] == ["opened", "kept", "merged"] * 3 + ["ended"]
        assert last(days, "ended").reason == "3 new channels in a row did not help"

    def test_failures_between_a_help_and_its_merge_are_not_forgotten(self):
        def world(open_now: frozenset[int], epoch: int) -> Sight:
            if len(open_now) == 2 and epoch < 7:
                return even(open_now, epoch)
            return useless(open_now, epoch)

        settings = {"policy": BIRTH, "helps": {"cleanness": 0.1, "bound": 99}, "merge_below": 0.3}
        days = lived(grower(**settings, stop_after=3), world)
        assert [event[:2] for event in told(days)] == [
            (1, "opened"),
            (2, "kept"),
            (3, "opened"),
            (4, "closed"),
            (5, "opened"),
            (6, "closed"),
            (7, "merged"),
            (7, "ended"),
        ]
        assert last(days, "ended").reason == "3 new channels in a row did not help"

    def test_the_worst_told_pair_goes_and_the_larger_stays(self):
        alike = np.zeros((K, K))
        alike[:4, :4] = np.kron(np.eye(2), np.full((2, 2), 0.125)) + np.diag([0.1, 0.1, 0, 0.02])
        sight = Sight(alike / alike.sum(), 10.0, np.zeros(K))
        never = {"kind": "scheduled", "at": [99]}
        worst = purity_of_split(sight.joint, 2, 3)
        for below, action in ((1.001 * worst, Action(Act.MERGE, 2, 3)), (worst, Action())):
            by = grower(merge_below=below, policy=never, initial=4)
            growth, found = by.step(by.init(), signals(1, frozenset(range(4)), sight), None)
            assert found == action
            merges = [(event.what, event.channel, event.parent, event.scores) for event in growth.events]
            assert merges == ([("merged", 2, 3, {"purity_of_split": worst})] if below > worst else [])

    def test_it_goes_on_until_all_are_told_apart_and_growth_starts_afresh(self):
        settings = {"initial": 4, "merge_below": 3.0, "policy": {"kind": "plateau", "patience": 6}}
        days = lived(grower(**settings, epochs=20), useless)
        assert told(days)[:4] == [
            (1, "merged", 1, 0),
            (2, "merged", 2, 0),
            (3, "merged", 3, 0),
            (10, "opened", 1, 0),  # one improvement and six epochs later
        ]

    def test_nobody_is_merged_while_one_is_on_trial_or_holds_nothing(self):
        days = lived(grower(merge_below=3.0, trial=3), useless)
        assert [event[1] for event in told(days)[:3]] == ["opened", "kept", "merged"]
        idle = lambda open_now, epoch: shared({0: 1.0, 1: 0.1 * FREE})  # noqa: E731
        days = lived(grower(merge_below=3.0, initial=2, policy={"kind": "scheduled", "at": [99]}), idle)
        assert [event[1] for event in told(days)] == ["ended"]


def failures_in_a_row(events: tuple[Event, ...]) -> int:
    """From the events alone: every merge of a channel that was opened takes a help back."""
    trials: list[
        tuple[tuple[int, int], bool]
    ] = []  # child and parent, or who speaks for them, and whether it helped
    for event in events:
        child, parent = event.channel, event.parent
        if child is None or parent is None:
            continue
        if event.what in ("kept", "closed"):
            trials.append(((child, parent), bool(event.helped)))
        if event.what == "merged":
            closed, kept = child, parent
            helped = [at for at, (_, helped) in enumerate(trials) if helped]
            each_other = [at for at in helped if {*trials[at][0]} == {kept, closed}]
            came = [at for at in helped if trials[at][0][0] == closed]
            stayed = [at for at in helped if trials[at][0][0] == kept]
            for at in (each_other or came or stayed)[-1:]:
                trials[at] = (trials[at][0], False)
            for at in helped:
                (one, other), still = trials[at]
                trials[at] = ((kept if one == closed else one, kept if other == closed else other), still)
    return next((at for at, (_, helped) in enumerate(reversed(trials)) if helped), len(trials))


RANDOM = [
    {"policy": policy, "merge_below": merge, "index": index, "trial": trial, "helps": {"cleanness": 0.3}}
    for policy in (EACH, BIRTH, {"kind": "birth", "when": {"kind": "plateau", "patience": 1}})
    for merge, index, trial in ((None, "free", 1), (0.3, "free", 2), (0.3, "next", 1))
]


@pytest.mark.parametrize("settings", RANDOM, ids=lambda s: f"{s['policy']}-{s['merge_below']}-{s['index']}")
class TestAnyWorld:
    def test_what_is_done_can_be_done(self, settings: dict[str, Any]):
        acts = set()
        for seed in range(8):
            for day in lived(grower(limit=4, **settings), anything(seed)):
                action = day.action
                acts.add(action.act)
                if action.act is Act.OPEN:
                    held = anything(seed)(day.open, day.epoch).joint.sum(axis=1)
                    assert action.channel not in day.open or held[action.channel] < FREE
                    assert action.parent in day.open - {action.channel}
                    assert len(day.open | {action.channel}) <= 4
                if action.act is Act.RESTORE:
                    assert action.channel in day.open
                if action.act is Act.MERGE:
                    assert {action.channel, action.parent} <= day.open
                assert 0 in day.open or day.open
        assert {Act.OPEN, Act.NOTHING} <= acts

    def test_the_count_is_that_of_trials_since_the_last_help_that_lasts(self, settings: dict[str, Any]):
        """Whatever is merged later; and parents that were cut in vain are told once, and are open."""
        for seed in range(40):
            for day in lived(grower(limit=4, epochs=60, stop_after=9, **settings), anything(seed)):
                assert day.growth.unhelpful == failures_in_a_row(day.growth.events)
                assert len(set(day.growth.refused)) == len(day.growth.refused)

    def test_from_any_state_that_was_saved_it_goes_on_alike(self, settings: dict[str, Any]):
        for seed in range(3):
            by = grower(**settings)

            def read(growth: Growth, by: Grower = by) -> Growth:
                again = by.init().from_json(json.loads(json.dumps(growth.to_json())))
                assert again == growth
                return again

            assert lived(by, anything(seed), rewrite=read) == lived(by, anything(seed))

"""The channel tree: against a naive merging, SciPy's dendrograms, and classes that were planted."""

import dataclasses
import itertools
import json

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.cluster.hierarchy import dendrogram, fcluster, is_monotonic, is_valid_linkage
from sklearn.metrics import adjusted_rand_score

from rcmvae.curriculum.information import mutual_information, purity_of_split
from rcmvae.curriculum.tree import (
    CHANCE,
    HALF_TOLD,
    WELL_TOLD,
    ChannelTree,
    Merge,
    channel_tree,
    group_responsibility,
)
from rcmvae.errors import ConfigError, DataError, RunError
from tests.curriculum.joints import CLASSES, folded, generic, joints, normalised, planted

SEEDS = st.integers(0, 2**32 - 1)
SIZES = st.integers(1, 9)


def by_hand(heights: list[float]) -> ChannelTree:
    """A tree that merges channel after channel into the first, at these heights."""
    merges = tuple(Merge(0, k + 1, height, 0.0) for k, height in enumerate(heights))
    return ChannelTree(len(heights) + 1, tuple(range(len(heights) + 1)), 0.0, merges)


def partition(groups: np.ndarray) -> set[frozenset[int]]:
    return {frozenset(np.flatnonzero(groups == group).tolist()) for group in np.unique(groups) if group >= 0}


@given(joint=joints(smallest=1))
def test_each_merge_is_the_least_told(joint: np.ndarray) -> None:
    """Every pair is looked at again at every step, on the whole joint. Ties may go either way."""
    tree = channel_tree(joint)
    alive = [k for k in range(len(joint)) if joint[k].any()]
    assert list(tree.channels) == alive
    for merge in tree.merges:
        purities = {pair: purity_of_split(joint, *pair) for pair in itertools.combinations(alive, 2)}
        assert merge.height == pytest.approx(purities[merge.kept, merge.closed], abs=1e-10)
        assert merge.height <= min(purities.values()) + 1e-10
        joint = folded(joint, merge.kept, merge.closed)
        assert merge.information == pytest.approx(mutual_information(joint), abs=1e-13)
        alive.remove(merge.closed)
    assert len(alive) == 1


@given(joint=joints(smallest=1))
def test_information_never_rises_and_is_all_spent(joint: np.ndarray) -> None:
    tree = channel_tree(joint)
    left = np.array([tree.information, *(merge.information for merge in tree.merges)])
    assert tree.information == pytest.approx(mutual_information(joint), abs=1e-13)
    assert (np.diff(left) <= 1e-13).all()
    assert left[-1] == pytest.approx(0, abs=1e-13)


@given(seed=SEEDS, K=SIZES, data=st.data())
def test_names_of_channels_do_not_matter(seed: int, K: int, data: st.DataObject) -> None:
    joint = generic(seed, K)
    name = np.array(data.draw(st.permutations(range(K))))
    tree, renamed = channel_tree(joint), channel_tree(joint[np.ix_(name, name)])
    np.testing.assert_allclose(renamed.heights, tree.heights, atol=1e-12)
    assert renamed.proposed == tree.proposed
    for num_groups in range(1, K + 1):
        there = renamed.cut(num_groups=num_groups)
        assert partition(there) == partition(tree.cut(num_groups=num_groups)[name])


@given(seed=SEEDS, K=SIZES, data=st.data())
def test_closed_channels_do_not_matter(seed: int, K: int, data: st.DataObject) -> None:
    joint = generic(seed, K)
    places = np.sort(data.draw(st.permutations(range(K + 3)))[:K])
    wide = np.zeros((K + 3, K + 3))
    wide[np.ix_(places, places)] = joint
    tree, among = channel_tree(joint), channel_tree(wide)
    assert among.channels == tuple(places)
    assert among.proposed == tree.proposed
    np.testing.assert_allclose(among.linkage(), tree.linkage(), rtol=1e-12, atol=1e-12)
    for num_groups in range(1, K + 1):
        expected = np.full(K + 3, -1)
        expected[places] = tree.cut(num_groups=num_groups)
        np.testing.assert_array_equal(among.cut(num_groups=num_groups), expected)


@given(joint=joints(smallest=1))
def test_cuts(joint: np.ndarray) -> None:
    tree = channel_tree(joint)
    finer = None
    for num_groups in range(len(tree.channels), 0, -1):
        groups = tree.cut(num_groups=num_groups)
        np.testing.assert_array_equal(np.flatnonzero(groups >= 0), tree.channels)
        first = [int(np.flatnonzero(groups == group)[0]) for group in range(groups.max() + 1)]
        assert len(first) == num_groups
        assert first == sorted(first)
        if finer is not None:
            assert all(any(small <= large for large in partition(groups)) for small in finer)
        finer = partition(groups)
    assert tree.cut(level=2.1).max() == 0


@given(seed=SEEDS, K=st.integers(2, 12))
def test_scipy_draws_and_cuts_the_same_tree(seed: int, K: int) -> None:
    tree = channel_tree(generic(seed, K))
    linkage = tree.linkage()
    assert is_valid_linkage(linkage)
    assert is_monotonic(linkage)
    assert sorted(map(int, dendrogram(linkage, no_plot=True)["leaves"])) == list(range(K))
    for level in [0.0, *tree.heights, *(tree.heights + 1e-9)]:
        theirs = fcluster(linkage, level, "distance")
        assert partition(tree.cut(level=float(level))) == partition(theirs)
    for num_groups in range(1, K + 1):
        ours = tree.cut(num_groups=num_groups)
        if len(np.unique(tree.heights)) == K - 1:
            assert partition(ours) == partition(fcluster(linkage, num_groups, "maxclust"))


def test_an_inversion_counts_as_of_the_height_that_made_it_possible() -> None:
    tree = by_hand([0.6, 0.4, 0.9])
    assert tree.heights.tolist() == [0.6, 0.6, 0.9]
    assert [int(tree.cut(level=level).max()) + 1 for level in (0.5, 0.6, 0.9)] == [4, 2, 1]
    assert is_monotonic(tree.linkage())


@settings(deadline=None)
@given(
    seed=SEEDS,
    channels=st.integers(12, 40),
    slip=st.floats(0.35, 0.9),
    slip_class=st.floats(0, 0.02),
)
def test_planted_classes_are_found(seed: int, channels: int, slip: float, slip_class: float) -> None:
    joint, owner = planted(seed, channels=channels, slip=slip, slip_class=slip_class)
    tree = channel_tree(joint)
    assert tree.proposed == CLASSES
    assert adjusted_rand_score(owner, tree.cut(num_groups=CLASSES)) == 1


@settings(deadline=None)
@given(seed=SEEDS, classes=st.integers(1, 15))
def test_channels_that_are_classes_stay_apart(seed: int, classes: int) -> None:
    joint, _ = planted(seed, classes=classes, channels=classes, slip=0)
    assert channel_tree(joint).proposed == classes


@settings(deadline=None)
@given(seed=SEEDS, channels=st.integers(2, 15))
def test_one_class_is_cut_nowhere(seed: int, channels: int) -> None:
    joint, _ = planted(seed, classes=1, channels=channels, slip=0.5, slip_class=0)
    tree = channel_tree(joint)
    assert not tree.is_clear
    assert tree.nearly == ()


def test_classes_of_classes_are_higher_up() -> None:
    """Two halves of four classes of two channels: each level of the plant is a cut."""
    pair = np.array([[0.7, 0.3], [0.3, 0.7]])
    joint = normalised(
        np.kron(np.eye(4), pair) + 0.02 * np.kron(np.eye(2), np.ones((4, 4))) + 0.0005 * np.ones((8, 8))
    )
    tree = channel_tree(joint)
    assert tree.proposed == 4
    assert tree.cut(num_groups=4).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
    assert tree.cut(num_groups=2).tolist() == [0, 0, 0, 0, 1, 1, 1, 1]


def test_a_rare_class_is_not_swallowed() -> None:
    """Of three classes one has a hundredth of the mass, and the largest is split in two."""
    joint = normalised(np.diag([0.01, 0.3, 0, 0]) + np.pad([[0.2, 0.145], [0.145, 0.2]], (2, 0)))
    tree = channel_tree(joint)
    assert (tree.proposed, tree.cut(num_groups=3).tolist()) == (3, [0, 1, 2, 2])


@pytest.mark.parametrize(
    ("heights", "proposed"),
    [
        ([], 1),
        ([0.3], 1),
        ([0.5], 1),
        ([0.6], 2),
        ([1.0], 2),
        ([0.0, 0.1, 0.2], 1),
        ([0.8, 0.85, 0.9], 4),
        ([0.1, 0.3, 0.8, 0.95], 3),
        ([0.3, 0.55, 0.6, 0.9], 4),
        ([0.3, 0.52, 0.55, 0.9], 2),
        ([0.002, 0.553, 0.65, 0.675], 4),  # even the best told are told no better
        ([0.3, 0.5], 1),
        ([0.01, 0.02, 0.02, 0.44, 0.47], 3),  # rough views, and yet a step
        ([0.2, 0.24, 0.24, 0.31], 1),  # and none
        ([0.02, 0.2, 0.21], 1),
        ([0.31, 0.32], 1),
        ([0.6, 0.68, 0.7, 0.7, 0.75, 0.77, 0.92, 0.96], 9),  # all told apart, some more than others
        ([1.0, 1.0, 1.0], 4),
        ([0.2, 1.0, 0.9, 1.3], 4),
    ],
)
def test_the_proposal_is_where_similarity_drops(heights: list[float], proposed: int) -> None:
    tree = by_hand(heights)
    if len(heights) and proposed == 1:  # nothing is clear: all stay as they are
        assert (tree.is_clear, tree.proposed) == (False, len(heights) + 1 - sum(h < CHANCE for h in heights))
        assert "no cut is clear" in str(tree)
    else:
        assert (tree.is_clear, tree.proposed) == (True, proposed)


@given(heights=st.lists(st.floats(0, 1), min_size=1, max_size=12), part=st.floats(0.51, 1))
def test_how_well_groups_are_told_counts_beside_the_best_told(heights: list[float], part: float) -> None:
    whole = by_hand([*heights, 1.0])
    gaps = np.sort(np.diff(np.clip([0.0, *whole.heights], HALF_TOLD, WELL_TOLD)))
    assume(gaps[-1] - gaps[-2] > 1e-6)  # which of two equal gaps is the larger may be a matter of rounding
    assert by_hand([part * height for height in (*heights, 1.0)]).proposed == whole.proposed


@pytest.mark.parametrize(
    ("heights", "nearly"),
    [
        ([], ()),
        ([0.3], ()),
        ([0.6], ()),
        ([0.8, 0.85, 0.9], ()),
        ([0.1, 0.1, 0.62, 0.72, 1.0], (3,)),  # gaps of .12 for four, .1 for three, and .03
        ([0.1, 0.1, 0.62, 0.70, 1.0], ()),  # .12, .08, .05
        ([0.1, 0.56, 0.63, 0.69, 1.0], (2, 3, 5)),  # .06, .07, .06, .06, of which the second is proposed
        ([0.01, 0.02, 0.02, 0.44, 0.47], ()),
        ([0.1, 0.3, 0.46], ()),
        ([0.02, 0.1, 0.31, 0.31], ()),
    ],
)
def test_what_else_may_be_proposed(heights: list[float], nearly: tuple[int, ...]) -> None:
    assert by_hand(heights).nearly == nearly


@given(heights=st.lists(st.floats(0, 1), max_size=12))
def test_another_cut_is_nearly_as_clear_by_its_own_gap(heights: list[float]) -> None:
    tree = by_hand(heights)
    ordered = sorted(tree.heights)
    gaps = {}  # by the number of groups, one merge after another
    for merges, height in enumerate(ordered):
        before = ordered[merges - 1] if merges else 0.0
        if ordered[-1] > HALF_TOLD:
            low, high = (max(HALF_TOLD, min(WELL_TOLD, one / ordered[-1])) for one in (before, height))
            gaps[len(ordered) + 1 - merges] = high - low
        elif merges and max(height, 0.15) >= 2 * max(before, 0.15):
            gaps[len(ordered) + 1 - merges] = max(height, 0.15) / max(before, 0.15)
    largest = max(gaps.values(), default=0.0)
    assume(all(abs(gap - 0.75 * largest) > 1e-9 for gap in gaps.values()) or not largest)
    near = {groups for groups, gap in gaps.items() if gap > 0 and gap >= 0.75 * largest}
    assert set(tree.nearly) == near - {tree.proposed}
    assert not near or tree.proposed in near


def test_without_a_number_or_a_level_the_cut_is_as_proposed() -> None:
    tree = by_hand([0.1, 0.3, 0.8, 0.95])
    assert tree.cut().tolist() == tree.cut(num_groups=tree.proposed).tolist() == [0, 0, 0, 1, 2]


@given(joint=joints(smallest=1))
def test_json_keeps_everything(joint: np.ndarray) -> None:
    tree = channel_tree(joint)
    assert ChannelTree.from_json(json.loads(json.dumps(tree.to_json()))) == tree


@given(joint=joints(smallest=1), seed=SEEDS, data=st.data())
def test_a_group_has_the_responsibility_of_its_channels(
    joint: np.ndarray, seed: int, data: st.DataObject
) -> None:
    tree = channel_tree(joint)
    groups = tree.cut(num_groups=data.draw(st.integers(1, len(tree.channels))))
    r = np.random.default_rng(seed).random((5, len(joint)), dtype=np.float32)
    found = group_responsibility(r, groups)
    assert found.dtype == r.dtype
    assert found.shape == (5, groups.max() + 1)
    for group in range(groups.max() + 1):
        np.testing.assert_allclose(found[:, group], r[:, groups == group].sum(axis=1), rtol=1e-6)


def test_the_joint_of_groups_is_that_of_their_responsibilities() -> None:
    g = np.random.default_rng(0)
    r, view = g.dirichlet(np.full(6, 0.3), 400), g.dirichlet(np.full(6, 0.3), 400)
    joint = normalised(r.T @ view)
    tree = channel_tree(joint)
    for step, merge in enumerate(tree.merges, start=1):
        groups = tree.cut(num_groups=6 - step)
        coarse = normalised(group_responsibility(r, groups).T @ group_responsibility(view, groups))
        assert merge.information == pytest.approx(mutual_information(coarse), abs=1e-12)


def test_single_precision_is_enough() -> None:
    joint, owner = planted(0)
    tree = channel_tree(joint.astype(np.float32))
    assert partition(tree.cut()) == partition(owner)


@pytest.mark.parametrize(
    ("cut", "sentence"),
    [
        ({"num_groups": 2, "level": 0.5}, r"is cut by `num_groups` or by `level`: give one of the two\."),
        ({"num_groups": 0}, r"`num_groups` is 0; with 3 channels in use it may be 1 to 3\."),
        ({"num_groups": 4}, r"`num_groups` is 4; with 3 channels in use it may be 1 to 3\."),
        ({"level": -0.1}, r"`level` is -0\.1; it must be a height of 0 or more"),
        ({"level": float("nan")}, r"`level` is nan; it must be a height of 0 or more"),
    ],
)
def test_cuts_that_are_none(cut: dict[str, float], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        by_hand([0.2, 0.9]).cut(**cut)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("joint", "sentence"),
    [
        (np.zeros((3, 3)), r"sums to 0; it must be a mean over samples, of sum 1\.$"),
        (np.full((2, 2), 0.5), r"sums to 2; it must"),
        (np.array([[0.5, 0.5], [0.0, 0.0]]), r"is not symmetric: take the mean of it and its transpose\.$"),
        (np.array([[1.5, -0.25], [-0.25, 0.0]]), r"has entries that are negative or not finite"),
        (np.array([[np.nan, 0.0], [0.0, 1.0]]), r"has entries that are negative or not finite"),
    ],
)
def test_joints_that_are_none(joint: np.ndarray, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        channel_tree(joint)


@pytest.mark.parametrize(
    "change",
    [
        {"merges": []},
        {"channels": [0, 1, 2, 3]},
        {"channels": [0, 1, 7]},
        {"merges": [{"kept": 1, "closed": 0, "height": 0.1, "information": 0.0}]},
        {"merges": [{"kept": 0, "closed": 1, "height": "high", "information": 0.0}]},
        {"merges": [{"kept": 0}]},
        {"num_channels": None},
    ],
)
def test_saved_trees_that_are_none(change: dict[str, object]) -> None:
    saved = by_hand([0.2, 0.9]).to_json() | change
    with pytest.raises(RunError, match=r"^This is no channel tree: "):
        ChannelTree.from_json(saved)


@given(seed=st.integers(0, 2**32 - 1))
def test_a_kind_that_joins_changes_nothing_for_the_others(seed: int) -> None:
    rng = np.random.default_rng(seed)
    K = int(rng.integers(1, 7))
    joint = rng.gamma(0.2, size=(K, K)) + np.diag(rng.gamma(2.0, size=K))
    joint = 0.5 * (joint + joint.T)
    tree = channel_tree(joint / joint.sum())
    wide = dataclasses.replace(tree, num_channels=K + 2)
    grown = wide.joined_by(np.array([K, K + 1]))
    assert grown.proposed == tree.proposed + 1
    old, new = tree.cut(), grown.cut()
    np.testing.assert_array_equal(new[:K], old)
    assert new[K:].tolist() == [tree.proposed] * 2
    assert ChannelTree.from_json(grown.to_json()) == grown


def test_a_tree_does_not_change() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        by_hand([0.2]).num_channels = 5  # pyright: ignore[reportAttributeAccessIssue]

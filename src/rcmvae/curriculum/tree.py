"""The tree of channels: the order in which channels that were split on purpose merge again, without labels.

At each step the two groups merge that the views of a sample tell apart worst, by the purity of their split: the share
of "which of the two?" that two views agree upon. The information that is lost, by mass or not, depends on the sizes of
the two; this does not: no small class is swallowed by a large one, and the heights of all merges compare. 0 is one
channel split at random, 1 are two that no view ever confuses.
"""

import dataclasses
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Bool, Float, Int

from rcmvae.curriculum.information import gain, mixing, mutual_information, undecided
from rcmvae.errors import ConfigError, DataError, RunError, counted

HALF_TOLD = 0.5  # what is told apart less than this part of the largest height is no distinction
WELL_TOLD = 0.75  # and what more, is one, however much more others are
LITTLE_TOLD = 0.15  # heights below this count as this where steps are looked for
STEP = 2  # so many times the height before it: a step that is one however rough the views are
CHANCE = 0.01  # told no better than this, two channels are one whatever else is told
NEARLY = 0.75  # of the largest gap: one that may as well be the cut
TOLERANCE = 1e-4  # that a mean in single precision keeps


class Merge(NamedTuple):
    """Two groups become one; a group is named by its smallest channel."""

    kept: int
    closed: int
    height: float  # purity of the split that is given up
    information: float  # what the channels still share between views afterwards, in nats


@dataclasses.dataclass(frozen=True)
class ChannelTree:
    """Which channels merge, from those most alike to everything in one group."""

    num_channels: int
    channels: tuple[int, ...]  # those that are open and have mass, ascending
    information: float  # before any merge, in nats
    merges: tuple[Merge, ...]

    def __post_init__(self) -> None:
        alive = set(self.channels)
        for step, merge in enumerate(self.merges):
            if not merge.kept < merge.closed or not {merge.kept, merge.closed} <= alive:
                raise RunError(
                    f"This is no channel tree: merge {step} joins {merge.kept} and {merge.closed}, "
                    "which are not two groups in order at that point."
                )
            alive.remove(merge.closed)
        if len(alive) != 1 or not set(self.channels) <= set(range(self.num_channels)):
            raise RunError(
                f"This is no channel tree: its {len(self.merges)} merges do not bring its "
                f"{len(self.channels)} of {self.num_channels} channels into one group."
            )

    def __str__(self) -> str:
        """The proposed groups, and the heights of all merges.

        >>> joint = np.kron(np.diag([0.5, 0.5]), np.array([[0.463, 0.037], [0.037, 0.463]]))
        >>> print(channel_tree(joint))
        4 channels in 2 groups: {0 1} {2 3}; merges at 0.62, 0.62, 1.00
        """
        cut = self.cut()
        groups = " ".join(f"{{{' '.join(map(str, np.flatnonzero(cut == g)))}}}" for g in range(self.proposed))
        heights = ", ".join(f"{height:.2f}" for height in self.heights)
        many = counted(len(self.channels), "channel")
        many = (
            f"{many} in {counted(self.proposed, 'group')}: {groups}"
            if self.is_clear
            else f"{many}, no cut is clear"
        )
        return f"{many}; merges at {heights}" if heights else many

    @property
    def heights(self) -> Float[np.ndarray, " M"]:
        """Each merge's height, no lower than of those before it.

        A group may be told from a third worse than its parts were. Such an inversion counts as of the height where it
        became possible, so that a cut at any level is a state that the merging went through.
        """
        return np.maximum.accumulate([0.0, *(merge.height for merge in self.merges)])[1:]

    @property
    def proposed(self) -> int:
        """The number of groups where similarity drops: the cut is in the largest gap between heights.

        Rough views tell even kinds that lie far apart only so well, so heights count as parts of the largest. Less than
        one half counts as one half, so distinctions that are mostly untold never make a gap, and the first gap begins
        there; more than three quarters count as that. So channels that are all told apart about as well stay as they
        are. Of equal gaps the first counts, which leaves more groups.

        Where even the largest height is no more than one half, channels that are all told apart as badly may as well be
        one kind as many. Then only a step counts, from one merge to one of twice its height and to 0.3 or more, and
        without one channels stay as they are, but for those that are not told apart at all: see `is_clear`. Where
        heights rise evenly, the proposal means little: `nearly` has others.

        >>> tree = channel_tree(np.array([[0.3, 0.2], [0.2, 0.3]]))
        >>> tree.proposed, tree.is_clear
        (2, False)
        """
        gaps = self._gaps
        merged = int(gaps.argmax()) if gaps.any() else int((self.heights < CHANCE).sum())
        return len(self.channels) - merged

    @property
    def is_clear(self) -> bool:
        """Whether heights say which channels are kinds of their own: not, where all are told apart as badly."""
        return len(self.channels) == 1 or bool(self._gaps.any())

    @property
    def nearly(self) -> tuple[int, ...]:
        """The numbers of groups, ascending, that would be proposed nearly as clearly: gaps are three quarters or more.

        >>> joint = np.kron(np.diag([0.5, 0.5]), np.array([[0.463, 0.037], [0.037, 0.463]]))
        >>> tree = channel_tree(joint)
        >>> tree.proposed, tree.nearly
        (2, (4,))
        """
        gaps, most = self._gaps, len(self.channels)
        near = np.flatnonzero((gaps > 0) & (gaps >= NEARLY * max(gaps, default=0.0)))
        return tuple(sorted(most - int(merges) for merges in near if most - merges != self.proposed))

    @property
    def _gaps(self) -> Float[np.ndarray, " M"]:
        """How far similarity drops with each merge, as `proposed` tells; 0 where that makes no cut."""
        heights = self.heights
        if len(heights) and heights[-1] > HALF_TOLD:
            return np.diff(np.clip([0.0, *heights / heights[-1]], HALF_TOLD, WELL_TOLD))
        steps = np.maximum(heights, LITTLE_TOLD)
        rises = steps[1:] / steps[:-1]
        return np.array([0.0, *np.where(rises >= STEP, rises, 0.0)])[: len(heights)]

    def cut(self, *, num_groups: int | None = None, level: float | None = None) -> Int[np.ndarray, " K"]:
        """The group of each channel: as proposed, or so many groups, or whatever has merged up to a height.

        Groups are numbered in the order of their smallest channels; −1 is a channel that is closed or empty.

        >>> tree = channel_tree(np.array([[0.5, 0, 0, 0], [0, 0, 0, 0], [0, 0, 0.2, 0.1], [0, 0, 0.1, 0.1]]))
        >>> tree.cut(level=0).tolist(), tree.cut(level=0.5).tolist(), tree.cut(num_groups=1).tolist()
        ([0, -1, 1, 2], [0, -1, 1, 1], [0, -1, 0, 0])
        """
        if num_groups is not None and level is not None:
            raise ConfigError("A channel tree is cut by `num_groups` or by `level`: give one of the two.")
        if level is None:
            return self._after(self._merges_to(self.proposed if num_groups is None else num_groups))
        if not 0 <= level < np.inf:
            raise ConfigError(
                f"`level` is {level}; it must be a height of 0 or more: what is told apart no better merges."
            )
        return self._after(int(np.searchsorted(self.heights, level, side="right")))

    def _merges_to(self, num_groups: int) -> int:
        most = len(self.channels)
        if not 1 <= num_groups <= most:
            raise ConfigError(
                f"`num_groups` is {num_groups}; with {most} channels in use it may be 1 to {most}."
            )
        return most - num_groups

    def _after(self, merges: int) -> Int[np.ndarray, " K"]:
        smallest = np.full(self.num_channels, -1)
        smallest[list(self.channels)] = self.channels
        for merge in self.merges[:merges]:
            smallest[smallest == merge.closed] = merge.kept
        groups = np.unique(smallest[smallest >= 0])
        return np.where(smallest >= 0, np.searchsorted(groups, smallest), -1)

    def joined_by(self, channels: Int[np.ndarray, " m"]) -> "ChannelTree":
        """The tree with channels that are known to be a kind of their own: a group beside those that are proposed.

        >>> tree = channel_tree(np.kron(np.diag([0.5, 0.5, 0.0]), np.full((2, 2), 0.25)))
        >>> tree.proposed, tree.cut(num_groups=2).tolist()
        (2, [0, 0, 1, 1, -1, -1])
        >>> tree = tree.joined_by(np.array([4, 5]))
        >>> tree.proposed, tree.cut(num_groups=3).tolist()
        (3, [0, 0, 1, 1, 2, 2])
        """
        first, *rest = (int(channel) for channel in np.sort(channels))
        together = [Merge(first, channel, 0.0, self.information) for channel in rest]
        before = len(self.channels) - self.proposed  # merges that the proposed cut keeps
        # It joins the rest with the first merge that is given up, so that no other gap between heights becomes larger.
        height = float(self.heights[before]) if before < len(self.merges) else 1.0
        left = self.merges[before - 1].information if before else self.information
        root = min(self.channels)
        join = Merge(min(first, root), max(first, root), height, left)
        later = [_renamed(merge, root, join.kept) for merge in self.merges[before:]]
        merges = (*together, *self.merges[:before], join, *later)
        return dataclasses.replace(
            self, channels=tuple(sorted((*self.channels, first, *rest))), merges=merges
        )

    def linkage(self) -> Float[np.ndarray, "M 4"]:
        """The merges as SciPy's hierarchy functions take them; leaf n is `channels[n]`, heights never fall.

        >>> channel_tree(np.diag([0.5, 0.0, 0.5])).linkage().round(6).tolist()
        [[0.0, 1.0, 1.0, 2.0]]
        """
        node = {channel: (leaf, 1) for leaf, channel in enumerate(self.channels)}
        rows = np.zeros((len(self.merges), 4))
        for step, (merge, height) in enumerate(zip(self.merges, self.heights, strict=True)):
            (a, size_a), (b, size_b) = node[merge.kept], node.pop(merge.closed)
            rows[step] = min(a, b), max(a, b), height, size_a + size_b
            node[merge.kept] = len(self.channels) + step, size_a + size_b
        return rows

    def to_json(self) -> dict[str, Any]:
        return dataclasses.asdict(self) | {"merges": [merge._asdict() for merge in self.merges]}

    @staticmethod
    def from_json(saved: dict[str, Any]) -> "ChannelTree":
        """The tree that `to_json` wrote.

        >>> tree = channel_tree(np.diag([0.5, 0.0, 0.5]))
        >>> ChannelTree.from_json(tree.to_json()) == tree
        True
        """
        try:
            return ChannelTree(
                num_channels=int(saved["num_channels"]),
                channels=tuple(int(channel) for channel in saved["channels"]),
                information=float(saved["information"]),
                merges=tuple(_merge(merge) for merge in saved["merges"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(f"This is no channel tree: {error!r} while reading it.") from error


def _renamed(merge: Merge, old: int, new: int) -> Merge:
    """The merge where a group goes by another name."""
    kept, closed = sorted(new if group == old else group for group in (merge.kept, merge.closed))
    return merge._replace(kept=kept, closed=closed)


def channel_tree(joint: Float[np.ndarray, "K K"], *, smallest: float = 0.0) -> ChannelTree:
    """The tree of all channels with more than the `smallest` mass in the joint of two views.

    >>> tree = channel_tree(np.kron(np.diag([0.5, 0.25, 0.25]), np.full((2, 2), 0.25)))
    >>> tree.proposed, tree.cut(num_groups=3).tolist()
    (3, [0, 0, 1, 1, 2, 2])
    """
    J = _checked(joint)
    channels = np.flatnonzero(J.sum(axis=1) > smallest)
    J = J[np.ix_(channels, channels)]
    J = J / J.sum()
    information = mutual_information(J)
    U = undecided(J)
    alive = np.ones(len(J), bool)
    merges: list[Merge] = []
    while alive.sum() > 1:
        a, b, height = _least_told(J, U, alive)
        J, U = _joined(J, U, a, b)
        alive[b] = False
        merges.append(Merge(int(channels[a]), int(channels[b]), height, mutual_information(J)))
    return ChannelTree(len(joint), tuple(channels.tolist()), information, tuple(merges))


def group_responsibility(
    r: Float[np.ndarray, "N K"], groups: Int[np.ndarray, " K"]
) -> Float[np.ndarray, "N G"]:
    """The responsibility of each group of a cut: the sum over its channels.

    >>> group_responsibility(np.array([[0.5, 0.0, 0.25, 0.25]]), np.array([0, -1, 1, 0])).tolist()
    [[0.75, 0.25]]
    """
    member = groups[:, None] == np.arange(groups.max() + 1)
    return r @ member.astype(r.dtype)


def _checked(joint: Float[np.ndarray, "K K"]) -> Float[np.ndarray, "K K"]:
    """The joint in double precision, exactly symmetric and of sum 1."""
    J = joint.astype(float)
    if not np.isfinite(J).all() or (J < 0).any():
        raise DataError(
            "The joint of two views has entries that are negative or not finite: it is a mean of products."
        )
    if abs(J.sum() - 1) > TOLERANCE:
        raise DataError(
            f"The joint of two views sums to {J.sum():.6g}; it must be a mean over samples, of sum 1."
        )
    if np.abs(J - J.T).max() > TOLERANCE:
        raise DataError("The joint of two views is not symmetric: take the mean of it and its transpose.")
    J = 0.5 * (J + J.T)
    return J / J.sum()


def _least_told(
    J: Float[np.ndarray, "n n"], U: Float[np.ndarray, "n n"], alive: Bool[np.ndarray, " n"]
) -> tuple[int, int, float]:
    """The two groups of least purity, the one of the smaller channel first, and that purity."""
    p = J.sum(axis=1)
    pairs = np.triu(alive[:, None] & alive[None], k=1)
    purity = np.full(J.shape, np.inf)
    np.divide(gain(p, J, U), mixing(p[:, None], p[None]), out=purity, where=pairs)
    a, b = np.unravel_index(purity.argmin(), purity.shape)
    return int(a), int(b), float(purity[a, b])


def _joined(
    J: Float[np.ndarray, "n n"], U: Float[np.ndarray, "n n"], a: int, b: int
) -> tuple[Float[np.ndarray, "n n"], Float[np.ndarray, "n n"]]:
    """The joint with b folded into a, and what is then undecided, for the price of three columns instead of all."""
    together = J[:, a] + J[:, b]
    # Σ_c h(J_ic, J_jc) loses the terms of columns a and b and gains that of their sum.
    U = U + _of_column(together) - _of_column(J[:, a]) - _of_column(J[:, b])
    J = J.copy()
    together[a] += together[b]
    together[b] = 0
    J[a], J[:, a] = together, together
    J[b], J[:, b] = 0, 0
    U[a] = mixing(J[a][None], J).sum(axis=1)
    U[:, a] = U[a]
    return J, U


def _of_column(column: Float[np.ndarray, " n"]) -> Float[np.ndarray, "n n"]:
    return mixing(column[:, None], column[None])


def _merge(saved: dict[str, Any]) -> Merge:
    return Merge(
        int(saved["kept"]), int(saved["closed"]), float(saved["height"]), float(saved["information"])
    )

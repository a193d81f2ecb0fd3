"""The decisions of a curriculum: a pure step on explicit state, once per epoch and replica."""

import dataclasses
import enum
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float

from rcmvae.curriculum.information import mixing, mutual_information, purity_of_split
from rcmvae.curriculum.options import Curriculum
from rcmvae.curriculum.split import Boundary
from rcmvae.curriculum.state import Growth, Help, Trial
from rcmvae.structs import Codes, Event, Signals

FREE = 1e-3  # a channel with less of the data than this is nobody's


class Act(enum.Enum):
    """What the weights have to go through."""

    NOTHING = "nothing"
    OPEN = "open"  # begin `channel` from `parent`
    RESTORE = "restore"  # everything as it was before `channel` opened
    MERGE = "merge"  # `channel` goes into `parent`


@dataclasses.dataclass(frozen=True)
class Action:
    """What is to be done, and to which channels."""

    act: Act = Act.NOTHING
    channel: int = -1
    parent: int = -1
    cut: Boundary | None = None  # of the parent's codes, where the start cuts them


@dataclasses.dataclass(frozen=True)
class Grower:
    """A curriculum in a run of so many channels and epochs."""

    options: Curriculum
    num_channels: int
    epochs: int

    @property
    def limit(self) -> int:
        return self.num_channels if self.options.limit is None else self.options.limit

    @property
    def ceiling(self) -> str:
        """The key that says how many channels may be open at once."""
        return "model.num_channels" if self.limit == self.num_channels else "curriculum.limit"

    def init(self) -> Growth:
        return Growth(self.options.policy.init(), used=frozenset(range(self.options.initial)))

    def is_due(self, growth: Growth, epoch: int) -> bool:
        """Whether a trial ends with this epoch."""
        trial = growth.trial
        return trial is not None and epoch >= trial.began + (1 + trial.prolonged) * self.options.trial

    @property
    def needs_codes(self) -> bool:
        """Whether `seen.codes` has to be there after an epoch that `looks`."""
        return self.options.policy.needs_codes or bool(self.options.start.ways)

    def looks(self, growth: Growth, epoch: int) -> bool:
        """Whether anything may be decided after this epoch: then the step looks at the joint of two views."""
        return growth.ended is None and (growth.trial is None or self.is_due(growth, epoch))

    def step(
        self, growth: Growth, seen: Signals, flow: Float[np.ndarray, "K K"] | None
    ) -> tuple[Growth, Action]:
        """The state after an epoch and what is to be done.

        When a trial is due, flow[i, j] is the mass that channel i held before it and channel j holds now.
        """
        after, action = self._decided(growth, seen, flow)
        bound = seen.validation["bound"]
        if action.act is Act.RESTORE and growth.trial is not None:
            bound = growth.trial.bound
        return dataclasses.replace(after, bound=bound), action

    def _decided(
        self, growth: Growth, seen: Signals, flow: Float[np.ndarray, "K K"] | None
    ) -> tuple[Growth, Action]:
        if growth.ended is not None:
            return growth, Action()
        too_late = seen.epoch + self.options.trial + self.options.finish.epochs > self.epochs
        action = Action()
        if growth.trial is not None:
            if flow is None:
                return growth, action
            growth, action = self._judge(growth, growth.trial, seen, flow, may_wait=not too_late)
            if growth.ended is not None or not too_late:
                return growth, action
        if too_late:
            return self._end(growth, seen.epoch, "no epochs are left for another trial"), action
        pair = self._pair_to_merge(seen)
        if pair is not None:
            return self._merge(growth, seen, *pair)
        policy, propose = self.options.policy.step(growth.policy, seen)
        growth = dataclasses.replace(growth, policy=policy)
        return self._open(growth, seen) if propose else (growth, Action())

    def _open(self, growth: Growth, seen: Signals) -> tuple[Growth, Action]:
        channel = self._index(growth, seen)
        if channel is None:
            raised = "model.num_channels" if seen.active.sum() < self.limit else self.ceiling
            reason = f"no channel is left to open; a larger {raised} would leave some"
            return self._end(growth, seen.epoch, reason), Action()
        held = set(_held(seen))
        parents = held - set(growth.refused) or held
        ways, way = self.options.start.ways, growth.unhelpful // self.options.stop_after
        way = min(way, max(len(ways) - 1, 0))  # resumed with another stop_after, there may be none left
        cuts = {k: ways[way](*_codes(seen).of(k)) for k in parents} if ways else {}
        promise = excess_loss(seen) if not cuts else told_by(cuts, seen)
        parent = max(parents, key=lambda k: (promise[k], -k))
        trial = Trial(
            channel=channel,
            parent=parent,
            began=seen.epoch,
            bound=seen.validation["bound"],
            pace=None if growth.bound is None else growth.bound - seen.validation["bound"],
            information=mutual_information(_joint(seen)),
            idle=tuple(k for k in _idle(seen) if k != channel),
        )
        name = ways[way].__name__ if ways else None
        event = Event(epoch=seen.epoch, what="opened", channel=channel, parent=parent, cut=name)
        grown = dataclasses.replace(
            growth, trial=trial, used=growth.used | {channel}, events=(*growth.events, event)
        )
        return grown, Action(Act.OPEN, channel, parent, cuts.get(parent))

    def _index(self, growth: Growth, seen: Signals) -> int | None:
        """The channel to open: none where all that may be are open and used."""
        if self.options.index == "free":
            idle = _idle(seen)
            if idle and seen.active.sum() > 1:
                return idle[0]
            choice = [k for k in range(self.num_channels) if not seen.active[k]]
        else:
            choice = [k for k in range(self.num_channels) if k not in growth.used]
        return choice[0] if choice and seen.active.sum() < self.limit else None

    def _judge(
        self,
        growth: Growth,
        trial: Trial,
        seen: Signals,
        flow: Float[np.ndarray, "K K"],
        *,
        may_wait: bool,
    ) -> tuple[Growth, Action]:
        scores = _scores(trial, seen)
        helped, promising = self._verdict(trial, seen, scores)
        if may_wait and promising and not helped and trial.prolonged < self.options.prolong:
            return self._prolong(growth, trial, seen, scores), Action()
        keep = helped or self.options.policy.keeps_unhelpful
        event = Event(
            epoch=seen.epoch,
            what="kept" if keep else "closed",
            channel=trial.channel,
            parent=trial.parent,
            helped=helped,
            scores=scores,
            sources=_shares(flow[:, trial.channel]),
        )
        growth = dataclasses.replace(
            growth,
            # What is closed again leaves no trace: the policy goes on as if it had just proposed.
            policy=self.options.policy.renew(growth.policy) if keep else growth.policy,
            trial=None,
            events=(*growth.events, event),
        )
        if helped:
            before = Help(
                channel=trial.channel,
                parent=trial.parent,
                unhelpful=growth.unhelpful,
                refused=growth.refused,
            )
            growth = dataclasses.replace(growth, unhelpful=0, refused=(), helps=(*growth.helps, before))
        else:
            growth = self._in_vain(growth, growth.unhelpful + 1, (*growth.refused, trial.parent), seen.epoch)
        return growth, Action() if keep else Action(Act.RESTORE, trial.channel, trial.parent)

    def _verdict(self, trial: Trial, seen: Signals, scores: Mapping[str, float]) -> tuple[bool, bool]:
        """Whether a new channel helps, and whether it looks as if it would."""
        helps, below = self.options.helps, self.options.merge_below
        possible = scores["smallest_usage"] >= helps.min_usage and (
            below is None or scores["told_apart"] >= below
        )
        helped = scores["cleanness"] > helps.cleanness or scores["bound_gain"] > helps.bound
        return possible and helped, possible and scores["cleanness"] > helps.promising

    def _prolong(self, growth: Growth, trial: Trial, seen: Signals, scores: dict[str, float]) -> Growth:
        event = Event(
            epoch=seen.epoch, what="prolonged", channel=trial.channel, parent=trial.parent, scores=scores
        )
        longer = trial.model_copy(update={"prolonged": trial.prolonged + 1})
        return dataclasses.replace(growth, trial=longer, events=(*growth.events, event))

    def _in_vain(self, growth: Growth, unhelpful: int, refused: tuple[int, ...], epoch: int) -> Growth:
        """The same once so many new channels in a row did not help, and these parents were cut for them."""
        another_way = unhelpful // self.options.stop_after > growth.unhelpful // self.options.stop_after
        refused = () if another_way else tuple(dict.fromkeys(refused))  # nobody was refused that one yet
        growth = dataclasses.replace(growth, unhelpful=unhelpful, refused=refused)
        if unhelpful < self.options.patience:
            return growth
        return self._end(growth, epoch, f"{unhelpful} new channels in a row did not help")

    def _pair_to_merge(self, seen: Signals) -> tuple[int, int] | None:
        """The two open channels that are told apart worst, the larger first, where that is bad enough."""
        if self.options.merge_below is None:
            return None
        held = _held(seen)
        pairs = [(i, j) for i in held for j in held if i < j]
        if not pairs:
            return None
        worst, i, j = min((purity_of_split(_joint(seen), i, j), i, j) for i, j in pairs)
        if worst >= self.options.merge_below:
            return None
        return (i, j) if seen.usage[i] >= seen.usage[j] else (j, i)

    def _merge(self, growth: Growth, seen: Signals, kept: int, closed: int) -> tuple[Growth, Action]:
        score = purity_of_split(_joint(seen), kept, closed)
        event = Event(
            epoch=seen.epoch, what="merged", channel=closed, parent=kept, scores={"purity_of_split": score}
        )
        growth = dataclasses.replace(
            growth, policy=self.options.policy.renew(growth.policy), events=(*growth.events, event)
        )
        return self._without_help(growth, kept, closed, seen.epoch), Action(Act.MERGE, closed, kept)

    def _without_help(self, growth: Growth, kept: int, closed: int, epoch: int) -> Growth:
        """The same once two channels are one: what had brought the second of them was no help after all."""
        gone = _taken_back(growth.helps, kept, closed)
        helps = [_renamed(help_, closed, kept) for help_ in growth.helps]  # one speaks for both
        if gone is None:  # both were open from the start
            return dataclasses.replace(growth, helps=tuple(helps))
        vain = helps.pop(gone)
        if gone < len(helps):  # another has helped since: the count goes on before that one
            later = helps[gone]
            helps[gone] = later.model_copy(update={"unhelpful": vain.unhelpful + 1 + later.unhelpful})
            return dataclasses.replace(growth, helps=tuple(helps))
        growth = dataclasses.replace(growth, helps=tuple(helps))
        since = vain.unhelpful + 1 + growth.unhelpful
        in_vain = (*vain.refused, *growth.refused, vain.parent)
        return self._in_vain(growth, since, tuple(k for k in in_vain if k != closed), epoch)

    def _end(self, growth: Growth, epoch: int, reason: str) -> Growth:
        event = Event(epoch=epoch, what="ended", reason=reason)
        over = epoch + self.options.finish.epochs
        return dataclasses.replace(growth, ended=epoch, over=over, events=(*growth.events, event))


def _taken_back(helps: Sequence[Help], kept: int, closed: int) -> int | None:
    """Which help a merge undoes: of one from the other, else what opened the closed channel, else the one that is kept.

    Every merge of a channel that was opened undoes a help, so helps and merges cannot go on for ever.
    """
    of_one_another = [at for at, help_ in enumerate(helps) if {help_.channel, help_.parent} == {kept, closed}]
    opened = [[at for at, help_ in enumerate(helps) if help_.channel == k] for k in (closed, kept)]
    return next((found[-1] for found in (of_one_another, *opened) if found), None)


def _renamed(help_: Help, old: int, new: int) -> Help:
    """The same where one channel speaks for another."""
    pair = {name: new for name in ("channel", "parent") if getattr(help_, name) == old}
    return help_.model_copy(update=pair)


def _scores(trial: Trial, seen: Signals) -> dict[str, float]:
    """What a trial is judged by."""
    gained, held = mutual_information(_joint(seen)) - trial.information, _joint(seen).sum(axis=1, dtype=float)
    asked = [int(k) for k in np.flatnonzero(seen.active) if k not in trial.idle]
    # Telling the two apart for certain is worth their mass times the entropy of its split.
    worth = float(mixing(held[[trial.parent]], held[[trial.channel]])[0])
    return {
        "cleanness": gained / worth if worth > 0 else 0.0,
        "told_apart": purity_of_split(_joint(seen), trial.parent, trial.channel),
        "bound_gain": _gain_in_bound(trial, seen),
        "smallest_usage": float(held[asked].min()),
    }


def _gain_in_bound(trial: Trial, seen: Signals) -> float:
    """By how much the bound fell beyond what training alone would have brought, going on as in the epoch before.

    Without an epoch before, nobody knows, and it counts as none.
    """
    if trial.pace is None:
        return 0.0
    by_itself = max(trial.pace, 0.0) * (seen.epoch - trial.began)
    return trial.bound - seen.validation["bound"] - by_itself


def _joint(seen: Signals) -> Float[np.ndarray, "K K"]:
    assert seen.joint is not None
    return seen.joint


def _codes(seen: Signals) -> Codes:
    assert seen.codes is not None
    return seen.codes


def _held(seen: Signals) -> list[int]:
    """The open channels that some of the data belong to."""
    return [int(k) for k in np.flatnonzero(seen.active) if seen.usage[k] >= FREE]


def _idle(seen: Signals) -> list[int]:
    """The open channels that are nobody's."""
    return sorted(set(np.flatnonzero(seen.active).tolist()) - set(_held(seen)))


def excess_loss(seen: Signals) -> Float[np.ndarray, " K"]:
    """What each channel costs beyond the cheapest: usage_k · (E_k − min_j E_j), with E the mean cost of a sample.

    A density's cost may be negative, so the plain sum would favour small channels.
    """
    used = seen.active & (seen.usage >= FREE)
    cost = seen.channel_loss / np.where(used, seen.usage, 1.0)
    return np.where(used, seen.usage * (cost - cost.min(where=used, initial=np.inf)), 0.0)


def told_by(cuts: Mapping[int, Boundary], seen: Signals) -> dict[int, float]:
    """What each cut would say about samples if channels kept to it, in nats: usage_k · I(side; z_k)."""
    return {k: float(seen.usage[k]) * cut.tells(*_codes(seen).of(k)) for k, cut in cuts.items()}


def _shares(mass: Float[np.ndarray, " K"]) -> dict[int, float]:
    """Each channel's share of the whole, without those that are next to nothing."""
    total = float(mass.sum())
    shares = mass / total if total > 0 else np.zeros_like(mass)
    return {int(k): float(shares[k]) for k in np.flatnonzero(shares >= FREE)}

"""What the decisions of a curriculum depend on from one epoch to the next. Part of every checkpoint."""

import dataclasses
from typing import Any

from rcmvae.curriculum.policies.base import PolicyState
from rcmvae.options import Options
from rcmvae.structs import Event


class Trial(Options):
    """A new channel that has yet to show its worth, and what was before it."""

    channel: int
    parent: int
    began: int  # the epoch after which it opened
    bound: float
    information: float
    prolonged: int = 0  # how often it was promising, but no help yet
    idle: tuple[int, ...] = ()  # open channels that nothing used, and that need not be used afterwards


class Help(Options):
    """A new channel that helped, and what will have been so if it turns out that it did not."""

    channel: int
    parent: int
    unhelpful: int  # trials in a row before it that did not help


@dataclasses.dataclass(frozen=True)
class Growth:
    """All of it, for one replica."""

    policy: PolicyState
    trial: Trial | None = None
    used: frozenset[int] = frozenset()  # channels that have ever been open
    unhelpful: int = 0  # trials in a row that did not help
    last_help: Help | None = None  # the last one that did, until one of its two channels is merged away
    refused: tuple[int, ...] = ()  # their parents
    ended: int | None = None  # the epoch after which growth ended
    over: int | None = None  # the epoch after which the finish will be, too
    events: tuple[Event, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "policy": self.policy.model_dump(mode="json"),
            "trial": None if self.trial is None else self.trial.model_dump(mode="json"),
            "used": sorted(self.used),
            "unhelpful": self.unhelpful,
            "last_help": None if self.last_help is None else self.last_help.model_dump(mode="json"),
            "refused": list(self.refused),
            "ended": self.ended,
            "over": self.over,
            "events": [event.model_dump(mode="json") for event in self.events],
        }

    def from_json(self, saved: dict[str, Any]) -> "Growth":
        """What was saved of a growth under the same policy as this one."""
        return Growth(
            policy=type(self.policy).model_validate(saved["policy"]),
            trial=None if saved["trial"] is None else Trial.model_validate(saved["trial"]),
            used=frozenset(saved["used"]),
            unhelpful=int(saved["unhelpful"]),
            last_help=None if saved.get("last_help") is None else Help.model_validate(saved["last_help"]),
            refused=tuple(saved["refused"]),
            ended=saved["ended"],
            over=saved["over"],
            events=tuple(Event.model_validate(event) for event in saved["events"]),
        )

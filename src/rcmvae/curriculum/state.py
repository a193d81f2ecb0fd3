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
    pace: float | None = (
        None  # nats by which the bound had fallen in the epoch before; None where there was none
    )
    prolonged: int = 0  # how often it was promising, but no help yet
    idle: tuple[int, ...] = ()  # open channels that nothing used, and that need not be used afterwards


class Help(Options):
    """A new channel that helped, and what is true again if a merge takes it back."""

    channel: int  # or the one that speaks for it now
    parent: int
    unhelpful: int  # trials in a row before it that did not help
    refused: tuple[int, ...] = ()  # and their parents


@dataclasses.dataclass(frozen=True)
class Growth:
    """What the decisions for one replica depend on."""

    policy: PolicyState
    trial: Trial | None = None
    used: frozenset[int] = frozenset()  # channels that have ever been open
    unhelpful: int = 0  # trials in a row that did not help
    refused: tuple[int, ...] = ()  # parents that were cut in vain in the present way
    bound: float | None = None  # held-out, after the epoch before, with the weights that went on
    helps: tuple[Help, ...] = ()  # the trials that did help, the last one last
    ended: int | None = None  # the epoch after which growth ended
    over: int | None = None  # the epoch after which the finish will be, too
    events: tuple[Event, ...] = ()

    def to_json(self) -> dict[str, Any]:
        return {
            "policy": self.policy.model_dump(mode="json"),
            "trial": None if self.trial is None else self.trial.model_dump(mode="json"),
            "used": sorted(self.used),
            "unhelpful": self.unhelpful,
            "helps": [help_.model_dump(mode="json") for help_ in self.helps],
            "refused": list(self.refused),
            "bound": self.bound,
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
            helps=tuple(
                Help.model_validate(help_) for help_ in saved.get("helps", ()) if help_["channel"] is not None
            ),  # runs of before forgot which
            refused=tuple(saved["refused"]),
            bound=saved.get("bound"),
            ended=saved["ended"],
            over=saved["over"],
            events=tuple(Event.model_validate(event) for event in saved["events"]),
        )

"""Open channels at epochs that are given beforehand."""

import bisect
import itertools
import math
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field, PositiveInt, model_validator

from rcmvae.curriculum.policies.base import Policy, PolicyState
from rcmvae.errors import in_words
from rcmvae.structs import Signals


class ScheduledState(PolicyState):
    """How many of the given epochs have had their channel."""

    opened: int = 0


class Scheduled(Policy):
    """Proposes after each epoch in `at`, or after each `every` epochs.

    An epoch that passed while nothing could open is made up for as soon as something can: a channel is due as long as
    fewer were proposed than given epochs have passed. Counting the open channels instead would ask twice for one that
    was closed again or merged away.

    >>> [Scheduled(at=(2, 5)).passed(epoch) for epoch in (1, 2, 4, 9)]
    [0, 1, 1, 2]
    >>> [Scheduled(every=3).passed(epoch) for epoch in (2, 3, 9)]
    [0, 1, 3]
    """

    kind: Literal["scheduled"] = "scheduled"
    at: tuple[PositiveInt, ...] | None = Field(
        default=None, min_length=1, description="The epochs after which a channel is proposed."
    )
    every: PositiveInt | None = Field(
        default=None, description="Instead of `at`: after every so many epochs."
    )

    @model_validator(mode="after")
    def _is_a_schedule(self) -> "Scheduled":
        if (self.at is None) == (self.every is None):
            given = (
                "neither was given"
                if self.at is None
                else f"both were given: {list(self.at)} and {self.every}"
            )
            raise ValueError(
                f"channels open at the epochs listed in `at` or `every` so many epochs: give one of the two, but "
                f"{given}."
            )
        if self.at is not None and any(a >= b for a, b in itertools.pairwise(self.at)):
            raise ValueError(f"at lists epochs that must increase, but it is {list(self.at)}.")
        return self

    def passed(self, epoch: int) -> int:
        """How many of the given epochs are over when so many epochs are finished."""
        if self.every is not None:
            return epoch // self.every
        return bisect.bisect_right(self.at or (), epoch)

    def soonest(self, proposals: int) -> float:
        if self.every is not None:
            return self.every * proposals
        at = self.at or ()
        return at[proposals - 1] if proposals <= len(at) else math.inf

    def problems(self, last: int) -> Iterator[str]:
        late = [str(epoch) for epoch in self.at or () if epoch > last]
        if late:
            yield f"at lists {in_words(late)}, but a channel can open after epoch {last} at the latest"
        if self.every is not None and self.every > last:
            yield f"every is {self.every}, but a channel can open after epoch {last} at the latest"

    def init(self) -> ScheduledState:
        return ScheduledState()

    def renew(self, state: Any) -> PolicyState:
        """What was proposed stays proposed when the open channels have changed."""
        return state

    def step(self, state: Any, seen: Signals) -> tuple[ScheduledState, bool]:
        due = self.passed(seen.epoch) > state.opened
        return ScheduledState(opened=state.opened + due), due

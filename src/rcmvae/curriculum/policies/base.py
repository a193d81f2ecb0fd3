"""When to open another channel: the base of all policies.

A policy is a pure pair of functions on explicit state: `init() -> state`, `step(state, seen) -> (state, propose)`. It
runs on the host between compiled epochs, and only while no new channel is still on trial; when the open channels have
changed, `renew` says what it still remembers. What opening does, whether the newcomer helped and when to stop asking is
the same for all.
"""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Any, ClassVar

from rcmvae.options import Options
from rcmvae.structs import Signals


class PolicyState(Options):
    """Base of what a policy remembers: plain values, since it is part of every checkpoint."""


class Policy(Options):
    """Base of all policies."""

    keeps_unhelpful: ClassVar[bool] = True  # whether a newcomer that did not help stays open

    @property
    def watches(self) -> tuple[str, ...]:
        """The validation values that it reads."""
        return ()

    @property
    def needs_codes(self) -> bool:
        """Whether `seen.codes` has to be there."""
        return False

    @property
    def wait(self) -> int:
        """How many epochs pass at least before it proposes for the first time."""
        return 1

    def soonest(self, proposals: int) -> float:
        """The epoch before which it cannot have proposed so often, whatever training brings; trials come on top."""
        return self.wait + proposals - 1

    def problems(self, last: int) -> Iterator[str]:
        """What was asked for and could never happen, if a channel can open after the epoch `last` at the latest."""
        yield from ()

    @abstractmethod
    def init(self) -> PolicyState:
        """The state before the first epoch."""

    def renew(self, state: Any) -> PolicyState:
        """The state once the open channels have changed: afresh, unless a policy keeps count."""
        return self.init()

    @abstractmethod
    def step(self, state: Any, seen: Signals) -> tuple[PolicyState, bool]:
        """The state after an epoch, and whether to open a channel now."""

"""Open a channel on probation: one that did not help is closed again."""

from collections.abc import Iterator
from typing import Annotated, Any, ClassVar, Literal

from pydantic import Field

from rcmvae.curriculum.policies.base import Policy, PolicyState
from rcmvae.curriculum.policies.normality import Normality
from rcmvae.curriculum.policies.plateau import Plateau
from rcmvae.curriculum.policies.scheduled import Scheduled
from rcmvae.options import OneOf, by_kind
from rcmvae.structs import Signals

TRIGGERS = by_kind(Normality, Plateau, Scheduled)
AnyTrigger = Annotated[Policy, OneOf(TRIGGERS)]


class Birth(Policy):
    """Proposes as `when` does, and a newcomer that did not help does not stay.

    >>> Birth(when=Normality()).needs_codes, Birth().keeps_unhelpful
    (True, False)
    """

    kind: Literal["birth"] = "birth"
    when: AnyTrigger = Field(default=Plateau(), description="The policy that proposes a channel.")

    keeps_unhelpful: ClassVar[bool] = False

    @property
    def watches(self) -> tuple[str, ...]:
        return self.when.watches

    @property
    def needs_codes(self) -> bool:
        return self.when.needs_codes

    def soonest(self, proposals: int) -> float:
        return self.when.soonest(proposals)

    def problems(self, last: int) -> Iterator[str]:
        yield from (f"when.{problem}" for problem in self.when.problems(last))

    def init(self) -> PolicyState:
        return self.when.init()

    def renew(self, state: Any) -> PolicyState:
        return self.when.renew(state)

    def step(self, state: Any, seen: Signals) -> tuple[PolicyState, bool]:
        return self.when.step(state, seen)

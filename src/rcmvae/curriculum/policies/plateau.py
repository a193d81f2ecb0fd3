"""Open a channel when training with the open ones has stopped to improve."""

import math
from typing import Any, Literal

from pydantic import Field, NonNegativeInt, PositiveInt

from rcmvae.curriculum.policies.base import Policy, PolicyState
from rcmvae.options import Watching
from rcmvae.structs import Signals


class PlateauState(PolicyState):
    """What happened since the channels last changed."""

    best: float | None = None
    since: int = 0  # epochs since the best value
    epochs: int = 0


class Plateau(Watching, Policy):
    """Proposes when the monitored validation value has not improved by `min_delta` for `patience` epochs.

    `monitor` is `bound`, `loss` or any configured term; lower is better. The first `cooldown` epochs after a change
    of the channels pass without a proposal. A value that is not finite is no improvement.

    >>> Plateau(patience=2).init()
    PlateauState(best=None, since=0, epochs=0)
    """

    kind: Literal["plateau"] = "plateau"
    patience: PositiveInt = Field(
        default=3, description="After how many epochs without improvement a channel is proposed."
    )
    cooldown: NonNegativeInt = Field(
        default=0, description="Epochs without a proposal after the channels have changed."
    )

    @property
    def watches(self) -> tuple[str, ...]:
        return (self.monitor,)

    @property
    def wait(self) -> int:
        return max(self.patience, self.cooldown + 1)

    def init(self) -> PlateauState:
        return PlateauState()

    def step(self, state: Any, seen: Signals) -> tuple[PlateauState, bool]:
        value = seen.validation[self.monitor]
        improved = math.isfinite(value) and (state.best is None or value < state.best - self.min_delta)
        state = PlateauState(
            best=value if improved else state.best,
            since=0 if improved else state.since + 1,
            epochs=state.epochs + 1,
        )
        return state, state.since >= self.patience and state.epochs > self.cooldown

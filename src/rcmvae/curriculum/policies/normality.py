"""Open a channel when what the open ones hold is simple enough: the codes of each could come from one Gaussian."""

from typing import Any, Literal

import numpy as np
from jaxtyping import Bool, Float
from pydantic import Field, NonNegativeInt, PositiveInt, model_validator

from rcmvae.curriculum.policies.base import Policy, PolicyState
from rcmvae.curriculum.policies.gaussianity import effective_size, gaussianity, thinned
from rcmvae.structs import Codes, Signals

# With fewer codes than both of these, in effect, the test's p-value cannot be trusted: the channel passes.
FEWEST = 20
FEWEST_PER_DIMENSION = 5


class NormalityState(PolicyState):
    """What happened since the channels last changed."""

    held: int = 0  # epochs in a row in which the condition held
    epochs: int = 0


class Normality(Policy):
    """Proposes when each open channel's codes have passed a test of normality for `patience` epochs in a row.

    This is the reading under which a channel is a pot that fills: while its codes are not one cloud it is still being
    sorted out, and a newcomer would take what belongs together; once all are clouds there is nothing left to settle.
    A channel that holds two kinds of things for good never passes, so after `max_wait` epochs the proposal comes
    anyway (null: never). `propose: when_some_fail` is the other reading, that two clouds in one channel ask for
    another channel at once; it stays silent while all pass, up to `max_wait`.

    No channel of a trained model is exactly Gaussian, and with thousands of codes every test finds out. So each channel
    is judged on at most `samples` of them: what passes is what cannot be told from a Gaussian by so few. A channel with
    an effective size below max(20, 5 D) passes, and with more than about 5 dimensions the test misses much.
    Codes look most Gaussian before anything is learned: `cooldown` epochs pass without a proposal.

    >>> Normality(patience=2).needs_codes
    True
    """

    kind: Literal["normality"] = "normality"
    propose: Literal["when_all_pass", "when_some_fail"] = Field(
        default="when_all_pass",
        description="Whether to propose when the codes of all open channels pass, or when some do not.",
    )
    level: float = Field(
        default=0.01,
        gt=0,
        lt=1,
        description="The chance that, of all open channels, any fails without reason.",
    )
    samples: int = Field(default=300, ge=FEWEST, description="Most codes that a channel is judged by.")
    patience: PositiveInt = Field(default=2, description="For how many epochs in a row it has to be so.")
    cooldown: NonNegativeInt = Field(
        default=2, description="Epochs without a proposal after the channels have changed."
    )
    max_wait: PositiveInt | None = Field(
        default=20, description="After how many epochs a channel is proposed in any case; never if null."
    )

    @model_validator(mode="after")
    def _waits_long_enough(self) -> "Normality":
        if self.max_wait is not None and self.max_wait < self.wait:
            raise ValueError(
                f"max_wait is {self.max_wait}, but with patience {self.patience} and cooldown {self.cooldown} no "
                f"proposal comes before epoch {self.wait}: make it that long, or null."
            )
        return self

    @property
    def needs_codes(self) -> bool:
        return True

    @property
    def wait(self) -> int:
        return max(self.patience, self.cooldown + 1)

    def init(self) -> NormalityState:
        return NormalityState()

    def step(self, state: Any, seen: Signals) -> tuple[NormalityState, bool]:
        assert seen.codes is not None
        holds = self.all_pass(seen.codes, seen.active) == (self.propose == "when_all_pass")
        state = NormalityState(held=state.held + 1 if holds else 0, epochs=state.epochs + 1)
        settled = state.held >= self.patience and state.epochs > self.cooldown
        return state, settled or (self.max_wait is not None and state.epochs >= self.max_wait)

    def all_pass(self, codes: Codes, active: Bool[np.ndarray, " K"]) -> bool:
        """Whether no open channel fails; the level is shared among them."""
        p_value = p_values(codes, active, self.samples)
        return bool(np.all(p_value >= self.level / max(active.sum(), 1)))


def p_values(codes: Codes, active: Bool[np.ndarray, " K"], samples: int) -> Float[np.ndarray, " K"]:
    """How compatible each open channel's codes are with one Gaussian: 1 where it is closed or holds too few.

    A sample counts for a channel as much as it belongs to it.

    >>> z = np.random.default_rng(0).normal(size=(100, 1, 2))
    >>> codes = Codes(responsibility=np.tile([1.0, 0.0], (100, 1)), z=z)
    >>> p_values(codes, np.array([True, True]), samples=50).round(1).tolist()
    [0.6, 1.0]
    """
    K, D = codes.responsibility.shape[1], codes.z.shape[2]
    z = np.broadcast_to(codes.z, (len(codes.z), K, D))
    p_value = np.ones(K)
    for k in np.flatnonzero(active):
        rows, weight = thinned(codes.responsibility[:, k], samples)
        if effective_size(weight) >= max(FEWEST, FEWEST_PER_DIMENSION * D):
            p_value[k] = gaussianity(z[rows, k], weight).p_value
    return p_value

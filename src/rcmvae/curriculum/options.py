"""How channels grow: what is asked of a run with a curriculum."""

from typing import Literal

import jax.numpy as jnp
from jaxtyping import Array, Float
from pydantic import Field, NonNegativeFloat, PositiveFloat, PositiveInt, model_validator

from rcmvae.curriculum.kick import Kick
from rcmvae.curriculum.policies import AnyPolicy
from rcmvae.curriculum.policies.birth import Birth
from rcmvae.curriculum.start import AnyStart, Halves
from rcmvae.options import Options
from rcmvae.schedules import Cosine


class Helps(Options):
    """When a new channel counts as a help: it makes a clean cut or lowers the held-out bound, and nobody starves.

    `cleanness` is the information that channels carry about samples, gained over the trial, as a share of the most
    that halving the parent could bring. `bound` is in nats per sample.
    """

    cleanness: PositiveFloat = 0.5
    bound: PositiveFloat = 1.0
    min_usage: float = Field(default=0.01, ge=0, lt=1)  # what every open channel has to hold afterwards


class Finish(Options):
    """The end of training, once no channel is to open any more: the learning rate falls along a cosine to a share."""

    epochs: PositiveInt = 10
    rate: float = Field(default=0.03, ge=0, le=1)

    def __call__(self, since: Float[Array, ""]) -> Float[Array, ""]:
        """The factor on the learning rate `since` epochs after growth ended, which lies ahead where it is negative."""
        fall = Cosine(start=1.0, end=self.rate, epochs=self.epochs)
        return jnp.where(since < self.epochs, fall(since), 0.0)


class Curriculum(Options):
    """Start with few channels and open one at a time, as long as that helps.

    `policy` proposes when. A new channel is on trial for `trial` epochs; then it is judged by `helps`. After
    `stop_after` trials in a row that did not help, or when all channels are open, growth ends and `finish` begins.
    """

    initial: PositiveInt = 1
    limit: PositiveInt | None = Field(
        default=None, description="most open channels; model.num_channels if null"
    )
    policy: AnyPolicy = Birth()
    trial: PositiveInt = 1
    helps: Helps = Helps()
    stop_after: PositiveInt = 3
    start: AnyStart = Halves()
    kick: Kick = Kick()
    index: Literal["free", "next"] = Field(
        default="free",
        description="free: an open channel that nothing uses, else the first closed one; next: the first never used",
    )
    merge_below: NonNegativeFloat | None = Field(
        default=None,
        description="merge two channels whose distinction is less clean than this; never if null",
    )
    finish: Finish = Finish()

    @model_validator(mode="after")
    def _fits_together(self) -> "Curriculum":
        if self.limit is not None and self.limit < self.initial:
            raise ValueError(f"limit is {self.limit}, but initial already opens {self.initial} channels.")
        if self.kick.epochs > self.trial:
            raise ValueError(
                f"kick.epochs is {self.kick.epochs:g}, but the trial of a new channel is over after {self.trial}: it "
                f"would be judged while still being kicked. Make the trial longer or the kick shorter."
            )
        return self

"""How channels grow: what is asked of a run with a curriculum."""

from collections.abc import Iterator
from typing import Literal

import jax.numpy as jnp
from jaxtyping import Array, Float
from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from rcmvae.curriculum.kick import Kick
from rcmvae.curriculum.policies import AnyPolicy
from rcmvae.curriculum.policies.birth import Birth
from rcmvae.curriculum.start import AnyStart, Clusters
from rcmvae.options import Options
from rcmvae.schedules import Cosine


class Helps(Options):
    """When a new channel counts as a help: it makes a clean cut or lowers the held-out bound, and nobody starves.

    `cleanness` is the information that channels carry about samples, gained over the trial, as a share of what telling
    parent and child apart for certain is worth: their mass times the entropy of its split. `bound` is in nats, and
    beyond what the epoch before the trial, repeated, would have brought: training lowers the bound by itself.
    """

    cleanness: PositiveFloat = Field(
        default=0.5,
        description="More information gained than this share of what telling the two apart for certain is worth helps.",
    )
    promising: NonNegativeFloat = Field(
        default=0.33,
        description="A new channel that gained more than this share, and does not help yet, is given more time; "
        "none is if this is `cleanness` or more.",
    )
    bound: PositiveFloat = Field(
        default=1.0,
        description="A held-out bound that fell by so many nats per sample more than training alone would have made it "
        "fall, as in the epoch before, helps too.",
    )
    min_usage: float = Field(
        default=0.01,
        ge=0,
        lt=1,
        description="The share of samples that every open channel has to hold after the trial.",
    )


class Finish(Options):
    """The end of training, once no channel is to open any more: the learning rate falls along a cosine to a share."""

    epochs: PositiveInt = Field(default=10, description="Epochs of training after growth has ended.")
    rate: float = Field(
        default=0.03, ge=0, le=1, description="The share of the learning rate that is left at the end."
    )

    def __call__(self, since: Float[Array, ""]) -> Float[Array, ""]:
        """The factor on the learning rate `since` epochs after growth ended, which lies ahead where it is negative."""
        fall = Cosine(start=1.0, end=self.rate, epochs=self.epochs)
        return jnp.where(since < self.epochs, fall(since), 0.0)


class Curriculum(Options):
    """Start with few channels and open one at a time, as long as that helps.

    `policy` proposes when. A new channel is on trial for `trial` epochs; then it is judged by `helps`. After
    `stop_after` trials in a row that did not help the next way of cutting is tried, where `start` has one; when none is
    left, or all channels are open, growth ends and `finish` begins.
    """

    initial: PositiveInt = Field(default=1, description="Channels that are open from the start.")
    limit: PositiveInt | None = Field(
        default=None, description="Most open channels; model.num_channels if null."
    )
    policy: AnyPolicy = Field(default=Birth(), description="When to open another channel.")
    trial: PositiveInt = Field(default=1, description="Epochs after which a new channel is judged.")
    prolong: NonNegativeInt = Field(
        default=1,
        description="How often the trial of a promising channel may be prolonged by as many epochs.",
    )
    helps: Helps = Field(default=Helps(), description="What a new channel is judged by.")
    stop_after: PositiveInt = Field(
        default=3,
        description="After how many trials in a row that did not help channels are cut in the next way, or growth ends "
        "where there is none.",
    )
    start: AnyStart = Field(default=Clusters(), description="How the weights of a new channel begin.")
    kick: Kick = Field(default=Kick(), description="What helps a new channel through its first epochs.")
    index: Literal["free", "next"] = Field(
        default="free",
        description="Which channel opens: an unused open one, else the first closed one; or the first never used.",
    )
    merge_below: NonNegativeFloat | None = Field(
        default=None,
        description="Two channels that views tell apart worse than this become one: their split is less pure. "
        "Never if null.",
    )
    finish: Finish = Field(default=Finish(), description="The end of training, once growth has ended.")

    @property
    def patience(self) -> int:
        """How many trials in a row may fail to help before growth ends."""
        return self.stop_after * max(1, len(self.start.ways))

    def soonest_end(self, to_open: int) -> float:
        """The epoch before which training cannot be over, whatever it brings, with so many channels left to open."""
        soonest, trials = self.policy.soonest, min(self.patience, to_open)
        if trials == 0:
            return soonest(1) + self.finish.epochs
        last = max(soonest(trials), soonest(1) + (trials - 1) * self.trial)
        return last + self.trial + self.finish.epochs

    def problems(self, num_channels: int, epochs: int) -> Iterator[str]:
        """What could never happen with so many channels and epochs, a sentence each."""
        for name, count in (("initial", self.initial), ("limit", self.limit or 0)):
            if count > num_channels:
                yield (
                    f"curriculum.{name} is {count}, but model.num_channels allows only {num_channels} channels."
                )
        after = (
            f"a trial of {self.trial} and a finish of {self.finish.epochs} epochs (curriculum.finish.epochs)"
        )
        last = epochs - self.trial - self.finish.epochs
        if last < 1:
            yield (
                f"training.epochs is {epochs}, but an epoch, {after} take {epochs - last + 1}: train for so long at "
                f"least, or make them shorter."
            )
            return
        for problem in self.policy.problems(last):
            yield f"curriculum.policy.{problem}: training.epochs is {epochs}, and {after} follow."

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

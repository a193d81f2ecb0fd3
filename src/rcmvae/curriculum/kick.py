"""What helps a new channel through its first epochs, and is gone after them."""

import dataclasses

import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int
from pydantic import Field, NonNegativeFloat, model_validator

from rcmvae.errors import in_words
from rcmvae.options import Options
from rcmvae.schedules import AnySchedule, Constant, Schedule
from rcmvae.structs import RoutingContext


class Kick(Options):
    """Changes to what a training step is run with. Time in these schedules counts epochs since the channel opened.

    Validation never sees a kick.
    """

    epochs: NonNegativeFloat = Field(default=1.0, description="How long a kick lasts.")
    temperature: AnySchedule = Field(
        default=Constant(value=1.0), description="What all logits are divided by: every choice softens."
    )
    straight_through: AnySchedule = Field(
        default=Constant(value=1.0), description="Factor on the share of the hard choice."
    )
    logit_bias: AnySchedule = Field(
        default=Constant(value=0.0), description="Nats in favour of the new channel."
    )
    logit_mog: AnySchedule = Field(
        default=Constant(value=1.0), description="Factor on the weight of objective.logit_mog."
    )

    @model_validator(mode="after")
    def _can_be_applied(self) -> "Kick":
        lowest = min(self.temperature.levels(self.epochs))
        if lowest <= 0:
            raise ValueError(
                f"temperature must stay above 0, because the logits are divided by it, but it reaches {lowest:g}."
            )
        for name in ("straight_through", "logit_mog"):
            outside = [level for level in getattr(self, name).levels(self.epochs) if not 0 <= level <= 1]
            if outside:
                raise ValueError(
                    f"{name} relaxes, so it must stay from 0 to 1, but it reaches {outside[0]:g}."
                )
        return self

    @model_validator(mode="after")
    def _lasts(self) -> "Kick":
        fields = type(self).model_fields
        changed = [
            name for name in fields if name != "epochs" and getattr(self, name) != fields[name].default
        ]
        if self.epochs == 0 and changed:
            raise ValueError(
                f"{in_words(changed)} would change nothing, because epochs is 0 and the kick is over before it begins: "
                f"leave {'it' if len(changed) == 1 else 'them'} out, or let the kick last, such as epochs=1."
            )
        return self

    def is_on(self, newest: Int[Array, ""], since: Float[Array, ""]) -> Bool[Array, ""]:
        """Whether there is a new channel (−1 is none) that opened fewer than `epochs` ago."""
        return (newest >= 0) & (since < self.epochs)

    def __call__(
        self, context: RoutingContext, newest: Int[Array, ""], since: Float[Array, ""]
    ) -> RoutingContext:
        """The context with the kick in it, `since` epochs after the channel `newest` opened."""
        on = self.is_on(newest, since)

        def now(schedule: Schedule, neutral: float) -> Float[Array, ""]:
            return jnp.where(on, schedule(since), neutral)

        favoured = jnp.arange(context.active.shape[0]) == newest
        weights = context.term_weight
        relaxed = {name: now(self.logit_mog, 1.0) * weights[name] for name in weights.keys() & {"logit_mog"}}
        return dataclasses.replace(
            context,
            logit_scale=context.logit_scale / now(self.temperature, 1.0),
            straight_through=context.straight_through * now(self.straight_through, 1.0),
            logit_bias=context.logit_bias + jnp.where(favoured, now(self.logit_bias, 0.0), 0.0),
            term_weight={**weights, **relaxed},
        )

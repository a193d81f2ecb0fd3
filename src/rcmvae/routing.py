"""From raw logits to the channels that are decoded. The mask of open channels is applied here and only here."""

from abc import abstractmethod
from collections.abc import Iterator
from typing import Annotated, Literal

import jax
import jax.numpy as jnp
from jax.lax import stop_gradient
from jaxtyping import Array, Bool, Float, Int
from pydantic import Field, PositiveInt, model_validator

from rcmvae.errors import ConfigError
from rcmvae.options import OneOf, Options, by_kind
from rcmvae.schedules import AnySchedule, Constant
from rcmvae.structs import RoutingContext, Selection

# Far below any logit, and finite: exp gives exactly 0, and no 0 · ∞ appears in a gradient.
CLOSED = -1e9


def over_open(logits: Float[Array, "*B K"], active: Bool[Array, " K"]) -> Float[Array, "*B K"]:
    """Log-softmax over the open channels; closed ones get `CLOSED`, whose exponential is exactly 0.

    >>> jnp.exp(over_open(jnp.zeros(3), jnp.array([True, False, True]))).tolist()
    [0.5, 0.0, 0.5]
    """
    mask = jnp.broadcast_to(active, logits.shape)
    return jnp.where(mask, jax.nn.log_softmax(jnp.where(mask, logits, CLOSED)), CLOSED)


def steered(logits: Float[Array, "B K"], context: RoutingContext) -> Float[Array, "B K"]:
    """The logits as a step is told to read them: scaled, and biased towards a new channel."""
    return context.logit_scale * logits + jnp.broadcast_to(context.logit_bias, logits.shape)


Choice = tuple[Float[Array, "B M"], Int[Array, "B M"] | None]


class Routing(Options):
    """Base of all routings. Calling one turns raw logits into a `Selection`.

    The responsibility is the belief: no noise and no temperature. A leaf class says in `choose` what is
    decoded while training; at evaluation nothing is drawn, and every open channel is decoded.
    """

    def __call__(self, logits: Float[Array, "B K"], context: RoutingContext) -> Selection:
        y = steered(logits, context)
        log_r = over_open(y, context.active)
        choose = self.choose if context.stochastic else self.settle
        weight, channel = choose(y, context)
        return Selection(jnp.exp(log_r), log_r, weight, channel)

    @property
    def can_be_softened(self) -> bool:
        """Whether the share of a hard choice may be less than all of it."""
        return False

    def temperature_at(self, time: Float[Array, ""]) -> Float[Array, ""]:
        """Softness of the selection; 1 where a routing has no such choice."""
        return jnp.ones_like(time)

    def straight_through_at(self, time: Float[Array, ""]) -> Float[Array, ""]:
        """Share of the hard choice in the forward pass."""
        return jnp.zeros_like(time)

    @abstractmethod
    def choose(self, y: Float[Array, "B K"], context: RoutingContext) -> Choice:
        """Weights of the decoded channels and, unless all are decoded, which they are."""

    def settle(self, y: Float[Array, "B K"], context: RoutingContext) -> Choice:
        """The choice without noise."""
        return jnp.exp(over_open(y / context.temperature, context.active)), None

    def check(self, num_channels: int) -> None:
        """Refuse a number of channels that this routing cannot serve."""

    def problems(self, epochs: float) -> Iterator[str]:
        """A sentence, beginning with the key, for each option that goes where it must not within so many epochs."""
        yield from ()


class Expectation(Routing):
    """s = r: the exact expectation over channels."""

    kind: Literal["expectation"] = "expectation"

    def choose(self, y: Float[Array, "B K"], context: RoutingContext) -> Choice:
        return self.settle(y, context)


def _gumbel_softmax(y: Float[Array, "B K"], context: RoutingContext) -> Float[Array, "B K"]:
    # s = softmax((y + g) / T) over A,  g ~ Gumbel(0, 1)
    g = jax.random.gumbel(context.keys.routing, y.shape, y.dtype)
    return jnp.exp(over_open((y + g) / context.temperature, context.active))


class Relaxed(Routing):
    """Base of the routings that draw a relaxed sample, softer with a higher temperature."""

    temperature: AnySchedule = Field(
        default=Constant(value=1.0),
        description="What the noisy logits are divided by: the lower, the harder the choice.",
    )

    @model_validator(mode="after")
    def _can_be_divided_by(self) -> "Relaxed":
        lowest = min(self.temperature.levels())
        if lowest <= 0:
            raise ValueError(
                f"temperature must stay above 0, because the logits are divided by it, but it reaches {lowest}."
            )
        return self

    def temperature_at(self, time: Float[Array, ""]) -> Float[Array, ""]:
        return self.temperature(time)


class GumbelSoftmax(Relaxed):
    """s = softmax((y + g) / T): a relaxed sample of the channel."""

    kind: Literal["gumbel_softmax"] = "gumbel_softmax"

    def choose(self, y: Float[Array, "B K"], context: RoutingContext) -> Choice:
        return _gumbel_softmax(y, context), None


class StraightThrough(Relaxed):
    """One-hot forward, soft gradient backward. `decode: one` runs the decoder for the chosen channel only."""

    kind: Literal["straight_through"] = "straight_through"
    straight_through: AnySchedule = Field(
        default=Constant(value=1.0),
        description="Share of the hard choice in the forward pass, from 0 (soft) to 1 (one-hot).",
    )
    decode: Literal["all", "one"] = Field(
        default="all", description="Whether the decoder runs for every channel, or for the chosen one alone."
    )

    @model_validator(mode="after")
    def _one_needs_a_hard_choice(self) -> "StraightThrough":
        if self.decode == "one" and self.straight_through != Constant(value=1.0):
            raise ValueError(
                "`decode: one` needs `straight_through: 1`: a softer choice weighs channels that are not decoded."
            )
        return self

    @property
    def can_be_softened(self) -> bool:
        return self.decode == "all"

    def straight_through_at(self, time: Float[Array, ""]) -> Float[Array, ""]:
        return self.straight_through(time)

    def problems(self, epochs: float) -> Iterator[str]:
        outside = [share for share in self.straight_through.levels(epochs) if not 0 <= share <= 1]
        if outside:
            yield f"straight_through reaches {outside[0]:g}, but it is a share: keep it from 0 to 1."

    def choose(self, y: Float[Array, "B K"], context: RoutingContext) -> Choice:
        soft = _gumbel_softmax(y, context)
        return self._harden(soft, context.straight_through)

    def settle(self, y: Float[Array, "B K"], context: RoutingContext) -> Choice:
        soft, _ = super().settle(y, context)
        K = soft.shape[-1]
        return jax.nn.one_hot(jnp.argmax(soft, axis=-1), K, dtype=soft.dtype), None

    def _harden(self, soft: Float[Array, "B K"], share: Float[Array, ""]) -> Choice:
        chosen = jnp.argmax(soft, axis=-1, keepdims=True)
        channel = chosen if self.decode == "one" else jnp.broadcast_to(jnp.arange(soft.shape[-1]), soft.shape)
        soft = jnp.take_along_axis(soft, channel, axis=-1)
        hard = (channel == chosen).astype(soft.dtype)
        # s = soft + share · sg(hard − soft)
        return soft + share * stop_gradient(hard - soft), (chosen if self.decode == "one" else None)


class TopM(Routing):
    """The `m` most responsible channels exactly, and one drawn from the rest in proportion to its responsibility.

    With T the top m and q_j = r_j / Σ_{i∉T} r_i, the weight r_j / sg(q_j) of the drawn channel makes both the loss
    and its gradient unbiased: E_q[L_j · r_j / q_j] = Σ_{j∉T} r_j L_j. The cost of decoding is that of m + 1
    channels, whatever K is.
    """

    kind: Literal["top_m"] = "top_m"
    m: PositiveInt = Field(
        default=1, description="How many channels are decoded for certain; one more is drawn from the rest."
    )

    def choose(self, y: Float[Array, "B K"], context: RoutingContext) -> Choice:
        log_s = over_open(y / context.temperature, context.active)
        _, top = jax.lax.top_k(stop_gradient(log_s), self.m)
        in_top = jnp.any(top[:, :, None] == jnp.arange(log_s.shape[-1])[None, None, :], axis=1)
        # Below CLOSED, so that a closed channel is drawn before one of the top twice: its weight is then 0.
        log_q = jax.nn.log_softmax(jnp.where(in_top, 4 * CLOSED, stop_gradient(log_s)))
        drawn = jax.random.categorical(context.keys.routing, log_q)
        channel = jnp.concatenate([top, drawn[:, None]], axis=-1)
        log_weight = jnp.take_along_axis(log_s, channel, axis=-1)
        log_q_drawn = jnp.take_along_axis(log_q, drawn[:, None], axis=-1)
        correction = jnp.concatenate([jnp.zeros(top.shape, log_q.dtype), log_q_drawn], axis=-1)
        return jnp.exp(log_weight - correction), channel

    def check(self, num_channels: int) -> None:
        if self.m >= num_channels:
            raise ConfigError(
                f"model.routing.m is {self.m}, but `top_m` draws one more channel from the rest, so it must be "
                f"smaller than model.num_channels ({num_channels}). Use `expectation` to decode every channel."
            )


ROUTINGS = by_kind(Expectation, GumbelSoftmax, StraightThrough, TopM)
AnyRouting = Annotated[Routing, OneOf(ROUTINGS)]

"""Values that change while training. A schedule maps training time to a value; time counts epochs.

Wherever a configuration takes a schedule, a plain number means that constant.
"""

import itertools
import math
from abc import abstractmethod
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from pydantic import Field, PositiveFloat, model_serializer, model_validator

from rcmvae.options import OneOf, Options, by_kind, is_number, spell_out

Time = Float[Array, ""]
Value = Float[Array, ""]


class Schedule(Options):
    """Base of all schedules: `schedule(time)` is the value after `time` epochs."""

    @abstractmethod
    def __call__(self, time: Time) -> Value: ...

    @abstractmethod
    def settled(self) -> float:
        """The time from which on it keeps its value.

        >>> Linear(start=0, end=1, begin=5, epochs=5).settled()
        10.0
        """

    @abstractmethod
    def begins(self) -> float:
        """The time until which it is 0; ∞ if it never is anything else.

        >>> Linear(start=0, end=1, begin=5, epochs=5).begins()
        5.0
        """

    def is_on(self, times: Float[np.ndarray, " T"]) -> bool:
        """Whether it is anything but 0 at one of these times, which ascend.

        >>> schedule = Piecewise(at=[8], values=[0, 1])
        >>> schedule.is_on(np.array([6.0, 7.5])), schedule.is_on(np.array([7.5, 8.0]))
        (False, True)
        """
        if times[0] >= self.settled():  # asked in every epoch: one value is all there is to compute
            return bool(self(jnp.float32(times[-1])))
        return bool(np.any(jax.vmap(self)(jnp.asarray(times, jnp.float32))))

    @abstractmethod
    def levels(self, epochs: float = math.inf) -> tuple[float, ...]:
        """The values that it starts from, heads for or holds within so many epochs; it stays between them.

        >>> Linear(start=0, end=1, begin=5, epochs=5).levels(4)
        (0.0,)
        """


class Constant(Schedule):
    """value(t) = v.

    >>> float(Constant(value=0.5)(jnp.asarray(3.0)))
    0.5
    """

    kind: Literal["constant"] = "constant"
    value: float = Field(description="The value at all times.")

    def __call__(self, time: Time) -> Value:
        return jnp.full((), self.value, jnp.float32)

    def settled(self) -> float:
        return 0.0

    def begins(self) -> float:
        return 0.0 if self.value else math.inf

    def levels(self, epochs: float = math.inf) -> tuple[float, ...]:
        return (self.value,)

    @model_serializer
    def _as_number(self) -> float:
        return self.value


class Ramp(Schedule):
    """From `start` to `end` over `epochs`, beginning at epoch `begin`; flat before and after."""

    start: float = Field(description="The value before and at the beginning of the ramp.")
    end: float = Field(description="The value from the end of the ramp on.")
    epochs: PositiveFloat = Field(description="How long the ramp takes.")
    begin: float = Field(default=0.0, ge=0, description="How many epochs pass before the ramp.")

    def progress(self, time: Time) -> Value:
        return jnp.clip((time - self.begin) / self.epochs, 0.0, 1.0)

    def settled(self) -> float:
        return self.begin + self.epochs

    def begins(self) -> float:
        if self.start:
            return 0.0
        return self.begin if self.end else math.inf

    def levels(self, epochs: float = math.inf) -> tuple[float, ...]:
        return (self.start, self.end) if self.begin < epochs else (self.start,)


class Linear(Ramp):
    """value = start + p · (end − start), with p the share of the ramp that has passed.

    >>> float(Linear(start=0, end=2, epochs=4)(jnp.asarray(1.0)))
    0.5
    """

    kind: Literal["linear"] = "linear"

    def __call__(self, time: Time) -> Value:
        return self.start + self.progress(time) * (self.end - self.start)


class Cosine(Ramp):
    """value = end + (start − end) · (1 + cos πp) / 2.

    >>> round(float(Cosine(start=2, end=0, epochs=4)(jnp.asarray(2.0))), 6)
    1.0
    """

    kind: Literal["cosine"] = "cosine"

    def __call__(self, time: Time) -> Value:
        return self.end + (self.start - self.end) * 0.5 * (1 + jnp.cos(jnp.pi * self.progress(time)))


class Exponential(Ramp):
    """value = start · (end / start)^p, so both ends are positive.

    >>> round(float(Exponential(start=1, end=0.01, epochs=2)(jnp.asarray(1.0))), 6)
    0.1
    """

    kind: Literal["exponential"] = "exponential"
    start: PositiveFloat = Field(description="The value before and at the beginning of the ramp.")
    end: PositiveFloat = Field(description="The value from the end of the ramp on.")

    def __call__(self, time: Time) -> Value:
        return self.start * (self.end / self.start) ** self.progress(time)


def _constant_from_number(value: Any) -> Any:
    return {"kind": "constant", "value": value} if is_number(value) else spell_out(value)


class Piecewise(Schedule):
    """Holds `values[i]` from epoch `at[i-1]` until epoch `at[i]`: steps, no ramps between them.

    >>> schedule = Piecewise(at=[8], values=[0, 1])
    >>> [float(schedule(jnp.asarray(t))) for t in (0.0, 7.9, 8.0)]
    [0.0, 0.0, 1.0]
    """

    kind: Literal["piecewise"] = "piecewise"
    at: tuple[PositiveFloat, ...] = Field(min_length=1, description="After how many epochs each step comes.")
    values: tuple[float, ...] = Field(
        description="The value before the first step, and the one after each step."
    )

    @model_validator(mode="after")
    def _one_value_more_than_steps(self) -> "Piecewise":
        if len(self.values) != len(self.at) + 1:
            raise ValueError(
                f"{len(self.at)} steps need {len(self.at) + 1} values, one before each step and one after "
                f"the last, but {len(self.values)} were given."
            )
        if any(a >= b for a, b in itertools.pairwise(self.at)):
            raise ValueError(f"the epochs in `at` must increase, but {list(self.at)} were given.")
        return self

    def __call__(self, time: Time) -> Value:
        passed = jnp.searchsorted(jnp.asarray(self.at, jnp.float32), time, side="right")
        return jnp.asarray(self.values, jnp.float32)[passed]

    def settled(self) -> float:
        return self.at[-1]

    def begins(self) -> float:
        return next((begin for begin, value in self._steps() if value), math.inf)

    def levels(self, epochs: float = math.inf) -> tuple[float, ...]:
        return tuple(value for begin, value in self._steps() if begin < epochs)

    def _steps(self) -> Iterator[tuple[float, float]]:
        """When each value begins, and the value."""
        return zip((0.0, *self.at), self.values, strict=True)


class Warmup(Schedule):
    """value = min(1, t / epochs) · then(t): rises from 0, and hands over to another schedule.

    >>> float(Warmup(epochs=2, then=4.0)(jnp.asarray(0.5)))
    1.0
    """

    kind: Literal["warmup"] = "warmup"
    epochs: PositiveFloat = Field(description="How long the rise from 0 takes.")
    then: "AnySchedule" = Field(
        description="What is risen to: a number, or a schedule whose time runs from the start of training as well."
    )

    def __call__(self, time: Time) -> Value:
        return jnp.minimum(1.0, time / self.epochs) * self.then(time)

    def settled(self) -> float:
        return max(self.epochs, self.then.settled())

    def begins(self) -> float:
        return self.then.begins()

    def levels(self, epochs: float = math.inf) -> tuple[float, ...]:
        return (0.0, *self.then.levels(epochs))


SCHEDULES = by_kind(Constant, Linear, Cosine, Exponential, Piecewise, Warmup)


AnySchedule = Annotated[Schedule, OneOf(SCHEDULES, shorthand=_constant_from_number)]

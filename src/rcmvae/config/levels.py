"""Between which values a schedule moves while a run lasts, known without computing any of them."""

from functools import singledispatch

from rcmvae.schedules import Constant, Piecewise, Ramp, Schedule, Warmup


@singledispatch
def levels(schedule: Schedule, epochs: float) -> tuple[float, ...]:
    """The values that a schedule starts from, heads for or holds within so many epochs; none if that is not known.

    >>> from rcmvae.schedules import Linear
    >>> levels(Linear(start=0, end=1, begin=5, epochs=5), 20), levels(Linear(start=0, end=1, begin=5, epochs=5), 4)
    ((0.0, 1.0), (0.0,))
    """
    return ()


@levels.register
def _(schedule: Constant, epochs: float) -> tuple[float, ...]:
    return (schedule.value,)


@levels.register
def _(schedule: Ramp, epochs: float) -> tuple[float, ...]:
    return (schedule.start, schedule.end) if schedule.begin < epochs else (schedule.start,)


@levels.register
def _(schedule: Piecewise, epochs: float) -> tuple[float, ...]:
    begins = (0.0, *schedule.at)
    return tuple(value for begin, value in zip(begins, schedule.values, strict=True) if begin < epochs)


@levels.register
def _(schedule: Warmup, epochs: float) -> tuple[float, ...]:
    return (0.0, *levels(schedule.then, epochs))

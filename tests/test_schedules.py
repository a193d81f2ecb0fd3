"""Closed forms at many times, and laws that every schedule keeps."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter

from rcmvae.schedules import SCHEDULES, AnySchedule, Constant, Linear, Piecewise, Schedule, Warmup

ANY: TypeAdapter[Any] = TypeAdapter(AnySchedule)
TIMES = np.concatenate([np.linspace(0, 12, 97), [1e4]]).astype(np.float32)

RAMP = {"start": 0.4, "end": 3.0, "epochs": 5, "begin": 2}
DOWN = {"start": 3.0, "end": 0.4, "epochs": 2.5}


def share(t: float, epochs: float, begin: float = 0.0) -> float:
    return min(1.0, max(0.0, (t - begin) / epochs))


def linear(t: float, start: float, end: float, epochs: float, begin: float = 0.0) -> float:
    p = share(t, epochs, begin)
    return (1 - p) * start + p * end


def cosine(t: float, start: float, end: float, epochs: float, begin: float = 0.0) -> float:
    p = share(t, epochs, begin)
    return start * math.cos(math.pi * p / 2) ** 2 + end * math.sin(math.pi * p / 2) ** 2


def exponential(t: float, start: float, end: float, epochs: float, begin: float = 0.0) -> float:
    p = share(t, epochs, begin)
    return math.exp((1 - p) * math.log(start) + p * math.log(end))


def piecewise(t: float, at: list[float], values: list[float]) -> float:
    return values[sum(t >= edge for edge in at)]


STEPS = {"at": [1, 2.5, 7], "values": [0.5, -1, 0, 4]}

# kind: (settings, the value at a time by another road)
CLOSED_FORMS = {
    "constant": [({"value": 0.7}, lambda t: 0.7), ({"value": -2}, lambda t: -2.0)],
    "linear": [(RAMP, lambda t: linear(t, **RAMP)), (DOWN, lambda t: linear(t, **DOWN))],
    "cosine": [(RAMP, lambda t: cosine(t, **RAMP)), (DOWN, lambda t: cosine(t, **DOWN))],
    "exponential": [(RAMP, lambda t: exponential(t, **RAMP)), (DOWN, lambda t: exponential(t, **DOWN))],
    "piecewise": [(STEPS, lambda t: piecewise(t, **STEPS))],
    "warmup": [
        ({"epochs": 4, "then": 3.0}, lambda t: 3 * min(1, t / 4)),
        ({"epochs": 3, "then": {"kind": "linear"} | DOWN}, lambda t: min(1, t / 3) * linear(t, **DOWN)),
    ],
}
EVERY = [
    (ANY.validate_python({"kind": kind} | s), value)
    for kind, forms in CLOSED_FORMS.items()
    for s, value in forms
]
every_schedule = pytest.mark.parametrize(
    ("schedule", "value"), EVERY, ids=[s.model_dump_json() for s, _ in EVERY]
)
ramps = pytest.mark.parametrize("kind", ["linear", "cosine", "exponential"])


def values(schedule: Schedule, times: np.ndarray = TIMES) -> np.ndarray:
    return np.asarray(jax.jit(jax.vmap(schedule))(jnp.asarray(times)))


def test_every_kind_has_a_closed_form_here():
    assert set(CLOSED_FORMS) == set(SCHEDULES)


@every_schedule
def test_the_value_is_the_closed_form(schedule: Schedule, value):
    np.testing.assert_allclose(values(schedule), [value(float(t)) for t in TIMES], rtol=1e-5, atol=1e-6)


@every_schedule
def test_one_time_at_a_time_is_vmap(schedule: Schedule, value):
    some = TIMES[::16]
    one_by_one = [schedule(jnp.asarray(t)) for t in some]
    assert all(v.shape == () and v.dtype == jnp.float32 for v in one_by_one)
    np.testing.assert_allclose(one_by_one, values(schedule, some), rtol=1e-6)


@every_schedule
def test_it_is_on_where_some_value_is_not_zero(schedule: Schedule, value):
    for times in (*np.array_split(TIMES, 16), TIMES):
        assert schedule.is_on(times) == np.any(values(schedule, times))


@given(begin=st.integers(0, 50), epochs=st.integers(1, 50))
def test_a_ramp_to_zero_is_off_for_good(begin: int, epochs: int):
    """The time at which it ends is rounded; that must not leave it a hair above 0."""
    ramp = Linear(start=1, end=0, begin=begin / 10, epochs=epochs / 10)
    assert not ramp.is_on(np.array([100.0, 100.5]))


@every_schedule
def test_json_gives_the_same_schedule_back(schedule: Schedule, value):
    assert ANY.validate_json(ANY.dump_json(schedule)) == schedule
    assert ANY.validate_python(schedule.model_dump(mode="json")) == schedule


@every_schedule
def test_no_value_is_below_the_lowest(schedule: Schedule, value):
    assert values(schedule).min() >= min(schedule.levels()) - 1e-6


LATE = [
    {"kind": "linear", "start": 0, "end": 2, "epochs": 4, "begin": 3},
    {"kind": "linear", "start": 0, "end": 0, "epochs": 4},
    {"kind": "piecewise", "at": [2, 5], "values": [0, 0, 1]},
    {"kind": "piecewise", "at": [2, 5], "values": [0, 1, 0]},
    {"kind": "warmup", "epochs": 1, "then": {"kind": "piecewise", "at": [2], "values": [0, 1]}},
    {"kind": "constant", "value": 0},
]


@pytest.mark.parametrize(
    "schedule", [*(s for s, _ in EVERY), *map(ANY.validate_python, LATE)], ids=lambda s: s.model_dump_json()
)
def test_it_is_0_until_it_begins_and_no_longer(schedule: Schedule):
    begins = schedule.begins()
    assert np.all(values(schedule)[begins > TIMES] == 0)
    if math.isfinite(begins):
        assert values(schedule, np.asarray([begins + 1e-3], np.float32)) != 0


@every_schedule
def test_a_schedule_can_be_hashed_and_never_changes(schedule: Schedule, value):
    assert hash(schedule) == hash(schedule.model_copy())
    with pytest.raises(ValueError, match="frozen"):
        schedule.kind = "other"  # pyright: ignore[reportAttributeAccessIssue]


@ramps
@pytest.mark.parametrize("settings", [RAMP, DOWN], ids=["up", "down"])
def test_a_ramp_is_monotone_and_holds_its_ends(kind: str, settings: dict[str, float]):
    schedule = ANY.validate_python({"kind": kind} | settings)
    v = values(schedule)
    slope = np.sign(settings["end"] - settings["start"])
    assert np.all(slope * np.diff(v) >= -1e-6)
    begin, end = settings.get("begin", 0), settings.get("begin", 0) + settings["epochs"]
    np.testing.assert_allclose(v[begin >= TIMES], settings["start"], rtol=1e-6)
    np.testing.assert_allclose(v[end <= TIMES], settings["end"], rtol=1e-6)


@pytest.mark.parametrize("kind", ["linear", "cosine"])
@pytest.mark.parametrize("other", [0.1, 0.3, 7.0])
def test_a_ramp_to_or_from_zero_is_exactly_zero_there(kind: str, other: float):
    # A weight of exactly 0 lets training skip the decoder.
    to_zero = ANY.validate_python({"kind": kind, "start": other, "end": 0, "epochs": 3})
    from_zero = ANY.validate_python({"kind": kind, "start": 0, "end": other, "epochs": 3, "begin": 1})
    assert np.all(values(to_zero, np.asarray([3, 4, 100], np.float32)) == 0)
    assert np.all(values(from_zero, np.asarray([0, 0.5, 1], np.float32)) == 0)


def test_a_number_is_a_constant_and_is_written_as_one():
    assert ANY.validate_python(3) == Constant(value=3)
    assert ANY.dump_python(Constant(value=0.5), mode="json") == 0.5
    assert Warmup.model_validate({"epochs": 1, "then": 2}).then == Constant(value=2)


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        (True, "dict"),
        ("constant", "value"),
        ({"kind": "lineal", "start": 0, "end": 1, "epochs": 2}, "lineal"),
        ({"kind": "linear", "start": 0, "end": 1, "epochs": 0}, "greater than 0"),
        ({"kind": "linear", "start": 0, "end": 1, "epochs": 1, "begin": -1}, "greater than or equal to 0"),
        ({"kind": "linear", "start": 0, "end": 1, "epochs": 1, "by": 1}, "Extra inputs"),
        ({"kind": "exponential", "start": 1, "end": 0, "epochs": 2}, "greater than 0"),
        ({"kind": "piecewise", "at": [], "values": [1]}, "at least 1"),
        ({"kind": "piecewise", "at": [2], "values": [1]}, "1 steps need 2 values"),
        ({"kind": "piecewise", "at": [2, 2], "values": [1, 2, 3]}, "must increase"),
        ({"kind": "warmup", "epochs": 2}, "then"),
        (float("nan"), "finite"),
        (float("inf"), "finite"),
    ],
)
def test_what_is_no_schedule_is_refused(given: Any, complaint: str):
    with pytest.raises(ValueError, match=complaint):
        ANY.validate_python(given)


def test_a_step_happens_at_its_epoch():
    schedule = Piecewise(at=(8,), values=(0, 1))
    assert [float(schedule(jnp.asarray(t))) for t in (0.0, np.nextafter(np.float32(8), 0), 8.0, 9.0)] == [
        0,
        0,
        1,
        1,
    ]


@every_schedule
def test_a_settled_schedule_keeps_its_value_and_no_earlier(schedule: Schedule, value):
    settled = schedule.settled()
    after = values(schedule, np.linspace(settled, settled + 50, 20))
    np.testing.assert_allclose(after, after[0], rtol=1e-6)
    if settled > 0:
        assert float(schedule(jnp.asarray(0.98 * settled))) != pytest.approx(float(after[0]), rel=1e-6)

"""A batch split over four devices trains like one that is not."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from rcmvae.errors import ConfigError
from rcmvae.training import Devices

from .small import result_of, start_python

# The sums over a batch are added in another order: 1e-7 in a step, after 14 steps of Adam still below this.
RTOL = 1e-4


@pytest.fixture(scope="module")
def found() -> dict[str, Any]:
    script = Path(__file__).with_name("on_devices.py")
    return result_of(start_python(script, devices=4))


def agree(a: list[dict[str, float]], b: list[dict[str, float]]) -> None:
    for mine, other in zip(a, b, strict=True):
        assert mine.keys() == other.keys()
        for name, value in mine.items():
            np.testing.assert_allclose(value, other[name], rtol=RTOL, atol=1e-6, err_msg=name)


def test_four_devices_train_as_one_does(found: dict[str, Any]) -> None:
    """`usage_entropy` among the terms: it is taken of the whole batch, not of each device's part."""
    for one, four in zip(found["one"], found["four"], strict=True):
        agree(one, four)
        assert "usage_entropy" in one[0]


def test_each_device_computes_its_own_part(found: dict[str, Any]) -> None:
    one, four = found["programs"]
    assert one["sums_over_devices"] == 0
    assert four["sums_over_devices"] > 0
    assert one["whole_batches"] > 0
    assert one["quarters"] == 0
    assert four["whole_batches"] == 0
    assert four["quarters"] > 0
    assert four["flops"] < 0.5 * one["flops"]


def test_what_cannot_be_split_is_told(found: dict[str, Any]) -> None:
    assert found["indivisible"] == (
        "training.batch_size is 30, which does not divide evenly over 4 devices: 28 would."
    )
    assert found["too_many"].startswith("training.devices is 5, but only 4 (cpu) can be used here")


def test_a_batch_smaller_than_the_devices_is_told() -> None:
    count = len(jax.devices())
    with pytest.raises(ConfigError, match=f"only {count}"):
        Devices.take(count + 1, 32)


def test_one_process_agrees_with_itself() -> None:
    devices = Devices.take(1, 32)
    assert devices.agree(7) == 7
    assert devices.agree_on_text("runs/schön") == "runs/schön"
    assert devices.is_lead

"""What seeds are compared by."""

import pytest

from rcmvae.seeds import losses_to_compare, spread

LOSSES = {3: [0.0] * 18 + [3.0, 5.0], 4: [9.0] * 18 + [3.5, 3.5], 5: [9.0] * 19 + [1.0]}
ROWS = [
    {"seed": seed, "epoch": epoch, "train/loss": loss}
    for seed, each in LOSSES.items()
    for epoch, loss in enumerate(each, start=1)
]


def test_seeds_are_compared_by_the_last_tenth_of_the_epochs() -> None:
    # Neither by the last epoch, where 5 would be best, nor by all of them, where 3 would.
    assert losses_to_compare(ROWS, [*LOSSES], 20) == [4.0, 3.5, 5.0]
    assert losses_to_compare(ROWS[::-1], [5, 3], 20) == [5.0, 4.0]
    assert losses_to_compare(ROWS, [*LOSSES], 19) == pytest.approx([1.5, 6.25, 9.0])


def test_a_single_epoch_is_its_own_tenth() -> None:
    assert losses_to_compare(ROWS, [*LOSSES], 1) == [0.0, 9.0, 9.0]


def test_a_spread_is_the_mean_and_the_sample_standard_deviation() -> None:
    values = [0.5, 0.25, 1.0, 0.75]
    found = spread(values)
    mean = sum(values) / 4
    assert found["mean"] == mean
    assert found["sd"] == pytest.approx((sum((v - mean) ** 2 for v in values) / 3) ** 0.5, rel=1e-12)
    assert found["per_seed"] == values
    assert spread([2.0]) == {"mean": 2.0, "sd": None, "per_seed": [2.0]}

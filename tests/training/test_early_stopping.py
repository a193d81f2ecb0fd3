"""Patience against an independent loop, and what is kept of the best epoch."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcmvae.errors import ConfigError
from rcmvae.training.early_stopping import Patience
from rcmvae.training.options import EarlyStopping

from .small import bench, same_bits, tiny

values = st.lists(st.floats(-100, 100, allow_nan=False), min_size=1, max_size=30)


def one_by_one(series: list[float], patience: int, min_delta: float) -> tuple[float, int, int | None]:
    """Best value, its epoch, and the epoch that training stops after."""
    best, best_epoch, waited = None, 0, 0
    for epoch, value in enumerate(series, start=1):
        if best is None or value < best - min_delta:
            best, best_epoch, waited = value, epoch, 0
        else:
            waited += 1
        if waited == patience:
            assert best is not None
            return best, best_epoch, epoch
    assert best is not None
    return best, best_epoch, None


@given(
    replicas=st.lists(values, min_size=1, max_size=3),
    patience=st.integers(1, 5),
    min_delta=st.sampled_from([0.0, 0.5, 10.0]),
)
def test_every_replica_stops_as_if_it_were_alone(
    replicas: list[list[float]], patience: int, min_delta: float
) -> None:
    length = min(len(series) for series in replicas)
    series = np.array([one[:length] for one in replicas])
    options = EarlyStopping(patience=patience, min_delta=min_delta)
    state, stops = Patience.init(len(series)), np.zeros(len(series), int)
    for epoch, now in enumerate(series.T, start=1):
        before = state.best_epoch
        state, improved = state.step(options, epoch, now)
        assert (improved == (state.best_epoch == epoch)).all()
        assert (~improved <= (state.best_epoch == before)).all()
        stops = np.where(state.stopped & (stops == 0), epoch, stops)
        state = Patience.from_json(state.to_json())
    for replica, one in enumerate(series.tolist()):
        best, best_epoch, stopped_after = one_by_one(one, patience, min_delta)
        assert state.best[replica] == best
        assert state.best_epoch[replica] == best_epoch
        assert stops[replica] == (stopped_after or 0)


def test_an_epoch_that_is_no_better_ends_patience_of_one() -> None:
    options = EarlyStopping(patience=1)
    state, _ = Patience.init(2).step(options, 1, np.array([3.0, 3.0]))
    state, improved = state.step(options, 2, np.array([3.0, 2.9]))
    assert state.stopped.tolist() == [True, False]
    assert improved.tolist() == [False, True]
    state, improved = state.step(options, 3, np.array([0.0, 2.0]))
    assert state.stopped.tolist() == [True, False], "stopped once is stopped for good"
    assert state.best.tolist() == [3.0, 2.0]


# Nothing holds the codes to their prior, so their KL only grows, and the first epoch stays the best.
WORSENING = {"objective": {"kl_z": 0}}


def test_training_stops_when_patience_ends_and_hands_back_the_best_weights() -> None:
    stopping: dict[str, Any] = {"early_stopping": {"monitor": "kl_z", "patience": 2}}
    ran = bench(tiny(WORSENING, epochs=9, learning_rate=1e-2, **stopping)).fit()
    series = [signals[0].validation["kl_z"] for signals in ran.epochs]
    best, best_epoch, stopped_after = one_by_one(series, patience=2, min_delta=0.0)
    found = ran.outcome.checkpoint
    assert (found.epoch, len(series)) == (stopped_after, stopped_after)
    assert found.epoch < 9
    assert found.patience.best.tolist() == [best]
    assert found.patience.best_epoch.tolist() == [best_epoch]
    at_best = bench(tiny(WORSENING, epochs=best_epoch, learning_rate=1e-2)).fit().outcome.checkpoint
    assert same_bits(ran.outcome.chosen.params, at_best.arrays.state.params)
    assert not same_bits(ran.outcome.chosen.params, found.arrays.state.params)


def test_without_early_stopping_the_last_weights_are_used() -> None:
    outcome = bench(tiny(epochs=1)).fit().outcome
    assert outcome.checkpoint.arrays.best is None
    assert outcome.chosen is outcome.checkpoint.arrays.state


@pytest.mark.parametrize("monitor", ["bound", "loss", "reconstruction", "kl_z", "kl_c", "usage_entropy"])
def test_every_value_that_is_computed_can_be_monitored(monitor: str) -> None:
    rewarding_concentration = {"objective": {"usage_entropy": 1}}
    ran = bench(tiny(rewarding_concentration, epochs=1, early_stopping={"monitor": monitor})).fit()
    assert ran.outcome.checkpoint.patience.best.tolist() == [ran.epochs[0][0].validation[monitor]]


def test_a_value_that_is_not_computed_cannot() -> None:
    with pytest.raises(ConfigError, match=r"monitor.*`bond`.*Did you mean 'bound'"):
        tiny(early_stopping={"monitor": "bond"})

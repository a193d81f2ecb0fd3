"""Growing under routings and a layout that the other tests of growth do not have, with labels counted on the way."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest

from rcmvae.training import TrainState

from .grown import BASE, MERGES, Watched, replica_of, watched
from .small import bench, tiny

WAYS = {
    "expectation": {"routing": "expectation"},
    "straight_through": {"routing": "straight_through", "layout": "shared"},
}


@pytest.fixture(scope="module", params=WAYS)
def run(request: pytest.FixtureRequest) -> Watched:
    changes = {"model": WAYS[request.param], "objective": {"tau": 1}, "curriculum": MERGES}
    return watched(bench(tiny(BASE, changes)))


def counts(run: Watched, state: TrainState) -> np.ndarray:
    """How much of each label each channel holds, by the formula."""
    plan, split = run.on.setting.plan, run.on.setting.dataset.train
    y = np.asarray(eqx.combine(state.params, plan.skeleton).encode(plan.scaling(split.x)).logits, float)
    e = np.exp(y - y.max(axis=1, keepdims=True)) * np.asarray(state.active)
    r = e / e.sum(axis=1, keepdims=True)
    found = np.zeros((y.shape[1], 10))
    np.add.at(found.T, split.label, r)
    return found


def states(run: Watched) -> list[tuple[TrainState, TrainState, Any]]:
    """Each epoch's weights before and after what was decided, and the events."""
    return [
        (replica_of(was.arrays.state, 0), replica_of(now.arrays.state, 0), signals[0].events)
        for (was, now), signals in zip(run.steps, run.ran.epochs, strict=True)
    ]


def test_channels_open_close_and_merge(run: Watched) -> None:
    assert {event.what for _, _, events in states(run) for event in events} >= {
        "opened",
        "closed",
        "merged",
        "ended",
    }
    for was, now, _ in states(run):
        assert all(
            np.isfinite(leaf).all()
            for leaf in (was.params.heads.logits.weight, now.params.heads.logits.weight)
        )
    for signals, (was, _, _) in zip(run.ran.epochs, states(run), strict=True):
        closed = ~np.asarray(was.active)
        assert (signals[0].usage[closed] == 0).all()
        assert (signals[0].channel_loss[closed] == 0).all()


def test_what_a_merged_channel_knew_of_labels_goes_to_the_one_that_stays(run: Watched) -> None:
    counting, seen = run.on.setting.plan.objective.counting, 0
    assert counting is not None
    for (_, began, events), (ended, _, _) in zip(states(run), states(run)[1:], strict=False):
        # Labels are counted when an epoch begins, after whatever was decided before it.
        expected = counts(run, began)
        np.testing.assert_allclose(
            np.asarray(ended.tau), counting.table(jnp.asarray(expected, jnp.float32)), atol=1e-4
        )
        for event in events:
            if event.what == "merged":
                seen += 1
                assert expected[event.channel].sum() == 0
                assert np.ptp(np.asarray(ended.tau)[event.channel]) == pytest.approx(0, abs=1e-6)
                np.testing.assert_allclose(expected.sum(), len(run.on.setting.dataset.train))
    assert seen == 2

"""Several seeds in one program are that many runs."""

import jax
import numpy as np
import pytest

from rcmvae import experiment
from rcmvae.seeds import spread

from .small import Ran, bench, digits, rows_of, tiny

SEEDS = range(3, 7)

# Patience is short and the rate high, so that the replicas stop in different epochs.
STOPPING = {
    "objective": {"kl_z": 0},
    "training": {"epochs": 6, "learning_rate": 1e-2, "early_stopping": {"monitor": "kl_c", "patience": 1}},
}

# A batched product adds in another order than a plain one. That is 1e-7 in a step; a few dozen steps of
# Adam, which divides by the gradient's size, make at most some 1e-4 of it.
RTOL, ATOL = 2e-3, 2e-4


@pytest.fixture(scope="module")
def together() -> Ran:
    return bench(tiny(STOPPING, seed=SEEDS.start, seeds=len(SEEDS))).fit()


@pytest.fixture(scope="module")
def apart() -> list[Ran]:
    return [bench(tiny(STOPPING, seed=seed)).fit() for seed in SEEDS]


def test_histories_agree(together: Ran, apart: list[Ran]) -> None:
    for replica, alone in enumerate(apart):
        for both, (one,) in zip(together.epochs, alone.epochs, strict=False):
            mine = both[replica]
            assert (mine.epoch, mine.step) == (one.epoch, one.step)
            for name in one.train | one.validation:
                values = (mine.train | mine.validation)[name], (one.train | one.validation)[name]
                np.testing.assert_allclose(*values, rtol=RTOL, atol=ATOL, err_msg=name)
            np.testing.assert_allclose(mine.usage, one.usage, atol=ATOL)


def test_every_replica_stops_in_its_own_epoch_with_its_own_best_weights(
    together: Ran, apart: list[Ran]
) -> None:
    found = together.outcome.checkpoint.patience
    stops = [alone.outcome.checkpoint.epoch for alone in apart]
    assert len(set(stops)) > 1, "the replicas are to stop at different times"
    assert len(together.epochs) == max(stops)
    for replica, alone in enumerate(apart):
        own = alone.outcome.checkpoint.patience
        assert found.best_epoch[replica] == own.best_epoch[0]
        assert found.stopped[replica] == own.stopped[0]
        np.testing.assert_allclose(found.best[replica], own.best[0], rtol=RTOL, atol=ATOL)
        mine = jax.tree.map(lambda leaf, at=replica: leaf[at], together.outcome.chosen.params)
        for a, b in zip(jax.tree.leaves(mine), jax.tree.leaves(alone.outcome.chosen.params), strict=True):
            np.testing.assert_allclose(a, b[0], rtol=RTOL, atol=1e-3)


def test_replicas_differ_from_each_other(together: Ran) -> None:
    losses = [one.train["loss"] for one in together.epochs[0]]
    assert len(set(losses)) == len(SEEDS)


def test_the_summary_gives_every_seed_at_the_epoch_of_its_weights(tmp_path, together: Ran) -> None:
    run = experiment.train(tiny(STOPPING, directory=tmp_path, seed=3, seeds=4), digits())
    summary = run.read_json("summary.json")
    assert summary["seeds"] == [*SEEDS]
    patience = together.outcome.checkpoint.patience
    chosen = [together.epochs[epoch - 1][replica] for replica, epoch in enumerate(patience.best_epoch)]
    for name in ("train/loss", "validation/bound"):
        part, key = name.split("/")
        values = [(one.train if part == "train" else one.validation)[key] for one in chosen]
        assert summary["training"][name] == spread(values)
    # Under early stopping seeds are compared by what it watches.
    assert summary["best_by"] == {STOPPING["training"]["early_stopping"]["monitor"]: patience.best.tolist()}
    assert summary["best_seed"] == SEEDS[int(np.argmin(patience.best))]
    accuracy = summary["test"]["clustering"]["accuracy"]
    assert len(accuracy["per_seed"]) == 4
    assert accuracy["mean"] == pytest.approx(np.mean(accuracy["per_seed"]))
    assert accuracy["sd"] == pytest.approx(np.std(accuracy["per_seed"], ddof=1))
    rows = rows_of(run.path)
    for seed, best, stopped in zip(SEEDS, patience.best_epoch, patience.stopped, strict=True):
        last = best + 1 if stopped else len(together.epochs)
        assert [row["epoch"] for row in rows if row["seed"] == seed] == [*range(1, last + 1)]
    assert summary["early_stopping"]["best_epoch"] == together.outcome.checkpoint.patience.best_epoch.tolist()

"""Labels in training: what stands for what is counted as every epoch begins, and as many come up as are asked for."""

from typing import Any

import jax
import numpy as np
import pytest

from rcmvae.data import Dataset, Digits, load
from rcmvae.labels import Tau
from rcmvae.training import compile_codes
from rcmvae.training.epoch import batches_of

from .small import DATA, bench, tiny

FEW: dict[str, Any] = {"objective": {"tau": {"weight": 20, "smoothing": 0.2}}}


@pytest.fixture(scope="module")
def few() -> Dataset:
    """A fifth of the samples is labelled."""
    return load(Digits.model_validate({**DATA, "num_labeled": 50}))


@pytest.mark.parametrize("seeds", [1, 2])
def test_tau_is_counted_from_all_labelled_samples_as_the_epoch_begins(few: Dataset, seeds: int) -> None:
    on = bench(tiny(FEW, seeds=seeds), few)
    two, three = (
        bench(tiny(FEW, seeds=seeds, epochs=epochs), few).fit().outcome.checkpoint for epochs in (2, 3)
    )
    codes = compile_codes(on.setting.plan, on.setting.devices)(two.arrays.state, on.train)
    for replica, mine in enumerate(codes):
        expected = Tau.blank(4, 10, 0.2).taught(mine.responsibility, few.train.label)
        assert expected.counts.sum() == pytest.approx(50)
        assert three.arrays.state.tau is not None
        np.testing.assert_allclose(three.arrays.state.tau[replica], expected.table, rtol=1e-4)


def test_channels_learn_what_they_stand_for(few: Dataset) -> None:
    def log_p(settings: dict[str, Any]) -> float:
        on = bench(tiny(settings, epochs=40, learning_rate=1e-2), few)
        (codes,) = compile_codes(on.setting.plan, on.setting.devices)(on.fit().outcome.chosen, on.train)
        tau, known = Tau.blank(4, 10).taught(codes.responsibility, few.train.label), few.train.label >= 0
        p = tau.predict_proba(codes.responsibility)
        return float(np.log(p[known, few.train.label[known]]).mean())

    assert log_p(FEW) > log_p({}) + 0.3  # four channels tell ten labels apart at most to log 4 nats


@pytest.mark.parametrize(("share", "labelled"), [(0.25, 8), (0.01, 1), (0.9, 29)])
def test_a_share_of_every_batch_is_labelled(few: Dataset, share: float, labelled: int) -> None:
    on, plain = (bench(tiny(FEW, each), few) for each in ({"training": {"labeled_share": share}}, {}))
    rows, before = (np.asarray(batches_of(b.setting.plan, b.train, jax.random.key(3))) for b in (on, plain))
    assert (few.train.label[rows[:, :labelled]] >= 0).all()
    np.testing.assert_array_equal(rows[:, labelled:], before[:, labelled:])
    assert len(np.unique(rows[:, :labelled])) > 1 + labelled // 2, "not the same few again and again"


def test_without_a_share_every_sample_comes_up_once(few: Dataset) -> None:
    on = bench(tiny(FEW), few)
    rows = np.asarray(batches_of(on.setting.plan, on.train, jax.random.key(3)))
    assert rows.shape == (7, 32)
    assert len(np.unique(rows)) == rows.size

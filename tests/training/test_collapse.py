"""A collapse is told while it happens, once, with what to change."""

import shlex
from typing import Any

import numpy as np
import pytest
from scipy.special import entr
from sklearn.exceptions import ConvergenceWarning

from rcmvae.config import load_config
from rcmvae.data import dataset_from_arrays
from rcmvae.setting import Setting
from rcmvae.structs import Signals
from rcmvae.training import begin, compile_codes, fit
from rcmvae.training.collapse import CollapseWatch, advice
from tests.estimator.small import SMALL, blobs, small

GAUSSIAN = {"model.decoder.output": "gaussian", "objective.consistency": None}
TERMS = "objective={reconstruction: 1, kl_z: 1, kl_c: 1, usage_entropy: -100}"


def of(usage: np.ndarray, **others: Any) -> Signals:
    """An epoch in which channels held so much."""
    everything = {
        "epoch": 1,
        "step": 1,
        "train": {},
        "validation": {},
        "usage": usage,
        "active": np.ones(len(usage), bool),
        "seconds": 1.0,
        "channel_loss": np.zeros(len(usage)),
    }
    return Signals(**everything | others)


def test_a_collapse_is_told_once_after_three_epochs_and_again_only_after_a_recovery() -> None:
    said: list[str] = []
    watch = CollapseWatch(load_config().objective, (8, 8, 1), 5, said.append)
    alone, fine = np.array([0.0, 0.995, 0.005]), np.array([0.3, 0.4, 0.3])
    counts = []
    for usage in (fine, alone, alone, fine, alone, alone, alone, alone, fine, alone, alone, alone):
        watch([of(fine), of(usage)])
        counts.append(len(said))
    assert counts == [0] * 6 + [1] * 5 + [2]
    assert said[0].startswith(
        "Seed 6 has collapsed: for 3 epochs, channel 1 holds 99.5% of the held-out samples"
    )
    assert "outweigh the reconstruction" in said[0]


def test_channels_that_say_nothing_about_samples_are_a_collapse_too() -> None:
    said: list[str] = []
    watch = CollapseWatch(load_config().objective, (8, 8, 1), 0, said.append)
    usage = np.array([0.5, 0.3, 0.2])
    whole = float(-(usage * np.log(usage)).sum())
    for epoch in range(40):
        # Every sample has r equal to the mean: all of the entropy is doubt. Later they are told apart.
        # Four young epochs, ten blind ones but one, six in which they see, and ten blind ones.
        told_apart = 0.5 if 13 <= epoch < 20 else 0.005
        watch([of(usage, doubt=whole - told_apart, step=100 * (epoch + 1))])
        assert len(said) == (epoch >= 29)
    assert "every held-out sample has been shared among channels alike" in said[0]


def test_what_an_epoch_says_of_doubt_is_the_mean_entropy_of_responsibilities() -> None:
    heard: list[float] = []
    dataset = dataset_from_arrays(*blobs())
    config = load_config(
        None, {"training.epochs": 2, "training.batch_size": 32, "model.num_channels": 3} | GAUSSIAN
    )
    setting = Setting.prepare(config, dataset)
    validation = setting.on_device(setting.dataset.validation)
    outcome = fit(
        setting.plan,
        setting.devices,
        begin(setting.plan, setting.start),
        setting.on_device(setting.dataset.train),
        validation,
        [lambda signals: heard.append(signals[0].doubt)],
    )
    (seen,) = compile_codes(setting.plan, setting.devices)(outcome.chosen, validation)
    expected = entr(seen.responsibility).sum(axis=1).mean()
    assert heard[-1] == pytest.approx(expected, rel=1e-4)


def test_one_open_channel_has_everything_and_that_is_no_collapse() -> None:
    said: list[str] = []
    watch = CollapseWatch(load_config().objective, (8, 8, 1), 0, said.append)
    for _ in range(5):
        watch([of(np.array([0.0, 1.0, 0.0]), active=np.array([False, True, False]))])
        watch([of(np.array([0.0, 1.0, 0.0]), idle=True)])
    assert not said


def test_the_advice_names_what_is_missing_and_can_be_taken() -> None:
    objective = load_config(None, [TERMS]).objective
    assert advice(objective, (8, 8, 1)).endswith("add objective.consistency=100 objective.confidence=50.")
    # As a shell hands it over, and with a view that vectors have.
    words = shlex.split(advice(objective, (5,)).split(": add ")[1].removesuffix("."))
    taken = load_config(None, [TERMS, "model.decoder.output=gaussian", *words])
    taken.check_against(dataset_from_arrays(np.random.default_rng(0).normal(size=(900, 5)).astype("float32")))
    assert taken.objective.terms.keys() >= {"consistency", "confidence"}


def test_a_training_that_collapses_says_so() -> None:
    lonely = {**SMALL, "objective": {"consistency": None, "usage_entropy": 50, "confidence": 5}}
    with pytest.warns(ConvergenceWarning, match="Seed 0 has collapsed"):
        small(config=lonely, epochs=40).fit(blobs()[0])

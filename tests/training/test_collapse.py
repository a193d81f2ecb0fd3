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
FULL = "consistency: 100, usage_entropy: -100, confidence: 50"
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


def test_channels_that_hold_next_to_nothing_for_long_are_told_by_number() -> None:
    said: list[str] = []
    watch = CollapseWatch(load_config().objective, (8, 8, 1), 3, said.append)
    active = np.array([True, True, True, True, False])
    lost, back = np.array([0.5, 0.48, 0.019, 0.001, 0.0]), np.array([0.4, 0.4, 0.1, 0.1, 0.0])
    counts = []
    # Nine epochs are not ten; then two channels of four are lost, come back, and one is lost again.
    for usage, epochs in (
        (lost, 9),
        (back, 1),
        (lost, 14),
        (back, 1),
        (np.array([0.5, 0.3, 0.199, 0.001, 0.0]), 12),
    ):
        for _ in range(epochs):
            watch([of(usage, active=active, step=600)])
        counts.append(len(said))
    assert counts == [0, 0, 1, 1, 2]
    assert said[0].startswith(
        "Seed 3 has lost channels 2 and 3 of 4: for 10 epochs, less than a tenth of an equal share"
    )
    assert said[1].startswith("Seed 3 has lost channel 3 of 4")


def test_where_channels_grow_an_empty_one_is_the_curriculums_affair() -> None:
    said: list[str] = []
    growing = load_config(
        None, [f"objective={{reconstruction: 1, kl_z: 1, {FULL.replace('-100', '-50')}}}"]
    ).objective
    watch = CollapseWatch(growing, (8, 8, 1), 0, said.append, grows=True)
    for _ in range(12):
        watch([of(np.array([0.6, 0.399, 0.001]), step=600)])
    assert not said
    for _ in range(3):
        watch([of(np.array([0.995, 0.004, 0.001]), step=600)])
    assert "has collapsed" in said[0]
    assert "outweigh the reconstruction" in said[0], "information alone is enough there"


def test_young_or_single_channels_are_not_lost() -> None:
    said: list[str] = []
    watch = CollapseWatch(load_config().objective, (8, 8, 1), 0, said.append)
    for _ in range(30):
        watch([of(np.array([0.7, 0.299, 0.001]), step=100)])
        watch([of(np.array([0.0, 1.0, 0.0]), active=np.array([False, True, False]), step=600)])
    assert not said


def test_the_advice_names_what_is_missing_and_can_be_taken() -> None:
    objective = load_config(None, [TERMS]).objective
    assert advice(objective, (8, 8, 1)).endswith("set objective.consistency=100 objective.confidence=50.")
    # As a shell hands it over, and with a view that vectors have.
    words = shlex.split(advice(objective, (5,)).split(": set ")[1].removesuffix("."))
    taken = load_config(None, [TERMS, "model.decoder.output=gaussian", *words])
    taken.check_against(dataset_from_arrays(np.random.default_rng(0).normal(size=(900, 5)).astype("float32")))
    assert taken.objective.terms.keys() >= {"consistency", "confidence"}


FALLING = "{weight: {kind: linear, start: -100, end: -20, epochs: 10}}"


@pytest.mark.parametrize(
    ("objective", "epoch", "changes"),
    [
        (FULL, 0, ""),
        (FULL.replace("-100", "-99"), 0, "objective.usage_entropy.weight=-100"),
        (FULL.replace("50", "70"), 0, "objective.usage_entropy.weight=-140"),
        (FULL.replace("-100", "50"), 0, "objective.usage_entropy.weight=-100"),
        (FULL.replace(" 100", " 0"), 0, "objective.consistency.weight=100"),
        (FULL.replace("-100", FALLING), 0, ""),
        (FULL.replace("-100", FALLING), 10, "objective.usage_entropy.weight=-100"),
        ("usage_entropy: 50", 0,
         "objective.usage_entropy.weight=-100 objective.consistency=100 objective.confidence=50"),
    ],
)  # fmt: skip
def test_the_advice_sees_signs_and_that_equal_shares_count_twice(
    objective: str, epoch: int, changes: str
) -> None:
    given = load_config(None, [f"objective={{reconstruction: 1, kl_z: 1, {objective}}}"]).objective
    said = advice(given, (8, 8, 1), epoch)
    assert said.endswith(f"set {changes}.") if changes else "outweigh the reconstruction" in said
    if changes:  # and once it was taken, there is nothing more to say of the kind
        taken = load_config(
            None, [f"objective={{reconstruction: 1, kl_z: 1, {objective}}}", *changes.split()]
        )
        assert "outweigh the reconstruction" in advice(taken.objective, (8, 8, 1), epoch)


def test_the_advice_for_the_recipe_that_collapses_is_what_it_lacks() -> None:
    said = advice(load_config("configs/prototype.yaml").objective, (28, 28, 1))
    assert said.endswith(
        "set objective.usage_entropy.weight=-100 objective.consistency=100 objective.confidence=50."
    )


def test_a_training_that_collapses_says_so() -> None:
    lonely = {**SMALL, "objective": {"consistency": None, "usage_entropy": 50, "confidence": 5}}
    with pytest.warns(ConvergenceWarning, match="Seed 0 has collapsed"):
        small(config=lonely, epochs=40).fit(blobs()[0])

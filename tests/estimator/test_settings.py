"""What is trained is what was asked for, or a sentence says why not."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rcmvae import MixtureVAE, load_config
from rcmvae.config import Config
from rcmvae.errors import ConfigError
from rcmvae.estimator.settings import configured, sample_shape
from tests.estimator.small import SMALL, blobs

CONFIGS = Path(__file__).parents[2] / "configs"


def settings(num_samples: int = 1000, shape: tuple[int, ...] = (5,), **params: Any) -> Config:
    given = MixtureVAE(**params).get_params(deep=False)
    return configured(given, shape, len(shape) > 1, num_samples, 0)


# What is known of digits alone is too little for images of anything; and where nothing is said, two thirds of the time.
ANYTHING = [
    "objective.consistency.views=[{kind: neighbours, number: 10, share: 0.7}, warp]",
    *(f"objective.{name}.weight.at=[8]" for name in ("reconstruction", "kl_z", "kl_c")),
    "training.epochs=20",
    "training.learning_rate.then.epochs=20",
]


@pytest.mark.parametrize(
    ("name", "shape", "samples", "channels", "besides"),
    [
        ("tabular", (13,), 178, 3, []),
        ("digits", (8, 8, 1), 1455, 10, []),
        ("mnist", (28, 28, 1), 55_000, 10, ANYTHING),
    ],
)
def test_the_recipes_are_those_of_the_configurations(
    name: str, shape: tuple[int, ...], samples: int, channels: int, besides: list[str]
) -> None:
    expected = load_config(CONFIGS / f"{name}.yaml", besides)
    found = settings(samples, shape, num_channels=channels)
    assert found.model == expected.model
    assert found.objective == expected.objective
    for key in ("epochs", "learning_rate", "batch_size"):
        ours, theirs = getattr(found.training, key), getattr(expected.training, key)
        assert str(ours) == str(theirs), key


@pytest.mark.parametrize("shape", [(5,), (8, 8, 1), (28, 28, 3), (96, 64, 3)])
@pytest.mark.parametrize("epochs", [1, 2, 7, 1000])
def test_recipes_stretch_to_any_number_of_epochs(shape: tuple[int, ...], epochs: int) -> None:
    found = settings(shape=shape, epochs=epochs)
    assert found.training.epochs == epochs
    assert found.objective.settled() < epochs


def test_more_samples_get_fewer_epochs() -> None:
    counts = [settings(n).training.epochs for n in (20, 1000, 10_000, 100_000, 10**7)]
    assert counts == [200, 200, 38, 10, 10]


def test_what_is_configured_comes_last() -> None:
    nested = {"model": {"num_channels": 7, "trunk": {"hidden": [3]}}, "training": {"epochs": 5}}
    found = settings(
        num_channels=4, epochs=9, learning_rate=1e-3, config=nested | {"training.clip_norm": 2.0}
    )
    assert (found.model.num_channels, found.training.epochs, found.training.clip_norm) == (7, 5, 2.0)
    assert found.model.trunk.hidden == (3,)  # pyright: ignore[reportAttributeAccessIssue]
    assert found.training.learning_rate.levels() == (1e-3,)
    assert settings(config={"model": {"trunk": {}}, "objective": {}}) == settings()
    assert settings(config={"curriculum": {}}).curriculum is not None
    assert settings(config={"curriculum.trial": 7}).model_dump()["curriculum"]["trial"] == 7
    same = {"epochs": np.int64(9), "num_channels": np.int32(4)}  # as a search over np.arange gives them
    assert settings(**same).training.epochs == 9


@pytest.mark.parametrize(
    ("params", "sentence"),
    [
        ({"num_channels": 0}, r"model\.num_channels is `0`"),
        ({"epochs": 1.5}, r"training\.epochs is `1\.5`"),
        ({"epochs": -1}, r"training\.epochs is `-1`"),
        ({"learning_rate": "fast"}, r"training\.learning_rate"),
        ({"batch_size": 0}, r"training\.batch_size is `0`"),
        ({"random_state": -1}, r"training\.seed"),
        ({"random_state": 2**32 - 1, "n_init": 2}, r"training\.seed"),
        ({"n_init": 0}, r"n_init is 0, but it must be a whole number of 1 or more"),
        ({"n_init": True}, r"n_init is True, but"),
        ({"image_shape": (2, 2)}, r"image_shape is 2×2, which is 4 numbers, but a row of X has 3"),
        ({"image_shape": 28}, r"image_shape is 28, but it must be \(height, width\)"),
        ({"config": {3: 4}}, r"config has the key 3, but keys are texts"),
        ({"config": ["a"]}, r"config is a list, but it must be a mapping"),
        ({"config": {"training.epohcs": 3}}, r"epohcs.*epochs"),
        ({"config": {"model": {"trunk": "dens"}}}, r"model\.trunk.*dense"),
        (
            {"config": {"run": {"name": "a"}}},
            r"run\.name cannot be given, an estimator leaves no run directory",
        ),
        ({"config": {"training.seeds": 3}}, r"training\.seeds cannot be given.*random_state"),
        ({"config": {"data": "digits"}}, r"data cannot be given as a whole"),
        ({"config": {"training.batch_size": 1000}}, r"only 60 training samples"),
        ({"config": {"model.decoder.output": "bernoulli"}}, r"describes values in \[0, 1\]"),
        ({"config": {"data.validation": 60}}, r"leaves none to train on"),
    ],
    ids=str,
)
def test_what_cannot_be_is_told_before_any_compute(
    params: dict[str, Any], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("rcmvae.estimator.mixture_vae.train", lambda *_: 1 / 0)
    with pytest.raises(ConfigError, match=f"(?s){sentence}"):
        MixtureVAE(**{"config": SMALL, "random_state": 0} | params).fit(blobs()[0])


def test_shapes_of_images() -> None:
    assert sample_shape([2, 3, 3], 18) == (2, 3, 3)
    assert sample_shape(np.array([4, 4]), 16) == (4, 4, 1)
    for odd in ((0, 4), (4,), (1, 2, 3, 4), "ab", (2.0, 2.0)):
        with pytest.raises(ConfigError, match="image_shape is"):
            sample_shape(odd, 4)

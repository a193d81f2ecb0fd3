"""Runs that are applied: one on images, two seeds of it; one on vectors that were handed over in Python."""

import numpy as np
import pytest

from rcmvae import experiment
from rcmvae.data import ArraysSource, dataset_from_arrays
from rcmvae.run import RunDirectory
from tests.training.small import digits, tiny

CLOSING = {
    "model": {"routing": "gumbel_softmax"},
    "curriculum": {"initial": 2, "limit": 2, "finish": {"epochs": 20}},
}  # fmt: skip


@pytest.fixture(scope="session")
def images(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    named = {"run": {"name": "images"}}
    return experiment.train(tiny(named, directory=tmp_path_factory.mktemp("runs"), seeds=2), digits())


@pytest.fixture(scope="session")
def growing(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    """Two of its four channels are closed."""
    named = {"run": {"name": "growing"}}
    config = tiny(CLOSING, named, directory=tmp_path_factory.mktemp("runs"), epochs=25)
    return experiment.train(config, digits())


def vectors_of(count: int, seed: int = 0) -> np.ndarray:
    draw = np.random.default_rng(seed)
    return (draw.normal(size=(count, 6)) + 3 * draw.integers(0, 3, (count, 1))).astype(np.float32)


@pytest.fixture(scope="session")
def vectors(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    model = {"layout": "shared", "prior": "vamp", "decoder": {"output": {"kind": "gaussian", "sigma": 0.5}}}
    named = {"run": {"name": "vectors"}}
    config = tiny({"model": model}, named, directory=tmp_path_factory.mktemp("runs"), epochs=2)
    config = config.model_copy(update={"data": ArraysSource()})
    return experiment.train(config, dataset_from_arrays(vectors_of(200)))

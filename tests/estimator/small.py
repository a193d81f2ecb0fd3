"""Estimators of a few weights, on samples of one shape: most of the time of a test is compiling."""

from typing import Any

import numpy as np

from rcmvae import MixtureVAE

SMALL: dict[str, Any] = {
    "model": {"trunk": {"hidden": [8]}, "decoder": {"backbone": {"own": [8], "hidden": []}}},
    "objective": {"consistency": None, "usage_entropy": -10, "confidence": 5},
}


def small(**params: Any) -> MixtureVAE:
    """An estimator that finds three blobs in an instant, once it is compiled."""
    chosen = {"num_channels": 3, "latent_dim": 1, "epochs": 150, "learning_rate": 0.02, "random_state": 0}
    return MixtureVAE(**{"config": SMALL} | chosen | params)


def blobs(count: int = 60, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Three kinds of points in three dimensions, and which kind each is of."""
    rng = np.random.default_rng(seed)
    kind = np.arange(count) % 3
    return 5 * np.eye(3)[kind] + rng.normal(size=(count, 3)), kind

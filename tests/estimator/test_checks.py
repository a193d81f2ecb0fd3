"""What scikit-learn asks of every estimator."""

from collections.abc import Callable
from typing import Any

from sklearn.utils.estimator_checks import parametrize_with_checks

from rcmvae import MixtureVAE
from tests.estimator.small import SMALL


@parametrize_with_checks([MixtureVAE(3, 1, epochs=40, learning_rate=0.02, config=SMALL)])
def test_checks(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)

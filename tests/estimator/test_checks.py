"""What scikit-learn asks of every estimator. No check is expected to fail."""

from collections.abc import Callable
from typing import Any

from sklearn.utils.estimator_checks import parametrize_with_checks

from tests.estimator.small import small


@parametrize_with_checks([small(epochs=30, learning_rate=0.05)])
def test_what_every_estimator_does(estimator: Any, check: Callable[[Any], None]) -> None:
    check(estimator)

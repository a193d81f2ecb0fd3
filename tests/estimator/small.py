"""An estimator of a few weights: most of the time of a test is compiling."""

from typing import Any

SMALL: dict[str, Any] = {
    "model": {"trunk": {"hidden": [8]}, "decoder": {"backbone": {"own": [4], "hidden": [8]}}},
    "objective": {"consistency": None, "usage_entropy": -10, "confidence": 5},
}

"""What was measured on a split, each with its unit and meaning."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from rcmvae.diagnostics import METRICS
from rcmvae.results import number, span

# How a person calls what belongs together.
TITLES = {
    "losses": "",
    "evidence": "",
    "routing": "routing: ",
    "clustering": "channels: ",
    "groups": "groups: ",
    "tau": "labels: ",
}
ARROWS = {"up": " ↑", "down": " ↓", "none": ""}  # where better values lie
BETTER = "↑ more is better, ↓ less is better."
DENSITIES = "Nats below 0 are no mistake: the outputs are densities, and a density may exceed 1."


class Measure(NamedTuple):
    """One measured value, as a person reads it."""

    section: str
    name: str
    unit: str
    value: str  # with its deviation over seeds
    meaning: str
    arrow: str

    @property
    def title(self) -> str:
        return f"{self.name} ({self.unit})" if self.unit in {"nats", "bits"} else self.name


def measures(scores: Mapping[str, Any]) -> list[Measure]:
    """Every metric that there is a value of."""
    return [
        Measure(
            section,
            title + name.replace("_", " ") if title else name,
            metric.unit,
            span(spread["per_seed"]) if metric.unit == "count" else number(spread, "{:.3f}"),
            metric.meaning,
            ARROWS[metric.better],
        )
        for section, title in TITLES.items()
        for name, spread in scores.get(section, {}).items()
        for metric in [METRICS[f"{section}/{name}"]]
    ]

"""What was measured on a split, each with its unit and meaning."""

import inspect
from collections.abc import Mapping
from typing import Any, NamedTuple

from rcmvae.objective import TERMS
from rcmvae.results import number, span

# What each measure says; that of a term is the first line of its own description.
SUMS = {
    "bound": "negative evidence bound: −log density of a sample, at most; lower is better",
    "loss": "what was minimised: the weighted sum of the terms",
}
AGREEMENT = {
    "count": "into which the tree was cut",
    "accuracy": "share of samples where their label belongs, with one {part} per label",
    "purity": "share of samples with the commonest label of their {part}",
    "nmi": "information shared with the labels: 0 is none, 1 all",
    "ari": "pairs together or apart as in the labels: 0 is chance, 1 all",
    "garbage_channels": "{part}s with 1 % of the samples or more, and no label on 60 % of them",
}
COUNTS = {"count", "garbage_channels"}
DENSITIES = "Nats below 0 are no mistake: the outputs are densities, and a density may exceed 1."


class Measure(NamedTuple):
    """One measured value, as a person reads it."""

    name: str
    unit: str
    value: str  # with its deviation over seeds
    meaning: str  # empty where it was told just before

    @property
    def title(self) -> str:
        return f"{self.name} (nats)" if self.unit == "nats" else self.name


def measures(scores: Mapping[str, Any]) -> list[Measure]:
    """Losses, and agreement with the labels where there are any."""
    found: list[Measure] = []
    for name, spread in scores["losses"].items():
        meaning = SUMS[name] if name in SUMS else inspect.getdoc(TERMS[name]) or ""
        found.append(Measure(name, "nats", number(spread, "{:.3f}"), meaning.splitlines()[0].rstrip(".")))
    untold = dict(AGREEMENT)  # once is enough
    for part, agreement in (("channel", scores["clustering"] or {}), ("group", scores["groups"])):
        for name, spread in agreement.items():
            value = span(spread["per_seed"]) if name in COUNTS else number(spread, "{:.3f}")
            unit = "count" if name in COUNTS else "share"
            meaning = untold.pop(name, "").format(part=part)
            found.append(Measure(f"{part}s: {name.partition('_')[0]}", unit, value, meaning))
    return found

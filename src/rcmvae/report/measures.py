"""What was measured on a split, each with its unit and meaning."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from rcmvae.diagnostics import METRICS
from rcmvae.errors import counted
from rcmvae.seeds import number, span

# The parts of the bound, and the terms that most objectives have them as.
SAME = {"reconstruction": "reconstruction", "kl_latent": "kl_z", "kl_channel": "kl_c"}
SAME_BY = 1e-4  # relative: the two are summed in different precision
# How a person calls what belongs together.
TITLES = {
    "losses": "",
    "evidence": "bound: ",
    "routing": "routing: ",
    "clustering": "channels: ",
    "groups": "groups: ",
    "tau": "labels: ",
}
ARROWS = {"up": " ↑", "down": " ↓", "none": ""}  # where better values lie
BETTER = "↑ more is better, ↓ less is better."
BOUND, BOUND_UNIT = "negative evidence bound", "nats, lower is better"
NAMES = {"losses/bound": BOUND}
DENSITIES = "Nats below 0 are no mistake: the outputs are densities, and a density may exceed 1."


class Measure(NamedTuple):
    """One measured value, as a person reads it."""

    section: str
    key: str  # of the metric, in its section
    name: str
    unit: str
    value: str  # with its deviation over seeds
    meaning: str
    arrow: str

    @property
    def title(self) -> str:
        return f"{self.name} ({self.unit})" if self.unit in {"nats", "bits"} else self.name

    @property
    def is_term(self) -> bool:
        """Whether it is what was minimised, or a part of that."""
        return self.section == "losses" and self.name != BOUND


def measures(scores: Mapping[str, Any]) -> list[Measure]:
    """Every metric that there is a value of; of groups only where channels are grouped."""
    return [
        Measure(
            section,
            name,
            title + name.replace("_", " ") if title else str(NAMES.get(f"{section}/{name}", name)),
            metric.unit,
            span(spread["per_seed"]) if metric.unit == "count" else signed(number(spread, "{:.3f}")),
            metric.meaning,
            ARROWS[metric.better],
        )
        for section, title in TITLES.items()
        if section != "groups" or _is_grouped(scores)
        for name, spread in scores.get(section, {}).items()
        for metric in [METRICS[f"{section}/{name}"]]
    ]


def told_once(found: Sequence[Measure], scores: Mapping[str, Any]) -> list[Measure]:
    """Without the parts of the bound that a term of the objective tells."""
    return [
        measure for measure in found if measure.section != "evidence" or not _is_a_term(measure.key, scores)
    ]


def _is_a_term(part: str, scores: Mapping[str, Any]) -> bool:
    term = scores["losses"].get(SAME.get(part))
    return term is not None and np.allclose(
        term["per_seed"], scores["evidence"][part]["per_seed"], rtol=SAME_BY, atol=0
    )


def labelled_part(scores: Mapping[str, Any]) -> str:
    """How many samples labels can be judged on, in words; empty where all have one, or an old summary does not say.

    >>> labelled_part({"samples": 40, "labelled": 1}), labelled_part({"samples": 40, "labelled": 40})
    ('1 labelled sample', '')
    """
    known = scores.get("labelled", scores["samples"])
    return counted(known, "labelled sample") if 0 < known < scores["samples"] else ""


def signed(text: str) -> str:
    """A number with a real minus sign.

    >>> signed("-2.5 ± 0.1")
    '−2.5 ± 0.1'
    """
    return text.replace("-", "−")


def _is_grouped(scores: Mapping[str, Any]) -> bool:
    """Whether a group of any seed has more than one channel."""
    return any(len(group["channels"]) > 1 for groups in scores["groups_of"] for group in groups)

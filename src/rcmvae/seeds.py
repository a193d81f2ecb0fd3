"""Values of several seeds: together, as text, and what seeds are compared by."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

LAST = 0.1  # of its epochs, by whose loss a seed is compared with others


def spread(values: Sequence[float]) -> dict[str, Any]:
    """Every seed's value with mean and sample standard deviation, which one seed alone does not have.

    >>> spread([1.0, 3.0])
    {'mean': 2.0, 'sd': 1.4142135623730951, 'per_seed': [1.0, 3.0]}
    """
    sd = float(np.std(values, ddof=1)) if len(values) > 1 else None
    return {"mean": float(np.mean(values)), "sd": sd, "per_seed": [float(value) for value in values]}


def number(spread: Mapping[str, Any], form: str) -> str:
    """A value as text, with its deviation over seeds if there were several.

    >>> number({"mean": 0.5, "sd": None}, "{:.1%}"), number({"mean": 0.5, "sd": 0.01}, "{:.1%}")
    ('50.0%', '50.0% ± 1.0%')
    """
    sd = spread["sd"]
    return form.format(spread["mean"]) + ("" if sd is None else f" ± {form.format(sd)}")


def of_seed(spread: Mapping[str, Any], at: int, form: str) -> str:
    """The value of the seed at a place as text, with what all seeds have if there were several.

    >>> of_seed({"mean": 0.5, "sd": 0.01, "per_seed": [0.49, 0.51]}, 1, "{:.1%}")
    '51.0% (all 2 seeds: 50.0% ± 1.0%)'
    """
    own, others = form.format(spread["per_seed"][at]), all_seeds(spread, form)
    return f"{own} ({others})" if others else own


def all_seeds(spread: Mapping[str, Any], form: str) -> str:
    """What all of several seeds have; nothing of one.

    >>> all_seeds({"mean": 0.5, "sd": 0.01, "per_seed": [0.49, 0.51]}, "{:.1%}")
    'all 2 seeds: 50.0% ± 1.0%'
    """
    seeds = len(spread["per_seed"])
    return f"all {seeds} seeds: {number(spread, form)}" if seeds > 1 else ""


def span(counts: Sequence[float]) -> str:
    """Whole numbers from the least to the most.

    >>> span([3.0, 10.0, 4.0]), span([5.0, 5.0])
    ('3 to 10', '5')
    """
    return " to ".join(f"{count:g}" for count in dict.fromkeys((min(counts), max(counts))))


def losses_to_compare(rows: Sequence[Mapping[str, Any]], seeds: Sequence[int], epochs: int) -> list[float]:
    """The training loss of each seed, over the last tenth of so many epochs.

    Not the validation loss: where few samples are held out, that is mostly chance.

    >>> rows = [{"seed": 4, "epoch": 1, "train/loss": 2.0}, {"seed": 5, "epoch": 1, "train/loss": 1.0}]
    >>> losses_to_compare(rows, [4, 5], 1)
    [2.0, 1.0]
    """
    last = [row for row in rows if (1 - LAST) * epochs < row["epoch"] <= epochs]
    return [float(np.mean([row["train/loss"] for row in last if row["seed"] == seed])) for seed in seeds]

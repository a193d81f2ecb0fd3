"""Numbers as a person reads them."""

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE
from rich.table import Table

from rcmvae.objective import TERMS

MOST_ROWS = 20

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


def number(spread: Mapping[str, Any], form: str) -> str:
    """A value as text, with its deviation over seeds if there were several.

    >>> number({"mean": 0.5, "sd": None}, "{:.1%}"), number({"mean": 0.5, "sd": 0.01}, "{:.1%}")
    ('50.0%', '50.0% ± 1.0%')
    """
    sd = spread["sd"]
    return form.format(spread["mean"]) + ("" if sd is None else f" ± {form.format(sd)}")


def span(counts: Sequence[float]) -> str:
    """Whole numbers from the least to the most.

    >>> span([3.0, 10.0, 4.0]), span([5.0, 5.0])
    ('3 to 10', '5')
    """
    return " to ".join(f"{count:g}" for count in dict.fromkeys((min(counts), max(counts))))


def measures(scores: Mapping[str, Any]) -> Table:
    """Losses and agreement with the labels, a row each."""
    made = Table(
        title=f"{scores['samples']:,} samples of the {scores['split']} split",
        title_justify="left",
        box=SIMPLE,
    )
    made.add_column("measure")
    made.add_column("value", justify="right")
    made.add_column("meaning")
    for name, spread in scores["losses"].items():
        meaning = SUMS[name] if name in SUMS else inspect.getdoc(TERMS[name]) or ""
        made.add_row(f"{name} (nats)", number(spread, "{:.3f}"), meaning.splitlines()[0].rstrip("."))
    made.add_section()
    untold = dict(AGREEMENT)  # once is enough
    for part, found in (("channel", scores["clustering"] or {}), ("group", scores["groups"])):
        for name, spread in found.items():
            value = span(spread["per_seed"]) if name in COUNTS else number(spread, "{:.3f}")
            meaning = untold.pop(name, "").format(part=part)
            made.add_row(f"{part}s: {name.partition('_')[0]}", value, meaning)
    return made


def channels(scores: Mapping[str, Any]) -> Table:
    """What is in each channel of the first seed, and the group that it belongs to."""
    parts = scores["channels_of"][0]
    grouped = 1 < len(scores["groups_of"][0]) < len(parts)
    columns = {"channel": "index", **({"group": "group"} if grouped else {})}
    return _contents(scores, parts, columns)


def groups(scores: Mapping[str, Any]) -> Table:
    """Which channels belong together for the first seed, and what is in each group."""
    parts = [part | {"channels": " ".join(map(str, part["channels"]))} for part in scores["groups_of"][0]]
    return _contents(scores, parts, {"group": "index", "channels": "channels"})


def _contents(
    scores: Mapping[str, Any], parts: Sequence[Mapping[str, Any]], columns: Mapping[str, str]
) -> Table:
    first, labelled, seeds = next(iter(columns)), scores["labels"] > 0, scores["seeds"]
    rest = len(parts) - MOST_ROWS
    title = (
        f"{scores['split']} samples by {first}{f' (seed {seeds[0]})' if len(seeds) > 1 else ''}".capitalize()
    )
    made = Table(
        title=title,
        title_justify="left",
        min_width=len(title) + 1,
        box=SIMPLE,
        caption=f"and {rest:,} more" if rest > 0 else None,
        caption_justify="left",
    )
    for name in (*columns, "samples", *(("commonest label", "purity") if labelled else ())):
        made.add_column(name, justify="left" if name in {"channels", "commonest label"} else "right")
    for part in parts[:MOST_ROWS]:
        label = (part.get("label", ""), f"{part['purity']:.1%}" if "purity" in part else "")
        cells = [str(part[key]) for key in columns.values()]
        made.add_row(*cells, f"{part['samples']:,}", *(label if labelled else ()))
    return made

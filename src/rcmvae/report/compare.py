"""Runs side by side: what was configured differently, and what came out."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from typing import Any

from rcmvae.config.text import inline
from rcmvae.errors import RunError
from rcmvae.figures.style import PALETTE
from rcmvae.options import flattened
from rcmvae.report.chart import Line, chart
from rcmvae.report.measures import BETTER, BOUND, BOUND_UNIT, measures
from rcmvae.report.page import fill, table_of
from rcmvae.report.tables import Table
from rcmvae.run import RunDirectory
from rcmvae.training import Lines, Row

CURVES = {
    "validation/bound": f"{BOUND.capitalize()} on validation samples, {BOUND_UNIT}",
    "validation/loss": "Loss on validation samples",
    "train/loss": "Loss in training",
}
NEVER = "–"  # stands where a run has no such key or value


@dataclasses.dataclass(frozen=True)
class Comparison:
    """All that is told of several runs; both tables have a column for each."""

    names: tuple[str, ...]
    differences: Table
    metrics: Table
    histories: tuple[list[Row], ...]


def compare(runs: Sequence[RunDirectory]) -> Comparison:
    """Read the runs, which have to be finished."""
    if len(runs) < 2:
        raise RunError("Comparing takes two runs or more: rcmvae compare RUN RUN.")
    for run in runs:
        if not run.is_finished:
            raise RunError(f"{run.path} is {run.status}: only finished runs can be compared.")
    names = _names(runs)
    configs = [dict(flattened(run.config.model_dump(mode="json", exclude={"run"}))) for run in runs]
    keys = [key for key in _keys(configs) if len({repr(config.get(key, ...)) for config in configs}) > 1]
    rows = tuple((key, *(_written(config, key) for config in configs)) for key in keys)
    return Comparison(
        names,
        Table("What was configured differently", ("key", *names), rows),
        _metrics(names, [run.read_json("summary.json") for run in runs]),
        tuple(Lines(run.path / "history.jsonl").read() for run in runs),
    )


def page(comparison: Comparison) -> str:
    """One HTML file that needs nothing else."""
    same = "" if comparison.differences.rows else "<p>All keys but those of the run itself are the same.</p>"
    charts = "".join(
        f'<section><h2>{escape(title)}</h2><div class="scroll">{chart(lines)}</div></section>'
        for key, title in CURVES.items()
        if (lines := [*_lines(comparison, key)])
    )
    legend = "".join(
        f'<li><i style="background:{_colour(at)}"></i>{escape(name)}</li>'
        for at, name in enumerate(comparison.names)
    )
    parts = {
        "title": escape(" and ".join(comparison.names)),
        "legend": legend,
        "charts": charts,
        "metrics": table_of(comparison.metrics),
        "differences": table_of(comparison.differences) + same,
    }
    return fill("compare", parts)


def _names(runs: Sequence[RunDirectory]) -> tuple[str, ...]:
    """The names of the folders; their paths where names are alike."""
    short = tuple(run.path.resolve().name for run in runs)
    names = short if len({*short}) == len(short) else tuple(str(run.path) for run in runs)
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise RunError(f"{twice} is named twice: a run is no different from itself.")
    return names


def _keys(mappings: Sequence[Mapping[str, Any]]) -> list[str]:
    return list(dict.fromkeys(key for mapping in mappings for key in mapping))


def _written(config: Mapping[str, Any], key: str) -> str:
    return inline(config[key]) if key in config else NEVER


def _metrics(names: tuple[str, ...], summaries: Sequence[Mapping[str, Any]]) -> Table:
    """What was measured on the test split, mean ± sd over the seeds of each run."""
    found = [
        {one.title + one.arrow: one for one in measures(summary["test"])} if "test" in summary else {}
        for summary in summaries
    ]
    rows = tuple(
        (
            key,
            *(run[key].value if key in run else NEVER for run in found),
            next(run[key].meaning for run in found if key in run),
        )
        for key in _keys(found)
    )
    counts = {name: len(summary["seeds"]) for name, summary in zip(names, summaries, strict=True)}
    headed = tuple(f"{name} ({counts[name]} seeds)" if counts[name] > 1 else name for name in names)
    return Table(
        f"Measures on test samples: {BETTER}", ("measure", *headed, "meaning"), rows, frozenset(headed)
    )


def _lines(comparison: Comparison, key: str) -> Iterator[Line]:
    """Each run's mean over seeds, and each of its seeds where they are several."""
    for at, history in enumerate(comparison.histories):
        of_seed: dict[int, dict[int, float]] = {}
        for row in history:
            if key in row:
                of_seed.setdefault(row["seed"], {})[row["epoch"]] = float(row[key])
        if not of_seed:
            continue
        for one in of_seed.values() if len(of_seed) > 1 else ():
            yield Line(tuple(one.items()), _colour(at), is_faint=True)
        epochs = sorted({epoch for one in of_seed.values() for epoch in one})
        values = [[one[epoch] for one in of_seed.values() if epoch in one] for epoch in epochs]
        means = tuple((epoch, sum(some) / len(some)) for epoch, some in zip(epochs, values, strict=True))
        yield Line(means, _colour(at), is_faint=False)


def _colour(run: int) -> str:
    return PALETTE[run % len(PALETTE)]

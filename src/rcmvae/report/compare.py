"""Runs side by side: what was configured differently, and what came out."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence, Set
from html import escape
from typing import Any

from rcmvae.config.text import inline
from rcmvae.errors import RunError, counted
from rcmvae.figures.style import PALETTE
from rcmvae.report.chart import Line, chart
from rcmvae.report.measures import BETTER, BOUND, BOUND_UNIT, TITLES, measures
from rcmvae.report.page import fill, table_of
from rcmvae.report.tables import Table
from rcmvae.run import DataCard, RunDirectory
from rcmvae.seeds import spread
from rcmvae.splits import SPLITS
from rcmvae.training import Lines, Row

CURVES = {
    "validation/bound": f"{BOUND.capitalize()} on validation samples, {BOUND_UNIT}",
    "validation/loss": "Loss on validation samples",
    "train/loss": "Loss in training",
}
LONGEST = 400  # letters of a value
NEVER = "–"  # stands where a run has no such value
ALIKE = "The runs are configured alike, but for their names and seeds."
FAINT = "Faint lines are single seeds, bold ones their mean."
LABELS_ALONE = {"data.num_labeled"}  # decides how much training is told, and not what is tested on
DIGITS = 12  # of a fingerprint, that are told
OTHER_DATA = (
    "The data of the runs are not the same, so they may be tested on different samples: go carefully."
)


@dataclasses.dataclass(frozen=True)
class Side:
    """Runs on the same data that differ in nothing but their seeds."""

    names: tuple[str, ...]
    config: Mapping[str, Any]
    card: DataCard
    summaries: tuple[Mapping[str, Any], ...]
    histories: tuple[Sequence[Row], ...]

    @property
    def name(self) -> str:
        first, *others = self.names
        return f"{first} and {counted(len(others), 'more run')}" if others else first

    @property
    def heading(self) -> str:
        seeds = sum(len(summary["seeds"]) for summary in self.summaries)
        return f"{self.name} ({seeds} seeds)" if seeds > 1 else self.name

    @property
    def scores(self) -> dict[str, Any]:
        """What was measured on the test split with any of the seeds; nothing where a run has no such split."""
        tests = [summary.get("test", {}) for summary in self.summaries]
        return {
            section: {
                name: spread([value for test in tests for value in test[section][name]["per_seed"]])
                for name in tests[0].get(section, {})
                if all(name in test.get(section, {}) for test in tests)
            }
            for section in TITLES
        } | {"groups_of": [groups for test in tests for groups in test.get("groups_of", ())]}


@dataclasses.dataclass(frozen=True)
class Comparison:
    """All that is told of several runs; both tables have a column for each side."""

    sides: tuple[Side, ...]
    differences: Table
    metrics: Table


def compare(runs: Sequence[RunDirectory]) -> Comparison:
    """Read the runs, which have to be finished."""
    if len(runs) < 2:
        raise RunError("Comparing takes two runs or more: rcmvae compare RUN RUN.")
    for run in runs:
        if not run.is_finished:
            raise RunError(f"{run.path} is {run.status}: only finished runs can be compared.")
    sides = tuple(_sides(runs))
    found = [*_differing([side.config for side in sides])]
    rows = [(path, *map(_told, values)) for path, values in found]
    paths = {path for path, _ in found}
    one_data = _on_one_data([side.card for side in sides], paths)
    if not one_data:
        rows.append(("data as they were read", *(_read(side.card) for side in sides)))
    names = tuple(side.name for side in sides)
    return Comparison(
        sides,
        Table("What was configured differently", ("key", *names), tuple(rows)),
        _metrics(sides, paths, note="" if one_data else OTHER_DATA),
    )


def _on_one_data(cards: Sequence[DataCard], differing: Set[str]) -> bool:
    """Whether runs had the same samples in the same splits, by what they wrote down of them.

    Where the configurations ask for labels of more or fewer of them, fingerprints differ by that alone.
    """
    whole = len({_key(card) for card in cards}) == 1
    of_data = {path for path in differing if path.partition(".")[0] == "data"}
    if whole or not of_data or not of_data <= LABELS_ALONE:
        return whole
    return len({repr(card.splits) for card in cards}) == 1


def _key(card: DataCard) -> str:
    """Equal for the same samples and labels in the same splits."""
    return repr((card.fingerprint, sorted(card.splits.items())))


def _read(card: DataCard) -> str:
    sizes = " + ".join(f"{card.splits[name]:,}" for name in SPLITS)
    return f"{card.name}, {sizes} samples, fingerprint {card.fingerprint[:DIGITS]}"


def _told(value: Any) -> str:
    """A value as a configuration has it on one line.

    >>> _told({"scale": 0.3, "kind": "jitter", "drop": None})
    '{kind: jitter, scale: 0.3}'
    """
    return inline(_kind_first(value), LONGEST)


def _kind_first(value: Any) -> Any:
    """With the kind before what it has, and without what is null."""
    if isinstance(value, Mapping):
        kind = {"kind": value["kind"]} if "kind" in value else {}
        return kind | {key: _kind_first(one) for key, one in value.items() if one is not None}
    return [*map(_kind_first, value)] if isinstance(value, list | tuple) else value


def _sides(runs: Sequence[RunDirectory]) -> Iterator[Side]:
    """Runs together whose configurations and data are alike, in the order of the first of each."""
    alike: dict[tuple[str, str], list[tuple[str, RunDirectory]]] = {}
    configs: dict[tuple[str, str], Mapping[str, Any]] = {}
    for name, run in zip(_names(runs), runs, strict=True):
        config = run.config.model_dump(mode="json", exclude={"run": True, "training": {"seed", "seeds"}})
        key = (repr(config), _key(run.card))
        alike.setdefault(key, []).append((name, run))
        configs[key] = config
    for key, together in alike.items():
        yield Side(
            names=tuple(name for name, _ in together),
            config=configs[key],
            card=together[0][1].card,
            summaries=tuple(run.read_json("summary.json") for _, run in together),
            histories=tuple(Lines(run.path / "history.jsonl").read() for _, run in together),
        )


def _differing(values: Sequence[Any], path: str = "") -> Iterator[tuple[str, Sequence[Any]]]:
    """The keys with different values; one that has other keys below in every configuration is told as a whole.

    >>> [*_differing([{"a": 1, "b": {"kind": "x", "c": 1}}, {"a": 1, "b": {"kind": "y"}}])]
    [('b', [{'kind': 'x', 'c': 1}, {'kind': 'y'}])]
    """
    if all(value == values[0] for value in values):
        return
    keys = [[*value] if isinstance(value, Mapping) else None for value in values]
    if keys[0] is None or any(other != keys[0] for other in keys):
        yield path, values
        return
    for key in keys[0]:
        yield from _differing([value[key] for value in values], f"{path}.{key}" if path else key)


def page(comparison: Comparison) -> str:
    """One HTML file that needs nothing else."""
    same = "" if comparison.differences.rows else f"<p>{ALIKE}</p>"
    faint = "" if all(side.name == side.heading for side in comparison.sides) else f"<p>{FAINT}</p>"
    charts = "".join(
        f'<section><h2>{escape(title)}</h2><div class="scroll">{chart(lines)}</div></section>'
        for key, title in CURVES.items()
        if (lines := [*_lines(comparison, key)])
    )
    legend = "".join(
        f'<li><i style="background:{_colour(at)}"></i>{escape(name)}</li>'
        for at, name in enumerate(side.name for side in comparison.sides)
    )
    parts = {
        "title": escape(" and ".join(side.name for side in comparison.sides)),
        "legend": legend,
        "charts": f"{faint}{charts}",
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


def _metrics(sides: Sequence[Side], differing: Set[str], *, note: str) -> Table:
    """What was measured on the test split, mean ± sd over the seeds of each side."""
    one_objective = not any(path.startswith("objective") for path in differing)
    found = [
        {
            one.title + one.arrow: one
            for one in measures(side.scores)
            if not one.is_term or (one.name == "loss" and one_objective)
        }
        for side in sides
    ]
    rows = tuple(
        (
            key,
            *(side[key].value if key in side else NEVER for side in found),
            next(side[key].meaning for side in found if key in side),
        )
        for key in dict.fromkeys(key for side in found for key in side)
    )
    headed = tuple(side.heading for side in sides)
    return Table(
        f"Measures on test samples: {BETTER}",
        ("measure", *headed, "meaning"),
        rows,
        frozenset(headed),
        note=note,
    )


def _lines(comparison: Comparison, key: str) -> Iterator[Line]:
    """Each side's mean over seeds, and each of its seeds where they are several."""
    for at, side in enumerate(comparison.sides):
        of_seed: dict[tuple[int, int], dict[int, float]] = {}
        for number, history in enumerate(side.histories):
            for row in history:
                if key in row:
                    of_seed.setdefault((number, row["seed"]), {})[row["epoch"]] = float(row[key])
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

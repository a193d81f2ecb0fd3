"""Numbers as a person reads them."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.box import SIMPLE
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from rcmvae.errors import counted
from rcmvae.labels import Names
from rcmvae.report import tables as text
from rcmvae.report.measures import labelled_part, told_once
from rcmvae.report.measures import measures as list_measures
from rcmvae.seeds import number
from rcmvae.splits import SPLITS, spoken

MOST_ROWS = 20
WIDE = 100  # columns that leave room for what measures mean
NO_ROOM = f"What they mean is left out: look in docs/metrics.md, or make the terminal {WIDE} columns wide."
SCORES = {
    "doubt": "no channel that stands for something holds the sample",
    "bound": "−ELBO: it costs many nats to describe the sample",
    "combined": "undecided, and unlike others of its channel, beside held-out samples of the training's kind",
}
NO_GROUP = -1  # of a channel that has no part in the tree


def measures(scores: Mapping[str, Any], *, meanings: bool = True) -> Table:
    """Losses and agreement with the labels, a row each, with what each of them means."""
    part = labelled_part(scores)
    of_these = f"; agreement with labels is that of {part}" if part else ""
    made = Table(
        title=escape(f"{counted(scores['samples'], 'sample')} of {spoken(scores['split'])}{of_these}"),
        title_justify="left",
        box=SIMPLE,
    )
    made.add_column("measure")
    made.add_column("value", justify="right")
    if meanings:
        made.add_column("meaning")
    found = told_once(list_measures(scores), scores)
    for at, measure in enumerate(found):
        is_last = at + 1 == len(found) or found[at + 1].section != measure.section
        cells = (measure.title, measure.value, *((measure.meaning,) if meanings else ()))
        made.add_row(*map(escape, cells), end_section=is_last)
    return made


def channels(scores: Mapping[str, Any], at: int) -> Table:
    """What is in each channel of the seed at a place, and the group that it belongs to."""
    parts = scores["channels_of"][at]
    grouped = 1 < len(scores["groups_of"][at]) < len(parts)
    columns = {"channel": "index", **({"group": "group"} if grouped else {})}
    return _contents(scores, at, parts, columns)


def groups(scores: Mapping[str, Any], at: int) -> Table:
    """Which channels belong together for the seed at a place, and what is in each group."""
    parts = [part | {"channels": " ".join(map(str, part["channels"]))} for part in scores["groups_of"][at]]
    return _contents(scores, at, parts, {"group": "index", "channels": "channels"})


def _contents(
    scores: Mapping[str, Any], at: int, parts: Sequence[Mapping[str, Any]], columns: Mapping[str, str]
) -> Table:
    first, labelled, seeds = next(iter(columns)), scores["labels"] > 0, scores["seeds"]
    rest = len(parts) - MOST_ROWS
    whose = f" (seed {seeds[at]})" if len(seeds) > 1 else ""
    own = scores["split"] in SPLITS
    title = f"{scores['split'].capitalize()} samples" if own else f"Samples of {scores['split']}"
    title = f"{title} by {first}{whose}"
    made = Table(
        title=escape(title),
        title_justify="left",
        min_width=len(title) + 1,
        box=SIMPLE,
        caption=f"and {rest:,} more" if rest > 0 else None,
        caption_justify="left",
    )
    partly = ("labelled",) if labelled and labelled_part(scores) else ()
    for name in (*columns, "samples", *partly, *(("commonest label", "purity") if labelled else ())):
        made.add_column(name, justify="left" if name in {"channels", "commonest label"} else "right")
    for part in parts[:MOST_ROWS]:
        label = (part.get("label", ""), f"{part['purity']:.1%}" if "purity" in part else "")
        cells = ["–" if part[key] == NO_GROUP else str(part[key]) for key in columns.values()]
        counts = [f"{part[key]:,}" for key in ("samples", *partly)]
        made.add_row(*map(escape, (*cells, *counts, *(label if labelled else ()))))
    return made


def names(found: Names, active: Sequence[bool], seed: int | None) -> Table:
    """What each channel is called, by the labels that were counted in it; of a seed, where there are several."""
    made = Table(
        title=f"What channels are called{'' if seed is None else f' (seed {seed})'}",
        title_justify="left",
        box=SIMPLE,
    )
    made.add_column("channel", justify="right")
    made.add_column("label")
    made.add_column("certainty", justify="right")
    made.add_column("labels counted", justify="right")
    for k, is_open in enumerate(active):
        name = found.name(k) or "–"
        held = (f"{found.tau.certainty[k]:.0%}", f"{found.tau.counts[k].sum():.1f}")
        made.add_row(*map(Text, (str(k), name, *held) if is_open else (str(k), "closed", "", "")))
    return made


def novelty(found: Mapping[str, Any], *, meanings: bool = True) -> Table:
    """How well samples of another kind are told from those of a split, a row for each score."""
    made = Table(
        title=f"{found['outlier_samples']:,} samples of {escape(found['outliers'])} among {found['samples']:,} of the "
        f"{found['split']} split",
        title_justify="left",
        box=SIMPLE,
    )
    made.add_column("score")
    for name in ("AUROC", "FPR95"):
        made.add_column(name, justify="right")
    if meanings:
        made.add_column("meaning")
    for name, meaning in SCORES.items():
        told = found["scores"][name]
        cells = (name, number(told["auroc"], "{:.3f}"), number(told["fpr95"], "{:.1%}"))
        made.add_row(*cells, *((meaning,) if meanings else ()))
    return made


def plain(table: text.Table, *, meanings: bool = True) -> Table:
    """A table of text as it is, or without what the measures in its rows mean."""
    told = [at for at, name in enumerate(table.columns) if meanings or name != "meaning"]
    made = Table(
        title=table.title,
        title_justify="left",
        min_width=len(table.title) + 1,
        box=SIMPLE,
        caption=table.note or None,
        caption_justify="left",
    )
    for name in (table.columns[at] for at in told):
        made.add_column(Text(name), justify="right" if name in table.right else "left", overflow="fold")
    for row in table.rows:
        made.add_row(*(Text(row[at]) for at in told))
    return made

"""The tables of a report, for either way to show them."""

import platform
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax.numpy as jnp

from rcmvae.findings import Findings
from rcmvae.report.channels import Channel
from rcmvae.report.measures import BETTER, labelled_part, measures, signed


class Table(NamedTuple):
    """Rows of text under a title."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[str] = frozenset()  # columns of numbers
    note: str = ""  # below the title
    short: str = ""  # a title for links to it; without one, the table is folded


def tables(findings: Findings, channels: Sequence[Channel]) -> list[Table]:
    """What was measured, and what is in each channel."""
    test = findings.summary.get("test")
    measured = [] if test is None else [measured_on(test), terms(findings, test)]
    return [contents(findings, channels), *measured]


def measured_on(scores: Mapping[str, Any]) -> Table:
    """Every measure with its unit and its meaning, over all seeds, but for the terms."""
    found = [one for one in measures(scores) if not one.is_term]
    rows = tuple((one.name + one.arrow, one.value, one.unit, one.meaning) for one in found)
    part = labelled_part(scores)
    title = f"Measures on {scores['samples']:,} samples of the {scores['split']} split{f' ({part})' if part else ''}"
    columns = ("measure", "value", "unit", "meaning")
    return Table(title, columns, rows, frozenset({"value"}), note=BETTER, short="Measures")


def terms(findings: Findings, scores: Mapping[str, Any]) -> Table:
    """What was minimised: each term with the weight that it had in the end."""
    epoch = findings.bundle.epoch
    weights = {
        name: signed(f"{float(term.weight(jnp.float32(epoch))):g}")
        for name, term in findings.config.objective.terms.items()
    }
    rows = tuple(
        (one.name, weights.get(one.name, ""), one.value, one.meaning)
        for one in measures(scores)
        if one.is_term
    )
    return Table(
        "The terms that were minimised",
        ("term", "weight", "value", "meaning"),
        rows,
        frozenset({"weight", "value"}),
        note=f"In nats, on the {scores['split']} split; weights are those of epoch {epoch}.",
    )


def contents(findings: Findings, channels: Sequence[Channel]) -> Table:
    """What each channel holds."""
    labelled = any(channel.label is not None for channel in channels)
    grouped = len({channel.group for channel in channels if channel.group >= 0}) < len(channels)
    partly = labelled and any(channel.labelled < channel.samples for channel in channels)
    named = ("commonest label", "purity", *(("labelled",) if partly else ())) if labelled else ()
    numbers = ("samples", "share", "KL (nats)", "−log p(x | z) (nats)")
    rows = tuple(
        (
            str(channel.index),
            *(("" if channel.group < 0 else str(channel.group),) if grouped else ()),
            *(_label(channel) if labelled else ()),
            *((f"{channel.labelled:,}",) if partly else ()),
            f"{channel.samples:,}",
            f"{channel.share:.1%}",
            f"{channel.kl:.2f}",
            f"{channel.nll:.2f}",
        )
        for channel in channels
    )
    title = f"Channels, by the {findings.bundle.split} split (seed {findings.bundle.seed})"
    columns = ("channel", *(("group",) if grouped else ()), *named, *numbers)
    return Table(title, columns, rows, frozenset({"purity", "labelled", *numbers}), short="Table of channels")


def _label(channel: Channel) -> tuple[str, str]:
    return channel.label or "", "" if channel.purity is None else f"{channel.purity:.1%}"


def environment(told: Mapping[str, Any]) -> Table:
    """Where the run happened."""
    packages = {f"{name} version": version for name, version in told.get("packages", {}).items()}
    devices = told.get("devices", {})
    rows = {
        "command": " ".join(map(str, told.get("command", ()))),
        "python": told.get("python", platform.python_version()),
        "platform": told.get("platform", ""),
        "devices": f"{devices.get('count', '')} × {devices.get('kind', '')}",
        "git revision": told.get("git_revision") or "none",
        **packages,
    }
    return Table("Environment", ("what", "value"), tuple((key, str(value)) for key, value in rows.items()))

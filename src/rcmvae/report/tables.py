"""The tables of a report, for either way to show them."""

import platform
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from rcmvae.findings import Findings
from rcmvae.report.channels import Channel
from rcmvae.report.measures import measures


class Table(NamedTuple):
    """Rows of text under a title."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    right: frozenset[str] = frozenset()  # columns of numbers


def tables(findings: Findings, channels: Sequence[Channel]) -> list[Table]:
    """What was measured, and what is in each channel."""
    test = findings.summary.get("test")
    return [*([] if test is None else [measured(test)]), contents(findings, channels)]


def measured(scores: Mapping[str, Any]) -> Table:
    """Every measure with its unit and its meaning, over all seeds."""
    rows = tuple((one.name, one.value, one.unit, one.meaning) for one in measures(scores))
    title = f"Measures on {scores['samples']:,} samples of the {scores['split']} split"
    return Table(title, ("measure", "value", "unit", "meaning"), rows, frozenset({"value"}))


def contents(findings: Findings, channels: Sequence[Channel]) -> Table:
    """What each channel holds."""
    labelled = any(channel.label is not None for channel in channels)
    named = ("commonest label", "purity") if labelled else ()
    numbers = ("samples", "share", "KL (nats)", "−log p(x | z) (nats)")
    rows = tuple(
        (
            str(channel.index),
            "" if channel.group < 0 else str(channel.group),
            *(_label(channel) if labelled else ()),
            f"{channel.samples:,}",
            f"{channel.share:.1%}",
            f"{channel.kl:.2f}",
            f"{channel.nll:.2f}",
        )
        for channel in channels
    )
    title = f"Channels, by the {findings.bundle.split} split (seed {findings.bundle.seed})"
    return Table(title, ("channel", "group", *named, *numbers), rows, frozenset({"purity", *numbers}))


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

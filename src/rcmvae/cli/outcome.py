"""What a finished run has to say for itself."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from rcmvae.cli.tables import DENSITIES, channels, number, span
from rcmvae.errors import counted
from rcmvae.run import RunDirectory


def show(run: RunDirectory, console: Console) -> None:
    """Where the run is, what came out, and what to do next; only the first of several processes says so."""
    if console.quiet:
        return
    summary = run.read_json("summary.json")
    say(console, f"Run directory: {run.path}", *outcome(summary, in_use(run)))
    if "test" in summary:
        console.print(channels(summary["test"]))
    say(console, *next_steps(run, summary))


def say(console: Console, *lines: str) -> None:
    """Plain lines, which no width of a terminal breaks."""
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True, markup=False)


def outcome(summary: Mapping[str, Any], used: str) -> list[str]:
    """The result in plain words."""
    epochs, seconds, seeds = summary["epochs"], summary["seconds"], len(summary["seeds"])
    trained = f"{counted(epochs, 'epoch')} in {seconds:.1f} seconds" + f", {seeds} seeds" * (seeds > 1)
    lines = [f"{trained}; {used}.", *growth(summary)]
    test = summary.get("test")
    if test is not None:
        bound = number(test["losses"]["bound"], "{:.2f}")
        lines.append(f"Negative evidence bound on {test['samples']:,} test samples: {bound} nats per sample.")
        lines += [DENSITIES] if test["losses"]["bound"]["mean"] < 0 else []
        lines += agreement(test, "clustering", "channel", [len(parts) for parts in test["channels_of"]])
    return [*lines, *grouping(summary)]


def growth(summary: Mapping[str, Any]) -> list[str]:
    """How the channels grew, where there was a curriculum."""
    grown = summary.get("curriculum", [])
    return [
        f"Seed {seed}: {counted(one['final_k_active'], 'channel')} open after {counted(one['unlock_count'], 'trial')}"
        + ("." if one["ended"] is None else f"; growth ended with epoch {one['ended']}.")
        for seed, one in zip(summary["seeds"], grown, strict=bool(grown))
    ]


def grouping(summary: Mapping[str, Any]) -> list[str]:
    """What the channel tree proposes, and how well that agrees with labels."""
    trees, test = summary["channel_tree"], summary.get("test")
    proposed, most = [tree["proposed"] for tree in trees], [len(tree["channels"]) for tree in trees]
    if proposed == most:
        return ["The channel tree proposes no groups: every channel in use is told from the others."]
    many = f"{span(proposed)} group{'s' * (max(proposed) != 1)}"
    line = f"The channel tree proposes {many} of {span(most)} channels."
    return [line, *([] if test is None else agreement(test, "groups", "group", proposed))]


def agreement(test: Mapping[str, Any], key: str, part: str, counts: list[int]) -> list[str]:
    """The accuracy of channels or groups, and whether one to one can fit; nothing where nothing is labelled."""
    if not test["labels"]:
        return []
    accuracy, labels = number(test[key]["accuracy"], "{:.1%}"), test["labels"]
    told = f"Accuracy, with one {part} per label: {accuracy}"
    if {*counts} == {labels}:
        return [f"{told}."]
    many = f"{span(counts)} {part}{'s' * (max(counts) != 1)} for {counted(labels, 'label')}"
    return [f"{told}; with {many}, what is left over counts as wrong."]


def in_use(run: RunDirectory) -> str:
    """How many channels hold at least 1 % of the validation samples, by the last epoch of the history."""
    rows = [
        json.loads(line) for line in (run.path / "history.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    last = [row for row in rows if row["epoch"] == rows[-1]["epoch"]]
    used = span([row["channels_1pct"] for row in last])
    return f"{used} of {counted(last[0]['k_active'], 'channel')} in use"


def next_steps(run: RunDirectory, summary: Mapping[str, Any]) -> list[str]:
    """Commands that make sense now."""
    path = shlex.quote(str(run.path))
    longer = [f"  rcmvae resume {path} --epochs {2 * summary['epochs']}"] if summary["extendable"] else []
    return ["Next:", f"  rcmvae evaluate {path} --split validation", *longer]

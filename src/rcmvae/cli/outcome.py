"""What a finished run has to say for itself."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

from rich.console import Console
from rich.table import Table

from rcmvae.run import RunDirectory


def show(run: RunDirectory, console: Console) -> None:
    """Where the run is, what came out, and what to do next; only the first of several processes says so."""
    if console.quiet:
        return
    summary = run.read_json("summary.json")
    lines = [f"Run directory: {run.path}", *outcome(summary, in_use(run)), *next_steps(run, summary)]
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True, markup=False)


def outcome(summary: Mapping[str, Any], channels: str) -> list[str]:
    """The result in plain words."""
    epochs, seconds, seeds = summary["epochs"], summary["seconds"], len(summary["seeds"])
    trained = f"{epochs} epoch{'s' * (epochs != 1)} in {seconds:.1f} seconds" + f", {seeds} seeds" * (
        seeds > 1
    )
    lines = [f"{trained}; {channels}.", *growth(summary)]
    test = summary.get("test")
    if test is not None:
        bound = number(test["losses"]["bound"], "{:.2f}")
        lines.append(f"Negative evidence bound on {test['samples']:,} test samples: {bound} nats per sample.")
        if test["clustering"]:
            accuracy = number(test["clustering"]["accuracy"], "{:.1%}")
            lines.append(f"Accuracy, with every channel matched to one label: {accuracy}.")
        if test["groups"] and test["groups"]["count"]["per_seed"] != summary_channels(summary):
            count, accuracy = test["groups"]["count"], number(test["groups"]["accuracy"], "{:.1%}")
            lines.append(
                f"The channel tree proposes {number(count, '{:g}')} groups; matched to labels: {accuracy}."
            )
    return lines


def growth(summary: Mapping[str, Any]) -> list[str]:
    """How the channels grew, where there was a curriculum."""
    grown = summary.get("curriculum", [])
    return [
        f"Seed {seed}: {one['final_k_active']} channels open after {one['unlock_count']} trials"
        + ("." if one["ended"] is None else f"; growth ended with epoch {one['ended']}.")
        for seed, one in zip(summary["seeds"], grown, strict=bool(grown))
    ]


def summary_channels(summary: Mapping[str, Any]) -> list[int]:
    """How many channels take part in each replica's tree."""
    return [len(tree["channels"]) for tree in summary["channel_tree"]]


def in_use(run: RunDirectory) -> str:
    """How many channels hold at least 1 % of the validation samples, by the last epoch of the history."""
    rows = [
        json.loads(line) for line in (run.path / "history.jsonl").read_text(encoding="utf-8").splitlines()
    ]
    last = [row for row in rows if row["epoch"] == rows[-1]["epoch"]]
    used = sorted({row["channels_1pct"] for row in last})
    return (
        f"{' to '.join(str(n) for n in {used[0]: 0, used[-1]: 0})} of {last[0]['k_active']} channels in use"
    )


def next_steps(run: RunDirectory, summary: Mapping[str, Any]) -> list[str]:
    """Commands that make sense now."""
    path = shlex.quote(str(run.path))
    longer = [f"  rcmvae resume {path} --epochs {2 * summary['epochs']}"]
    stopped_early = all(summary.get("early_stopping", {}).get("stopped", [False]))
    return ["Next:", f"  rcmvae evaluate {path} --split validation", *(longer if not stopped_early else [])]


def number(spread: Mapping[str, Any], form: str) -> str:
    """A value as text, with its deviation over seeds if there were several.

    >>> number({"mean": 0.5, "sd": None}, "{:.1%}"), number({"mean": 0.5, "sd": 0.01}, "{:.1%}")
    ('50.0%', '50.0% ± 1.0%')
    """
    sd = spread["sd"]
    return form.format(spread["mean"]) + ("" if sd is None else f" ± {form.format(sd)}")


def table(scores: Mapping[str, Any]) -> Table:
    """Losses and agreement with the labels, a row each."""
    made = Table(title=f"{scores['samples']:,} samples of the {scores['split']} split", title_justify="left")
    made.add_column("measure")
    made.add_column("value", justify="right")
    for name, spread in scores["losses"].items():
        made.add_row(f"{name} (nats)", number(spread, "{:.3f}"))
    made.add_section()
    for title, part in (("channels", "clustering"), ("groups", "groups")):
        for name, spread in (scores[part] or {}).items():
            made.add_row(f"{title}: {name.replace('_', ' ')}", number(spread, "{:.4g}"))
    return made

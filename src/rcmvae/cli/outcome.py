"""What a finished run has to say for itself."""

import shlex
from collections.abc import Mapping
from typing import Any

from rich.console import Console

from rcmvae import naming
from rcmvae.cli.tables import channels
from rcmvae.errors import counted
from rcmvae.findings import best_place
from rcmvae.report import PAGE
from rcmvae.report.story import outcome
from rcmvae.run import RunDirectory
from rcmvae.seeds import span
from rcmvae.training.history import Lines


def headline(run: RunDirectory, console: Console) -> None:
    """Where the run is and what came out; only the first of several processes says so."""
    if not console.quiet:
        say(console, f"Run directory: {run.path}", *outcome(run.read_json("summary.json"), in_use(run)))


def show(run: RunDirectory, console: Console) -> None:
    """The same, what is in the channels, and what to do next."""
    headline(run, console)
    if console.quiet:
        return
    summary = run.read_json("summary.json")
    if "test" in summary:
        console.print(channels(summary["test"], best_place(summary)))
    say(console, *next_steps(run, summary), where_to_look(run))


def say(console: Console, *lines: str) -> None:
    """Plain lines, which no width of a terminal breaks."""
    for line in lines:
        console.print(line, highlight=False, soft_wrap=True, markup=False)


def in_use(run: RunDirectory) -> str:
    """How many channels held at least 1 % of the validation samples in the last epoch of the history."""
    rows = Lines(run.path / "history.jsonl").read()
    last = [row for row in rows if row["epoch"] == rows[-1]["epoch"]]
    used = span([row["channels_1pct"] for row in last])
    return f"{used} of {counted(last[0]['k_active'], 'channel')} have 1 % or more of the shares in validation samples"


def next_steps(run: RunDirectory, summary: Mapping[str, Any]) -> list[str]:
    """Commands that make sense now, and what for."""
    path = shlex.quote(str(run.path))
    data = "a file, a folder, or test" if "test" in summary else "a file or a folder"
    steps = {f"rcmvae predict {path} DATA": f"which channel and group samples belong to; DATA is {data}"}
    if not naming.is_named(run):
        steps[f"rcmvae teach {path} DATA"] = "name channels with a few labelled samples"
    if (groups := _other_cut(summary)) is not None:
        split = "" if "test" in summary else " --split validation"
        steps[f"rcmvae evaluate {path}{split} --groups {groups}"] = (
            "the groups of another cut, nearly as clear"
        )
    if summary["extendable"]:
        steps[f"rcmvae resume {path} --epochs {2 * summary['epochs']}"] = "train for longer"
    width = max(map(len, steps))
    return ["Next:", *(f"  {command:<{width}}  # {purpose}" for command, purpose in steps.items())]


def _other_cut(summary: Mapping[str, Any]) -> int | None:
    """How many groups another clear cut has, where all seeds have as many channels."""
    trees = summary["channel_tree"]
    most = min(len(tree["channels"]) for tree in trees)
    near = trees[best_place(summary)].get("nearly", ())
    return next((groups for groups in near if groups <= most), None)


def where_to_look(run: RunDirectory) -> str:
    """Where the report is, or how to make one."""
    if run.config.run.report:
        return f"See what it learned, in a browser: {run.path / PAGE}"
    return f"See what it learned: rcmvae report {shlex.quote(str(run.path))}"

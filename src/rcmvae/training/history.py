"""The history of a run: a row per epoch and replica, as CSV and as JSON lines, and what happened to its channels."""

import csv
import io
import json
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from rcmvae.errors import RunError
from rcmvae.objective import ObjectiveBase
from rcmvae.structs import Event, Signals

Row = dict[str, Any]


def row_of(signals: Signals, seed: int) -> Row:
    """One line of the history."""
    return {
        "epoch": signals.epoch,
        "seed": seed,
        "step": signals.step,
        "seconds": round(signals.seconds, 4),
        "k_active": int(signals.active.sum()),
        "channels_1pct": int((signals.usage >= 0.01).sum()),
        **({} if signals.unlocked is None else {"unlocked": signals.unlocked}),
        "kick_active": int(signals.kick_active),
        **{f"train/{name}": value for name, value in signals.train.items()},
        **{f"validation/{name}": value for name, value in signals.validation.items()},
    }


def event_rows(signals: Signals, seed: int) -> list[Row]:
    """What happened to the channels of a replica after an epoch."""
    return [{"epoch": event.epoch, "seed": seed, **_told(event)} for event in signals.events]


def _told(event: Event) -> Row:
    return event.model_dump(mode="json", exclude={"epoch"}, exclude_defaults=True)


class Lines:
    """Rows in a file, each a line of JSON with its epoch."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, rows: Sequence[Row]) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)

    def read(self) -> list[Row]:
        """All whole rows."""
        rows: list[Row] = []
        lines = self.path.read_bytes().splitlines(keepends=True) if self.path.exists() else []
        for number, line in enumerate(lines, start=1):
            if not line.endswith(b"\n"):  # cut short by a kill in the middle of a write; nothing follows it
                break
            rows.append(self._parsed(line, number))
        return rows

    def rewind(self, epoch: int) -> list[Row]:
        """Keep the rows up to this epoch: what a later, unsaved epoch wrote is written again."""
        rows = [row for row in self.read() if row["epoch"] <= epoch]
        _replace(self.path, "".join(json.dumps(row) + "\n" for row in rows))
        return rows

    def _parsed(self, line: bytes, number: int) -> Row:
        try:
            return json.loads(line)
        except ValueError as error:  # no JSON, or no text at all
            raise RunError(f"{self.path} is damaged in line {number}: {error}.") from error


class History:
    """Rows on disk, and in memory. A column per configured term; blank where there is nothing to tell.

    Events are few and differ in what they tell, so they have a file of their own, which appears with the first.
    """

    def __init__(
        self,
        directory: Path,
        objective: ObjectiveBase,
        first_seed: int,
        followers: Sequence[Callable[[Sequence[Row]], None]] = (),  # who hears of rows once they are written
    ) -> None:
        self.followers = followers
        self.csv = directory / "history.csv"
        self.lines = Lines(directory / "history.jsonl")
        self.events = Lines(directory / "events.jsonl")
        self.first_seed = first_seed
        self.rows: list[Row] = []
        lead = ["epoch", "seed", "step", "seconds", "k_active", "channels_1pct", "unlocked", "kick_active"]
        terms = list(objective.terms)
        train = [f"train/{name}" for name in ("loss", *terms, "gradient_norm")]
        self.columns = [*lead, *train, *(f"validation/{name}" for name in ("loss", "bound", *terms))]

    def rewind(self, epoch: int) -> None:
        """Keep what was written up to this epoch."""
        self.rows = self.lines.rewind(epoch)
        if self.events.path.exists():
            self.events.rewind(epoch)
        table = io.StringIO(newline="")
        writer = csv.DictWriter(table, self.columns)
        writer.writeheader()
        writer.writerows(self.rows)
        _replace(self.csv, table.getvalue())

    def __call__(self, signals: Sequence[Signals]) -> None:
        """Append an epoch of every replica that still trains."""
        training = [(self.first_seed + i, one) for i, one in enumerate(signals) if not one.idle]
        rows = [row_of(one, seed) for seed, one in training]
        self.rows += rows
        self.lines.append(rows)
        events = [row for seed, one in training for row in event_rows(one, seed)]
        if events:
            self.events.append(events)
        with self.csv.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, self.columns).writerows(rows)
        for follower in self.followers:
            follower(rows)


def _replace(path: Path, text: str) -> None:
    part = path.with_suffix(path.suffix + ".part")
    part.write_text(text, encoding="utf-8")
    os.replace(part, path)

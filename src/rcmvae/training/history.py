"""The history of a run, a row per epoch and replica, as CSV and as JSON lines."""

import csv
import io
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rcmvae.errors import RunError
from rcmvae.objective import ObjectiveBase
from rcmvae.structs import Signals

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


class History:
    """Rows on disk, and in memory. A column per configured term; blank where there is nothing to tell."""

    def __init__(self, directory: Path, objective: ObjectiveBase, first_seed: int) -> None:
        self.csv = directory / "history.csv"
        self.jsonl = directory / "history.jsonl"
        self.first_seed = first_seed
        self.rows: list[Row] = []
        lead = ["epoch", "seed", "step", "seconds", "k_active", "channels_1pct", "unlocked", "kick_active"]
        terms = list(objective.terms)
        train = [f"train/{name}" for name in ("loss", *terms, "gradient_norm")]
        self.columns = [*lead, *train, *(f"validation/{name}" for name in ("loss", "bound", *terms))]

    def rewind(self, epoch: int) -> None:
        """Keep the rows up to this epoch: what a later, unsaved epoch wrote is trained again."""
        kept: list[Row] = []
        lines = self.jsonl.read_bytes().splitlines() if self.jsonl.exists() else []
        for line in lines:
            if not line.endswith(b"}"):  # cut short by a kill in the middle of a write; nothing follows it
                break
            kept.append(self._read(line, len(kept) + 1))
        self.rows = [row for row in kept if row["epoch"] <= epoch]
        self._replace(self.jsonl, "".join(json.dumps(row) + "\n" for row in self.rows))
        table = io.StringIO(newline="")
        writer = csv.DictWriter(table, self.columns)
        writer.writeheader()
        writer.writerows(self.rows)
        self._replace(self.csv, table.getvalue())

    def __call__(self, signals: Sequence[Signals]) -> None:
        """Append an epoch of every replica that still trains."""
        rows = [row_of(one, self.first_seed + i) for i, one in enumerate(signals) if not one.idle]
        self.rows += rows
        with self.jsonl.open("a", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
        with self.csv.open("a", newline="", encoding="utf-8") as file:
            csv.DictWriter(file, self.columns).writerows(rows)

    def _read(self, line: bytes, number: int) -> Row:
        try:
            return json.loads(line)
        except ValueError as error:  # no JSON, or no text at all
            raise RunError(f"{self.jsonl} is damaged in line {number}: {error}.") from error

    @staticmethod
    def _replace(path: Path, text: str) -> None:
        part = path.with_suffix(path.suffix + ".part")
        part.write_text(text, encoding="utf-8")
        os.replace(part, path)

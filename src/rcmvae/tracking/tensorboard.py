"""TensorBoard event files in the run directory."""

import json
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar, Literal

from rcmvae.tracking.base import Sink, Started, Tracker
from rcmvae.training import Row

FOLDER = "tensorboard"


class Tensorboard(Tracker):
    """Event files in `tensorboard/` of the run directory, a folder per seed: tensorboard --logdir runs."""

    kind: Literal["tensorboard"] = "tensorboard"
    package: ClassVar[str] = "tensorboardX"

    def start(self, run: Started) -> Sink:
        return _Events(run)


class _Events(Sink):
    def __init__(self, run: Started) -> None:
        # An optional package, and slow to import.
        from tensorboardX import SummaryWriter  # noqa: PLC0415

        # What an earlier process wrote of epochs that come again is not shown.
        purge = run.epoch + 1 if run.epoch else None
        self.writers = {
            seed: SummaryWriter(str(run.path / FOLDER / f"seed-{seed}"), purge_step=purge)
            for seed in run.seeds
        }

    def rows(self, rows: Sequence[Row]) -> None:
        for row in rows:
            writer = self.writers[row["seed"]]
            for name, value in values(row).items():
                writer.add_scalar(name, value, global_step=row["epoch"])
            writer.flush()

    def end(self, summary: Mapping[str, Any]) -> None:
        text = json.dumps(summary, indent=2, ensure_ascii=False)
        for writer in self.writers.values():
            writer.add_text("summary", f"```\n{text}\n```")
            writer.close()


def values(row: Row) -> dict[str, float]:
    """The numbers of a row under their names, without what says where it belongs.

    >>> values({"epoch": 1, "seed": 0, "step": 5, "k_active": 3, "train/loss": 2.5})
    {'k_active': 3.0, 'train/loss': 2.5}
    """
    return {name: float(value) for name, value in row.items() if name not in {"epoch", "seed", "step"}}

"""MLflow: a run on its server, or in its database."""

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import Field

from rcmvae.options import flattened
from rcmvae.tracking.base import Sink, Started, Tracker
from rcmvae.tracking.tensorboard import values
from rcmvae.training import Row

NOTE = "mlflow.json"  # which run of MLflow's a run directory belongs to
MOST = 100  # parameters in a call
ENDED = {"finished": "FINISHED", "interrupted": "KILLED"}


class Mlflow(Tracker):
    """One MLflow run for all seeds: the configuration as parameters, the history as metrics."""

    kind: Literal["mlflow"] = "mlflow"
    package: ClassVar[str] = "mlflow"
    uri: str | None = Field(
        default=None, description="The server, or sqlite:///FILE; where MLFLOW_TRACKING_URI says if null."
    )
    experiment: str = Field(default="rcmvae", description="The experiment that the run is listed under.")

    def start(self, run: Started) -> Sink:
        return _Client(self, run)


class _Client(Sink):
    def __init__(self, options: Mlflow, run: Started) -> None:
        # An optional package, and slow to import.
        from mlflow import MlflowClient  # noqa: PLC0415  # pyright: ignore[reportMissingImports]
        from mlflow.entities import Metric, Param  # noqa: PLC0415  # pyright: ignore[reportMissingImports]

        self.metric, self.client = Metric, MlflowClient(tracking_uri=options.uri)
        self.several = len(run.seeds) > 1
        note = run.path / NOTE
        if run.epoch and note.exists():
            self.id = json.loads(note.read_text(encoding="utf-8"))["run_id"]
            self.client.update_run(self.id, status="RUNNING")
            return
        self.id = self._create(options.experiment, run.path)
        note.write_text(json.dumps({"run_id": self.id}) + "\n", encoding="utf-8")
        told = [Param(name, str(value)) for name, value in flattened(run.config)]
        for start in range(0, len(told), MOST):
            self.client.log_batch(self.id, params=told[start : start + MOST])

    def _create(self, experiment: str, path: Path) -> str:
        found = self.client.get_experiment_by_name(experiment)
        listed = self.client.create_experiment(experiment) if found is None else found.experiment_id
        return self.client.create_run(listed, run_name=path.name).info.run_id

    def rows(self, rows: Sequence[Row]) -> None:
        now = int(1000 * time.time())
        metrics = [
            self.metric(f"seed-{row['seed']}/{name}" if self.several else name, value, now, row["epoch"])
            for row in rows
            for name, value in values(row).items()
        ]
        self.client.log_batch(self.id, metrics=metrics)

    def end(self, summary: Mapping[str, Any]) -> None:
        self.client.log_dict(self.id, dict(summary), "summary.json")
        self.client.set_terminated(self.id, ENDED.get(str(summary.get("status")), "FAILED"))

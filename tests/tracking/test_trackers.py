"""Trackers hear everything once, and never cost a run."""

import json
import logging
import sys
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import pytest

from rcmvae import experiment
from rcmvae.config import from_mapping, load_config
from rcmvae.config.preflight import preflight
from rcmvae.errors import ConfigError
from rcmvae.run import RunDirectory
from rcmvae.tracking import TRACKERS, Mlflow, Sink, Started, Tensorboard, Tracker, Tracks, missing
from rcmvae.training import Row
from tests.training.small import digits, rows_of, tiny

ROW = {"epoch": 1, "seed": 0, "step": 5, "seconds": 0.5, "k_active": 2, "train/loss": 2.5}


def started(path: Path, seeds: Sequence[int] = (0,), epoch: int = 0) -> Started:
    return Started(path, {"model": {"num_channels": 2}}, seeds, epoch)


class Heard(Tracker):
    kind: Literal["heard"] = "heard"
    package: ClassVar[str] = "json"
    fails_at: str = ""
    told: ClassVar[list[Any]] = []

    def start(self, run: Started) -> Sink:
        if self.fails_at == "start":
            raise OSError("no such\nserver")
        return _Heard(self)


class _Heard(Sink):
    def __init__(self, options: Heard) -> None:
        self.options = options

    def rows(self, rows: Sequence[Row]) -> None:
        if self.options.fails_at == "rows":
            raise ValueError
        self.options.told.append([row["epoch"] for row in rows])

    def end(self, summary: Mapping[str, Any]) -> None:
        if self.options.fails_at == "end":
            raise KeyError("status")
        self.options.told.append(summary["status"])


@pytest.mark.parametrize("fails_at", ["start", "rows", "end"])
def test_a_tracker_that_fails_is_switched_off(
    fails_at: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    Heard.told.clear()
    tracks = Tracks([Heard(fails_at=fails_at)], started(tmp_path))
    with caplog.at_level(logging.WARNING):
        tracks.rows([ROW])
        tracks.rows([ROW | {"epoch": 2}])
        tracks.end({"status": "finished"})
        tracks.end({"status": "finished"})
    assert Heard.told == {"start": [], "rows": [], "end": [[1], [2]]}[fails_at]
    [record] = caplog.records
    assert record.getMessage().startswith("Tracking with heard failed and is switched off; the run goes on")
    if fails_at == "start":
        assert record.getMessage().endswith("OSError: no such server")


def test_a_run_tells_its_trackers_all_of_its_history(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def breaks(*_: object) -> Sink:
        raise ConnectionError("nobody is there")

    Heard.told.clear()
    monkeypatch.setattr("rcmvae.experiment.missing", lambda trackers: [])
    monkeypatch.setattr(Tensorboard, "start", lambda self, run: _Heard(Heard()))
    monkeypatch.setattr(Mlflow, "start", breaks)
    config = tiny({"tracking": ["mlflow", "tensorboard"]}, directory=tmp_path)
    with caplog.at_level(logging.WARNING):
        run = experiment.train(config, digits())
    assert Heard.told == [[1], [2], [3], "finished"]
    assert ["mlflow failed" in record.getMessage() for record in caplog.records] == [True]
    assert run.is_finished
    assert [row["epoch"] for row in rows_of(run.path)] == [1, 2, 3]


def test_two_of_a_kind_are_two(tmp_path: Path) -> None:
    Heard.told.clear()
    tracks = Tracks([Heard(), Heard(fails_at="rows"), Heard()], started(tmp_path))
    for _ in range(2):
        tracks.rows([ROW])
    assert Heard.told == [[1]] * 4


def test_a_missing_package_is_told_before_any_compute(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    config = tiny({"tracking": ["mlflow", "tensorboard"]}, directory=tmp_path)
    monkeypatch.setattr("rcmvae.tracking.base.find_spec", lambda name: None if name == "mlflow" else name)
    sentence = (
        "tracking[0] is `mlflow`, which needs a package that is not installed: pip install 'rcmvae[mlflow]'"
    )
    assert missing(config.tracking) == [sentence]
    with pytest.raises(ConfigError) as caught:
        experiment.train(config, digits())
    assert str(caught.value) == sentence
    assert not any(tmp_path.iterdir())
    assert sentence in preflight(config).problems


def test_extras_are_named_like_the_kinds() -> None:
    import tomllib

    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text(encoding="utf-8"))
    assert set(project["project"]["optional-dependencies"]) >= set(TRACKERS)


def test_kinds_are_told_apart() -> None:
    config = load_config(None, ["tracking=[tensorboard, {kind: mlflow, experiment: mine}]"])
    assert config.tracking == (Tensorboard(), Mlflow(experiment="mine"))
    assert from_mapping(config.model_dump(mode="json")) == config
    with pytest.raises(
        ConfigError, match=r"tracking\[0\] is `tensorbord`, .*mlflow, tensorboard.*Did you mean"
    ):
        load_config(None, ["tracking=[tensorbord]"])


def test_tensorboard_has_every_number(tmp_path: Path) -> None:
    tracks = Tracks([Tensorboard()], started(tmp_path, (0, 1)))
    tracks.rows([ROW, ROW | {"seed": 1, "train/loss": 7.5}])
    tracks.end({"status": "finished"})
    for seed, loss in ((0, 2.5), (1, 7.5)):
        scalars = scalars_in(tmp_path / "tensorboard" / f"seed-{seed}")
        assert scalars == {("train/loss", 1, loss), ("seconds", 1, 0.5), ("k_active", 1, 2.0)}


def scalars_in(folder: Path) -> set[tuple[str, int, float]]:
    """What the event files of a folder hold, read record by record."""
    import struct

    from tensorboardX.proto.event_pb2 import Event  # pyright: ignore[reportAttributeAccessIssue]

    found: set[tuple[str, int, float]] = set()
    for path in folder.iterdir():
        raw, at = path.read_bytes(), 0
        while at < len(raw):
            (length,) = struct.unpack_from("<Q", raw, at)
            event = Event.FromString(raw[at + 12 : at + 12 + length])
            at += 12 + length + 4
            found |= {
                (value.tag, event.step, value.simple_value)
                for value in event.summary.value
                if value.HasField("simple_value")
            }
    return found


class Client:
    """MLflow's client, as far as it is used."""

    calls: ClassVar[list[Any]] = []

    def __init__(self, tracking_uri: str | None = None) -> None:
        self.calls.append(("uri", tracking_uri))

    def get_experiment_by_name(self, name: str) -> None:
        self.calls.append(("experiment", name))

    def create_experiment(self, name: str) -> str:
        return "7"

    def create_run(self, experiment: str, run_name: str) -> Any:
        self.calls.append(("run", experiment, run_name))
        return types.SimpleNamespace(info=types.SimpleNamespace(run_id="abc"))

    def update_run(self, run_id: str, status: str) -> None:
        self.calls.append(("again", run_id, status))

    def log_batch(self, run_id: str, metrics: Sequence[Any] = (), params: Sequence[Any] = ()) -> None:
        self.calls.append(("log", run_id, [one[:2] for one in metrics], [*params]))

    def log_dict(self, run_id: str, told: Any, file: str) -> None:
        self.calls.append(("dict", run_id, told, file))

    def set_terminated(self, run_id: str, status: str) -> None:
        self.calls.append(("end", run_id, status))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    Client.calls.clear()
    entities: Any = types.ModuleType("mlflow.entities")
    entities.Metric, entities.Param = (lambda *given: given), (lambda *given: given)
    package: Any = types.ModuleType("mlflow")
    package.MlflowClient, package.entities = Client, entities
    monkeypatch.setitem(sys.modules, "mlflow", package)
    monkeypatch.setitem(sys.modules, "mlflow.entities", entities)
    return Client.calls


def test_mlflow_gets_one_run_with_everything(calls: list[Any], tmp_path: Path) -> None:
    tracks = Tracks([Mlflow(uri="http://here", experiment="mine")], started(tmp_path))
    tracks.rows([ROW])
    tracks.end({"status": "interrupted"})
    metrics = [("seconds", 0.5), ("k_active", 2.0), ("train/loss", 2.5)]
    assert calls == [
        ("uri", "http://here"),
        ("experiment", "mine"),
        ("run", "7", tmp_path.name),
        ("log", "abc", [], [("model.num_channels", "2")]),
        ("log", "abc", metrics, []),
        ("dict", "abc", {"status": "interrupted"}, "summary.json"),
        ("end", "abc", "KILLED"),
    ]
    assert json.loads((tmp_path / "mlflow.json").read_text())["run_id"] == "abc"
    calls.clear()
    again = Tracks([Mlflow()], started(tmp_path, (0, 1), epoch=1))
    again.rows([ROW])
    assert calls[1] == ("again", "abc", "RUNNING"), "a run that goes on is the same one there"
    assert calls[2][2][0][0] == "seed-0/seconds"


def test_a_run_writes_event_files(tmp_path: Path) -> None:
    config = tiny({"tracking": ["tensorboard"]}, directory=tmp_path, seeds=2, epochs=2)
    run: RunDirectory = experiment.train(config, digits())
    assert sorted(path.name for path in (run.path / "tensorboard").iterdir()) == ["seed-0", "seed-1"]
    bound = {
        (step, value)
        for tag, step, value in scalars_in(run.path / "tensorboard/seed-1")
        if tag == "validation/bound"
    }
    written = {(row["epoch"], row["validation/bound"]) for row in rows_of(run.path) if row["seed"] == 1}
    assert {step for step, _ in bound} == {1, 2}
    assert sorted(value for _, value in bound) == pytest.approx(
        sorted(value for _, value in written), rel=1e-6
    )

"""Two processes that train together are one run."""

import json
import signal
import socket
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

from rcmvae import evaluation, experiment
from rcmvae.diagnostics import Bundle
from rcmvae.run import RunDirectory

from .as_process import SETTINGS
from .small import digits, result_of, rows_of, start_python, tiny

RTOL = 1e-4  # as between devices


class Pair(NamedTuple):
    """What both processes say, and where they worked."""

    lead: dict[str, Any]
    other: dict[str, Any]
    directory: Path


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


@pytest.fixture(scope="module")
def pair(tmp_path_factory: pytest.TempPathFactory) -> Pair:
    directory, script, port = (
        tmp_path_factory.mktemp("runs"),
        Path(__file__).with_name("as_process.py"),
        free_port(),
    )
    processes = [start_python(script, str(port), str(rank), str(directory)) for rank in (0, 1)]
    try:
        lead, other = (result_of(process) for process in processes)
        return Pair(lead, other, directory)
    finally:
        for process in processes:
            process.kill()


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    return experiment.train(tiny(SETTINGS, directory=tmp_path_factory.mktemp("runs")), digits())


def agree(a: Path, b: Path) -> None:
    for mine, other in zip(rows_of(a), rows_of(b), strict=True):
        assert mine.keys() == other.keys()
        for name, value in mine.items():
            np.testing.assert_allclose(value, other[name], rtol=RTOL, atol=1e-6, err_msg=name)


def bundles_of(path: Path) -> list[Bundle]:
    return [Bundle.load(file) for file in sorted((path / "diagnostics").glob("*.npz"))]


def test_both_work_in_one_directory_that_the_lead_writes(pair: Pair) -> None:
    assert pair.lead["run"] == pair.other["run"]
    runs = sorted(pair.directory.iterdir())
    assert len(runs) == 2, "one for each training, none for a refusal"
    for run in runs:
        lines = (run / "history.jsonl").read_text(encoding="utf-8").splitlines()
        assert [json.loads(line)["epoch"] for line in lines] == [*range(1, len(lines) + 1)]
        assert not list(run.glob("*.part"))
    environment = RunDirectory.find(Path(pair.lead["run"])).read_json("environment.json")
    assert environment["processes"] == 2
    assert environment["devices"]["count"] == 2


def test_the_lead_reports_what_all_have_looked_at(pair: Pair, coarse: None) -> None:
    """As one process does that looks at the same weights; the other finds everything there when it is told where."""
    assert pair.lead["report"] == pair.other["report"]
    assert pair.lead["seen"] == pair.other["seen"]
    path = Path(pair.lead["run"])
    assert Path(pair.lead["report"]) == path / "report.html"
    page, together = (path / "report.html").read_text("utf-8"), bundles_of(path)
    experiment.make_report(path, "validation", digits())
    assert (path / "report.html").read_text("utf-8").count("<canvas") == page.count("<canvas")
    for one, other in zip(together, bundles_of(path), strict=True):
        np.testing.assert_array_equal(one.mark, other.mark)
        for name in ("responsibility", "nll", "kl", "mean", "log_var"):
            ours, theirs = getattr(one, name), getattr(other, name)
            np.testing.assert_allclose(ours, theirs, rtol=RTOL, atol=1e-5, err_msg=name)


def test_both_judge_samples_of_no_split_as_one_process_does(pair: Pair) -> None:
    path, apart = Path(pair.lead["run"]), digits().validation
    assert pair.lead["on"] == pair.other["on"]
    assert (path / pair.lead["on"]["file"]).is_file()
    alone = evaluation.evaluate(path, dataset=digits(), samples=apart.x, y=apart.truth)
    assert alone.keys() == pair.lead["on"].keys()
    for name, value in alone["losses"].items():
        assert pair.lead["on"]["losses"][name]["mean"] == pytest.approx(value["mean"], rel=RTOL)


def test_they_learn_what_one_process_learns(pair: Pair, alone: RunDirectory) -> None:
    agree(Path(pair.lead["run"]), alone.path)
    together = RunDirectory.find(Path(pair.lead["run"])).read_json("summary.json")
    single = alone.read_json("summary.json")
    for name, value in single["test"]["losses"].items():
        assert together["test"]["losses"][name]["mean"] == pytest.approx(value["mean"], rel=RTOL)


def test_a_signal_to_one_stops_both_and_one_process_can_go_on(pair: Pair, alone: RunDirectory) -> None:
    (path,) = set(pair.directory.iterdir()) - {Path(pair.lead["run"])}
    told = [f"Stopped after epoch 1, and saved. Go on with: rcmvae resume {path}", 128 + signal.SIGTERM]
    assert pair.lead["interrupted"] == pair.other["interrupted"] == told
    assert RunDirectory.find(path).read_json("summary.json")["status"] == "interrupted"
    experiment.resume(path, digits())
    agree(path, alone.path)


def test_refusals_are_the_same_for_both(pair: Pair) -> None:
    for how, words in {
        "taken": "exists already",
        "finished": "has finished",
        "idle": "without a device",
    }.items():
        assert pair.lead[how] == pair.other[how]
        assert words in pair.lead[how]

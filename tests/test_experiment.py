"""From a configuration to results, and back to them later."""

import dataclasses
import io
import re
import shutil
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rich.console import Console

from rcmvae import experiment
from rcmvae.config import Config, load_config
from rcmvae.data import ArraysSource, Dataset, Digits, dataset_from_arrays, load
from rcmvae.diagnostics import METRICS
from rcmvae.errors import ConfigError, RunError
from rcmvae.evaluation import evaluate
from rcmvae.findings import gather
from rcmvae.interruption import Interruption
from rcmvae.report.channels import channels_of
from rcmvae.report.story import tell
from rcmvae.run import RunDirectory, Ways
from rcmvae.training import History

from .training.small import DATA, digits, rows_of, tiny

pytestmark = pytest.mark.usefixtures("coarse")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> RunDirectory:
    named = {"run": {"name": "trained"}}
    return experiment.train(tiny(named, directory=tmp_path_factory.mktemp("runs")), digits())


@pytest.fixture
def run(trained: RunDirectory, tmp_path: Path) -> RunDirectory:
    """A copy that a test may change."""
    shutil.copytree(trained.path, tmp_path / "copy")
    return RunDirectory.find(tmp_path / "copy")


def test_a_run_leaves_what_it_promises(trained: RunDirectory) -> None:
    left = {path.name for path in trained.path.iterdir()}
    assert left == {
        ".lock", "config.yaml", "data.json", "environment.json", "history.csv", "history.jsonl", "summary.json",
        "checkpoints", "labels.json",
    }  # fmt: skip
    assert trained.is_finished
    summary = trained.read_json("summary.json")
    assert (summary["epochs"], summary["seeds"]) == (3, [0])
    last = rows_of(trained.path)[-1]
    for name, spread in summary["training"].items():
        assert spread == {"mean": last[name], "sd": None, "per_seed": [last[name]]}
    assert set(summary["training"]) == {name for name in last if "/" in name}


def test_the_test_split_is_scored_as_evaluate_scores_it(run: RunDirectory) -> None:
    assert evaluate(run.path, dataset=digits()) == run.read_json("summary.json")["test"]
    assert run.read_json("evaluation-test.json") == run.read_json("summary.json")["test"]


def test_validation_is_scored_as_in_the_last_epoch(run: RunDirectory) -> None:
    scores = evaluate(run.path, "validation", digits())
    last = rows_of(run.path)[-1]
    for name, spread in scores["losses"].items():
        # The bound of an evaluation is a sum over what is told of each sample, by draws of its own.
        close = 1e-2 if name == "bound" else 1e-5
        assert spread["mean"] == pytest.approx(last[f"validation/{name}"], rel=close)
    assert (scores["split"], scores["samples"]) == ("validation", 60)


def test_every_metric_is_told_or_absent_with_its_reason(run: RunDirectory) -> None:
    scores = evaluate(run.path, dataset=digits())
    told = {
        f"{section}/{name}"
        for section in ("losses", "evidence", "routing", "clustering", "groups", "tau")
        for name in scores[section]
    }
    elsewhere = {key for key in METRICS if key.startswith(("channels/", "curriculum/"))}
    assert told | scores["absent"].keys() == METRICS.keys() - elsewhere
    assert told.isdisjoint(scores["absent"])
    assert "no probability of a sample" in scores["absent"]["evidence/bits_per_dimension"]
    parts = [scores["evidence"][name]["mean"] for name in ("reconstruction", "kl_latent", "kl_channel")]
    assert sum(parts) == pytest.approx(scores["losses"]["bound"]["mean"])
    for (channels,) in [scores["channels_of"]]:
        assert all(part["usage"] > 0 and part["kl"] >= 0 for part in channels)


def test_the_importance_weighted_bound_is_computed_on_demand(run: RunDirectory) -> None:
    assert "evidence/importance_weighted" in evaluate(run.path, dataset=digits())["absent"]
    scores = evaluate(run.path, dataset=digits(), importance=20)
    tighter = scores["evidence"]["importance_weighted"]["mean"]
    assert scores["losses"]["bound"]["mean"] - 5 < tighter < scores["losses"]["bound"]["mean"]
    with pytest.raises(ConfigError, match="importance is 0, but it must be 1 or more"):
        evaluate(run.path, dataset=digits(), importance=0)


def test_the_configuration_alone_finds_the_data_again(run: RunDirectory) -> None:
    assert evaluate(run.path)["samples"] == 180


def test_a_finished_run_is_not_trained_again_unless_for_longer(run: RunDirectory) -> None:
    with pytest.raises(
        RunError,
        match=r"has finished: it trained 3 epochs, as configured\. .* rcmvae resume .*copy --epochs 6$",
    ):
        experiment.resume(run.path, digits())
    for fewer in (0, 2, 3):
        with pytest.raises(
            RunError, match=f"has trained 3 epochs already: epochs is {fewer}, but it must be larger than 3"
        ):
            experiment.resume(run.path, digits(), epochs=fewer)
    experiment.resume(run.path, digits(), epochs=5)
    assert [row["epoch"] for row in rows_of(run.path)] == [1, 2, 3, 4, 5]
    assert run.config.training.epochs == 5
    assert run.read_json("summary.json")["epochs"] == 5


def test_longer_is_as_if_it_had_been_asked_for_at_once(run: RunDirectory, tmp_path: Path) -> None:
    experiment.resume(run.path, digits(), epochs=4)
    at_once = experiment.train(tiny(directory=tmp_path, epochs=4), digits())
    assert rows_of(run.path) == rows_of(at_once.path)
    assert run.read_json("summary.json")["test"] == at_once.read_json("summary.json")["test"]


def test_a_run_that_stopped_early_says_so(tmp_path: Path) -> None:
    worsening = {"objective": {"kl_z": 0}}
    stopping = {"early_stopping": {"monitor": "kl_z", "patience": 1}, "epochs": 30, "learning_rate": 1e-2}
    run = experiment.train(tiny(worsening, directory=tmp_path, **stopping), digits())
    summary = run.read_json("summary.json")
    epochs, early = summary["epochs"], summary["early_stopping"]
    assert epochs < 30
    assert early["stopped"] == [True]
    best = rows_of(run.path)[early["best_epoch"][0] - 1]
    assert early["best"] == [best["validation/kl_z"]]
    with pytest.raises(RunError, match=f"has finished: early stopping ended it after {epochs} epochs"):
        experiment.resume(run.path, digits(), epochs=50)
    run.write_json("summary.json", {"status": "running"})
    with pytest.raises(
        RunError, match=r"before its results were written, .* results written with: rcmvae resume"
    ):
        experiment.resume(run.path, digits(), epochs=50)
    experiment.resume(run.path, digits())
    assert run.read_json("summary.json")["test"] == summary["test"]
    # The scores are those of the best weights, not of the last ones.
    found = evaluate(run.path, "validation", digits())["losses"]["kl_z"]["mean"]
    assert found == pytest.approx(best["validation/kl_z"], rel=1e-5)
    assert summary["test"] == evaluate(run.path, dataset=digits())


def test_a_run_that_ends_before_epochs_can_be_compared_has_no_best_one(tmp_path: Path) -> None:
    rising = {"objective": {"kl_c": {"kind": "linear", "start": 0, "end": 1, "epochs": 5}}}
    run = experiment.train(tiny(rising, directory=tmp_path, epochs=1, early_stopping={}), digits())
    early = run.read_json("summary.json")["early_stopping"]
    assert early == {"monitor": "bound", "best": [None], "best_epoch": [None], "stopped": [False]}


def test_other_data_are_refused(run: RunDirectory) -> None:
    other = load(Digits.model_validate(DATA | {"seed": 1}))
    for attempt in (
        lambda: experiment.resume(run.path, other, epochs=9),
        lambda: evaluate(run.path, dataset=other),
    ):
        with pytest.raises(
            RunError, match=r"was trained on other data: `digits` had fingerprint \w{12}, and"
        ):
            attempt()


def in_memory(seed: int = 0) -> Dataset:
    draw = np.random.default_rng(seed)
    kind = draw.integers(0, 3, 200)
    x = draw.normal(size=(200, 6)).astype(np.float32) + 3 * kind[:, None]
    return dataset_from_arrays(x, kind, options=ArraysSource(test=0.2))


def test_arrays_train_and_go_on_through_python(tmp_path: Path) -> None:
    gaussian = {"model": {"decoder": {"output": "gaussian"}}, "data": None}
    settings = {"data": {"kind": "arrays", "test": 0.2}}
    config = tiny({"model": gaussian["model"]}, directory=tmp_path, epochs=1)
    config = config.model_copy(update={"data": ArraysSource.model_validate(settings["data"])})
    run = experiment.train(config, in_memory())
    assert run.config.data == ArraysSource(test=0.2)
    experiment.resume(run.path, in_memory(), epochs=2)
    assert [row["epoch"] for row in rows_of(run.path)] == [1, 2]
    assert evaluate(run.path, dataset=in_memory())["samples"] == 40
    for attempt in (lambda: experiment.resume(run.path, epochs=3), lambda: evaluate(run.path)):
        with pytest.raises(
            RunError, match=r"was trained on arrays handed over in Python, .* rcmvae\.resume\("
        ):
            attempt()
    with pytest.raises(RunError, match="other data"):
        experiment.resume(run.path, in_memory(seed=1), epochs=3)
    with pytest.raises(RunError, match=r"longer with: rcmvae\.resume\('.*', dataset, epochs=4\)$"):
        experiment.resume(run.path, in_memory())
    run.write_json("summary.json", {"status": "interrupted", "epochs": 1})
    with pytest.raises(RunError, match=r"Go on with: rcmvae\.resume\('.*', dataset\)$"):
        experiment.make_report(run.path)
    again = experiment.train(load_config(run.path / "config.yaml", {"run.name": None}), in_memory())
    assert rows_of(again.path) == rows_of(run.path)


def test_paths_may_be_texts_and_samples_bare(tmp_path: Path) -> None:
    x = np.random.default_rng(0).normal(size=(200, 6))
    model = {
        "decoder": {"output": "gaussian", "backbone": {"kind": "dense", "hidden": [8]}},
        "trunk": "dense",
    }
    settings = {
        "model": {"num_channels": 2} | model,
        "objective": {"reconstruction": 1, "kl_z": 1, "kl_c": 1},
        "training": {"epochs": 1, "batch_size": 64},
        "run": {"directory": str(tmp_path), "name": "bare", "report": False},
    }
    path = str(experiment.train(settings, x).path)
    assert evaluate(path, dataset=x)["labels"] == 0
    assert experiment.resume(path, x.tolist(), epochs=2).read_json("summary.json")["epochs"] == 2
    with pytest.raises(RunError, match="run\\.name is `bare`"):
        experiment.train(f"{path}/config.yaml", x)
    with pytest.raises(ConfigError, match=r"is a run directory: resume\('.*bare'\) goes on with it"):
        experiment.train(path, x)
    with pytest.raises(ConfigError, match=r"^What comes first is a ndarray, .* as in train\(None, x\)"):
        experiment.as_config(x)
    with pytest.raises(ConfigError, match=r"nowhere\.yaml does not exist"):
        experiment.train("nowhere.yaml", x)


@pytest.mark.parametrize(
    ("number", "advice"),
    [(40, None), (39, "model.num_channels=3"), (20, "model.num_channels=2"), (19, "get more samples")],
)
def test_too_few_samples_for_so_many_channels_are_told(
    number: int, advice: str | None, tmp_path: Path
) -> None:
    told = io.StringIO()
    config = tiny({"run": {"name": "few"}}, directory=tmp_path, epochs=1, batch_size=4)
    dataset = dataset_from_arrays(digits().train.x[: number + 4], options=ArraysSource(validation=4, test=0))
    experiment.train(config, dataset, console=Console(file=told, width=200))
    assert (f"warning: {number} samples for 4 channels are few" in told.getvalue()) == (advice is not None)
    assert advice is None or advice in told.getvalue()


def test_without_a_configuration_there_are_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []
    monkeypatch.setattr(experiment.Setting, "prepare", lambda *given: seen.append(given) or 1 / 0)
    with pytest.raises(ZeroDivisionError):
        experiment.train()
    assert seen == [(load_config(), None)]


def test_growth_that_is_over_is_not_trained_on(tmp_path: Path) -> None:
    growing = {
        "model": {"routing": "gumbel_softmax"},
        "curriculum": {
            "policy": {"kind": "scheduled", "every": 1},
            "stop_after": 1,
            "helps": {"cleanness": 99, "bound": 1e9},
            "finish": {"epochs": 1},
        },
    }
    run = experiment.train(tiny(growing, directory=tmp_path, epochs=20), digits())
    summary, config = run.read_json("summary.json"), (run.path / "config.yaml").read_bytes()
    assert summary["epochs"] < 20
    assert not summary["extendable"]
    for epochs in (None, 50):
        with pytest.raises(
            RunError, match=r"has finished: growth ended with epoch \d, .* More epochs would train"
        ):
            experiment.resume(run.path, digits(), epochs=epochs)
    assert (run.path / "config.yaml").read_bytes() == config
    assert run.read_json("summary.json") == summary


def test_a_run_without_a_trained_epoch_is_not_evaluated(tmp_path: Path) -> None:
    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    named = {"run": {"name": "untrained"}}
    with pytest.raises(KeyboardInterrupt):
        experiment.train(tiny(named, directory=tmp_path), digits(), listeners=[interrupt])
    run = RunDirectory.find(tmp_path / "untrained")
    assert run.read_json("summary.json") == {"status": "interrupted", "epochs": 0}
    with pytest.raises(
        RunError, match=r"has nothing to evaluate: no trained epoch is saved\. Go on with: rcmvae re"
    ):
        evaluate(run.path, dataset=digits())
    assert RunDirectory.latest(tmp_path) == run
    assert experiment.resume(run.path, digits()).is_finished
    with pytest.raises(RunError, match="holds no run that was interrupted"):
        RunDirectory.latest(tmp_path)


def test_from_the_first_file_on_a_run_that_is_left_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Leaving is tried at two moments, each of which a signal could hit."""
    heard, said, status = Interruption(), [], []

    def try_it(cls: type, name: str) -> None:
        whole = getattr(cls, name)

        def tried(self: Any, *given: Any) -> Any:
            said.append(heard.leave())
            status.append(RunDirectory(tmp_path / "it").status)
            return whole(self, *given)

        monkeypatch.setattr(cls, name, tried)

    try_it(RunDirectory, "describe")
    try_it(History, "rewind")
    experiment.train(
        tiny({"run": {"name": "it"}}, directory=tmp_path, epochs=1), digits(), interruption=heard
    )
    assert said == [
        f"Stopped before anything was trained: {tmp_path / 'it'} holds nothing to go on from.",
        f"Stopped before anything was trained. Go on with: rcmvae resume {tmp_path / 'it'}",
    ]
    assert status == ["interrupted"] * 2


@pytest.mark.usefixtures("sketched")
@pytest.mark.parametrize("shown", [False, "train"])
def test_a_run_that_is_complete_stays_so(tmp_path: Path, shown: object) -> None:
    heard = Interruption()
    config = tiny({"run": {"name": "it", "report": shown}}, directory=tmp_path, epochs=1)
    run = experiment.train(config, digits(), interruption=heard)
    assert heard.leave() == f"{run.path} is complete."
    assert run.is_finished


def test_nobody_leaves_while_the_summary_is_written(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard, words, write = Interruption(), [], RunDirectory.write_json

    def leave() -> None:
        with heard.lock:
            words.append(heard.leave())

    def slow(self: RunDirectory, name: str, value: dict[str, Any]) -> None:
        if value.get("status") == "finished":
            other = threading.Thread(target=leave)
            leaving.append(other)
            other.start()
        write(self, name, value)

    leaving: list[threading.Thread] = []
    monkeypatch.setattr(RunDirectory, "write_json", slow)
    experiment.resume(run.path, digits(), epochs=4, interruption=heard)
    leaving[0].join()
    assert words == [f"{run.path} is complete."]
    assert run.is_finished


def test_a_run_that_is_trained_already_is_not_joined(run: RunDirectory) -> None:
    refused = []

    def join(_: object) -> None:
        with pytest.raises(RunError, match="is being trained by another process: wait until") as caught:
            experiment.resume(run.path, digits(), epochs=9)
        refused.append(caught)

    experiment.resume(run.path, digits(), epochs=4, listeners=[join])
    assert len(refused) == 1
    assert not run.is_held


def test_an_edited_model_is_told(run: RunDirectory) -> None:
    file = run.path / "config.yaml"
    file.write_text(
        file.read_text().replace("num_channels: 4", "num_channels: 5").replace("seeds: 1", "seeds: 2")
    )
    for attempt in (lambda: experiment.resume(run.path, epochs=9), lambda: evaluate(run.path)):
        with pytest.raises(
            RunError,
            match=r"not what this run was started with: model\.num_channels is 5, and was 4; training\.seeds is 2",
        ):
            attempt()


def test_each_cut_has_its_own_file_and_says_what_it_is(run: RunDirectory) -> None:
    two = evaluate(run.path, dataset=digits(), num_groups=2)
    apart = evaluate(run.path, dataset=digits(), level=0)
    assert (two["cut"], apart["cut"]) == ({"num_groups": 2, "level": None}, {"num_groups": None, "level": 0})
    assert two["groups"]["count"]["per_seed"] == [2]
    assert run.read_json("evaluation-test-groups-2.json") == two
    assert run.read_json("evaluation-test-level-0.0.json") == apart
    assert not (run.path / "evaluation-test.json").exists()
    with pytest.raises(
        ConfigError, match=r"^groups is 30, but with \d channels in use it must be 1 to \d\.$"
    ):
        evaluate(run.path, dataset=digits(), num_groups=30)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (
            {"split": "tets"},
            r"^split is `tets`, but it must be one of train, validation, test\. Did you mean 'test'\?$",
        ),
        ({"num_groups": 0}, "^num_groups is 0, but it must be 1 or more"),
        ({"level": -0.5}, "^level is -0.5, but it must be a number of 0 or more"),
        ({"level": float("nan")}, "^level is nan"),
        ({"num_groups": 2, "level": 0.5}, "two ways to cut"),
    ],
)
def test_what_cannot_be_evaluated_is_told_before_anything_is_loaded(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch, given: dict[str, Any], told: str
) -> None:
    monkeypatch.setattr(experiment.Setting, "prepare", None)
    with pytest.raises(ConfigError, match=told):
        evaluate(run.path, **given)


def test_what_is_in_the_channels_and_their_groups(run: RunDirectory) -> None:
    found = evaluate(run.path, dataset=digits(), num_groups=2)
    assert found["labels"] == 10
    for (parts,) in (found["channels_of"], found["groups_of"]):
        samples = [part["samples"] for part in parts]
        assert sum(samples) == found["samples"] == 180
        assert samples == sorted(samples, reverse=True)
        pure = sum(part["purity"] * part["samples"] for part in parts if part["samples"]) / 180
        whole = found["clustering"] if "group" in parts[0] else found["groups"]
        assert pure == pytest.approx(whole["purity"]["mean"])
    members = {
        k: part["index"] for (parts,) in [found["groups_of"]] for part in parts for k in part["channels"]
    }
    for (parts,) in [found["channels_of"]]:
        assert all(members.get(part["index"], -1) == part["group"] for part in parts)


def test_a_split_without_samples_is_told(tmp_path: Path) -> None:
    dataset = load(Digits.model_validate(DATA | {"test": 0}))
    config = tiny(directory=tmp_path, epochs=1)
    config = config.model_copy(update={"data": Digits.model_validate(DATA | {"test": 0})})
    run = experiment.train(config, dataset)
    assert "test" not in run.read_json("summary.json")
    with pytest.raises(RunError, match="The data have no test split"):
        evaluate(run.path, dataset=dataset)


def test_unlabelled_data_are_scored_without_labels(tmp_path: Path) -> None:
    x = np.asarray(digits().train.x)
    dataset = dataset_from_arrays(x, options=ArraysSource())
    config = tiny(directory=tmp_path, epochs=1).model_copy(update={"data": ArraysSource()})
    scores = experiment.train(config, dataset).read_json("summary.json")["test"]
    assert (scores["clustering"], scores["groups"].keys()) == ({}, {"count"})
    assert scores["absent"]["clustering/accuracy"] == "No sample of the test split has a label."
    assert all("label" not in part for one in scores["groups_of"] for part in one)
    assert scores["losses"]["bound"]["mean"] > 0


def test_a_run_without_its_checkpoints_is_told(run: RunDirectory) -> None:
    shutil.rmtree(run.checkpoints)
    with pytest.raises(RunError, match="holds no complete checkpoint"):
        experiment.resume(run.path, digits(), epochs=9)


def test_how_to_go_on_can_be_pasted_into_a_shell() -> None:
    ways = Ways(Path("my runs/a b"), Config())
    assert ways.on == "rcmvae resume 'my runs/a b'"
    assert ways.anew == "rcmvae train 'my runs/a b/config.yaml' run.name=null"


REPORTED = {"run": {"report": "train"}}
SHOWN = {"REPORT.md", "report.html", "figures", "diagnostics"}


@pytest.fixture(scope="module")
def reported(tmp_path_factory: pytest.TempPathFactory, coarse: None) -> RunDirectory:
    return experiment.train(tiny(REPORTED, directory=tmp_path_factory.mktemp("runs"), seeds=2), digits())


def test_a_finished_run_has_a_report(reported: RunDirectory) -> None:
    assert {path.name for path in reported.path.iterdir()} >= SHOWN
    links = re.findall(r"\]\((figures/[^)]+)\)", (reported.path / "REPORT.md").read_text(encoding="utf-8"))
    assert len(links) > 10
    assert [link for link in links if not (reported.path / link).is_file()] == []
    # All labels for training were counted, so the test split tells how right they are; nothing was strange.
    assert {link for link in links if "labels/" in link} == {
        f"figures/labels/{name}.png" for name in ("tau_matrix", "efficiency", "calibration")
    }
    for seed in (0, 1):
        bundle = gather(reported, seed).bundle
        assert (bundle.seed, bundle.split, bundle.epoch, len(bundle)) == (seed, "train", 3, 240)


def test_a_report_is_made_from_what_is_kept(reported: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    before = (reported.path / "REPORT.md").read_text(encoding="utf-8")
    (reported.path / "REPORT.md").unlink()
    with monkeypatch.context() as patched:
        patched.setattr("rcmvae.report.making.survey", None)
        experiment.make_report(reported.path)
        assert (reported.path / "REPORT.md").read_text(encoding="utf-8") == before
        experiment.make_report(reported.path, seed=1)
    best = reported.read_json("summary.json")["best_seed"]
    shown = "Shown is seed 1, whose training loss is the least." if best == 1 else "Shown is seed 1."
    assert shown in (reported.path / "REPORT.md").read_text(encoding="utf-8")
    with pytest.raises(RunError, match=r"has no seed 2: it trained 0, 1\."):
        experiment.make_report(reported.path, seed=2)


def test_the_seed_of_least_loss_stands_for_a_run(reported: RunDirectory, tmp_path: Path) -> None:
    last = [row for row in rows_of(reported.path) if row["epoch"] == 3]
    best = min(last, key=lambda row: row["train/loss"])["seed"]
    summary = reported.read_json("summary.json")
    assert summary["best_seed"] == best
    assert summary["best_by"] == {"train/loss": [row["train/loss"] for row in last]}
    shutil.copytree(reported.path, tmp_path / "copy")
    copy = RunDirectory.find(tmp_path / "copy")
    for named in (0, 1):
        copy.write_json("summary.json", summary | {"best_seed": named})
        findings = gather(copy)
        assert findings.bundle.seed == named
        story = tell(findings, channels_of(findings.bundle, findings.groups))
        assert story.trained.endswith(f" Shown is seed {named}, whose training loss is the least.")
    # Summaries of before named none: the first stood for the run.
    copy.write_json("summary.json", {key: summary[key] for key in summary if key != "best_seed"})
    assert gather(copy).bundle.seed == 0


@pytest.mark.usefixtures("sketched")
def test_a_report_looks_anew_where_it_must(run: RunDirectory) -> None:
    assert not SHOWN & {path.name for path in run.path.iterdir()}, "no report was asked for"
    experiment.make_report(run.path, dataset=digits())
    assert gather(run).bundle.split == "train"
    experiment.make_report(run.path, "validation", digits())
    assert (gather(run).bundle.split, len(gather(run).bundle)) == ("validation", 60)
    # Other weights: what was seen with the old ones is gone.
    experiment.resume(run.path, digits(), epochs=4)
    with pytest.raises(RunError, match="is not there: `rcmvae report RUN --split train` makes it anew"):
        gather(run)
    experiment.make_report(run.path, dataset=digits())
    assert gather(run).bundle.epoch == 4


def test_an_unfinished_run_has_nothing_to_report(run: RunDirectory) -> None:
    run.write_json("summary.json", {"status": "interrupted", "epochs": 1})
    with pytest.raises(RunError, match=r"is interrupted: .* rcmvae resume"):
        experiment.make_report(run.path)


def test_a_report_that_cannot_be_written_does_not_lose_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rcmvae.report.making.write", full)
    monkeypatch.setattr("rcmvae.report.write", full)
    config = tiny(REPORTED, {"run": {"name": "it"}}, directory=tmp_path)
    with pytest.raises(RunError, match=r"No space left on device.*The run itself is complete.*rcmvae report"):
        experiment.train(config, digits())
    assert RunDirectory.find(tmp_path / "it").is_finished


def test_a_report_on_samples_that_are_not_there_is_refused_before_training(tmp_path: Path) -> None:
    config = tiny({"run": {"report": "test"}}, directory=tmp_path)
    empty = {name: getattr(digits().test, name)[:0] for name in ("x", "label", "truth")}
    bare = dataclasses.replace(digits(), test=dataclasses.replace(digits().test, **empty))
    with pytest.raises(ConfigError, match=r"run\.report is `test`, but data\.test leaves no sample for it"):
        experiment.train(config, bare)
    assert not any(tmp_path.iterdir())

"""The commands that compute nothing: help, configurations, data."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

import rcmvae.cli
from rcmvae.cli import app, exit_status, main, startup
from rcmvae.cli.outcome import next_steps, number, outcome, table
from rcmvae.config import Config, dump_config, load_config
from rcmvae.errors import ConfigError, DataError, NonFiniteError, RunError
from rcmvae.experiment import Interrupted
from rcmvae.run import RunDirectory


def run(*arguments: str) -> str:
    """What a command prints."""
    result = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int, str]:
    """The exit status and what stands on stderr, when a command is refused."""
    monkeypatch.setattr(sys, "argv", ["rcmvae", *arguments])
    with pytest.raises(SystemExit) as caught:
        main()
    captured = capsys.readouterr()
    assert "Traceback" not in captured.err
    assert captured.out == ""
    assert isinstance(caught.value.code, int)
    return caught.value.code, captured.err


def test_help_is_answered_without_jax() -> None:
    code = (
        "import sys\n"
        "from typer.testing import CliRunner\n"
        "from rcmvae.cli import app\n"
        "for command in [], ['train'], ['config'], ['data', 'info']:\n"
        "    result = CliRunner().invoke(app, [*command, '--help'])\n"
        "    assert result.exit_code == 0 and 'Usage' in result.output, result.output\n"
        "slow = {'jax', 'numpy', 'equinox', 'optax', 'orbax', 'sklearn'} & sys.modules.keys()\n"
        "assert not slow, slow\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


def test_the_module_is_the_command() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rcmvae", "--version"], capture_output=True, text=True, check=True, timeout=60
    )
    assert done.stdout.startswith("rcmvae ")


def test_every_command_is_listed() -> None:
    text = run("--help")
    for command in ("train", "resume", "evaluate", "config", "data", "--version"):
        assert command in text
    assert CliRunner().invoke(app, []).exit_code == 2  # nothing was asked


def test_config_show_fills_in_the_defaults(tmp_path: Path) -> None:
    assert run("config", "show") == dump_config(Config())
    file = tmp_path / "quick.yaml"
    file.write_text("model: {num_channels: 5}\n", encoding="utf-8")
    shown = run("config", "show", str(file), "training.epochs=3")
    assert shown == dump_config(load_config(file, ["training.epochs=3"]))
    assert run("config", "show", "training.epochs=3") == dump_config(load_config(None, ["training.epochs=3"]))


def test_train_validates_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    printed = run("train", "--validate-only", "--name", "1e3", "model.num_channels=5")
    resolved = load_config(overrides=["model.num_channels=5", "run.name='1e3'"])
    assert printed == dump_config(resolved)
    assert not any(tmp_path.iterdir())


def test_config_validate(tmp_path: Path) -> None:
    assert run("config", "validate") == "The default configuration is valid.\n"
    file = tmp_path / "quick.yaml"
    file.write_text("model: {num_channels: 5}\n", encoding="utf-8")
    assert run("config", "validate", str(file), "training.epochs=3") == f"{file} is valid.\n"


def test_config_schema_is_json() -> None:
    assert json.loads(run("config", "schema"))["title"] == "Configuration of an rcmvae run"


def test_config_upgrade_rewrites_and_explains(tmp_path: Path) -> None:
    old, new = tmp_path / "old.yaml", tmp_path / "new.yaml"
    old.write_text("model:\n  num_components: 5\n", encoding="utf-8")
    result = CliRunner().invoke(app, ["config", "upgrade", str(old)], catch_exceptions=False)
    assert yaml.safe_load(result.stdout)["model"]["num_channels"] == 5
    assert "note: num_components=5 → model.num_channels=5" in result.stderr
    assert run("config", "upgrade", str(old), "--output", str(new)) == f"Written to {new}\n"
    assert load_config(new) == load_config(old)


def test_data_list_names_every_source() -> None:
    text = run("data", "list")
    for kind in ("digits", "mnist", "fashion_mnist", "npy", "image_folder", "parquet"):
        assert kind in text


def test_data_info_describes_what_a_run_would_see() -> None:
    described = yaml.safe_load(run("data", "info", "digits", "num_samples=500", "num_labeled=20"))
    assert described["shape"] == [8, 8, 1]
    assert described["splits"]["train"]["labelled"] == 20
    assert yaml.safe_load(run("data", "info"))["name"] == "digits"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["train", "configs/quik.yaml"], "rcmvae: configs/quik.yaml does not exist."),
        (["train", "model.num_chanels=3"], "rcmvae: model.num_chanels is not known."),
        (["train", "quick.yaml", "x"], "rcmvae: quick.yaml does not exist."),
        (["config", "validate", "model.num_channels=0"], "rcmvae: model.num_channels is `0`, but it must be"),
        (["config", "show", "training.epochs=x"], "rcmvae: training.epochs is `x`"),
        (["data", "info", "digts"], "rcmvae: data is `digts`, but it must be one of"),
        (["data", "fetch", "digits"], "rcmvae: digits: there is nothing to fetch."),
        (["data", "fetch", "mnst"], "rcmvae: There is no data source 'mnst'"),
        (["data", "info", "npy", "path=nowhere.npy"], "rcmvae: nowhere.npy does not exist."),
        (
            ["train", "--coordinator", "localhost:1"],
            "rcmvae: --coordinator, --processes and --process-id belong together",
        ),
        (
            ["resume", "x", "--coordinator", "localhost:1", "--processes", "2", "--process-id", "2"],
            "rcmvae: --process-id is 2, but with --processes 2 the last one is 1.",
        ),
    ],
)
def test_mistakes_are_told_in_a_sentence_with_status_2(
    arguments: list[str],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.chdir(tmp_path)
    status, told = refused(monkeypatch, capsys, *arguments)
    assert status == 2
    assert told.startswith(sentence)


def test_every_line_says_who_speaks(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    _, told = refused(monkeypatch, capsys, "config", "validate", "model.num_channels=0", "training.epochs=x")
    assert [line.partition(" ")[0] for line in told.splitlines()] == ["rcmvae:", "rcmvae:"]


@pytest.mark.parametrize("command", ["resume", "evaluate"])
def test_what_is_no_run_is_refused(
    command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    status, told = refused(monkeypatch, capsys, command, str(tmp_path))
    assert status == 2
    assert told.startswith(f"rcmvae: {tmp_path} is not a run directory")


def test_each_error_has_its_status() -> None:
    assert exit_status(ConfigError("")) == exit_status(DataError("")) == 2
    assert exit_status(RunError("")) == 2
    assert exit_status(NonFiniteError("")) == 1
    assert exit_status(Interrupted(Path("x"), 3, 15)) == 143


def test_other_errors_keep_their_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(rcmvae.cli, "app", broken)
    with pytest.raises(ZeroDivisionError):
        main()


def test_only_the_first_process_speaks(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import jax

    joined: list[Any] = []
    monkeypatch.setattr(jax.distributed, "initialize", lambda *cluster: joined.append(cluster))
    for index, quiet in ((0, False), (1, True)):
        monkeypatch.setattr(jax, "process_index", lambda index=index: index)
        console = startup.start("localhost:1234", 2, index)
        assert console.quiet is quiet
    assert joined == [("localhost:1234", 2, 0), ("localhost:1234", 2, 1)]


SCORES = {
    "split": "test",
    "samples": 1800,
    "losses": {"bound": {"mean": 20.126, "sd": None}, "kl_z": {"mean": 3.0, "sd": None}},
    "clustering": {"accuracy": {"mean": 0.98, "sd": None}, "garbage_channels": {"mean": 0.0, "sd": None}},
    "groups": None,
}
GROUPS = {"count": {"mean": 3.0, "sd": None, "per_seed": [3.0]}, "accuracy": {"mean": 0.9, "sd": None}}


def summary(**changes: Any) -> dict[str, Any]:
    return {"epochs": 1, "seconds": 2.34, "seeds": [0], "test": SCORES} | changes


def test_the_outcome_in_plain_words() -> None:
    assert outcome(summary(), "9 of 10 channels in use") == [
        "1 epoch in 2.3 seconds; 9 of 10 channels in use.",
        "Negative evidence bound on 1,800 test samples: 20.13 nats per sample.",
        "Accuracy, with every channel matched to one label: 98.0%.",
    ]
    two = SCORES | {"losses": {"bound": {"mean": 20, "sd": 0.5}}, "clustering": None}
    assert outcome(summary(seeds=[0, 1], test=two, epochs=2), "all") == [
        "2 epochs in 2.3 seconds, 2 seeds; all.",
        "Negative evidence bound on 1,800 test samples: 20.00 ± 0.50 nats per sample.",
    ]
    grouped = summary(test=SCORES | {"groups": GROUPS}, channel_tree=[{"channels": [0, 1, 4, 5]}])
    assert outcome(grouped, "all")[-1] == "The channel tree proposes 3 groups; matched to labels: 90.0%."
    ungrouped = grouped | {"channel_tree": [{"channels": [0, 1, 4]}]}
    assert outcome(ungrouped, "all")[-1].startswith("Accuracy, with every channel")
    grown = [{"final_k_active": 4, "unlock_count": 6, "ended": 30}]
    assert (
        outcome(summary(curriculum=grown), "all")[1]
        == "Seed 0: 4 channels open after 6 trials; growth ended with epoch 30."
    )
    assert len(outcome({"epochs": 2, "seconds": 1.0, "seeds": [0]}, "all")) == 1
    assert number({"mean": 1.0, "sd": 0.0}, "{:.0f}") == "1 ± 0"
    assert "  rcmvae resume x --epochs 2" in next_steps(RunDirectory(Path("x")), summary())


def test_scores_as_a_table() -> None:
    made = table(SCORES)
    cells: Callable[[int], list[Any]] = lambda i: [*made.columns[i].cells]  # noqa: E731
    assert cells(0) == ["bound (nats)", "kl_z (nats)", "channels: accuracy", "channels: garbage channels"]
    assert cells(1) == ["20.126", "3.000", "0.98", "0"]
    assert table(SCORES | {"clustering": None}).row_count == 2

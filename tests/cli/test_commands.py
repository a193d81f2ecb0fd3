"""The commands that compute nothing: help, configurations, data."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console
from rich.table import Table
from typer.testing import CliRunner

import rcmvae.cli
from rcmvae.cli import app, exit_status, main, startup, tables
from rcmvae.cli.outcome import next_steps
from rcmvae.config import Config, dump_config, load_config
from rcmvae.errors import ConfigError, DataError, Interrupted, NonFiniteError, RunError
from rcmvae.report.story import outcome
from rcmvae.results import Cut
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
        "for command in [], ['train'], ['config'], ['data', 'info'], ['report'], ['compare'], ['teach']:\n"
        "    result = CliRunner().invoke(app, [*command, '--help'])\n"
        "    assert result.exit_code == 0 and 'Usage' in result.output, result.output\n"
        "slow = {'jax', 'numpy', 'equinox', 'optax', 'orbax', 'sklearn', 'matplotlib'} & sys.modules.keys()\n"
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
    for command in (
        "train",
        "resume",
        "evaluate",
        "report",
        "compare",
        "embed",
        "predict",
        "sample",
        "teach",
        "config",
        "data",
    ):
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


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ([], "digits"),
        (["data=mnist", "training.epochs=2"], "mnist"),
        (["model.num_channels=5"], None),
        (["objective.confidence=3"], None),
        (["digits"], None),
    ],
)
def test_plain_defaults_are_told_where_nobody_chose_them(words: list[str], name: str | None) -> None:
    told = CliRunner().invoke(app, ["train", "--validate-only", *words]).stderr
    assert (told == "") == (name is None)
    assert name is None or f"`rcmvae train {name}` takes those that suit such samples" in told


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
        (
            ["train", "--epochs", "5"],
            "rcmvae: There is no option '--epochs'. Settings are written KEY=VALUE: training.epochs=5.",
        ),
        (["config", "show", "--quite"], "rcmvae: There is no option '--quite'. See --help."),
        (["train", "digits", "--quite"], "rcmvae: There is no option '--quite'. Did you mean '--quiet'?"),
        (["train", "digits", "-0.5"], "rcmvae: There is no option '-0.5'. See --help."),
        (["train", "--images/a.png"], "rcmvae: There is no option '--images/a.png'. See --help."),
        (
            ["train", "digits", "--training.epoch=5"],
            "rcmvae: There is no option '--training.epoch'. Did you mean training.epochs=5?",
        ),
        (
            ["train", "digits", "--weight", "2"],
            "rcmvae: There is no option '--weight'. Settings are written KEY=VALUE: objective.reconstruction.weight=2 "
            "or objective.kl_z.weight=2 or objective.kl_c.weight=2, or 10 others.",
        ),
        (["config", "validate", "model.num_channels=0"], "rcmvae: model.num_channels is `0`, but it must be"),
        (["config", "show", "training.epochs=x"], "rcmvae: training.epochs is `x`"),
        (["data", "info", "digts"], "rcmvae: data is `digts`, but it must be one of"),
        (["data", "fetch", "digits"], "rcmvae: digits: there is nothing to fetch."),
        (["data", "fetch", "mnst"], "rcmvae: There is no data source 'mnst'"),
        (["data", "info", "npy", "path=nowhere.npy"], "rcmvae: nowhere.npy does not exist."),
        (["resume"], "rcmvae: runs holds no run that was interrupted and can go on."),
        (["resume", "nowhere"], "rcmvae: nowhere does not exist."),
        (
            ["resume", "x", "--epochs", "ten"],
            "rcmvae: --epochs is `ten`, but it must be a whole number of 1 or",
        ),
        (
            ["evaluate", "x", "--groups", "0"],
            "rcmvae: --groups is `0`, but it must be a whole number of 1 or more.",
        ),
        (
            ["evaluate", "x", "--level", "-1"],
            "rcmvae: --level is `-1`, but it must be a number of 0 or more.",
        ),
        (
            ["evaluate", "x", "--level", "nan"],
            "rcmvae: --level is `nan`, but it must be a number of 0 or more.",
        ),
        (
            ["evaluate", "x", "--split", "tets"],
            "rcmvae: --split is `tets`, but it must be one of train, validation, test. Did you mean 'test'?",
        ),
        (["evaluate", "x", "--level", "1", "--groups", "2"], "rcmvae: --groups and --level are two ways"),
        (
            ["evaluate", "x", "--on", "new.npz", "--split", "test"],
            "rcmvae: --on names samples that are of no split",
        ),
        (["evaluate", "x", "--on", "new.npz", "--ood", "y.npz"], "rcmvae: --on names samples that are of no"),
        (["evaluate", "x", "x=pixels"], "rcmvae: x=pixels says how other samples are read: name those with"),
        (
            ["predict", "x", "test", "--level", "1", "--groups", "2"],
            "rcmvae: --groups and --level are two ways",
        ),
        (
            ["embed", "x", "test", "-o", "e.csv", "--groups", "two"],
            "rcmvae: --groups is `two`, but it must be a whole",
        ),
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
    assert exit_status(Interrupted("Stopped.", 15)) == 143


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


def spread(*values: float) -> dict[str, Any]:
    return {
        "mean": sum(values) / len(values),
        "sd": None if len(values) == 1 else 0.5,
        "per_seed": list(values),
    }


def contents(key: str, channels: Sequence[Any], **rest: Any) -> list[dict[str, Any]]:
    return [{"index": i, "samples": 100 - i, key: channel} | rest for i, channel in enumerate(channels)]


NAMED = {"label": "7", "purity": 0.5}
SCORES: dict[str, Any] = {
    "split": "test",
    "seeds": [0],
    "samples": 1800,
    "labels": 3,
    "losses": {"bound": spread(20.126), "kl_z": spread(3.0)},
    "clustering": {"accuracy": spread(0.98), "purity": spread(0.985), "garbage_channels": spread(0)},
    "groups": {"count": spread(2), "accuracy": spread(0.9), "purity": spread(0.95)},
    "channels_of": [contents("group", [0, 1, 0], **NAMED)],
    "groups_of": [contents("channels", [[0, 2], [1]], **NAMED)],
}
UNLABELLED: dict[str, Any] = SCORES | {
    "labels": 0,
    "clustering": {},
    "groups": {"count": spread(2)},
    "channels_of": [contents("group", [0, 1, 0])],
    "groups_of": [contents("channels", [[0, 2], [1]])],
}


def summary(**changes: Any) -> dict[str, Any]:
    tree = {"channels": [0, 1, 4], "proposed": 3}
    whole = {"epochs": 1, "seconds": 2.34, "seeds": [0], "test": SCORES, "channel_tree": [tree]}
    return whole | {"extendable": True} | changes


def test_the_outcome_in_plain_words() -> None:
    assert outcome(summary(), "9 of 10 channels in use") == [
        "1 epoch in 2.3 seconds; 9 of 10 channels in use.",
        "Negative evidence bound on 1,800 test samples: 20.13 nats, lower is better.",
        "Accuracy, with one channel per label: 98.0%.",
        "The channel tree proposes no groups: every channel in use is told from the others.",
    ]
    two = UNLABELLED | {"losses": {"bound": spread(-19.5, -20.5)}}
    trees = [{"channels": [0, 1, 4, 5], "proposed": 3}, {"channels": [*range(12)], "proposed": 10}]
    assert outcome(summary(seeds=[0, 1], test=two, epochs=2, channel_tree=trees), "all") == [
        "2 epochs in 2.3 seconds, 2 seeds; all.",
        "Negative evidence bound on 1,800 test samples: −19.50 (all 2 seeds: −20.00 ± 0.50) nats, lower is better.",
        "Nats below 0 are no mistake: the outputs are densities, and a density may exceed 1.",
        "The channel tree proposes 3 groups (all 2 seeds: 3 to 10) of 4 channels.",
    ]
    standing = "Where no seed is named, 1 stands for the run: its training loss is the least."
    reason = {"best_seed": 1, "best_by": {"train/loss": [2.0, 1.0]}}
    assert outcome(summary(seeds=[0, 1], test=two, channel_tree=trees, **reason), "all")[1] == standing
    # Summaries of before name no reason, or another than today's.
    unknown = outcome(summary(seeds=[0, 1], test=two, channel_tree=trees, best_seed=1), "all")[1]
    assert unknown == "Where no seed is named, 1 stands for the run."
    untested = summary(channel_tree=[{"channels": [0, 1], "proposed": 2, "clear": False}])
    del untested["test"]
    assert outcome(untested, "all")[1:] == [
        "The channel tree proposes no groups: views of a sample tell no two of all 2 channels apart by more than half, "
        "and no step between merges stands out, so by them alone nobody can say which channels are one kind. "
        "Go by the channels."
    ]
    untested = summary(channel_tree=[{"channels": [0, 1, 4], "proposed": 2, "clear": False}])
    del untested["test"]
    (told,) = outcome(untested, "all")[1:]
    assert told.endswith(
        "Go by the channels. Those that views do not tell apart at all count as one group, as `predict` writes them."
    )


def test_a_cut_that_may_as_well_be_another_is_told(tmp_path: Path) -> None:
    tree = {"channels": [*range(20)], "proposed": 6, "nearly": [7, 10]}
    found = summary(channel_tree=[tree], test=UNLABELLED)
    told = "The channel tree proposes 6 groups of 20 channels"
    assert outcome(found, "all")[-1] == f"{told}; 7 or 10 groups would be nearly as clear."
    assert any(
        f"evaluate {tmp_path} --groups 7 " in line for line in next_steps(RunDirectory(tmp_path), found)
    )
    clear = tree | {"nearly": []}
    both = summary(seeds=[3, 4], channel_tree=[clear, tree], test=UNLABELLED)
    assert outcome(both, "all")[-1] == f"{told}; 7 or 10 groups in seed 4 would be nearly as clear."
    apart = tree | {"channels": [*range(6)], "nearly": [3]}
    assert outcome(summary(channel_tree=[apart], test=UNLABELLED), "all")[-1].endswith(
        "every channel in use is told from the others; 3 groups would be nearly as clear."
    )
    assert not any("evaluate" in line for line in next_steps(RunDirectory(tmp_path), summary()))
    # What is advised can be done: with every seed, and with the samples that there are.
    few = tree | {"channels": [*range(8)], "proposed": 3, "nearly": []}
    for best, groups in ((4, 7), (3, None)):
        mixed = summary(seeds=[3, 4], channel_tree=[few, tree], best_seed=best)
        del mixed["test"]
        advised = [line for line in next_steps(RunDirectory(tmp_path), mixed) if "evaluate" in line]
        told = [line.partition("#")[0].split()[-4:] for line in advised]
        assert told == ([] if groups is None else [["--split", "validation", "--groups", str(groups)]])


def test_what_cannot_be_one_to_one_is_told() -> None:
    trees = [{"channels": [0, 1, 4], "proposed": 2}]
    assert outcome(summary(channel_tree=trees, test=SCORES | {"labels": 10}), "all")[-3:] == [
        "Accuracy, with one channel per label: 98.0%; with 3 channels for 10 labels, what is left over counts as "
        "wrong.",
        "The channel tree proposes 2 groups of 3 channels.",
        "Accuracy, with one group per label: 90.0%; with 2 groups for 10 labels, what is left over counts as wrong.",
    ]


def test_more_channels_than_labels_are_told_by_their_purity() -> None:
    trees = [{"channels": [0, 1, 4], "proposed": 2}]
    assert outcome(summary(channel_tree=trees, test=SCORES | {"labels": 2}), "all")[-4:] == [
        "98.5% of the samples have the commonest label of their channel.",
        "Accuracy, with one channel per label: 98.0%; with 3 channels for 2 labels, what is left over counts as wrong.",
        "The channel tree proposes 2 groups of 3 channels.",
        "Accuracy, with one group per label: 90.0%.",
    ]


def test_growth_in_plain_words() -> None:
    why = "3 new channels in a row did not help"
    events = [{"what": "opened", "reason": None}, {"what": "ended", "reason": why}]
    grown = [{"final_k_active": 1, "unlock_count": 1, "ended": 30, "events": events}]
    told = outcome(summary(curriculum=grown), "all")[1]
    assert told == f"Seed 0: 1 channel open after 1 trial; growth ended with epoch 30: {why}."


def test_what_is_advised_is_what_helps(tmp_path: Path) -> None:
    run = RunDirectory(tmp_path)

    def advised(**changes: Any) -> list[str]:
        first, *rest = next_steps(run, summary(**changes))
        assert first == "Next:"
        return [line.split()[1] for line in rest]

    assert advised() == ["predict", "teach", "resume"]
    assert advised(extendable=False) == ["predict", "teach"]
    (tmp_path / "labels.json").touch()
    assert advised(extendable=False) == ["predict"]
    assert f"  rcmvae resume {tmp_path} --epochs 2  # train for longer" in next_steps(run, summary())


def test_names_and_descriptions_are_no_markup() -> None:
    odd = {"label": "[/x]", "purity": 0.5}
    scores = SCORES | {"channels_of": [contents("group", [0, 1, -1], **odd)]}
    with (console := Console(width=100)).capture() as captured:
        console.print(tables.channels(scores, 0))
    lines = [line.split() for line in captured.get().splitlines()]
    assert ["2", "–", "98", "[/x]", "50.0%"] in lines


def test_close_levels_have_files_of_their_own() -> None:
    assert Cut(level=0.12345671).file_of("test") != Cut(level=0.12345672).file_of("test")
    assert Cut(level=0).file_of("test") == Cut(level=0.0).file_of("test")


def test_a_lone_channel_is_told_from_nothing() -> None:
    told = outcome(summary(channel_tree=[{"channels": [3], "proposed": 1}]), "all")[-1]
    assert told == "One channel is in use: there is nothing to group."


def cells(made: Table) -> dict[str, list[Any]]:
    return {str(column.header): [*column.cells] for column in made.columns}


def test_measures_as_a_table() -> None:
    found = cells(tables.measures(SCORES))
    assert found["measure"] == [
        "negative evidence bound (nats)", "kl_z (nats)", "channels: accuracy", "channels: purity",
        "channels: garbage channels", "groups: count", "groups: accuracy", "groups: purity",
    ]  # fmt: skip
    assert found["value"] == ["20.126", "3.000", "0.980", "0.985", "0", "2", "0.900", "0.950"]
    assert all(found["meaning"])
    assert str(tables.measures(SCORES).title) == "1,800 samples of the test split"
    partly = tables.measures(SCORES | {"labelled": 12})
    assert str(partly.title).endswith("; agreement with labels is that of 12 labelled samples")
    assert "per label" in found["meaning"][2]
    assert tables.measures(UNLABELLED).row_count == 3
    several = SCORES | {"clustering": {"garbage_channels": spread(3, 10)}, "groups": {"count": spread(1, 1)}}
    assert cells(tables.measures(several))["value"][2:] == ["3 to 10", "1"]
    alone = SCORES | {"groups_of": [contents("channels", [[0], [1], [2]], **NAMED)]}
    assert not any(name.startswith("groups") for name in cells(tables.measures(alone))["measure"])


def test_contents_tell_how_many_samples_have_a_label_where_not_all_have() -> None:
    parts = [part | {"labelled": 3} for part in SCORES["channels_of"][0]]
    assert "labelled" not in cells(tables.channels(SCORES | {"labelled": 1800, "channels_of": [parts]}, 0))
    assert (
        cells(tables.channels(SCORES | {"labelled": 9, "channels_of": [parts]}, 0))["labelled"] == ["3"] * 3
    )


def test_contents_as_a_table() -> None:
    assert cells(tables.channels(SCORES, 0)) == {
        "channel": ["0", "1", "2"],
        "group": ["0", "1", "0"],
        "samples": ["100", "99", "98"],
        "commonest label": ["7", "7", "7"],
        "purity": ["50.0%"] * 3,
    }
    two = UNLABELLED | {
        "seeds": [3, 4],
        "groups_of": [UNLABELLED["groups_of"][0], UNLABELLED["groups_of"][0][:1]],
    }
    assert "(seed 4)" in str(tables.groups(two, 1).title)
    assert len(cells(tables.groups(two, 1))["group"]) == 1
    assert cells(tables.groups(UNLABELLED, 0)) == {
        "group": ["0", "1"], "channels": ["0 2", "1"], "samples": ["100", "99"]
    }  # fmt: skip
    many = UNLABELLED | {
        "seeds": [4, 5],
        "channels_of": [contents("group", [*range(45)])],
        "groups_of": [[0] * 45],
    }
    made = tables.channels(many, 0)
    assert (made.title, made.row_count, made.caption) == (
        "Test samples by channel (seed 4)",
        20,
        "and 25 more",
    )
    assert cells(made).keys() == {"channel", "samples"}

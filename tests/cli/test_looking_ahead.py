"""`config validate`, `config upgrade` and `data info` on what is not there, is there already, or is something else."""

from pathlib import Path

import numpy as np
import pytest
import yaml
from typer.testing import CliRunner

from rcmvae.cli import app
from rcmvae.config import load_config
from rcmvae.errors import ConfigError


@pytest.fixture(autouse=True)
def _elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


def refused(*arguments: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        CliRunner().invoke(app, arguments, catch_exceptions=False)
    return str(caught.value).splitlines()


def test_validate_looks_at_data_devices_and_folders() -> None:
    Path("runs").touch()
    told = refused("config", "validate", "data={kind: npy, path: x.npy}", "training.devices=99")
    assert [sentence.split()[0] for sentence in told] == ["x.npy", "training.devices", "run.directory"]


def test_validate_notes_what_it_could_not_look_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("RCMVAE_DATA", raising=False)
    monkeypatch.setattr("rcmvae.data.idx_source.cache_folder", lambda: tmp_path / "cache")
    Path("empty.yaml").touch()
    result = CliRunner().invoke(
        app, ["config", "validate", "empty.yaml", "data=mnist"], catch_exceptions=False
    )
    assert result.stdout == "empty.yaml is valid.\n"
    notes = result.stderr.splitlines()
    assert notes[0] == "note: empty.yaml holds nothing: every value is a default."
    assert notes[1].startswith("note: mnist is not at hand: training would fetch it first.")


def test_upgrade_writes_over_nothing_unless_told_to() -> None:
    old, new = Path("old.yaml"), Path("new.yaml")
    old.write_text("model:\n  num_components: 5\n", encoding="utf-8")
    new.write_text("mine", encoding="utf-8")
    asked = ["config", "upgrade", "old.yaml", "-o", "new.yaml"]
    assert refused(*asked) == ["new.yaml exists already: name another file, or write over it with --force."]
    assert new.read_text(encoding="utf-8") == "mine"
    assert (
        CliRunner().invoke(app, [*asked, "--force"], catch_exceptions=False).stdout == "Written to new.yaml\n"
    )
    assert load_config(new) == load_config(old)
    assert refused("config", "upgrade", "old.yaml", "-o", "nowhere/new.yaml") == [
        "nowhere/new.yaml cannot be written: No such file or directory."
    ]


def test_info_takes_a_configuration_file() -> None:
    Path("a.yaml").write_text("data: {kind: digits, num_samples: 300}\n", encoding="utf-8")
    printed = CliRunner().invoke(app, ["data", "info", "a.yaml"], catch_exceptions=False).stdout
    assert yaml.safe_load(printed)["splits"]["train"]["samples"] == 270
    [told] = refused("data", "info", "x.npy")
    assert told.startswith("x.npy does not exist: give a configuration file")


def test_info_takes_a_file_of_samples() -> None:
    np.savez("x.npz", x=np.random.default_rng(0).normal(size=(60, 3)).astype("float32"))
    printed = CliRunner().invoke(app, ["data", "info", "x.npz", "test=10"], catch_exceptions=False).stdout
    told = yaml.safe_load(printed)
    assert (told["shape"], told["splits"]["test"]["samples"]) == ([3], 10)
    assert (
        yaml.safe_load(CliRunner().invoke(app, ["data", "info", "npy", "path=x.npz", "test=10"]).stdout)
        == told
    )


def test_info_tells_which_columns_are_used_as_a_training_does() -> None:
    rows = [f"{i},{'ab'[i % 2]},{i % 7}.5,{i % 11}" for i in range(60)]
    Path("t.csv").write_text("\n".join(["id,kind,u,v", *rows]), encoding="utf-8")
    result = CliRunner().invoke(app, ["data", "info", "t.csv"], catch_exceptions=False)
    assert yaml.safe_load(result.stdout)["shape"] == [3]
    assert result.stderr.startswith(
        "Its columns are id, u and v. Left out, since they are no numbers: kind (text). id rises from row to row"
    )
    trained = ["train", "t.csv", "training.epochs=1", "run.directory=r", "run.report=false"]
    assert result.stderr in CliRunner().invoke(app, trained, catch_exceptions=False).output
    labelled = CliRunner().invoke(
        app, ["data", "info", "t.csv", "label_column=kind", "without=[id]"], catch_exceptions=False
    )
    assert labelled.stderr == "Its columns are u and v.\n"
    assert not CliRunner().invoke(app, ["data", "info", "digits"], catch_exceptions=False).stderr

"""What a run leaves behind can be found and read again, or is told why not."""

import datetime
import os
import shutil
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest

from rcmvae import run as run_module
from rcmvae.config import dump_config, load_config
from rcmvae.data import ArraysSource
from rcmvae.errors import ConfigError, RunError
from rcmvae.run import LOCK, DataCard, RunDirectory, claim, environment, run_name

from .training.small import CHANGING, digits, tiny

NOON = datetime.datetime(2026, 11, 21, 12, 0, 0)


def test_a_name_says_what_was_run() -> None:
    assert run_name(tiny(), NOON) == "mixture__k4-dec-none-ber__20261121-120000"
    shared = {
        "model": {
            "num_channels": 12,
            "layout": "shared",
            "embedding_dim": 3,
            "prior": "vamp",
            "decoder": {"conditioner": "film", "output": "gaussian"},
        }
    }
    assert run_name(tiny(shared), NOON) == "vamp__k12-sha-film-gau__20261121-120000"


class Noon(datetime.datetime):
    """A clock that stands still."""

    @classmethod
    def now(cls, tz: datetime.tzinfo | None = None) -> datetime.datetime:
        return NOON


def test_runs_of_the_same_second_have_names_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(run_module.datetime, "datetime", Noon)
    config = tiny(directory=tmp_path / "deep" / "runs")
    paths = [claim(config) for _ in range(3)]
    assert [path.name.removeprefix("mixture__k4-dec-none-ber__20261121-120000") for path in paths] == [
        "",
        "-2",
        "-3",
    ]
    assert all(path.is_dir() for path in paths)


def test_a_name_that_is_taken_is_told(tmp_path: Path) -> None:
    config = tiny({"run": {"name": "mine"}}, directory=tmp_path)
    assert config.run.collision is None
    assert claim(config) == tmp_path / "mine"
    assert config.run.collision is not None
    with pytest.raises(RunError, match=r"^run\.name is `mine`, but .*mine exists already"):
        claim(config)


def test_a_run_that_had_a_name_is_run_again(tmp_path: Path) -> None:
    config = tiny({"run": {"name": "mine"}}, directory=tmp_path)
    first = RunDirectory(claim(config))
    first.describe(config, DataCard.of(digits()))
    with pytest.raises(
        RunError, match=r"run\.name=OTHER, have one made with run\.name=null, or remove it\.$"
    ):
        claim(load_config(first.path / "config.yaml"))
    for name in ("null", "other"):
        again = claim(load_config(first.path / "config.yaml", [f"run.name={name}"]))
        assert again.parent == tmp_path
        assert again != first.path


def test_a_place_where_nothing_can_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(
        RunError, match=r"^run\.directory is .*file, where no folder can be made: Not a directory"
    ):
        claim(tiny(directory=tmp_path / "file"))


@pytest.fixture
def run(tmp_path: Path) -> RunDirectory:
    config = tiny(CHANGING, {"run": {"name": "it"}}, directory=tmp_path)
    run = RunDirectory(claim(config))
    run.describe(config, DataCard.of(digits()))
    return run


def test_what_is_described_reads_back_the_same(run: RunDirectory) -> None:
    found = RunDirectory.find(run.path)
    assert found.config == tiny(CHANGING, {"run": {"name": "it"}}, directory=run.path.parent)
    card = found.card
    assert card.to_json() == DataCard.of(digits()).to_json()
    assert card.splits == {"train": 240, "validation": 60, "test": 180}
    assert (card.shape, card.num_classes) == ((8, 8, 1), 10)
    x = digits().train.x[:5]
    np.testing.assert_array_equal(card.scaling(x), digits().scaling(x))
    assert not found.is_finished


def test_the_environment_says_what_a_reader_needs(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    found = run.read_json("environment.json")
    assert found["seeds"] == [0, 1]
    assert found["packages"]["jax"] == jax.__version__
    assert found["packages"].keys() >= {"rcmvae", "numpy", "optax", "equinox", "orbax-checkpoint"}
    assert found["devices"]["platform"] == jax.devices()[0].platform
    assert found["processes"] == 1
    assert {"command", "python", "platform", "cpu_count", "git_revision"} <= found.keys()
    monkeypatch.setenv("PATH", "")
    assert environment(tiny())["git_revision"] is None


def test_outside_of_a_checkout_there_is_no_revision(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run_module.git_revision() is None


def test_a_folder_that_is_no_run_is_told(run: RunDirectory, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        RunError, match=r"empty is not a run directory: it has no config\.yaml, no data\.json"
    ):
        RunDirectory.find(tmp_path / "empty")
    (run.path / "data.json").unlink()
    with pytest.raises(RunError, match=r"it is not a run directory: it has no data\.json\.$"):
        RunDirectory.find(run.path)


def test_a_run_that_does_not_exist_may_be_another(
    run: RunDirectory, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "runs").mkdir()
    run.path.rename(tmp_path / "runs" / "digits-once")
    monkeypatch.chdir(tmp_path)
    for given in ("digits-once", "runs/digit-once", "digits_once"):
        with pytest.raises(RunError, match=rf"^{given} does not exist\. Did you mean runs/digits-once\?$"):
            RunDirectory.find(given)
    with pytest.raises(RunError, match=r"^else does not exist\. The runs there are: runs/digits-once\.$"):
        RunDirectory.find("else")


def test_the_latest_run_is_the_last_that_can_go_on(run: RunDirectory, tmp_path: Path) -> None:
    (run.checkpoints / "3").mkdir(parents=True)
    assert RunDirectory.latest(tmp_path) == run
    others = "running", "interrupted", "finished", "failed", "damaged", "no yaml", "unsaved", "arrays", "held"
    for i, name in enumerate(others):
        other = RunDirectory(shutil.copytree(run.path, tmp_path / name))
        other.write_json("summary.json", {"status": name})
        os.utime(other.path / "config.yaml", (2e9 + i, 2e9 + i))
    (tmp_path / "damaged" / "summary.json").write_text("{")
    (tmp_path / "no yaml" / "config.yaml").write_text("model: [")
    (tmp_path / "unsaved" / "checkpoints" / "3").rename(tmp_path / "unsaved" / "checkpoints" / "3.half")
    config = tiny(directory=tmp_path).model_copy(update={"data": ArraysSource()})
    RunDirectory(tmp_path / "arrays").write("config.yaml", dump_config(config))
    with RunDirectory(tmp_path / "held").held():
        assert RunDirectory.latest(tmp_path).path.name == "interrupted"
    assert RunDirectory.latest(tmp_path).path.name == "held"


def test_a_killed_process_lets_go_of_its_run(run: RunDirectory) -> None:
    code = "import fcntl, sys; it = open(sys.argv[1], 'ab'); fcntl.flock(it, fcntl.LOCK_EX); print(flush=True); input()"
    held = [sys.executable, "-c", code, str(run.path / LOCK)]
    with subprocess.Popen(held, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        assert run.is_held
        with pytest.raises(RunError, match="is being trained by another process"), run.held():
            pass
        with RunDirectory(run.path, is_lead=False).held():
            other.kill()
            other.wait()
    assert not run.is_held
    with run.held():
        assert run.is_held


@pytest.mark.parametrize(
    ("edit", "told"),
    [
        ("model.classifier={} objective.classifier=1", "model.classifier is not there, and was None"),
        ("model.routing=expectation", "model.routing.temperature.kind is not there, and was "),
        ("model.trunk.hidden=[9]", r"model.trunk.hidden is \[9\], and was "),
    ],
)
def test_an_edit_that_changes_the_shape_of_a_value_is_told(run: RunDirectory, edit: str, told: str) -> None:
    file = run.path / "config.yaml"
    run.refuse_edits(load_config(file))
    with pytest.raises(RunError, match=f"{told}.* to train anew: rcmvae train .*config.yaml run.name=null$"):
        run.refuse_edits(load_config(file, edit.split()))


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe\x00", b"[]", b"{}", b"null", b'{"shape": 3}'],
    ids=["empty", "half", "no_text", "a_list", "no_keys", "null", "wrong_types"],
)
def test_damaged_data_are_told(run: RunDirectory, content: bytes) -> None:
    (run.path / "data.json").write_bytes(content)
    with pytest.raises(RunError, match=r"data\.json is damaged"):
        RunDirectory.find(run.path).card  # noqa: B018


def test_a_card_with_a_key_too_few_or_too_many_is_told(run: RunDirectory) -> None:
    saved = run.read_json("data.json")
    for damaged in ({**saved, "colour": 1}, {k: v for k, v in saved.items() if k != "fingerprint"}):
        run.write_json("data.json", damaged)
        with pytest.raises(RunError, match=r"data\.json is damaged"):
            run.card  # noqa: B018


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff"])
def test_a_damaged_summary_is_told(run: RunDirectory, content: bytes) -> None:
    (run.path / "summary.json").write_bytes(content)
    with pytest.raises(RunError, match=r"summary\.json is damaged"):
        run.is_finished  # noqa: B018


@pytest.mark.parametrize("content", [b"model: [", b"model: {kind: 3}", b"\xff\xfe\x00", b"- 1"])
def test_a_damaged_configuration_is_told(run: RunDirectory, content: bytes) -> None:
    (run.path / "config.yaml").write_bytes(content)
    with pytest.raises(ConfigError):
        run.config  # noqa: B018


def test_a_file_is_replaced_as_a_whole_or_not_at_all(run: RunDirectory) -> None:
    run.write_json("summary.json", {"status": "finished"})
    with pytest.raises(ValueError, match="JSON compliant"):
        run.write_json("summary.json", {"status": float("nan")})
    assert run.is_finished
    assert not list(run.path.glob("*.part"))


def test_only_the_lead_process_writes(run: RunDirectory) -> None:
    other = RunDirectory(run.path, is_lead=False)
    before = (run.path / "config.yaml").read_bytes()
    other.write("config.yaml", "")
    other.describe(tiny(), DataCard.of(digits()))
    assert (run.path / "config.yaml").read_bytes() == before


def test_a_run_can_be_moved(run: RunDirectory, tmp_path: Path) -> None:
    shutil.move(run.path, tmp_path / "elsewhere")
    assert RunDirectory.find(tmp_path / "elsewhere").config == load_config(
        tmp_path / "elsewhere" / "config.yaml"
    )

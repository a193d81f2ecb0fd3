"""A run directory: what a run leaves behind, and how it is found again."""

import contextlib
import dataclasses
import datetime
import fcntl
import itertools
import json
import os
import platform
import shlex
import subprocess
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import IO, Any

import jax

from rcmvae.config import Config, dump_config, load_config
from rcmvae.data import ArraysSource, Dataset, Scaling
from rcmvae.errors import RcmvaeError, RunError, closest, counted, listed, spelled
from rcmvae.options import flattened
from rcmvae.splits import SPLITS
from rcmvae.training import RUN_FILES, RunOptions, last_saved

LOCK = ".lock"  # of the process that trains
ABSENT = "not there"
RUNS = RunOptions().directory
FEW = 10  # runs, up to which all are named
PACKAGES = ("rcmvae", "jax", "jaxlib", "equinox", "optax", "numpy", "orbax-checkpoint", "pydantic")


@dataclasses.dataclass(frozen=True)
class DataCard:
    """What a trained model must know of its data without having them."""

    name: str
    shape: tuple[int, ...]
    dtype: str  # of the samples as they are stored
    num_classes: int
    label_names: tuple[str, ...]
    scaling: Scaling
    fingerprint: str
    splits: dict[str, int]
    columns: tuple[str, ...] = ()  # what the values of a vector are called, where they have names

    @classmethod
    def of(cls, dataset: Dataset) -> "DataCard":
        return cls(
            name=dataset.name,
            shape=dataset.shape,
            dtype=str(dataset.train.x.dtype),
            num_classes=dataset.num_classes,
            label_names=tuple(dataset.label_names),
            scaling=dataset.scaling,
            fingerprint=dataset.fingerprint,
            splits={name: len(getattr(dataset, name).x) for name in SPLITS},
            columns=dataset.columns,
        )

    def __str__(self) -> str:
        """What there is to train on, in half a sentence."""
        train, validation, test = (f"{self.splits[name]:,}" for name in SPLITS)
        one = counted(self.shape[0], "column") if len(self.shape) == 1 else spelled(self.shape)
        kinds = f"labels of {counted(self.num_classes, 'kind')}" if self.num_classes else "no labels"
        return f"{self.name}: {train} samples of {one} to train on, {validation} to validate, {test} to test; {kinds}"

    def to_json(self) -> dict[str, Any]:
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return fields | {"scaling": self.scaling.as_dict()}

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> "DataCard":
        fields: dict[str, Any] = saved | {
            "shape": tuple(saved["shape"]),
            "label_names": tuple(saved["label_names"]),
            "columns": tuple(saved.get("columns", ())),
            "scaling": Scaling.from_dict(saved["scaling"]),
        }
        return cls(**fields)


def run_name(config: Config, now: datetime.datetime) -> str:
    """The name of a run says what was run: `mixture__k10-dec-none-ber__20261121-101500`."""
    model = config.model
    parts = (
        f"k{model.num_channels}",
        model.layout[:3],
        model.decoder.conditioner.kind_name(),
        model.decoder.output.kind_name()[:3],
    )
    return f"{model.prior.kind_name()}__{'-'.join(parts)}__{now:%Y%m%d-%H%M%S}"


def claim(config: Config) -> Path:
    """Make the directory of a new run: as named, or under a name of its own that is free."""
    base, name = config.run.directory, config.run.name
    if config.run.collision is not None:
        raise RunError(config.run.collision)
    name = run_name(config, datetime.datetime.now()) if name is None else name
    for tried in itertools.chain([name], (f"{name}-{i}" for i in itertools.count(2))):
        try:
            (base / tried).mkdir(parents=True)
        except FileExistsError:
            continue  # made by another run since, or in the same second
        except OSError as error:
            raise RunError(
                f"run.directory is {base}, where no folder can be made: {error.strerror}."
            ) from error
        return base / tried
    raise AssertionError("unreachable: the names never end")


def runs_in(base: Path) -> list[Path]:
    """The run directories below a folder."""
    return sorted(path.parent for path in base.glob("*/config.yaml") if is_run(path.parent))


def is_run(path: Path) -> bool:
    """Whether a folder has all that makes it a run directory."""
    return all((path / name).is_file() for name in RUN_FILES)


def _meant(path: Path) -> str:
    """A hint at the run that a path that does not exist may stand for, or at those that there are."""
    runs = {run.name: run for base in (RUNS, path.parent) for run in runs_in(base)}
    name = closest(path.name, runs)
    if name is not None:
        return f" Did you mean {runs[name]}?"
    return f" The runs there are: {listed(map(str, runs.values()))}." if 0 < len(runs) <= FEW else ""


def _locked(file: IO[bytes], how: int) -> bool:
    try:
        fcntl.flock(file, how | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


@dataclasses.dataclass(frozen=True)
class Ways:
    """What to type next about a run: in a shell, or in Python where its samples were handed over there."""

    path: Path
    config: Config

    @property
    def on(self) -> str:
        return self._typed(f"rcmvae resume {self._quoted}", f"rcmvae.resume({str(self.path)!r}, dataset)")

    def further(self, epochs: int) -> str:
        return self._typed(
            f"rcmvae resume {self._quoted} --epochs {epochs}",
            f"rcmvae.resume({str(self.path)!r}, dataset, epochs={epochs})",
        )

    @property
    def anew(self) -> str:
        file = str(self.path / "config.yaml")
        return self._typed(
            f"rcmvae train {shlex.quote(file)} run.name=null",
            f"rcmvae.train(rcmvae.load_config({file!r}, {{'run.name': None}}), dataset)",
        )

    @property
    def with_data(self) -> str:
        """How a run is evaluated and gone on with, where its samples were handed over."""
        return f"rcmvae.evaluate({str(self.path)!r}, dataset=dataset) and {self.on}"

    @property
    def report(self) -> str:
        return self._typed(
            f"rcmvae report {self._quoted}", f"rcmvae.make_report({str(self.path)!r}, dataset=dataset)"
        )

    @property
    def _quoted(self) -> str:
        return shlex.quote(str(self.path))

    def _typed(self, shell: str, python: str) -> str:
        return python if isinstance(self.config.data, ArraysSource) else shell


@dataclasses.dataclass(frozen=True)
class RunDirectory:
    """The files of a run. Of several processes only the lead one writes."""

    path: Path
    is_lead: bool = True

    @property
    def checkpoints(self) -> Path:
        return self.path / "checkpoints"

    def describe(self, config: Config, card: DataCard) -> None:
        """Write down the resolved configuration, the data and where the run happens."""
        self.write("config.yaml", dump_config(config))
        self.write_json("data.json", card.to_json())
        self.write_json("environment.json", environment(config))

    @classmethod
    def find(cls, path: Path | str) -> "RunDirectory":
        """An existing run directory."""
        path = Path(path)
        missing = [name for name in RUN_FILES if not (path / name).is_file()]
        if not path.exists():
            raise RunError(f"{path} does not exist.{_meant(path)}")
        if missing:
            raise RunError(f"{path} is not a run directory: it has no {', no '.join(missing)}.")
        return cls(path, jax.process_index() == 0)

    @classmethod
    def latest(cls, base: Path = RUNS) -> "RunDirectory":
        """The run below `base` that was started or gone on with last, of those that can go on from the shell."""
        able = [run for run in map(cls.find, runs_in(base)) if run.can_go_on]
        if not able:
            raise RunError(
                f"{base} holds no run that was interrupted and can go on. Say which one is meant: {base}/RUN."
            )
        return max(able, key=lambda run: (run.path / "config.yaml").stat().st_mtime_ns)

    @property
    def can_go_on(self) -> bool:
        """Whether there is more to train, from files alone and by nobody else yet; not where that cannot be read."""
        try:
            return (
                self.status not in {"finished", "failed"}
                and last_saved(self.checkpoints) is not None
                and not isinstance(self.config.data, ArraysSource)
                and not self.is_held
            )
        except (RcmvaeError, OSError):
            return False

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """While entered, no other process may train this run; the end of this one, however it comes, lets go."""
        if not self.is_lead:
            yield
            return
        with (self.path / LOCK).open("ab") as file:
            if not _locked(file, fcntl.LOCK_EX):
                raise RunError(
                    f"{self.path} is being trained by another process: wait until that one has ended, or stop it."
                )
            yield

    @property
    def is_held(self) -> bool:
        """Whether a process trains this run now."""
        with (self.path / LOCK).open("ab") as file:
            return not _locked(file, fcntl.LOCK_SH)

    @property
    def config(self) -> Config:
        return load_config(self.path / "config.yaml")

    def refuse_edits(self, config: Config) -> None:
        """Refuse a configuration under which the weights of this run would mean something else."""
        now = made_for(config)
        before = self.read_json("environment.json").get("made_for", now)
        told = [(name, now.get(name, ABSENT), before.get(name, ABSENT)) for name in {**now, **before}]
        edits = [f"{name} is {new}, and was {old}" for name, new, old in told if new != old]
        if edits:
            file = self.path / "config.yaml"
            raise RunError(
                f"{file} is not what this run was started with: {'; '.join(edits)}. Put it back to go on; to train "
                f"anew: {Ways(self.path, config).anew}"
            )

    @property
    def card(self) -> DataCard:
        saved = self.read_json("data.json")
        try:
            return DataCard.from_json(saved)
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(f"{self.path / 'data.json'} is damaged: it is no description of data.") from error

    @property
    def status(self) -> str:
        """What the summary says of it: finished, interrupted, failed or running; the last also after a kill."""
        if not (self.path / "summary.json").exists():
            return "running"
        return str(self.read_json("summary.json").get("status"))

    @property
    def is_finished(self) -> bool:
        """Whether the run got as far as its results: not after a kill, an interruption or a failure."""
        return self.status == "finished"

    def read_json(self, name: str) -> dict[str, Any]:
        try:
            found = json.loads((self.path / name).read_text(encoding="utf-8"))
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise RunError(f"{self.path / name} is damaged: {error}.") from error
        if not isinstance(found, dict):
            raise RunError(f"{self.path / name} is damaged: it holds no names with values.")
        return found

    def write_json(self, name: str, value: Any) -> None:
        self.write(name, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")

    def write(self, name: str, text: str) -> None:
        """Replace a file as a whole, so that no reader ever sees half of one."""
        if not self.is_lead:
            return
        part = self.path / f"{name}.part"
        part.write_text(text, encoding="utf-8")
        os.replace(part, self.path / name)


def environment(config: Config) -> dict[str, Any]:
    """Versions, devices, git revision and seeds."""
    device = jax.devices()[0]
    training = config.training
    return {
        "command": sys.argv,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu_count": os.cpu_count(),
        "packages": {name: metadata.version(name) for name in PACKAGES},
        "devices": {"platform": device.platform, "kind": device.device_kind, "count": jax.device_count()},
        "processes": jax.process_count(),
        "git_revision": git_revision(),
        "seeds": list(range(training.seed, training.seed + training.seeds)),
        "made_for": made_for(config),
    }


def made_for(config: Config) -> dict[str, Any]:
    """Every option that decides what the weights are, under its path."""
    seeds = config.training.model_dump(mode="json", include={"seed", "seeds"})
    return dict(flattened({"model": config.model.model_dump(mode="json"), "training": seeds}))


def git_revision() -> str | None:
    """The revision of the folder that the run was started in, if it is a git checkout."""
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return None
    return found.stdout.strip() or None

"""A run directory: what a run leaves behind, and how it is found again."""

import dataclasses
import datetime
import itertools
import json
import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

import jax

from rcmvae.config import Config, dump_config, load_config
from rcmvae.data import Dataset, Scaling
from rcmvae.errors import RunError
from rcmvae.training import RunOptions

FILES = ("config.yaml", "data.json", "environment.json")
PACKAGES = ("rcmvae", "jax", "jaxlib", "equinox", "optax", "numpy", "orbax-checkpoint", "pydantic")


@dataclasses.dataclass(frozen=True)
class DataCard:
    """What a trained model must know of its data without having them."""

    name: str
    shape: tuple[int, ...]
    num_classes: int
    label_names: tuple[str, ...]
    scaling: Scaling
    fingerprint: str
    splits: dict[str, int]

    @classmethod
    def of(cls, dataset: Dataset) -> "DataCard":
        return cls(
            name=dataset.name,
            shape=dataset.shape,
            num_classes=dataset.num_classes,
            label_names=tuple(dataset.label_names),
            scaling=dataset.scaling,
            fingerprint=dataset.fingerprint,
            splits={name: len(getattr(dataset, name).x) for name in ("train", "validation", "test")},
        )

    def to_json(self) -> dict[str, Any]:
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return fields | {"scaling": self.scaling.as_dict()}

    @classmethod
    def from_json(cls, saved: dict[str, Any]) -> "DataCard":
        fields: dict[str, Any] = saved | {
            "shape": tuple(saved["shape"]),
            "label_names": tuple(saved["label_names"]),
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


def is_taken(options: RunOptions) -> bool:
    """Whether the name that the configuration gives is there already."""
    return options.name is not None and (options.directory / options.name).exists()


def claim(config: Config) -> Path:
    """Make the directory of a new run: as named, or under a name of its own that is free."""
    base, name = config.run.directory, config.run.name
    if is_taken(config.run):
        raise RunError(
            f"run.name is `{name}`, but {base / str(name)} exists already: give another with run.name=OTHER, have one "
            f"made with run.name=null, or remove it."
        )
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
    def find(cls, path: Path) -> "RunDirectory":
        """An existing run directory."""
        missing = [name for name in FILES if not (path / name).is_file()]
        if missing:
            raise RunError(f"{path} is not a run directory: it has no {', no '.join(missing)}.")
        return cls(path, jax.process_index() == 0)

    @property
    def config(self) -> Config:
        return load_config(self.path / "config.yaml")

    @property
    def card(self) -> DataCard:
        saved = self.read_json("data.json")
        try:
            return DataCard.from_json(saved)
        except (KeyError, TypeError, ValueError) as error:
            raise RunError(f"{self.path / 'data.json'} is damaged: it is no description of data.") from error

    @property
    def is_finished(self) -> bool:
        """Whether the run got as far as its results: not after a kill, an interruption or a failure."""
        return (self.path / "summary.json").exists() and self.read_json("summary.json").get(
            "status"
        ) == "finished"

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
    }


def git_revision() -> str | None:
    """The revision of the folder that the run was started in, if it is a git checkout."""
    try:
        found = subprocess.run(
            ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False
        )
    except FileNotFoundError:
        return None
    return found.stdout.strip() or None

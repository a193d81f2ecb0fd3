"""Reading and writing configurations."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError

from rcmvae.config import legacy
from rcmvae.config.config import Config
from rcmvae.config.overrides import Overrides, apply
from rcmvae.config.places import Place, spelled_out
from rcmvae.config.problems import Found, explain, lookalikes
from rcmvae.config.text import inline, read_mapping, render
from rcmvae.data import SOURCES, AnySource, Digits, Source
from rcmvae.errors import ConfigError, listed, raise_all
from rcmvae.objective import ObjectiveBase
from rcmvae.options import Options, is_number


class Loaded(NamedTuple):
    """A configuration, and what there is to say about how it was read."""

    config: Config
    notes: tuple[str, ...]


def load_config(path: Path | str | None = None, overrides: Overrides = ()) -> Config:
    """A configuration from a file, or the defaults, with overrides on top: texts as on a command line, or a mapping.

    >>> load_config(overrides=["model.num_channels=20"]) == load_config(overrides={"model.num_channels": 20})
    True
    """
    return load_with_notes(path, overrides).config


def load_with_notes(path: Path | str | None = None, overrides: Overrides = ()) -> Loaded:
    """The same, and what there is to say about the file: how the keys of an earlier, flat one were understood."""
    raw, notes = _read_file(path)
    return Loaded(from_mapping(raw, overrides), notes)


def _read_file(path: Path | str | None) -> tuple[dict[str, Any], tuple[str, ...]]:
    if path is None:
        return {}, ()
    if not isinstance(path, Path | str):
        raise ConfigError(
            f"A configuration is loaded from the path of a file, not from `{inline(path)}`: give values as overrides, "
            f"such as load_config(overrides={{'model.num_channels': 20}})."
        )
    raw = read_mapping(Path(path))
    if legacy.is_legacy(raw):
        return legacy.upgrade(raw)
    return raw, () if raw else (f"{path} holds nothing: every value is a default.",)


def from_mapping(raw: dict[str, Any], overrides: Overrides = ()) -> Config:
    """A configuration from plain values; every problem in them is told at once."""
    return _read(Config, raw, overrides)


class _DataAlone(Options):
    data: AnySource = Digits()


CONFIG_SUFFIXES = (".yaml", ".yml")


def load_source(named: str, overrides: Sequence[str] = ()) -> Source:
    """A data source by name, or as a configuration file has it, with overrides of its own, such as `num_samples=100`.

    >>> load_source("digits", ["num_samples=100"]).num_samples
    100
    """
    raw = {"data": named}
    if named.endswith(CONFIG_SUFFIXES):
        raw = {key: value for key, value in _read_file(named)[0].items() if key == "data"}
    elif named not in SOURCES and (Path(named).suffix or Path(named).is_dir()):
        raise ConfigError(
            f"{named} is neither a kind of data ({listed(SOURCES)}) nor a configuration file "
            f"({' '.join(CONFIG_SUFFIXES)}): to look into files, name their kind, as in `npy path=x.npy`."
        )
    ours = "data."  # as configuration files have it, and as messages propose it
    return _read(_DataAlone, raw, [f"{ours}{override.removeprefix(ours)}" for override in overrides]).data


Root = TypeVar("Root", bound=Options)


def _read(root: type[Root], raw: dict[str, Any], overrides: Overrides) -> Root:
    raw, refused = apply(spelled_out(Place(root), raw), overrides, root)
    unusual = [*lookalikes(Found(root, "", Place(root)), raw)]
    try:
        config = root.model_validate(raw)
    except ValidationError as error:
        raise ConfigError("\n".join(dict.fromkeys([*refused, *explain(root, error), *unusual]))) from error
    raise_all([*refused, *unusual])
    return config


def dump_config(config: Config) -> str:
    """The resolved configuration as YAML; loading it gives the same object."""
    sections = _readable(Place(Config), spelled_out(Place(Config), config.model_dump(mode="json")))
    return "\n".join(render({name: section}) for name, section in sections.items())


def _readable(place: Place, value: Any) -> Any:
    """Names where a name says all, `kind` first, and no mention of terms that are not there."""
    if isinstance(value, list):
        return [_readable(place.entry(i) or Place(object), entry) for i, entry in enumerate(value)]
    options = place.options_of(value)
    if options is None or not isinstance(value, dict):
        return value
    written = {
        key: _readable(place.field(options, key) or Place(object), inner) for key, inner in value.items()
    }
    if issubclass(options, ObjectiveBase):
        return {name: term for name, term in written.items() if term is not None}
    short = written.get("weight" if place.one_of is None else "value")
    if place.takes_number and is_number(short) and written.keys() - {"kind"} in ({"weight"}, {"value"}):
        return short
    if place.one_of is not None:
        kind = written.pop("kind")
        return {"kind": kind} | written if written else kind
    return written

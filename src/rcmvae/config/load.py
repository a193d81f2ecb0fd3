"""Reading and writing configurations."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

from pydantic import ValidationError

from rcmvae.config import legacy
from rcmvae.config.config import Config
from rcmvae.config.overrides import apply
from rcmvae.config.places import Place, spelled_out
from rcmvae.config.problems import Found, explain, lookalikes
from rcmvae.config.text import read_mapping, render
from rcmvae.data import AnySource, Source
from rcmvae.errors import ConfigError, raise_all
from rcmvae.objective import ObjectiveBase
from rcmvae.options import Options, is_number


class Loaded(NamedTuple):
    """A configuration, and what there is to say about how it was read."""

    config: Config
    notes: tuple[str, ...]


def load_config(path: Path | str | None = None, overrides: Sequence[str] = ()) -> Config:
    """A configuration from a file, or the defaults, with overrides on top.

    >>> load_config(overrides=["model.num_channels=20"]).model.num_channels
    20
    """
    return load_with_notes(path, overrides).config


def load_with_notes(path: Path | str | None = None, overrides: Sequence[str] = ()) -> Loaded:
    """The same, and how the keys of an earlier, flat file were understood."""
    raw, notes = ({} if path is None else read_mapping(Path(path))), ()
    if legacy.is_legacy(raw):
        raw, notes = legacy.upgrade(raw)
    return Loaded(from_mapping(raw, overrides), notes)


def from_mapping(raw: dict[str, Any], overrides: Sequence[str] = ()) -> Config:
    """A configuration from plain values; every problem in them is told at once."""
    return _read(Config, raw, overrides)


class _DataAlone(Options):
    data: AnySource


def load_source(kind: str, overrides: Sequence[str] = ()) -> Source:
    """A data source by name with overrides of its own, such as `num_samples=100`, whatever a run would need of it.

    >>> load_source("digits", ["num_samples=100"]).num_samples
    100
    """
    return _read(_DataAlone, {"data": kind}, [f"data.{override}" for override in overrides]).data


Root = TypeVar("Root", bound=Options)


def _read(root: type[Root], raw: dict[str, Any], overrides: Sequence[str]) -> Root:
    raw = apply(spelled_out(Place(root), raw), overrides, root)
    problems = [*lookalikes(Found(root, "", Place(root)), raw)]
    try:
        config = root.model_validate(raw)
    except ValidationError as error:
        raise ConfigError("\n".join(dict.fromkeys([*explain(root, error), *problems]))) from error
    raise_all(problems)
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

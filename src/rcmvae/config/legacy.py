"""Earlier, flat configuration files: every key is carried over, dropped or refused, and each is told."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from rcmvae.config.config import Config
from rcmvae.config.legacy_curriculum import curriculum_refused, curriculum_steps
from rcmvae.config.legacy_keys import Flat, FlatCurriculum, FlatData, FlatModel, read
from rcmvae.config.legacy_steps import Becomes, Dropped, Step, steps
from rcmvae.config.places import Place, spelled_out
from rcmvae.config.text import inline
from rcmvae.curriculum import Curriculum
from rcmvae.errors import raise_all
from rcmvae.model import ModelOptions


class Upgraded(NamedTuple):
    """The same configuration as it is written now, and how each key was understood."""

    config: dict[str, Any]
    notes: tuple[str, ...]


def is_legacy(raw: dict[str, Any]) -> bool:
    """Whether a mapping was written for the earlier, flat keys.

    >>> is_legacy({"model": {"num_components": 10}}), is_legacy({"model": {"num_channels": 10}})
    (True, False)
    """
    names = ("model", "data", "curriculum")
    model, data, growth = (raw[name] if isinstance(raw.get(name), dict) else {} for name in names)
    only_now = ModelOptions.model_fields.keys() - FlatModel.model_fields.keys()
    grown_now = Curriculum.model_fields.keys() - FlatCurriculum.model_fields.keys()
    if {"objective", "training", "run"} & raw.keys() or only_now & model.keys() or grown_now & growth.keys():
        return False
    only_earlier = FlatModel.model_fields.keys() - ModelOptions.model_fields.keys()
    grown_earlier = FlatCurriculum.model_fields.keys() - Curriculum.model_fields.keys()
    at_top = (only_earlier | Flat.model_fields.keys()) - {*names}
    return bool(
        at_top & raw.keys()
        or only_earlier & model.keys()
        or grown_earlier & growth.keys()
        or "dataset" in data
    )


def upgrade(raw: dict[str, Any]) -> Upgraded:
    """The present form of an earlier file.

    >>> upgrade({"model": {"num_components": 4}}).config["model"]["num_channels"]
    4
    """
    flat = read(Flat, _in_sections(raw))
    raise_all([*_refused(flat)])
    understood = [*steps(flat), *curriculum_steps(flat)]
    config: dict[str, Any] = {}
    for step in understood:
        if isinstance(step, Becomes):
            *parents, last = step.path.split(".")
            node = config
            for parent in parents:
                node = node.setdefault(parent, {})
            node[last] = step.value
    return Upgraded(config, tuple(_notes(understood, flat)))


def _in_sections(raw: dict[str, Any]) -> dict[str, Any]:
    """Keys that stand alone, moved to the section that they belong to."""
    sections: dict[str, Any] = {name: raw[name] for name in Flat.model_fields if name in raw}
    for key, value in raw.items():
        if key in Flat.model_fields:
            continue
        home = "data" if key in FlatData.model_fields else "model"
        inner = sections.get(home, {})
        sections[home] = inner | {key: value} if isinstance(inner, dict) else inner
    return sections


def _refused(flat: Flat) -> Iterator[str]:
    model = flat.model
    dead = "It never did anything: remove it to get the same run."
    if model.soft_embedding_warmup_epochs > 0:
        yield f"model.soft_embedding_warmup_epochs is {model.soft_embedding_warmup_epochs}. {dead}"
    if model.use_contrastive:
        yield f"model.use_contrastive is true. {dead}"
    yield from curriculum_refused(flat)


def _notes(understood: Sequence[Step], flat: Flat) -> Iterator[str]:
    """A line for every key that was given, and for each one left out whose default is another one now."""
    given = {key: f"{_name(key)}={inline(_plain(value))}" for key, value in _given(flat)}
    plain = Config().model_dump(mode="json") | {"curriculum": Curriculum().model_dump(mode="json")}
    now = spelled_out(Place(Config), plain)
    for step in understood:
        mine = ", ".join(given[key] for key in step.keys if key in given)
        if isinstance(step, Dropped):
            if mine:
                yield f"{mine} → nothing: {step.because}."
        elif mine or step.value != _at(now, step.path):
            source = mine or f"{_name(step.keys[0])} left out, by its earlier default"
            yield f"{source} → {step.path}={inline(step.value)}" + (
                f" ({step.because})" if step.because else ""
            )
    mentioned = {key for step in understood for key in step.keys}
    for key, text in given.items():
        if key not in mentioned:
            yield f"{text} → nothing: no other key of this file calls for it."


def _given(flat: Flat) -> Iterator[tuple[str, Any]]:
    """What the file says, key by key; a curriculum's mappings are keys of their own where they are read."""
    for name in Flat.model_fields:
        section = getattr(flat, name)
        for key in type(section).model_fields:
            value = getattr(section, key)
            if flat.grows and key in ("unlock", "kick") and value:
                yield from ((f"{key}.{inner}", said) for inner, said in value.items())
            elif key in section.model_fields_set:
                yield key, value


def _name(key: str) -> str:
    """Keys of the two large sections stood alone in many files, and need no more than their name."""
    first = key.partition(".")[0]
    sections = {
        name: type(getattr(Flat(), name)) for name in Flat.model_fields if name not in ("model", "data")
    }
    home = next((name for name, section in sections.items() if first in section.model_fields), "")
    return f"{home}.{key}" if home else key


def _plain(value: Any) -> Any:
    return [*value] if isinstance(value, tuple) else value


def _at(node: Any, path: str) -> Any:
    for key in path.split("."):
        node = node.get(key) if isinstance(node, dict) else None
    return node

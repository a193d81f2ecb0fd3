"""Earlier, flat configuration files: every key is carried over, dropped or refused, and each is told."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from pydantic import ValidationError

from rcmvae.config.config import Config
from rcmvae.config.legacy_keys import Flat, FlatData, FlatModel
from rcmvae.config.legacy_steps import Becomes, Dropped, Step, steps
from rcmvae.config.places import Place, spelled_out
from rcmvae.config.problems import Found, explain, lookalikes
from rcmvae.config.text import inline
from rcmvae.errors import ConfigError, raise_all
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
    model, data = (raw[name] if isinstance(raw.get(name), dict) else {} for name in ("model", "data"))
    only_now = ModelOptions.model_fields.keys() - FlatModel.model_fields.keys()
    if {"objective", "training", "run"} & raw.keys() or only_now & model.keys():
        return False
    only_earlier = FlatModel.model_fields.keys() - ModelOptions.model_fields.keys()
    at_top = (only_earlier | Flat.model_fields.keys()) - {"model", "data"}
    return bool(at_top & raw.keys() or only_earlier & model.keys() or "dataset" in data)


def upgrade(raw: dict[str, Any]) -> Upgraded:
    """The present form of an earlier file.

    >>> upgrade({"model": {"num_components": 4}}).config["model"]["num_channels"]
    4
    """
    flat = _read(_in_sections(raw))
    raise_all([*_refused(flat)])
    understood = steps(flat)
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


def _read(raw: dict[str, Any]) -> Flat:
    problems = [*lookalikes(Found(Flat, "", Place(Flat)), raw)]
    try:
        flat = Flat.model_validate(raw)
    except ValidationError as error:
        raise ConfigError("\n".join(dict.fromkeys([*explain(Flat, error), *problems]))) from error
    raise_all(problems)
    return flat


def _refused(flat: Flat) -> Iterator[str]:
    model = flat.model
    dead = "It never did anything: remove it to get the same run."
    if model.soft_embedding_warmup_epochs > 0:
        yield f"model.soft_embedding_warmup_epochs is {model.soft_embedding_warmup_epochs}. {dead}"
    if model.use_contrastive:
        yield f"model.use_contrastive is true. {dead}"
    if model.use_tau_classifier:
        yield (
            "model.use_tau_classifier is true, but this version cannot train on labels through τ yet: set it to false, "
            "or give a label_weight to train the separate classifier."
        )
    if flat.curriculum.enabled:
        yield (
            "curriculum.enabled is true, but this version cannot open channels while it trains yet: set it to false "
            "to train with all channels open from the start."
        )


def _notes(understood: Sequence[Step], flat: Flat) -> Iterator[str]:
    """A line for every key that was given, and for each one left out whose default is another one now."""
    sections = [getattr(flat, name) for name in Flat.model_fields]
    given = {
        key: f"{_prefix(name)}{key}={inline(_plain(getattr(section, key)))}"
        for name, section in zip(Flat.model_fields, sections, strict=True)
        for key in type(section).model_fields
        if key in section.model_fields_set
    }
    now = spelled_out(Place(Config), Config().model_dump(mode="json"))
    for step in understood:
        mine = ", ".join(given[key] for key in step.keys if key in given)
        if isinstance(step, Dropped):
            if mine:
                yield f"{mine} → nothing: {step.because}."
        elif mine or step.value != _at(now, step.path):
            source = mine or f"{step.keys[0]} left out, by its earlier default"
            yield f"{source} → {step.path}={inline(step.value)}" + (
                f" ({step.because})" if step.because else ""
            )
    mentioned = {key for step in understood for key in step.keys}
    for key, text in given.items():
        if key not in mentioned:
            yield f"{text} → nothing: no other key of this file calls for it."


def _prefix(section: str) -> str:
    """Keys of the two large sections stood alone in many files, and need no more than their name."""
    return "" if section in ("model", "data") else f"{section}."


def _plain(value: Any) -> Any:
    return [*value] if isinstance(value, tuple) else value


def _at(node: Any, path: str) -> Any:
    for key in path.split("."):
        node = node.get(key) if isinstance(node, dict) else None
    return node

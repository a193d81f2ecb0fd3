"""`a.b.c=value`, or the same as a mapping, on top of a configuration."""

import dataclasses
import functools
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rcmvae.config.places import Place, spelled_out
from rcmvae.config.problems import Found, unknown
from rcmvae.config.text import inline, parse
from rcmvae.errors import ConfigError
from rcmvae.objective.objective import PRESETS, ObjectiveBase, is_preset
from rcmvae.options import Options, is_number

Overrides = Sequence[str] | Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class Override:
    """One value for one place."""

    keys: tuple[str, ...]
    value: Any

    @classmethod
    def parse(cls, text: str) -> "Override":
        """From `a.b.c=value`; the value is read as YAML."""
        path, equals, value = text.partition("=") if isinstance(text, str) else ("", "", "")
        keys = tuple(path.strip().split("."))
        if not equals or not all(keys):
            raise ConfigError(
                f"`{text}` is not an override: write the path of a key, `=` and its value, such as "
                f"model.num_channels=20."
            )
        if not value.strip():
            raise ConfigError(f"`{text}` has no value: write {text.strip()}null if none is meant.")
        # A shell takes the quotes off ",", and alone it is nothing else in YAML.
        return cls(keys, "," if value.strip() == "," else parse(value, f"The value in `{text}`"))

    @classmethod
    def of(cls, path: str, value: Any) -> "Override":
        """From a path and a value in Python, which may be options as well."""
        keys = tuple(path.split(".")) if isinstance(path, str) else ()
        if not keys or not all(keys):
            raise ConfigError(f"{path!r} is not the path of a key, such as 'model.num_channels'.")
        return cls(keys, value.model_dump(mode="json") if isinstance(value, Options) else value)

    @property
    def depth(self) -> float:
        """Wholes come before their parts, whatever order they were given in; a kind is the whole of its options."""
        return len(self.keys) - 1.5 if self.keys[-1] == "kind" else len(self.keys)


class Applied(NamedTuple):
    """A configuration with what could be applied to it, and a sentence for each override that could not."""

    raw: dict[str, Any]
    problems: list[str]


def apply(raw: dict[str, Any], given: Overrides, root: type[Options]) -> Applied:
    """The spelled-out configuration with these overrides on top."""
    overrides, problems = [], []
    for read in _readers(given):
        try:
            overrides.append(read())
        except ConfigError as error:
            problems.append(str(error))
    for override in sorted(overrides, key=lambda o: o.depth):
        try:
            raw = _set(raw, override, Found(root, "", Place(root)), override.keys)
        except ConfigError as error:
            problems.append(str(error))
    return Applied(raw, problems)


def _readers(given: Overrides) -> Iterator[Callable[[], Override]]:
    """How to read each override, which may fail on its own."""
    if isinstance(given, Mapping):
        return (functools.partial(Override.of, path, value) for path, value in given.items())
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise ConfigError(
            f"overrides is {given!r}, but it must be a list such as ['model.num_channels=20'], or a mapping such as "
            f"{{'model.num_channels': 20}}."
        )
    return (functools.partial(Override.parse, text) for text in given)


def _set(node: Any, override: Override, here: Found, keys: tuple[str, ...]) -> Any:
    """A copy of the node with the override in it."""
    if here.place.one_of is not None and keys == ("kind",) and isinstance(node, dict):
        same = node.get("kind", override.value) == override.value
        return node | {"kind": override.value} if same else spelled_out(here.place, override.value)
    options = here.place.options_of(node)
    if options is None or not isinstance(node, dict):
        raise ConfigError(_no_way_in(node, override, here))
    key, *deeper = keys
    if issubclass(options, ObjectiveBase) and key == "c_regularizer" and not deeper:
        return _with_preset(node, override.value, here.place)
    there = here.key(options, key)
    if key not in options.model_fields:
        raise ConfigError(unknown(there))
    if not deeper:
        return node | {key: spelled_out(there.place, override.value)}
    return node | {key: _set(_present(node, key, options, there), override, there, tuple(deeper))}


def _present(node: dict[str, Any], key: str, options: type[Options], there: Found) -> Any:
    """What stands under a key: what was written, else the default, else nothing yet."""
    if node.get(key) is not None:
        return node[key]
    field = options.model_fields[key]
    numbers = {name: value for name, value in node.items() if is_number(value)}
    beside = {name: other.default for name, other in options.model_fields.items()} | numbers
    default = None
    if not field.is_required():
        default = field.get_default(call_default_factory=True, validated_data=beside)
    if isinstance(default, Options) and not default.model_fields_set:
        # Only its kind: what its other fields fall back to may depend on the override that is being set.
        return {} if there.place.one_of is None else {"kind": default.kind_name()}
    if isinstance(default, Options):
        return spelled_out(there.place, default.model_dump(mode="json"))
    return {} if there.place.options is not None else default


def _with_preset(objective: dict[str, Any], preset: Any, place: Place) -> dict[str, Any]:
    """The objective with the channel regularizers of this preset and no others; a term that stays keeps its options."""
    if not is_preset(preset):
        return objective | {"c_regularizer": preset}  # which the validation refuses in its own words
    regularizers = {name for terms in PRESETS.values() for name in terms}
    kept = {
        name: term for name, term in objective.items() if name not in regularizers or name in PRESETS[preset]
    }
    return spelled_out(place, {"c_regularizer": preset} | kept)


def _no_way_in(node: Any, override: Override, here: Found) -> str:
    text = ".".join(override.keys)
    if isinstance(node, list):
        return f"{text} points into a list: give all of {here.path} at once, as in {here.path}=[…]."
    if here.place.one_of is not None and isinstance(node, dict):
        return f"{text} needs to know what {here.path} is: give {here.path}.kind too. It is {here.place.describe()}."
    return f"{text} has nothing to change: {here.path} is `{inline(node)}`, which has no keys."

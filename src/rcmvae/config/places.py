"""What each place in a configuration may hold, read off the options classes themselves."""

import dataclasses
import functools
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt, MinLen
from pydantic.fields import FieldInfo

from rcmvae.config.text import inline
from rcmvae.errors import listed
from rcmvae.objective import ObjectiveBase, Term
from rcmvae.objective.objective import without_preset
from rcmvae.objective.term import weighted
from rcmvae.options import OneOf, Options

NAMES = {int: "a whole number", float: "a number", str: "text", bool: "true or false", Path: "a path"}
BOUNDS = {Gt: ("gt", "above"), Ge: ("ge", "of at least"), Lt: ("lt", "below"), Le: ("le", "at most")}


@dataclasses.dataclass(frozen=True)
class Place:
    """One place: the annotation of its field, without what surrounds it."""

    annotation: Any
    metadata: tuple[Any, ...] = ()

    @classmethod
    def of(cls, annotation: Any) -> "Place":
        """The place that an annotation describes."""
        if get_origin(annotation) is Annotated:
            inner, *metadata = get_args(annotation)
            return cls(inner, tuple(metadata))
        return cls(annotation)

    @classmethod
    def of_field(cls, field: FieldInfo) -> "Place":
        return cls(field.annotation, tuple(field.metadata))

    @functools.cached_property
    def members(self) -> list["Place"]:
        """The alternatives, without null; the place itself where there is only one."""
        if get_origin(self.annotation) in (Union, UnionType):
            return [Place.of(member) for member in get_args(self.annotation) if member is not NoneType]
        return [self]

    @property
    def names(self) -> Iterator[str]:
        """The words that may be written here."""
        for member in self.members:
            if member.one_of is not None:
                yield from member.one_of.registry
        yield from (inline(value) for value in self.literals)

    @functools.cached_property
    def literals(self) -> list[Any]:
        """The values that stand for themselves."""
        literal = [member.annotation for member in self.members if get_origin(member.annotation) is Literal]
        return [value for annotation in literal for value in get_args(annotation)]

    @functools.cached_property
    def takes_null(self) -> bool:
        return get_origin(self.annotation) in (Union, UnionType) and NoneType in get_args(self.annotation)

    @functools.cached_property
    def one_of(self) -> OneOf | None:
        """The kinds that are told apart here."""
        return next((m for member in self.members for m in member.metadata if isinstance(m, OneOf)), None)

    @functools.cached_property
    def takes_number(self) -> bool:
        """Whether a bare number is short for something here."""
        if self.one_of is not None:
            return isinstance(self.one_of.shorthand(1.0), Mapping)
        return self.options is not None and issubclass(self.options, Term)

    @functools.cached_property
    def options(self) -> type[Options] | None:
        """The one options class of this place, where it has no kinds."""
        if self.one_of is not None:
            return None
        classes = (member.annotation for member in self.members if isinstance(member.annotation, type))
        return next((cls for cls in classes if issubclass(cls, Options)), None)

    def options_of(self, value: Any) -> type[Options] | None:
        """The options class that a spelled-out value asks for."""
        if self.one_of is None:
            return self.options
        kind = value.get("kind") if isinstance(value, dict) else None
        return self.one_of.registry.get(kind) if isinstance(kind, str) else None

    def field(self, options: type[Options], name: str) -> "Place | None":
        """The place of a key, if those options have it."""
        return fields_of(options).get(name)

    def may_hold(self, name: str) -> bool:
        """Whether a mapping that is written here may have that key."""
        kinds = [] if self.one_of is None else self.one_of.registry.values()
        return any(name in cls.model_fields for cls in (*kinds, self.options) if cls is not None)

    def entry(self, index: int) -> "Place | None":
        """The place of an entry, where lists are taken."""
        for member in self.members:
            if get_origin(member.annotation) is tuple:
                args = get_args(member.annotation)
                return Place.of(args[0] if args[-1] is Ellipsis else args[min(index, len(args) - 1)])
        return None

    def describe(self) -> str:
        """What may be written here, as it reads after "it must be"."""
        text = " or ".join(_describe(member) for member in self.members)
        return f"{text}, or null" if self.takes_null else text


@functools.cache
def fields_of(options: type[Options]) -> dict[str, Place]:
    """The places of all keys that those options have."""
    return {name: Place.of_field(field) for name, field in options.model_fields.items()}


def _describe(place: Place) -> str:
    """One alternative in words."""
    if place.one_of is not None:
        kinds = listed(place.one_of.registry)
        return f"a number, or a schedule ({kinds})" if place.takes_number else f"one of {kinds}"
    if place.options is not None:
        keys = f"a mapping with keys of {listed(place.options.model_fields)}"
        return f"a number (its weight) or {keys}" if place.takes_number else keys
    if get_origin(place.annotation) is Literal:
        values = [inline(value) for value in get_args(place.annotation)]
        return f"one of {', '.join(values)}" if len(values) > 1 else f"`{values[0]}`"
    if get_origin(place.annotation) is tuple:
        return _describe_list(place)
    name = NAMES.get(place.annotation, "a value of another type")
    return name + _describe_bounds(place.metadata)


def _describe_list(place: Place) -> str:
    args = get_args(place.annotation)
    entry = Place.of(args[0]).describe()
    if args[-1] is not Ellipsis:
        return f"a list of {len(args)} entries, each {entry}"
    least = next((m.min_length for m in place.metadata if isinstance(m, MinLen)), 0)
    return f"a list of at least {least}, each {entry}" if least else f"a list, each entry {entry}"


def _describe_bounds(metadata: tuple[Any, ...]) -> str:
    found = ((m, BOUNDS[type(m)]) for m in metadata if type(m) in BOUNDS)
    bounds = [f"{word} {getattr(m, name):g}" for m, (name, word) in found]
    return f" {' and '.join(bounds)}" if bounds else ""


def spelled_out(place: Place, value: Any) -> Any:
    """The value with every shorthand written in full; what is not legal stays as it is."""
    if isinstance(value, list):
        entries = ((place.entry(i), entry) for i, entry in enumerate(value))
        return [entry if at is None else spelled_out(at, entry) for at, entry in entries]
    if place.one_of is not None and value not in place.literals:
        value = place.one_of.shorthand(value)
    elif place.takes_number:
        value = weighted(value)
    options = place.options_of(value)
    if options is None or not isinstance(value, dict):
        return value
    if issubclass(options, ObjectiveBase):
        value = without_preset(value)
    places = ((key, place.field(options, key), inner) for key, inner in value.items())
    return {key: inner if at is None else spelled_out(at, inner) for key, at, inner in places}


@functools.cache
def paths_in(options: type[Options]) -> tuple[str, ...]:
    """Where in a tree of options keys can be written, whatever the kinds."""
    return (*dict.fromkeys(_paths_in(options, "", frozenset())),)


def _paths_in(options: type[Options], prefix: str, above: frozenset[type]) -> Iterator[str]:
    for key, field in options.model_fields.items():
        yield f"{prefix}{key}"
        place = Place.of_field(field)
        inner = [place.options] if place.options else place.one_of.registry.values() if place.one_of else []
        for cls in inner:
            if cls not in above:  # a schedule may hold another one
                yield from _paths_in(cls, f"{prefix}{key}.", above | {options})


def last(path: str) -> str:
    """The key that a path ends with."""
    return path.rpartition(".")[2]


def highest(name: str, root: type[Options]) -> list[str]:
    """The paths of that name that are nearest to the root."""
    paths = [path for path in paths_in(root) if last(path) == name]
    least = min((path.count(".") for path in paths), default=0)
    return [path for path in paths if path.count(".") == least]

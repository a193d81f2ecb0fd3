"""From what the validation objects to, to sentences: where, what was given, what may be written, the nearest name."""

import dataclasses
import re
import shlex
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from rcmvae.config.places import Place, fields_of, highest
from rcmvae.config.text import inline
from rcmvae.errors import listed, nearest
from rcmvae.options import PLAIN_NAME, OneOf, Options

MANY = 20  # keys, more than which are not listed when one of them is meant anyway


@dataclasses.dataclass(frozen=True)
class Found:
    """A place in a configuration, and the way there."""

    root: type[Options]
    path: str
    place: Place
    owner: type[Options] | None = None  # the options that the last key belongs to
    parent: str = ""
    siblings: OneOf | None = None  # the kinds that the owner is one of

    @classmethod
    def at(cls, root: type[Options], location: Sequence[int | str]) -> "Found":
        """Follow the validation's location, which names the kinds on its way as if they were keys."""
        found = cls(root, "", Place(root))
        for step in location:
            found = found._step(step)
        return found

    def _step(self, step: int | str) -> "Found":
        if isinstance(step, int):
            return self.entry(step)
        if self.place.one_of is not None and step in self.place.one_of.registry:
            return self.inside(self.place.one_of.registry[step])
        # Else, one of several types, named by the validation alone.
        return self if self.place.options is None else self.key(self.place.options, step)

    def inside(self, options: type[Options]) -> "Found":
        """The same place, once it is known which options stand there."""
        return dataclasses.replace(self, place=Place(options), siblings=self.place.one_of)

    def key(self, options: type[Options], name: str) -> "Found":
        """The place of a key of these options, which stand here."""
        path = f"{self.path}.{name}" if self.path else name
        place, siblings = self.place.field(options, name) or Place(object), self.place.one_of or self.siblings
        return Found(self.root, path, place, options, self.path, siblings)

    def entry(self, index: int) -> "Found":
        """The place of an entry of the list that stands here."""
        place = self.place.entry(index)
        return self if place is None else Found(self.root, f"{self.path}[{index}]", place)


def must_be(found: Found, value: Any) -> str:
    """The sentence for a value that cannot stand here."""
    legal = found.place.describe()
    unquoted = (
        value is not None
        and not isinstance(value, str)
        and str in [m.annotation for m in found.place.members]
    )
    hint = " Put it in quotes." if unquoted else nearest(str(value), found.place.names)
    hint = hint or _one_key_further(found, value) or _in_brackets(found, value)
    return f"{found.path or 'The configuration'} is `{inline(value)}`, but it must be {legal}.{hint}"


def _one_key_further(found: Found, value: Any) -> str:
    """A hint for the name of a kind that one of the keys inside would take."""
    options = found.place.options
    if options is None or not isinstance(value, str):
        return ""
    keys = [key for key in options.model_fields if value in Place.of_field(options.model_fields[key]).names]
    return f" Did you mean `{{{keys[0]}: {value}}}`?" if len(keys) == 1 else ""


def _in_brackets(found: Found, value: Any) -> str:
    """A hint for names that are given without the brackets of a list."""
    entry = found.place.entry(0)
    if not isinstance(value, str) or entry is None or str not in [m.annotation for m in entry.members]:
        return ""
    names = [name.strip() for name in value.split(",")]
    return f" Write {shlex.quote(f'{found.path}={inline(names, 200)}')}." if all(names) else ""


def _wrong_value(found: Found, error: ErrorDetails) -> str:
    return must_be(found, error["input"])


def _wrong_kind(found: Found, error: ErrorDetails) -> str:
    return must_be(found, error["input"]["kind"])


def _no_kind(found: Found, error: ErrorDetails) -> str:
    return f"{found.path} has no `kind`: add one of {listed(found.place.names)}."


def _wrong_number_of_entries(found: Found, error: ErrorDetails) -> str:
    return must_be(found, error["input"])


# What a pattern lets through, in words.
PATTERNS = {PLAIN_NAME: "letters, digits, `_`, `-` and `.` alone, such as `first-try`"}


def _wrong_pattern(found: Found, error: ErrorDetails) -> str:
    pattern = error.get("ctx", {})["pattern"]
    legal = f"of {PATTERNS[pattern]}" if pattern in PATTERNS else f"that matches `{pattern}`"
    return f"{found.path} is `{inline(error['input'])}`, but it must be text {legal}."


def _missing(found: Found, error: ErrorDetails) -> str:
    if isinstance(error["loc"][-1], int):  # an entry of a list of fixed length
        return must_be(Found.at(found.root, error["loc"][:-1]), error["input"])
    return f"{found.path} is missing: it must be {found.place.describe()}."


def unknown(found: Found) -> str:
    """The sentence for a key that is not there."""
    assert found.owner is not None
    name = found.path.removeprefix(f"{found.parent}.")
    keys = sorted(found.owner.model_fields, key=lambda key: key != "kind")
    kind = f" of kind `{found.owner.kind_name()}`" if "kind" in keys else ""
    where = f"{found.parent}{kind}" if found.parent else "The configuration"
    hint = nearest(name, keys) or _spelled_out(name, keys)
    known = f" {where} has the keys {', '.join(keys)}." if len(keys) <= MANY or not hint else ""
    return f"{found.path} is not known.{known}{hint or _elsewhere(found, name)}"


def _spelled_out(name: str, keys: Sequence[str]) -> str:
    """A hint for initials: `lr` is `learning_rate`."""
    meant = [key for key in keys if "_" in key and name == "".join(word[:1] for word in key.split("_"))]
    return f" Did you mean '{meant[0]}'?" if len(meant) == 1 else ""


def _elsewhere(found: Found, name: str) -> str:
    """A hint for a key of another kind, one of a key further in, or else one as near to the root as it is found."""
    if found.siblings is not None:
        others = [kind for kind, cls in found.siblings.registry.items() if name in cls.model_fields]
        if others:
            return f" It belongs to the kind{'s' * (len(others) > 1)} {listed(others)}."
    paths = _further_in(found, name) or highest(name, found.root)
    meant = " or ".join(f"'{path}'" for path in paths)
    return f" Did you mean {meant}?" if 0 < len(paths) <= 3 else ""


def _further_in(found: Found, name: str) -> list[str]:
    """Where a key may stand within a neighbour of its own, as in `usage_entropy.weight.start`."""
    if found.owner is None or not found.parent:
        return []
    within = [key for key, place in fields_of(found.owner).items() if place.may_hold(name)]
    return [f"{found.parent}.{key}.{name}" for key in within]


def _unknown(found: Found, error: ErrorDetails) -> str:
    key = str(error["loc"][-1])
    return _dotted(found, key, error["input"]) if "." in key else unknown(found)


def _dotted(found: Found, key: str, value: Any) -> str:
    """The sentence for a path where a key belongs, which only the command line takes."""
    nested = value
    for name in reversed(key.split(".")):
        nested = {name: nested}
    return f"{found.path} is a path, but a file has keys within keys: write `{inline(nested, 200)[1:-1]}`."


def _own_sentence(found: Found, error: ErrorDetails) -> str:
    """What a component says of its own options, under the path that the component cannot know."""
    text = str(error.get("ctx", {})["error"])
    text = text if text.endswith((".", "?")) else f"{text}."
    first = text[: re.match(r"\w*", text).end()]  # pyright: ignore[reportOptionalMemberAccess] — it may be empty
    if first == found.path.partition(".")[0]:
        return text
    names_a_key = found.place.options is not None and first in found.place.options.model_fields
    return f"{found.path}{'.' if names_a_key else ': '}{text}" if found.path else text


Sentence = Callable[[Found, ErrorDetails], str]

WRONG_VALUES = (
    "bool_parsing", "bool_type", "finite_number", "float_parsing", "float_type", "greater_than", "greater_than_equal",
    "int_from_float", "int_parsing", "int_parsing_size", "int_type", "less_than", "less_than_equal", "literal_error",
    "model_attributes_type", "model_type", "path_type", "string_type", "too_long", "too_short", "tuple_type",
)  # fmt: skip

SENTENCES: dict[str, Sentence] = dict.fromkeys(WRONG_VALUES, _wrong_value) | {
    "extra_forbidden": _unknown,
    "missing": _missing,
    "string_pattern_mismatch": _wrong_pattern,
    "union_tag_invalid": _wrong_kind,
    "union_tag_not_found": _no_kind,
    "value_error": _own_sentence,
}


def _sentence(root: type[Options], error: ErrorDetails) -> str:
    found = Found.at(root, error["loc"])
    translate = SENTENCES.get(error["type"])
    return translate(found, error) if translate else f"{found.path}: {error['msg']}."


def explain(root: type[Options], error: ValidationError) -> list[str]:
    """A sentence for each problem. One value that fails several types is one problem."""
    # A default that follows another value is no problem of its own: that value is told.
    details = (d for d in error.errors(include_url=False) if d["type"] != "default_factory_not_called")
    return [*dict.fromkeys(_sentence(root, detail) for detail in details)]


def lookalikes(found: Found, value: Any) -> Iterator[str]:
    """Problems that the validation would smooth over: `true` where a number belongs, a number in quotes."""
    if isinstance(value, dict):
        options = found.place.options_of(value)
        for key, inner in value.items():
            if options is not None and key in options.model_fields:
                yield from lookalikes(found.key(options, key), inner)
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from lookalikes(found.entry(index), inner)
    else:
        types = {member.annotation for member in found.place.members}
        a_name = isinstance(value, str) and (str in types or value in found.place.names)
        number_wanted = not types.isdisjoint({int, float}) and isinstance(value, bool | str) and not a_name
        if number_wanted or (types == {bool} and not isinstance(value, bool | None)):
            yield must_be(found, value)

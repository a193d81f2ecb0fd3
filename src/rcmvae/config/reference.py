"""Every key of a configuration as a page of Markdown, made from the options classes themselves."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pydantic.fields import FieldInfo

from rcmvae.config.config import Config
from rcmvae.config.places import Place
from rcmvae.config.text import inline
from rcmvae.objective import Term
from rcmvae.objective.objective import PRESETS
from rcmvae.options import Options, first_line, is_number
from rcmvae.schedules import AnySchedule

OPENING = f"""# Every key of a configuration

`rcmvae config reference` prints this page. `rcmvae config show FILE` prints a configuration with every default filled
in, and `rcmvae config schema` a JSON schema for editors.

- On the command line a key is written with its path, `model.trunk.hidden=[64]`; in a file, keys stand within keys.
- The name of a kind stands for it with its defaults: `trunk: conv` is `trunk: {{kind: conv}}`.
- A number stands for a constant schedule, and for a term of that weight: `kl_z: 2` is `kl_z: {{weight: 2}}`.
- A file with a section `objective` lists all of its terms: the default ones are not added to them. An override changes
  the term that it names, and leaves the others.
- Every term has a `weight`, a number or a schedule, 1 unless given. `objective.c_regularizer` is short for the usual
  terms on channels: {" ".join(f"`{name}`" for name in PRESETS)}.
"""
SCHEDULES = """Where a schedule is taken, time counts epochs from the start of training; in `curriculum.kick`, since the
channel opened.
"""


def reference() -> str:
    """The whole page.

    >>> "| `epochs` | a whole number above 0 | `20` |" in reference()
    True
    """
    page = Page()
    parts = [OPENING]
    for name, field in Config.model_fields.items():
        parts += [f"## {name}\n", f"{field.description}\n"]
        parts += page.within(name, _entry(Place.of_field(field)), _inside(field, name, Config()))
    parts += ["## Schedules\n", SCHEDULES, *page.within("schedule", Place.of(AnySchedule), None)]
    return "\n".join(parts).rstrip() + "\n"


class Page:
    """The tables, each kind in full where it comes first."""

    def __init__(self) -> None:
        self.places: dict[type[Options], str] = {}

    def within(self, path: str, place: Place, value: Options | None) -> Iterator[str]:
        """Everything that may be written in one place, which holds this value by default."""
        if place.one_of is None:
            assert place.options is not None
            yield from self.keys(path, place.options, value)
            return
        kinds = place.one_of.registry
        common = [name for name in _own(next(iter(kinds.values()))) if _is_in_all(name, [*kinds.values()])]
        if common:
            yield "Keys of every kind:\n"
            yield _table(next(iter(kinds.values())), common, value)
        for kind, cls in kinds.items():
            chosen = value if type(value) is cls else None
            note = " This is the default." if chosen is not None else ""
            if cls in self.places:
                yield f"`{path}: {kind}` — as in `{self.places[cls]}`.{note}\n"
                continue
            self.places[cls] = path
            yield f"`{path}: {kind}` — {first_line(cls)}{note}\n"
            yield from self.keys(path, cls, chosen, common)

    def keys(
        self, path: str, cls: type[Options], value: Options | None, told: list[str] | None = None
    ) -> Iterator[str]:
        """The keys of one options class that are not told yet, and then what may stand in each."""
        names = [name for name in _own(cls) if name not in (told or ())]
        if names:
            yield _table(cls, names, value)
        for name in names:
            field = cls.model_fields[name]
            place = _entry(Place.of_field(field))
            has_kinds = place.one_of is not None and not place.takes_number
            if has_kinds or (place.options is not None and _own(place.options)):
                inner = f"{path}.{name}"
                yield f"{'#' * (2 + inner.count('.'))} {inner}\n"
                yield from self.within(inner, place, _inside(field, name, value))


def _own(cls: type[Options]) -> list[str]:
    """The keys that say something of a class of its own."""
    everywhere = {"kind", *(("weight",) if issubclass(cls, Term) else ())}
    return [name for name in cls.model_fields if name not in everywhere]


def _is_in_all(name: str, classes: list[type[Options]]) -> bool:
    fields = [repr(cls.model_fields.get(name)) for cls in classes]
    return len(fields) > 1 and len({*fields}) == 1


def _entry(place: Place) -> Place:
    """The place itself, or that of an entry where it takes a list."""
    return place.entry(0) or place


def _inside(field: FieldInfo, name: str, value: Options | None) -> Any:
    default = getattr(value, name) if value is not None else field.default
    return default if isinstance(default, Options) else None


def _table(cls: type[Options], names: list[str], value: Options | None) -> str:
    rows = [_row(cls.model_fields[name], name, value) for name in names]
    lines = [("key", "type", "default", "meaning"), ("---",) * 4, *rows]
    escaped = ([cell.replace("|", "\\|") for cell in line] for line in lines)
    return "\n".join(f"| {' | '.join(line)} |" for line in escaped) + "\n"


def _row(field: FieldInfo, name: str, value: Options | None) -> tuple[str, str, str, str]:
    return f"`{name}`", _type(Place.of_field(field)), _default(field, name, value), field.description or ""


def _type(place: Place) -> str:
    text = " or ".join(dict.fromkeys(_type_of_member(member) for member in place.members))
    return f"{text}, or null" if place.takes_null else text


def _type_of_member(place: Place) -> str:
    if place.one_of is not None:
        return "a number or a [schedule](#schedules)" if place.takes_number else place.describe()
    if place.options is not None:
        return "a weight, or keys" if place.takes_number else "keys"
    return place.describe()


def _default(field: FieldInfo, name: str, value: Options | None) -> str:
    if field.is_required():
        return "required"
    if field.default_factory is not None:  # it depends on other values, as the description says
        return ""
    default = _in_short(getattr(value, name) if value is not None else field.default)
    return default and f"`{default}`"


def _in_short(value: Any) -> str:
    """A default as one would write it; nothing where that takes keys."""
    if isinstance(value, tuple):
        return f"[{', '.join(map(_in_short, value))}]"
    if isinstance(value, Path):
        return inline(str(value))
    if isinstance(value, Term):
        return _in_short(value.weight)
    if isinstance(value, Options):
        dumped = value.model_dump(mode="json")
        if is_number(dumped):
            return inline(dumped)
        return value.kind_name() if "kind" in type(value).model_fields else ""
    return inline(float(f"{value:.4g}") if isinstance(value, float) else value)

"""YAML in and out: version 1.2's plain values, no key twice, and a layout that is pleasant to read."""

import re
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from rcmvae.errors import ConfigError, nearest

# YAML 1.2's core schema. PyYAML's own rules read `1e-3` as text, `no` as false and `10:30` as 630.
PLAIN = (
    ("tag:yaml.org,2002:null", r"~|null|Null|NULL|", "~nN"),
    ("tag:yaml.org,2002:bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("tag:yaml.org,2002:int", r"[-+]?[0-9]+", "-+0123456789"),
    (
        "tag:yaml.org,2002:float",
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        "-+.0123456789",
    ),
    ("tag:yaml.org,2002:merge", r"<<", "<"),
)


class Loader(yaml.SafeLoader):
    """Reads plain values as YAML 1.2 does, and refuses a key that is given twice."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 — as PyYAML declares it

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Hashable, Any]:
        seen: set[str] = set()
        for key, _ in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            if name in seen:
                problem = f"the key `{name}` is given twice in the same mapping"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            if key.tag not in ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge"):
                problem = f"`{name}` is no key: every key is a name"
                raise yaml.MarkedYAMLError(problem=problem, problem_mark=key.start_mark)
            seen.add(name)
        return super().construct_mapping(node, deep)

    def construct_decimal(self, node: yaml.ScalarNode) -> int:
        """An integer; a leading 0 is just a 0."""
        return int(self.construct_scalar(node))


class Dumper(yaml.SafeDumper):
    """Writes lists of plain values on one line, and quotes whatever this or another reader could take for a number."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


class LooseDumper(Dumper):
    """Writes what YAML has no form for as Python would, which is for reading only."""


def _flat_list(dumper: Dumper, entries: list[Any]) -> yaml.SequenceNode:
    flat = not any(isinstance(entry, dict | list) for entry in entries)
    return dumper.represent_sequence("tag:yaml.org,2002:seq", entries, flow_style=flat)


def _text(dumper: Dumper, text: str) -> yaml.ScalarNode:
    # PyYAML writes these bare in places where a reader takes them for the end of a line.
    style = '"' if set(text) & {"\x85", "\u2028", "\u2029"} else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


for tag, pattern, first in PLAIN:
    Loader.add_implicit_resolver(
        tag, re.compile(f"^(?:{pattern})$"), [*first, ""] if "null" in tag else [*first]
    )
    if "float" in tag:
        Dumper.add_implicit_resolver(tag, re.compile(f"^(?:{pattern})$"), [*first])
Loader.add_constructor("tag:yaml.org,2002:int", Loader.construct_decimal)
Dumper.add_representer(list, _flat_list)
Dumper.add_representer(str, _text)
LooseDumper.add_multi_representer(object, lambda dumper, value: _text(dumper, repr(value)))


def parse(text: str, name: str) -> Any:
    """The value that a YAML text stands for; `name` is what an error calls it."""
    try:
        return yaml.load(text, Loader)
    except yaml.MarkedYAMLError as error:
        raise ConfigError(f"{name}, {_complaint(error)}.") from error
    except yaml.YAMLError as error:  # a character that no YAML text may hold
        raise ConfigError(f"{name}: {' '.join(str(error).split())}.") from error


# What PyYAML was reading, and the sign that opened it.
OPENED = {"while parsing a flow sequence": "[", "while parsing a flow mapping": "{"}


def _complaint(error: yaml.MarkedYAMLError) -> str:
    """Where a text stops being YAML, and why, in the words of whoever wrote it."""
    problem, mark, opened = error.problem or "", error.problem_mark, error.context_mark
    assert mark is not None
    at = _place(mark)
    if "'\\t'" in problem:
        return f"{at}: a tab stands here, but YAML is indented by spaces alone"
    if opened is not None and error.context in OPENED:
        sign = OPENED[error.context]
        return f"{_place(opened)}: the `{sign}` here is not closed, or a comma is missing in it, before {at}"
    if opened is not None and error.context == "while scanning a quoted scalar":
        return f"{_place(opened)}: the quote that begins here does not end"
    if error.context == "while parsing a flow node" and "stream end" in problem:
        return f"{at}: the text ends within a list or a mapping that is not closed"
    return f"{at}: {problem}"


def _place(mark: yaml.Mark) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}"


def render(value: Any) -> str:
    """A value as YAML."""
    return yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=110)


def inline(value: Any, longest: int = 60) -> str:
    """A value as it would be written on one line of a configuration."""
    text = yaml.dump(
        value, Dumper=LooseDumper, default_flow_style=True, sort_keys=False, allow_unicode=True, width=10**6
    )
    text = text.removesuffix("\n").removesuffix("\n...")
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


def read_mapping(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(f"{path} does not exist.{_nearest_file(path)}") from error
    except IsADirectoryError as error:
        raise ConfigError(
            f"{path} is a folder: name the file in it, such as {path / 'config.yaml'}."
        ) from error
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path} is not a text file in UTF-8: {error.reason} at byte {error.start}."
        ) from error
    raw = parse(text, str(path))
    if raw is None:
        return {}
    if not isinstance(raw, dict):
        raise ConfigError(
            f"{path} must hold a mapping of keys to values, such as `model: {{num_channels: 10}}`, but it holds "
            f"`{inline(raw)}`."
        )
    return raw


def _nearest_file(path: Path) -> str:
    """The configuration with the closest name, in the same folder or in `configs`."""
    folders = [path.parent, Path("configs")]
    found = {file.name: str(file) for folder in reversed(folders) for file in folder.glob("*.y*ml")}
    by_name = found | {Path(name).stem: file for name, file in found.items()}
    hint = nearest(path.name, by_name)
    name = hint.partition("'")[2].partition("'")[0]
    return f" Did you mean '{by_name[name]}'?" if name else ""

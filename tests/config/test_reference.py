"""The reference has every key, and the page in docs/ is what it prints."""

import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

from rcmvae.cli import app
from rcmvae.config import Config
from rcmvae.config.places import Place
from rcmvae.config.reference import reference
from rcmvae.options import Options, first_line

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"


def every_class(
    root: type[Options], found: dict[type[Options], str], path: str = ""
) -> dict[type[Options], str]:
    """All options that a configuration may hold somewhere, each with its first path."""
    if root not in found:
        found[root] = path
        for name, field in root.model_fields.items():
            place = Place.of_field(field)
            place = place.entry(0) or place
            inner = (
                [place.options] if place.options else place.one_of.registry.values() if place.one_of else []
            )
            for cls in inner:
                every_class(cls, found, f"{path}.{name}".removeprefix("."))
    return found


CLASSES = every_class(Config, {})


def sections() -> dict[str, str]:
    """What stands below each heading, and below each line that introduces a kind."""
    parts = re.split(r"^(#+ .+|`[\w.]+: \w+` — .+)$", reference(), flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def section_of(cls: type[Options]) -> str:
    """Where the page tells the keys of a class: with its kind, or below the heading of its place."""
    found, path = sections(), CLASSES[cls]
    own = ""
    if "kind" in cls.model_fields:
        (title,) = [title for title in found if f": {cls.kind_name()}` — {first_line(cls)}" in title]
        own, path = found[title], title[1:].partition(":")[0]
    return own + "".join(text for title, text in found.items() if title.lstrip("#") == f" {path}")


def test_the_page_is_what_the_command_prints() -> None:
    printed = CliRunner().invoke(app, ["config", "reference"], catch_exceptions=False).stdout
    assert printed == reference()
    assert PAGE.read_text(encoding="utf-8") == printed, "run: rcmvae config reference > docs/configuration.md"


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_key_is_described_and_listed(cls: type[Options]) -> None:
    section = section_of(cls)
    for name, field in cls.model_fields.items():
        if name != "kind":
            assert field.description, name
            assert field.description.endswith((".", "…")), name
        if name not in {"kind", "weight"} and cls is not Config:
            assert f"| `{name}` |" in section


def test_defaults_are_those_of_the_configuration() -> None:
    lines = reference().splitlines()
    assert (
        "| `num_channels` | a whole number above 0 | `10` | K: how many channels there are, open or not. |"
        in lines
    )
    assert any(
        line.startswith("| `usage_entropy` | a weight, or keys, or null | `-100.0` |") for line in lines
    )
    assert any(line.startswith("| `trunk` | one of conv, dense, patches | `dense` |") for line in lines)
    assert any(
        line.startswith(
            "| `views` | a list of at least 1, each one of jitter, mirror, neighbours, warp | `[warp]` |"
        )
        for line in lines
    )
    assert "`objective.consistency.views: jitter` — " in reference()

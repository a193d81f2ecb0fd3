"""The reference has every key, and the page in docs/ is what it prints."""

from pathlib import Path

import pytest
from typer.testing import CliRunner

from rcmvae.cli import app
from rcmvae.config import Config
from rcmvae.config.places import Place
from rcmvae.config.reference import reference
from rcmvae.options import Options

PAGE = Path(__file__).parents[2] / "docs" / "configuration.md"


def every_class(root: type[Options], found: dict[type[Options], None]) -> dict[type[Options], None]:
    """All options that a configuration may hold somewhere."""
    if root not in found:
        found[root] = None
        for field in root.model_fields.values():
            place = Place.of_field(field)
            place = place.entry(0) or place
            inner = (
                [place.options] if place.options else place.one_of.registry.values() if place.one_of else []
            )
            for cls in inner:
                every_class(cls, found)
    return found


CLASSES = [*every_class(Config, {})]


def test_the_page_is_what_the_command_prints() -> None:
    printed = CliRunner().invoke(app, ["config", "reference"], catch_exceptions=False).stdout
    assert printed == reference()
    assert PAGE.read_text(encoding="utf-8") == printed, "run: rcmvae config reference > docs/configuration.md"


@pytest.mark.parametrize("cls", CLASSES, ids=lambda cls: cls.__name__)
def test_every_key_is_described_and_listed(cls: type[Options]) -> None:
    page = reference()
    for name, field in cls.model_fields.items():
        if name != "kind":
            assert field.description, name
            assert field.description.endswith((".", "…")), name
        if name not in {"kind", "weight"} and cls is not Config:
            assert f"| `{name}` |" in page
    if "kind" in cls.model_fields:
        assert f": {cls.kind_name()}` — " in page


def test_defaults_are_those_of_the_configuration() -> None:
    lines = reference().splitlines()
    assert (
        "| `num_channels` | a whole number above 0 | `10` | K: how many channels there are, open or not. |"
        in lines
    )
    assert any(
        line.startswith("| `usage_entropy` | a weight, or keys, or null | `-100.0` |") for line in lines
    )
    assert any(line.startswith("| `trunk` | one of conv, dense | `dense` |") for line in lines)
    assert any(
        line.startswith("| `views` | a list of at least 1, each one of jitter, mirror, warp | `[warp]` |")
        for line in lines
    )
    assert "`objective.consistency.views: jitter` — " in reference()

"""YAML as people write it."""

import math
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from rcmvae.config import load_config
from rcmvae.config.text import inline, parse, render
from rcmvae.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 1e-3),
        ("1.5e-3", 1.5e-3),
        ("1E6", 1e6),
        ("+.5", 0.5),
        ("-.inf", -math.inf),
        ("017", 17),
        ("-3", -3),
        ("no", "no"),
        ("on", "on"),
        ("yes", "yes"),
        ("n", "n"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("", None),
        ("10:30", "10:30"),
        ("2024-01-01", "2024-01-01"),
        ("1_000", "1_000"),
        ("0x1f", "0x1f"),
        ("1.2.3", "1.2.3"),
        ("e3", "e3"),
        (".", "."),
        ('"1e-3"', "1e-3"),
    ],
)
def test_plain_values_are_read_as_yaml_1_2_reads_them(text: str, value: Any) -> None:
    found = parse(text, "text")
    assert found == value
    assert type(found) is type(value)


def test_not_a_number_is_read_as_such() -> None:
    assert math.isnan(parse(".nan", "text"))


SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text()


@given(st.recursive(SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8))
def test_what_is_written_is_read_back_here_and_by_other_readers(value: Any) -> None:
    text = render(value)
    assert parse(text, "text") == value
    assert yaml.safe_load(text) == value


def test_a_value_on_one_line_is_cut_where_it_is_too_long() -> None:
    assert inline({"kind": "linear", "start": 0}) == "{kind: linear, start: 0}"
    assert inline("x" * 100, longest=10) == "xxxxxxxxx…"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (
            "model: {num_channels: 3",
            "line 1, column 8: the `{` here is not closed, or a comma is missing in it, before",
        ),
        (
            "a: [1, {b: 2]\n",
            "line 1, column 8: the `{` here is not closed, or a comma is missing in it, before line 1, "
            "column 13.",
        ),
        (
            "a: [3, 4\nb: 2\n",
            "line 1, column 4: the `[` here is not closed, or a comma is missing in it, before line 2",
        ),
        ("a: 1\nb: [", "line 2, column 5: the text ends within a list or a mapping that is not closed."),
        ("a: 'b\nc: 2\n", "line 1, column 4: the quote that begins here does not end."),
        ("a:\n\tb: 2", "line 2, column 1: a tab stands here, but YAML is indented by spaces alone."),
        ("a: 1\na: 2", "line 2, column 1: the key `a` is given twice"),
        ("model: {x: 1, x: 2}", "`x` is given twice"),
        ("1: 2", "`1` is no key"),
        ("true: 2", "`true` is no key"),
        ("[a]: 2", "is no key"),
        ("a: !!python/object:os.system x", "could not determine a constructor"),
        ("a: \x00", "special characters are not allowed"),
        ("a: 1\n---\nb: 2", "but found another document"),
    ],
)
def test_mistakes_are_told_with_their_line(text: str, complaint: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse(text, "quick.yaml")
    assert str(caught.value).startswith("quick.yaml")
    assert complaint in str(caught.value)
    assert str(caught.value).endswith(".")


def test_aliases_and_merges_work() -> None:
    assert parse("a: &x {b: 1}\nc: {<<: *x, d: 2}", "text") == {"a": {"b": 1}, "c": {"b": 1, "d": 2}}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        (
            b"- a\n- b",
            "must hold a mapping of keys to values, such as `model: {num_channels: 10}`, but it holds `[a, b]`",
        ),
        (b"just words", "but it holds `just words`"),
        (b"\xff\xfe\x00", "is not a text file in UTF-8"),
    ],
)
def test_a_file_must_hold_a_mapping(tmp_path: Path, content: bytes, complaint: str) -> None:
    (tmp_path / "bad.yaml").write_bytes(content)
    with pytest.raises(ConfigError) as caught:
        load_config(tmp_path / "bad.yaml")
    assert complaint in str(caught.value)


def test_a_missing_file_is_told_with_its_nearest_neighbour(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "quick.yaml").touch()
    (tmp_path / "digits.yml").touch()
    monkeypatch.chdir(tmp_path)
    for asked, meant in {
        "quik.yaml": "configs/quick.yaml",
        "quick": "configs/quick.yaml",
        "digit.yml": "digits.yml",
        "configs/quikc.yaml": "configs/quick.yaml",
    }.items():
        with pytest.raises(ConfigError) as caught:
            load_config(asked)
        assert str(caught.value) == f"{asked} does not exist. Did you mean '{meant}'?"
    with pytest.raises(ConfigError, match=r"^zebra.yaml does not exist\.$"):
        load_config("zebra.yaml")
    with pytest.raises(ConfigError, match=r"configs is a folder"):
        load_config("configs")

"""Runs side by side."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from rcmvae.cli import app
from rcmvae.config import dump_config, from_mapping
from rcmvae.errors import RunError
from rcmvae.report.chart import LEFT, TOP, Line, chart
from rcmvae.report.compare import NEVER, compare, page
from rcmvae.run import FILES, RunDirectory
from tests.report import scene
from tests.report.browser import needs_chromium, opened, started
from tests.training.small import SETTINGS, merged


def left(path: Path, *changes: dict[str, Any], seeds: tuple[int, ...] = (0,), **told: Any) -> RunDirectory:
    """A run directory as a finished run leaves it, as far as it is compared."""
    path.mkdir()
    for name in FILES:
        (path / name).write_text("{}", encoding="utf-8")
    run = RunDirectory(path)
    run.write("config.yaml", dump_config(from_mapping(merged(SETTINGS, *changes))))
    run.write_json("summary.json", scene.summary(seeds) | told)
    rows = [row for seed in seeds for row in scene.rows(seed)]
    run.write("history.jsonl", "".join(json.dumps(row) + "\n" for row in rows))
    return run


@pytest.fixture
def runs(tmp_path: Path) -> list[RunDirectory]:
    other = {"model": {"num_channels": 7}, "run": {"directory": "else"}, "training": {"seeds": 2}}
    return [left(tmp_path / "a"), left(tmp_path / "<b>", other, seeds=(0, 1))]


def test_only_what_differs_is_told(runs: list[RunDirectory]) -> None:
    found = compare(runs).differences
    assert found.columns == ("key", "a", "<b>")
    assert found.rows == (("model.num_channels", "4", "7"), ("training.seeds", "1", "2"))


def test_a_key_of_one_run_alone_differs(tmp_path: Path) -> None:
    grown = {"curriculum": {"initial": 2}, "training": {"epochs": 20}}
    found = {
        row[0]: row[1:]
        for row in compare([left(tmp_path / "a"), left(tmp_path / "b", grown)]).differences.rows
    }
    assert found["curriculum.initial"] == (NEVER, "2")


def test_measures_have_means_and_deviations(runs: list[RunDirectory]) -> None:
    found = compare(runs).metrics
    assert found.columns == ("measure", "a", "<b> (2 seeds)", "meaning")
    rows = {row[0]: row[1:3] for row in found.rows}
    assert rows["negative evidence bound (nats) ↓"] == ("20.000", "20.500 ± 0.707")


def test_it_says_which_way_is_better(runs: list[RunDirectory]) -> None:
    measured = [row[0] for row in compare(runs).metrics.rows]
    assert {"negative evidence bound (nats) ↓", "channels: purity ↑"} <= {*measured}


def test_what_cannot_be_compared_is_refused(runs: list[RunDirectory], tmp_path: Path) -> None:
    for given, sentence in (
        (runs[:1], "takes two runs or more"),
        ([runs[0], runs[0]], "is named twice"),
        ([runs[0], left(tmp_path / "c", status="interrupted")], "c is interrupted: only finished runs"),
    ):
        with pytest.raises(RunError, match=sentence):
            compare(given)


def test_the_command_prints_and_writes(runs: list[RunDirectory], tmp_path: Path) -> None:
    paths = [str(run.path) for run in runs]
    output = tmp_path / "compare.html"
    result = CliRunner().invoke(app, ["compare", *paths, "-o", str(output)], catch_exceptions=False)
    assert "model.num_channels" in result.stdout
    assert f"Written to {output}" in result.stdout
    assert "<b>" in result.stdout
    assert output.read_text(encoding="utf-8") == page(compare(runs))


def test_a_curve_goes_where_its_values_are() -> None:
    drawn = chart([Line(((1, 0.0), (2, 10.0), (3, 10.0)), "#123456", is_faint=False)])
    way = drawn.partition('<path d="M')[2].partition('"')[0].split("L")
    first, second, _ = [tuple(map(float, point.split())) for point in way]
    assert first[0] == LEFT
    assert second[1] == TOP
    assert first[1] > second[1], "up is more"


@needs_chromium
@pytest.mark.parametrize("width", [1280, 375])
def test_the_page_in_a_browser(runs: list[RunDirectory], tmp_path: Path, width: int) -> None:
    path = tmp_path / "compare.html"
    path.write_text(page(compare(runs)), encoding="utf-8")
    with started() as browser, opened(browser, path, width=width) as shown:
        assert shown.title() == "a and <b>"
        assert shown.evaluate("document.documentElement.scrollWidth") == width
        assert shown.locator("svg").count() == 3
        assert shown.locator("svg").first.locator("path:not(.axis)").count() == 1 + 3, (
            "a run, two seeds, their mean"
        )
        assert shown.get_by_text("20.500 ± 0.707").is_visible()

"""Runs side by side."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from typer.testing import CliRunner

from rcmvae.cli import app
from rcmvae.config import dump_config, from_mapping
from rcmvae.data import Scaling
from rcmvae.errors import RunError
from rcmvae.report.chart import LEFT, TOP, Line, chart
from rcmvae.report.compare import ALIKE, compare, page
from rcmvae.run import RUN_FILES, DataCard, RunDirectory
from tests.report import scene
from tests.report.browser import needs_chromium, opened, started
from tests.training.small import SETTINGS, merged


def card(fingerprint: str = "f" * 64, test: int = 30) -> dict[str, Any]:
    """What a run writes down of its data."""
    return DataCard(
        name="squares",
        shape=(6, 6, 1),
        dtype="uint8",
        num_classes=3,
        label_names=scene.NAMES,
        scaling=Scaling.identity(),
        fingerprint=fingerprint,
        splits={"train": 120, "validation": 20, "test": test},
    ).to_json()


def left(
    path: Path,
    *changes: dict[str, Any],
    seeds: tuple[int, ...] = (0,),
    data: dict[str, Any] | None = None,
    **told: Any,
) -> RunDirectory:
    """A run directory as a finished run leaves it, as far as it is compared."""
    path.mkdir()
    for name in RUN_FILES:
        (path / name).write_text("{}", encoding="utf-8")
    run = RunDirectory(path)
    run.write("config.yaml", dump_config(from_mapping(merged(SETTINGS, *changes))))
    run.write_json("data.json", data or card())
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
    assert found.rows == (("model.num_channels", "4", "7"),), "seeds stand above the columns"


def test_what_has_other_keys_below_is_told_as_a_whole(tmp_path: Path) -> None:
    grown = {"curriculum": {"initial": 2}, "training": {"epochs": 20, "learning_rate": 0.01}}
    found = {
        row[0]: row[1:]
        for row in compare([left(tmp_path / "a"), left(tmp_path / "b", grown)]).differences.rows
    }
    assert found.keys() == {"curriculum", "training.epochs", "training.learning_rate"}
    assert found["curriculum"][0] == "null"
    assert "initial: 2" in found["curriculum"][1]


def test_runs_that_differ_in_seeds_alone_are_one_side(tmp_path: Path) -> None:
    others = [left(tmp_path / f"s{seed}", {"training": {"seed": seed}}, seeds=(seed,)) for seed in (3, 4)]
    wider = left(tmp_path / "wide", {"model": {"num_channels": 7}})
    found = compare([others[0], wider, others[1]])
    assert [side.names for side in found.sides] == [("s3", "s4"), ("wide",)]
    assert found.metrics.columns == ("measure", "s3 and 1 more run (2 seeds)", "wide", "meaning")
    bounds = [run.read_json("summary.json")["test"]["losses"]["bound"]["mean"] for run in others]
    (row,) = (row for row in found.metrics.rows if row[0].startswith("negative evidence bound"))
    assert row[1] == f"{np.mean(bounds):.3f} ± {np.std(bounds, ddof=1):.3f}"
    alone = compare(others)
    assert (len(alone.sides), alone.differences.rows) == (1, ())
    assert ALIKE in page(alone)


def test_what_does_not_compare_is_left_out_or_told(tmp_path: Path) -> None:
    a = left(tmp_path / "a")
    heavier = left(tmp_path / "b", {"objective": {"kl_c": 3}})
    elsewhere = left(tmp_path / "c", {"data": {"seed": 5}}, data=card("e" * 64))
    fewer = left(tmp_path / "d", {"data": {"num_labeled": 9}}, data=card("d" * 64))
    assert not any(row[0].startswith(("loss", "kl_")) for row in compare([a, heavier]).metrics.rows)
    assert "different samples" in compare([a, elsewhere]).metrics.note
    assert compare([a, fewer]).metrics.note == ""


def test_runs_on_other_data_are_never_averaged(tmp_path: Path) -> None:
    a = left(tmp_path / "a")
    seed = {"training": {"seed": 1}}
    for name, data in (("replaced", card("e" * 64)), ("shorter", card(test=29))):
        found = compare([a, left(tmp_path / name, seed, data=data)])
        assert [side.names for side in found.sides] == [("a",), (name,)]
        assert "different samples" in found.metrics.note
        (row,) = found.differences.rows
        assert row[0] == "data as they were read"
        assert row[1] == "squares, 120 + 20 + 30 samples, fingerprint ffffffffffff"
        assert row[1] != row[2]
        assert ALIKE not in page(found)


def test_data_that_only_lie_elsewhere_are_the_same(tmp_path: Path) -> None:
    runs = [left(tmp_path / name, {"data": {"kind": "npy", "path": f"{name}.npz"}}) for name in ("a", "b")]
    found = compare(runs)
    assert found.metrics.note == ""
    assert [row[0] for row in found.differences.rows] == ["data.path"]


def test_fewer_labels_of_a_file_that_was_replaced_are_other_data(tmp_path: Path) -> None:
    fewer = {"data": {"num_labeled": 9}}
    a, b = left(tmp_path / "a"), left(tmp_path / "b", fewer, data=card("d" * 64, test=29))
    assert "different samples" in compare([a, b]).metrics.note


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


def test_long_values_are_told_whole_with_their_kind_first(tmp_path: Path) -> None:
    views = [
        {"drop": 0.25, "scale": 0.125, "kind": "jitter"},
        {"share": 0.5, "number": 3, "kind": "neighbours"},
    ]
    other = {"objective": {"consistency": {"views": views}}}
    rows = compare([left(tmp_path / "a"), left(tmp_path / "b", other)]).differences.rows
    told = next(row[2] for row in rows if row[0].startswith("objective"))
    assert "…" not in told
    assert all(
        part in told for part in ("kind: jitter, scale: 0.125, drop: 0.25", "kind: neighbours, number: 3")
    )


@pytest.mark.parametrize(("columns", "is_wide"), [("99", False), ("100", True)])
def test_meanings_are_told_where_there_is_room(
    runs: list[RunDirectory], columns: str, is_wide: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    told = (
        CliRunner().invoke(app, ["compare", *(str(run.path) for run in runs)], catch_exceptions=False).stdout
    )
    assert ("meaning" in told) == is_wide
    assert ("make the terminal 100 columns wide" in told) == (not is_wide)


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

"""What configurations and pages tell of measurements is what the files of these measurements hold."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from rcmvae.errors import in_words
from rcmvae.seeds import spread

ROOT = Path(__file__).parents[1]
TOLD = [
    ("configs/mnist.yaml", "accuracy-mnist", "accuracy"),
    ("configs/mnist-quick.yaml", "accuracy-mnist-quick", "accuracy"),
    ("configs/mnist-merged.yaml", "accuracy-mnist-merged", "group accuracy"),
    ("configs/fashion.yaml", "accuracy-fashion", "accuracy"),
    ("configs/digits.yaml", "starts-digits", "least loss"),
    ("configs/mnist-pots.yaml", "pots-pots", "purity"),
    ("configs/digits-pots.yaml", "pots-digits", "purity"),
    ("README.md", "accuracy-mnist", "accuracy"),
    ("README.md", "accuracy-mnist-merged", "group accuracy"),
    ("docs/performance.md", "accuracy-mnist", "accuracy"),
    ("docs/performance.md", "accuracy-mnist-quick", "accuracy"),
    ("docs/performance.md", "accuracy-mnist-merged", "group accuracy"),
    ("docs/performance.md", "accuracy-fashion", "accuracy"),
    ("docs/performance.md", "accuracy-prototype", "accuracy"),
    ("docs/performance.md", "starts-digits", "least loss"),
    ("docs/performance.md", "pots-pots", "purity"),
    ("docs/choices.md", "again/pots-pots-guided", "purity"),
    ("docs/choices.md", "again/pots-pots-finish12", "purity"),
    ("docs/choices.md", "again/pots-pots-warp", "purity"),
    ("docs/choices.md", "again/pots-pots-50", "purity"),
    ("docs/performance.md", "pots-open-10", "purity"),
    ("docs/performance.md", "pots-fashion", "purity"),
    ("docs/performance.md", "pots-unbalanced", "purity"),
    ("docs/performance.md", "pots-3-classes", "purity"),
    ("docs/performance.md", "pots-6-classes", "purity"),
    ("docs/performance.md", "accuracy-mnist-unbalanced-recipe", "group accuracy"),
    ("docs/performance.md", "accuracy-mnist-unbalanced", "10 groups: test accuracy"),
    ("configs/mnist-unbalanced.yaml", "accuracy-mnist-unbalanced", "10 groups: test accuracy"),
    ("docs/choices.md", "again/pots-3-classes-guided", "purity"),
    ("docs/choices.md", "again/pots-6-classes-guided", "purity"),
    ("docs/choices.md", "again/pots-3-classes-dense", "purity"),
    ("docs/choices.md", "again/pots-6-classes-dense", "purity"),
    ("docs/choices.md", "again/pots-unbalanced-50", "purity"),
    ("docs/choices.md", "again/pots-fashion-dense", "purity"),
    ("docs/performance.md", "pots-digits", "purity"),
    ("docs/choices.md", "again/pots-pots-dense", "purity"),
    ("docs/choices.md", "again/pots-open-10-dense", "purity"),
    ("docs/choices.md", "again/pots-open-20-dense", "purity"),
]


def rows_of(name: str) -> list[dict[str, Any]]:
    return json.loads((ROOT / f"benchmarks/results/{name}-cpu.json").read_text())["rows"]


@pytest.mark.parametrize(("page", "name", "column"), TOLD, ids=lambda part: part)
def test_means_and_deviations_are_those_of_the_file(page: str, name: str, column: str) -> None:
    found = spread([row[column] for row in rows_of(name)])
    mean, sd = 100 * found["mean"], 100 * found["sd"]
    told = [f"{mean:.{digits}f} ± {sd:.{digits}f}" for digits in (1, 2)]
    text = (ROOT / page).read_text(encoding="utf-8")
    assert any(re.search(rf"(?<![\d.]){re.escape(one)}(?!\d)", text) for one in told), told


CUT_SHORT = {  # epochs of a trial and one before it, the finish, and how many epochs there may be
    "pots-digits": (11, 60, 600),
    "again/pots-pots-warp": (2, 12, 70),
    "again/pots-pots-50": (2, 12, 70),
    "again/pots-unbalanced-50": (2, 12, 70),
    "again/pots-pots-guided": (2, 18, 70),
    "again/pots-pots-fresh": (2, 18, 70),
    "again/pots-pots-two-cores": (2, 18, 70),
    "again/pots-pots-quiet": (2, 18, 70),
    "pots-pots": (2, 18, 70),
    "pots-3-classes": (2, 18, 70),
    "pots-6-classes": (2, 18, 70),
    "pots-fashion": (2, 18, 70),
    "pots-unbalanced": (2, 18, 70),
}


@pytest.mark.parametrize("name", CUT_SHORT)
def test_no_training_that_a_signal_cut_short_is_on_record(name: str) -> None:
    """Each takes its trial and an epoch before it; then growth has its finish."""
    every, finish, most = CUT_SHORT[name]
    for row in rows_of(name):
        assert row["epochs"] >= min(every * row["trials"] + finish, most), row["seed"]


def test_all_seeds_that_growth_is_told_of_are_those_of_the_files() -> None:
    names = ("pots-pots", "again/pots-pots-two-cores", "again/pots-pots-fresh", "again/pots-pots-quiet")
    purity = [100 * row["purity"] for name in names for row in rows_of(name)]
    assert {row["open channels"] for name in names for row in rows_of(name)} == {10}
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    found = spread(purity)
    assert f"{found['mean']:.2f} ± {found['sd']:.2f} % of the training images" in readme
    assert f"seeds 5 to 9 and 13 to 18, worst {min(purity):.2f}" in readme


def test_what_growing_costs_is_what_the_files_say() -> None:
    """Epochs to the bound at which channels that were open from the start end, and seconds in those of that run."""
    reached, longer = [], []
    for grown, openly in zip(rows_of("again/pots-pots-quiet"), rows_of("pots-open-10"), strict=True):
        bounds, seconds = grown["bound after each epoch"], "seconds of each epoch"
        last = 1 + next(i for i, bound in enumerate(bounds) if bound <= openly["held-out bound"])
        reached.append(last)
        longer.append(f"{sum(grown[seconds][:last]) / sum(openly[seconds]):.2f}")
    text = (ROOT / "docs/performance.md").read_text(encoding="utf-8")
    assert f"Growing gets to that bound with epochs {in_words([*map(str, reached)])}" in text
    assert f"that is\n{in_words(longer)} times as long" in text

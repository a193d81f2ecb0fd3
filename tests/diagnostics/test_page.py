"""The page in docs/ says what the registry says."""

from pathlib import Path

from rcmvae.diagnostics import METRICS
from rcmvae.diagnostics.page import SECTIONS, page

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"


def test_the_page_is_what_the_registry_prints() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), (
        "run: python -m rcmvae.diagnostics.page > docs/metrics.md"
    )


def test_every_metric_is_on_it() -> None:
    assert {metric.section for metric in METRICS.values()} == SECTIONS.keys()
    for metric in METRICS.values():
        assert f"| `{metric.name}` | {metric.unit} |" in page()

"""Which samples are shown as doubtful, against what the bundle says of them."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rcmvae.diagnostics import Bundle
from rcmvae.figures import FIGURES
from rcmvae.findings import Findings
from tests.figures.made import made
from tests.figures.test_drawn import drawn, inner, pictures


def mislabelled(**sizes: Any) -> Findings:
    """Findings in which every fourth sample has the next label."""
    findings = made(**sizes)
    bundle = findings.bundle
    truth = (bundle.truth + (np.arange(len(bundle)) % 4 == 0)) % 3
    return dataclasses.replace(findings, bundle=dataclasses.replace(bundle, truth=truth))


def apart(bundle: Bundle) -> np.ndarray:
    """Samples that have not the commonest label of their channel, counted by hand."""
    common = [np.bincount(bundle.truth[bundle.channel == k]).argmax() for k in range(len(bundle.active))]
    return np.array(common)[bundle.channel] != bundle.truth


def shown(axes: Axes, count: int) -> np.ndarray:
    return inner(pictures(axes, 1, 10), 6, 5)[0, :count, ..., :1]


def words(axes: Axes) -> list[str]:
    return [text.get_text() for text in axes.texts]


def test_the_least_sure_come_first_with_channel_and_runner_up() -> None:
    bundle = made().bundle
    kept = bundle.pictures.thumbnail_of
    sure = bundle.responsibility.max(axis=1)
    rows = kept[np.argsort(sure[kept], kind="stable")][:10]
    axes = drawn("mixture/doubtful", made()).axes[0]
    places = np.searchsorted(kept, rows)
    np.testing.assert_array_equal(shown(axes, 10), bundle.pictures.thumbnail[places])
    for row, told in zip(rows, words(axes), strict=True):
        first, second = np.argsort(-bundle.responsibility[row])[:2]
        assert [line.partition(":")[0] for line in told.splitlines()] == [f"ch {first}", f"ch {second}"]
        assert f"{100 * bundle.responsibility[row, second]:.0f} %" in told or "<1 %" in told


def test_samples_that_surely_lie_elsewhere_are_shown_the_surest_first() -> None:
    findings = mislabelled(N=200)
    bundle = findings.bundle
    figure = drawn("mixture/doubtful", findings)
    sure, kept = bundle.responsibility.max(axis=1), bundle.pictures.thumbnail_of
    wrong = apart(bundle)
    assert figure.get_suptitle().replace("\n", " ") == (
        f"{wrong.sum()} of 200 labelled samples lie in a channel of another label, "
        f"{(wrong & (sure >= 0.9)).sum()} of them surely"
    )
    assert "those of the 100 whose pictures are kept" in figure.get_supxlabel().replace("\n", " ")
    rows = kept[np.flatnonzero((wrong & (sure >= 0.9))[kept])]
    rows = rows[np.argsort(-sure[rows], kind="stable")][:20]
    told = [text for axes in figure.axes[2:] for text in words(axes)]
    assert len(told) == len(rows) > 0
    for row, text in zip(rows, told, strict=True):
        assert text.startswith(f"“kind {bundle.truth[row]}”\nin “kind ")
        assert f"ch {bundle.channel[row]}, " in text
    places = np.searchsorted(kept, rows)[:10]
    np.testing.assert_array_equal(shown(figure.axes[2], len(places)), bundle.pictures.thumbnail[places])


@pytest.mark.parametrize("shape", [(6, 5, 1), (7,), (300,)])
def test_without_labels_and_with_few_samples_there_is_one_block(shape: tuple[int, ...]) -> None:
    findings = made(N=6, shape=shape, as_bytes=len(shape) == 3, classes=0, unlabelled=1.0)
    figure = FIGURES["mixture/doubtful"](findings)
    assert isinstance(figure, Figure)
    (axes,) = figure.axes
    assert len(words(axes)) == 3
    unsure = (findings.bundle.responsibility.max(axis=1) < 0.9).sum()
    assert figure.get_suptitle() == f"The model is not sure of the channel of {unsure} of 6 samples"


def test_where_all_lie_with_their_label_that_is_said() -> None:
    figure = drawn("mixture/doubtful", made())
    assert figure.get_suptitle() == "None of 120 labelled samples lies in a channel of another label"

"""That figures say no more than they know: which samples judge, how many, since when, and that nothing is covered."""

import dataclasses

import numpy as np
import pytest
from matplotlib.axes import Axes

from rcmvae.config import from_mapping
from rcmvae.diagnostics import wilson
from rcmvae.figures.core.loss_curves import late_terms
from rcmvae.figures.maps import Shades
from rcmvae.findings import Findings
from rcmvae.labels import reliability
from tests.figures.made import made
from tests.figures.test_drawn import drawn


def late(begin: float) -> Findings:
    """Findings of a run whose bound begins to count after so many epochs."""
    weight = {"weight": {"kind": "piecewise", "at": [begin], "values": [0, 1]}}
    objective = {"reconstruction": weight, "kl_z": weight, "usage_entropy": -1}
    return dataclasses.replace(made(), config=from_mapping({"objective": objective}))


def dashed(axes: Axes) -> list[float]:
    return [float(np.asarray(line.get_xdata())[0]) for line in axes.lines if line.get_linestyle() == "--"]


def test_curves_tell_when_terms_begin_to_count_and_speak_of_what_came_since() -> None:
    findings = late(4.0)
    assert late_terms(findings) == {"reconstruction": 5, "kl_z": 5}
    figure = drawn("core/loss_curves", findings)
    assert all(dashed(axes) == [5] for axes in figure.axes)
    words = {axes.get_title(loc="left"): axes.get_title(loc="right") for axes in figure.axes}
    assert words == {"bound": "", "loss": "", "kl_z": "counts from epoch 5", "gradient_norm": ""}
    assert "28.0 nats at epoch 12, from 35.0 at epoch 5" in figure.get_suptitle()
    assert "reconstruction, kl_z from epoch 5" in figure.get_supxlabel().replace("\n", " ")


@pytest.mark.parametrize("findings", [made(), late(12.0)])
def test_without_a_term_that_began_later_nothing_is_marked(findings: Findings) -> None:
    figure = drawn("core/loss_curves", findings)
    assert not any(dashed(axes) for axes in figure.axes)
    assert "28.0 nats at epoch 12, after 39.0 at first" in figure.get_suptitle()


def test_wilson_holds_the_truth_as_often_as_it_says() -> None:
    rng = np.random.default_rng(0)
    for truth, samples in ((0.5, 10), (0.9, 30), (0.97, 200)):
        seen = rng.binomial(samples, truth, size=4000) / samples
        low, high = wilson(seen, np.full(4000, samples))
        assert np.mean((low <= truth) & (truth <= high)) == pytest.approx(0.95, abs=0.035)


@pytest.mark.parametrize(
    ("copies", "p", "verdict"),
    [
        (2, 0.75, "2 samples cannot tell these apart"),
        (2000, 0.51, "take them at their word"),
        (2000, 0.9, "surer than they should be"),
    ],
)
def test_a_verdict_needs_samples(copies: int, p: float, verdict: str) -> None:
    findings = made(N=30, taught=30)
    assert findings.names is not None
    told = reliability(np.tile([p, 1 - p], (copies, 1)), np.arange(copies) % 2).to_json()
    by = {"names": findings.names.fingerprint}
    test = {"split": "test", "seeds": [0], "calibration_of": [told | by]}
    figure = drawn("labels/calibration", dataclasses.replace(findings, summary={"test": test}))
    assert figure.get_suptitle().replace("\n", " ").endswith(verdict)
    assert f"{copies:,}" in [text.get_text() for text in figure.axes[0].texts]


def test_efficiency_tells_which_samples_judge() -> None:
    findings = made(N=400)
    figure = drawn("labels/efficiency", findings)
    assert "of the other validation samples" in figure.get_suptitle().replace("\n", " ")
    assert "200 other samples judge" in figure.get_supxlabel().replace("\n", " ")
    assert figure.axes[0].get_ylabel() == "% of other validation samples\ncalled right"


def test_rare_labels_lie_on_top_and_others_in_any_order() -> None:
    findings = made(N=400)
    truth = np.repeat([-1, 0, 1, 2, 1, 0], [20, 200, 100, 5, 50, 25]).astype(np.int32)
    bundle = dataclasses.replace(findings.bundle, truth=truth)
    rows = np.random.default_rng(0).permutation(400)
    ordered = Shades.of(bundle).ordered(rows)
    assert sorted(ordered) == list(range(400))
    assert (truth[ordered[:20]] == -1).all()
    assert (truth[ordered[-5:]] == 2).all()
    np.testing.assert_array_equal(ordered[20:-5], rows[(truth[rows] == 0) | (truth[rows] == 1)])


def test_the_rarest_lies_on_top_of_other_rare_ones() -> None:
    bundle = dataclasses.replace(
        made(N=120).bundle, truth=np.repeat([1, 2, 0], [2, 100, 18]).astype(np.int32)
    )
    assert bundle.truth[Shades.of(bundle).ordered(np.arange(120))].tolist() == [2] * 100 + [0] * 18 + [1] * 2


def test_maps_are_as_wide_as_they_are_high() -> None:
    findings = made(K=3, D=4)
    axes = drawn("mixture/channel_01", findings).axes[0]
    assert np.ptp(axes.get_xlim()) == pytest.approx(np.ptp(axes.get_ylim()))
    assert axes.get_box_aspect() == 1
    assert all(panel.get_aspect() == 1 for panel in drawn("mixture/channel_latents_grid", findings).axes)
    line = made(K=3, D=1)
    assert all(panel.get_aspect() == "auto" for panel in drawn("mixture/channel_latents_grid", line).axes)

"""The report's sentences say what is in the bundle."""

import dataclasses
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from rcmvae.curriculum.tree import ChannelTree, Merge
from rcmvae.diagnostics import LEVEL, wilson
from rcmvae.diagnostics.absent import Absent
from rcmvae.findings import Findings
from rcmvae.objective import TERMS
from rcmvae.report.channels import Channel, channels_of
from rcmvae.report.markdown import markdown
from rcmvae.report.measures import measures, told_once
from rcmvae.report.noticed import NOTHING_ODD, Remark
from rcmvae.report.sections import CHANNELS, NOT_DRAWN, sections
from rcmvae.report.story import Story, outcome, tell
from rcmvae.report.tables import contents, tables
from rcmvae.seeds import spread
from rcmvae.structs import UNLABELLED
from tests.report import scene
from tests.training.small import tiny

NO_FIGURES = {CHANNELS: Absent("Nothing was drawn.")}


def told(findings: Findings) -> Story:
    return tell(findings, channels_of(findings.bundle, findings.groups))


def test_channels_are_what_they_hold() -> None:
    findings = scene.findings()
    channels = channels_of(findings.bundle, findings.groups)
    assert [(one.index, one.samples, one.label, one.purity) for one in channels] == [
        (0, 40, "zero", 1.0), (1, 40, scene.NASTY, 0.9), (2, 40, scene.NASTY, 0.5)
    ]  # fmt: skip
    assert [one.group for one in channels] == findings.groups[:3].tolist()
    own = findings.bundle.kl[:40, 0].mean()
    assert np.isclose(channels[0].kl, own)


def test_what_was_trained_and_what_came_out() -> None:
    story = told(scene.findings())
    assert story.trained == (
        "4 channels, each with 2 dimensions, trained without labels on squares (6×6 pixels). Shown are the 120 samples "
        "of the train split, with the weights after epoch 3."
    )
    assert (
        story.lead
        == "3 channels in use, of 40 samples each: 50 % to 100 % of a channel's samples share its label."
    )
    assert [fact.value for fact in story.facts] == ["3 of 4", "80.0%", "20.0"]
    assert story.facts[1].meaning == (
        "test accuracy, one channel per label; 30 test samples, 95 % interval 62.7% to 90.5%"
    )
    assert story.outcome[0] == "3 epochs in 1.5 seconds."
    for told_above in ("80.0%", "20.00"):
        assert not any(told_above in line for line in story.outcome if "group" not in line)


def channels_holding(*samples: int) -> list[dict[str, int]]:
    return [{"index": k, "samples": count} for k, count in enumerate(samples)]


@pytest.mark.parametrize(
    ("holding", "is_pure"),
    [
        ([(100, 100, 100)], False),
        ([(100, 100, 99, 1)], False),  # a stray sample makes no channel that is in use
        ([(90, 90, 90, 30)], True),
        ([(100, 100, 100), (100, 100, 97, 3)], False),  # what another seed has is not told
        ([(100, 100, 97, 3), (100, 100, 100)], True),
    ],
)
def test_more_channels_in_use_than_labels_are_told_by_purity(
    holding: list[tuple[int, ...]], is_pure: bool
) -> None:
    summary = scene.summary(seeds=tuple(range(len(holding))))
    each = [{"accuracy": 0.7, "purity": 0.9}] * len(holding)
    scores = {name: spread([one[name] for one in each]) for name in each[0]}
    of = [channels_holding(*samples) for samples in holding]
    summary["test"] |= {"samples": 300, "clustering": scores, "channels_of": of}
    story = told(dataclasses.replace(scene.findings(), summary=summary))
    share, meaning = story.facts[1]
    if is_pure:
        assert share.startswith("90.0")
        assert meaning.startswith(
            "test purity: samples of the commonest label of their channel; 300 test samples"
        )
        low, high = wilson(0.9, 300)
    else:
        assert share.startswith("70.0")
        assert meaning.startswith("test accuracy, one channel per label; 300 test samples")
        low, high = wilson(0.7, 300)
    assert f"interval {float(low):.1%} to {float(high):.1%}" in meaning
    assert any("Accuracy, with one channel per label: 70.0" in line for line in story.outcome) is is_pure


@pytest.mark.parametrize("name", [name for name, term in TERMS.items() if term.learns_from_labels])
def test_labels_that_training_learned_from_are_told_with_the_term_that_did(name: str) -> None:
    config = tiny({"objective": {name: 1}, "model": {"classifier": {}} if name == "classifier" else {}})
    story = told(dataclasses.replace(scene.findings(), config=config))
    assert f"trained with labels (by {name}) on squares" in story.trained


def test_the_names_of_channels_are_judged() -> None:
    summary = scene.summary(seeds=(0, 1))
    tau = {"accuracy": 0.9, "ece": 0.05, "certainty": 0.7, "counted": 20.0}
    summary["test"]["tau"] = {name: spread([value, value]) for name, value in tau.items()}
    sentence = (
        "Accuracy, with channels named by 20 labels: 90.0% (all 2 seeds: 90.0% ± 0.0%); expected calibration error "
        "0.050 (all 2 seeds: 0.050 ± 0.000)."
    )
    assert sentence in told(scene.findings(summary=summary)).outcome
    del summary["test"]["tau"]["accuracy"]
    assert not any("named by" in line for line in told(scene.findings(summary=summary)).outcome)


def test_what_to_look_at() -> None:
    first, *rest = told(scene.findings()).look_at
    assert first == Remark(
        f"Channel 2 is 50 % label {scene.NASTY} and 50 % label two: 20 samples, 83 % of all labelled two.",
        2,
    )
    assert tuple(remark.text for remark in rest) == (
        "Channel 2 is mixed: no label has 60 % of the samples there.",
        "24 of 120 samples lie in a channel of another label, 24 of them routed there with 90 % certainty or more.",
        "Channels 1 and 2 are the most alike: two views of a sample tell them apart by 0.50, where 0 is not at all and "
        "1 always.",
        f"Label {scene.NASTY} is the commonest in channels 1 and 2.",
        "Label two is the commonest in no channel.",
        "Channel 3 is closed.",
    )


def test_an_open_channel_without_samples_is_told() -> None:
    empty = dataclasses.replace(scene.bundle(), active=np.ones(4, bool))
    sentences = [remark.text for remark in told(scene.findings(bundle=empty)).look_at]
    assert "Channel 3 holds next to nothing: less than 1 % of the samples." in sentences


def test_what_is_not_sure_is_no_confident_misfit() -> None:
    seen = scene.bundle()
    unsure = np.where(seen.responsibility > 0.5, 0.89, seen.responsibility).astype(np.float32)
    unsure[-1, 2] = 0.95
    sentences = [
        remark.text
        for remark in told(scene.findings(bundle=dataclasses.replace(seen, responsibility=unsure))).look_at
    ]
    assert any("24 of 120 samples lie" in one and "1 of them routed" in one for one in sentences)


@given(right=st.integers(0, 300), wrong=st.integers(0, 300))
def test_the_interval_of_a_share_is_that_of_wilson(right: int, wrong: int) -> None:
    samples = right + wrong + 1
    expected = binomtest(right, samples).proportion_ci(LEVEL, method="wilson")
    np.testing.assert_allclose(wilson(right / samples, samples), [expected.low, expected.high], atol=1e-12)


def test_no_interval_where_it_is_unknown_how_many_samples_were_judged() -> None:
    seen = scene.bundle()
    truth = np.where(np.arange(len(seen)) < 5, -1, seen.truth).astype(np.int32)
    partly = scene.findings(bundle=dataclasses.replace(seen, truth=truth))
    assert told(partly).facts[1].meaning == "test accuracy, one channel per label"


def test_a_measure_is_told_once_and_terms_with_their_weight() -> None:
    findings = scene.findings()
    channels = channels_of(findings.bundle, findings.groups)
    _, measured, terms = tables(findings, channels)
    assert measured.rows[0][:2] == ("negative evidence bound ↓", "20.000")
    names = [row[0] for row in measured.rows]
    assert len({*names}) == len(names)
    assert "groups: count" in names
    assert "kl_z" not in names
    weight = findings.config.objective.terms["kl_z"].weight(jnp.float32(findings.bundle.epoch))
    assert [row[:3] for row in terms.rows] == [("kl_z", f"{float(weight):g}", "1.000")]


@pytest.mark.parametrize(("off", "is_told"), [(0.0, False), (1e-6, False), (1e-2, True)])
def test_parts_of_the_bound_that_are_terms_are_told_once(off: float, is_told: bool) -> None:
    parts = {"reconstruction": "reconstruction", "kl_latent": "kl_z", "kl_channel": "kl_c"}
    scores = scene.summary()["test"] | {
        "losses": {term: spread([2.0]) for term in parts.values()},
        "evidence": {part: spread([2.0 * (1 + off)]) for part in (*parts, "bits_per_dimension")},
    }
    names = [measure.name for measure in told_once(measures(scores), scores)]
    assert [name for name in names if name in {*parts.values()}][:3] == [*parts.values()]
    assert ("bound: kl latent" in names) is is_told
    assert ("bound: kl channel" in names) is is_told
    assert names.count("bound: bits per dimension") == 1


def test_numbers_are_of_the_seed_that_is_shown() -> None:
    summary = scene.summary(seeds=(0, 1))
    summary |= {"best_seed": 1, "best_by": {"train/loss": [3.0, 2.0]}}
    clustering = summary["test"]["clustering"]
    summary["test"]["clustering"] = clustering | {
        "accuracy": spread([0.5, 0.9]),
        "purity": spread([0.5, 0.9]),
    }
    summary["test"]["groups"] |= {"accuracy": spread([0.4, 0.7]), "purity": spread([0.4, 0.7])}
    for seed, accuracy, bound, groups in ((0, "50.0%", "20.0", "40.0%"), (1, "90.0%", "21.0", "70.0%")):
        story = told(scene.findings(summary=summary, bundle=scene.bundle(seed=seed)))
        assert story.facts[1].value == accuracy
        assert story.facts[1].meaning.endswith("; all 2 seeds: 70.0% ± 28.3%")
        low, high = wilson(float(accuracy[:-1]) / 100, 30)
        assert f"interval {float(low):.1%} to {float(high):.1%}" in story.facts[1].meaning
        assert story.facts[2].value == bound
        assert any(
            line.startswith(f"Accuracy, with one group per label: {groups} (all 2 seeds: 55.0% ± 21.2%)")
            for line in story.outcome
        )
    assert story.trained.endswith("Shown is seed 1, whose training loss is the least.")


def test_what_is_not_drawn_is_told_at_the_end() -> None:
    findings = scene.findings()
    figures = NO_FIGURES | {
        "mixture/tree": Absent("It has one leaf."),
        "labels/ood": Absent("Nobody looked."),
    }
    text = markdown(findings, told(findings), channels_of(findings.bundle, findings.groups), figures)
    before, _, after = text.partition(f"## {NOT_DRAWN}\n")
    for reason in ("It has one leaf.", "Nobody looked."):
        assert reason not in before
        assert reason in after
    assert "## " not in after
    drawn = {"mixture/channel_ownership": Path("here.png"), "labels/ood": Absent("Nobody looked.")}
    assert [section.figures for section in sections(drawn)] == [("mixture/channel_ownership",)]


def test_without_labels_there_is_no_talk_of_them() -> None:
    findings = scene.findings(
        bundle=scene.bundle(labelled=False), summary=scene.summary(labelled=False), tree=scene.tree()
    )
    story = told(findings)
    assert not any("abel" in sentence for sentence in (*story.outcome, *(one.text for one in story.look_at)))
    assert [fact.value for fact in story.facts] == ["3 of 4", "20.0"]
    assert (
        story.lead
        == "3 channels in use, of 40 samples each: they are routed with 96 % certainty, on average."
    )
    assert "label" not in markdown(
        findings, story, channels_of(findings.bundle, findings.groups), NO_FIGURES
    ).partition("## Configuration")[0].replace("without labels", "")


def test_where_nothing_is_odd_that_is_said() -> None:
    seen, tree = scene.bundle(labelled=False), scene.tree()
    of_channels = ("responsibility", "nll", "kl")
    three = dataclasses.replace(
        seen,
        active=seen.active[:3],
        log_pi=seen.log_pi[:3],
        **{name: getattr(seen, name)[:, :3] for name in of_channels},
    )
    apart = tuple(merge._replace(height=0.9) for merge in tree.merges)
    story = told(scene.findings(bundle=three, tree=dataclasses.replace(tree, num_channels=3, merges=apart)))
    assert story.look_at == (Remark(NOTHING_ODD),)


def test_several_seeds_are_told_with_their_deviation() -> None:
    story = told(scene.findings(summary=scene.summary((0, 1))))
    assert story.trained.endswith("Shown is seed 0.")
    assert story.facts[-1].value == "20.0"
    assert story.facts[-1].meaning.endswith("; all 2 seeds: 20.5 ± 0.7")


def test_a_channel_has_a_title() -> None:
    assert Channel(2, 0, 10, 0.1, None, None, 1.0, 1.0, labelled=0).title == "channel 2: 10 % of the samples"


def test_markdown_shows_text_as_it_is() -> None:
    findings = scene.findings()
    text = markdown(findings, told(findings), channels_of(findings.bundle, findings.groups), NO_FIGURES)
    assert "\\<b\\>" in text
    assert "<b>" not in text
    table = [line for line in text.splitlines() if line.startswith("| 1 |")]
    assert table[0].count("| ") == 8


@pytest.mark.parametrize(("height", "is_told"), [(0.02, True), (0.45, True), (0.55, False)])
def test_two_channels_that_are_hardly_told_apart_are_remarked_upon(height: float, is_told: bool) -> None:
    tree = ChannelTree(scene.K, (0, 1), 1.0, (Merge(0, 1, height, 0.0),))
    story = told(dataclasses.replace(scene.findings(), tree=tree))
    assert any("are the most alike" in remark.text for remark in story.look_at) is is_told


@pytest.mark.parametrize("labelled", [1, 12, 29])
def test_few_labelled_samples_are_told(labelled: int) -> None:
    """A share of one sample is no share of thirty, and its interval says so."""
    findings = scene.findings()
    rows = np.arange(len(findings.bundle))
    truth = np.where(rows < labelled, findings.bundle.truth, UNLABELLED).astype(np.int32)
    summary = scene.summary()
    summary["test"] |= {"labelled": labelled, "samples": 30}
    summary["test"]["tau"] = {
        name: spread([value]) for name, value in {"accuracy": 1.0, "ece": 0.0, "counted": 9.0}.items()
    }
    seen = dataclasses.replace(
        findings, summary=summary, bundle=dataclasses.replace(findings.bundle, truth=truth)
    )
    share = summary["test"]["clustering"]["accuracy"]["per_seed"][0]
    low, high = map(float, wilson(share, labelled))
    many = f"{labelled} labelled test sample{'s' * (labelled > 1)}"
    assert f"; {many}, 95 % interval {low:.1%} to {high:.1%}" in told(seen).facts[1].meaning
    on = f", on {labelled} labelled sample{'s' * (labelled > 1)}: "
    assert any(f"channels named by 9 labels{on}100.0%" in line for line in told(seen).outcome)
    assert any(f"one channel per label{on}" in line for line in outcome(summary, "all are used"))


@pytest.mark.parametrize(("each", "is_clean"), [(1, False), (9, False), (10, True)])
def test_few_labels_do_not_make_a_channel_clean(each: int, is_clean: bool) -> None:
    """So many samples of each channel are labelled, all as the channel is called."""
    findings = scene.findings()
    seen = findings.bundle
    rows = np.concatenate([np.flatnonzero(seen.channel == k)[:each] for k in range(3)])
    clean = "Every channel in use is clean: at least 90 % of its labelled samples share a label."
    truth = np.full(len(seen), UNLABELLED, np.int32)
    truth[rows] = seen.channel[rows]
    found = told(scene.findings(bundle=dataclasses.replace(seen, truth=truth)))
    assert found.lead.endswith(
        f"100 % of a channel's labelled samples share its label, and {3 * each} of 120 samples have one."
    )
    assert any(remark.text == clean for remark in found.look_at) is is_clean
    unknown = np.where(seen.channel == 2, UNLABELLED, truth).astype(np.int32)
    silent = told(scene.findings(bundle=dataclasses.replace(seen, truth=unknown)))
    assert not any(remark.text == clean for remark in silent.look_at), "of the third channel nothing is known"
    channels = channels_of(dataclasses.replace(seen, truth=truth), findings.groups)
    assert [one.labelled for one in channels] == [each] * 3
    many = f"{each} labelled sample{'s are' if each > 1 else ' is'}"
    assert channels[0].title.startswith(f"channel 0: 100 % of {many}")
    table = contents(findings, channels)
    at = table.columns.index("labelled")
    assert [row[at] for row in table.rows] == [str(each)] * 3

"""The report's sentences say what is in the bundle."""

import dataclasses

import numpy as np

from rcmvae.diagnostics.absent import Absent
from rcmvae.findings import Findings
from rcmvae.report.channels import Channel, channels_of
from rcmvae.report.markdown import markdown
from rcmvae.report.sections import CHANNELS
from rcmvae.report.story import NOTHING_ODD, Story, tell
from rcmvae.results import spread
from tests.report import scene

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
    assert [fact.value for fact in story.facts] == ["3 of 4", "2", "80.0%", "20.0"]
    assert story.outcome[0] == "3 epochs in 1.5 seconds; 3 of 3 open channels in use."


def test_the_names_of_channels_are_judged() -> None:
    summary = scene.summary(seeds=(0, 1))
    tau = {"accuracy": 0.9, "ece": 0.05, "certainty": 0.7, "counted": 20.0}
    summary["test"]["tau"] = {name: spread([value, value]) for name, value in tau.items()}
    sentence = (
        "Accuracy, with channels named by 20 labels: 90.0% ± 0.0%; expected calibration error 0.050 ± 0.000."
    )
    assert sentence in told(scene.findings(summary=summary)).outcome
    del summary["test"]["tau"]["accuracy"]
    assert not any("named by" in line for line in told(scene.findings(summary=summary)).outcome)


def test_what_to_look_at() -> None:
    assert told(scene.findings()).look_at == (
        "Channel 2 is mixed: no label has 60% of the samples there.",
        "Channels 1 and 2 are the most alike: two views of a sample tell them apart by 0.60, where 0 is not at all and "
        "1 always.",
        f"Label {scene.NASTY} is the commonest in channels 1 and 2.",
        "Label two is the commonest in no channel.",
        "Channel 3 is closed, and shown nowhere.",
    )


def test_an_open_channel_without_samples_is_told() -> None:
    empty = dataclasses.replace(scene.bundle(), active=np.ones(4, bool))
    sentences = told(scene.findings(bundle=empty)).look_at
    assert "Channel 3 holds next to nothing: less than 1% of the samples." in sentences


def test_without_labels_there_is_no_talk_of_them() -> None:
    findings = scene.findings(
        bundle=scene.bundle(labelled=False), summary=scene.summary(labelled=False), tree=scene.tree()
    )
    story = told(findings)
    assert not any("abel" in sentence for sentence in (*story.outcome, *story.look_at))
    assert [fact.value for fact in story.facts] == ["3 of 4", "2", "20.0"]
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
    assert story.look_at == (NOTHING_ODD,)


def test_several_seeds_are_told_with_their_deviation() -> None:
    story = told(scene.findings(summary=scene.summary((0, 1))))
    assert story.trained.endswith("Shown is seed 0.")
    assert story.facts[-1].value == "20.5 ± 0.7"


def test_a_channel_has_a_title() -> None:
    assert Channel(2, 0, 10, 0.1, None, None, 1.0, 1.0).title == "channel 2: 10 % of the samples"


def test_markdown_shows_text_as_it_is() -> None:
    findings = scene.findings()
    text = markdown(findings, told(findings), channels_of(findings.bundle, findings.groups), NO_FIGURES)
    assert "\\<b\\>" in text
    assert "<b>" not in text
    table = [line for line in text.splitlines() if line.startswith("| 1 |")]
    assert table[0].count("| ") == 8

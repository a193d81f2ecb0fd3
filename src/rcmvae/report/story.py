"""What came out of a run, in sentences."""

import dataclasses
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from rcmvae.curriculum.tree import WELL_TOLD
from rcmvae.errors import counted
from rcmvae.findings import Findings
from rcmvae.report.channels import CLEAR, MIXED, USED, Channel
from rcmvae.report.measures import DENSITIES
from rcmvae.results import number, span
from rcmvae.structs import UNLABELLED

NOTHING_ODD = "Nothing stands out: go through the channels, and see whether each is one kind of thing."


def outcome(summary: Mapping[str, Any], used: str) -> list[str]:
    """The result in plain words."""
    epochs, seconds, seeds = summary["epochs"], summary["seconds"], len(summary["seeds"])
    trained = f"{counted(epochs, 'epoch')} in {seconds:.1f} seconds" + f", {seeds} seeds" * (seeds > 1)
    lines = [f"{trained}; {used}.", *growth(summary)]
    test = summary.get("test")
    if test is not None:
        bound = number(test["losses"]["bound"], "{:.2f}")
        lines.append(f"Negative evidence bound on {test['samples']:,} test samples: {bound} nats per sample.")
        lines += [DENSITIES] if test["losses"]["bound"]["mean"] < 0 else []
        lines += agreement(test, "clustering", "channel", [len(parts) for parts in test["channels_of"]])
        lines += by_labels(test)
    return [*lines, *grouping(summary)]


def growth(summary: Mapping[str, Any]) -> list[str]:
    """How the channels grew, where there was a curriculum."""
    grown = summary.get("curriculum", [])
    return [
        f"Seed {seed}: {counted(one['final_k_active'], 'channel')} open after {counted(one['unlock_count'], 'trial')}"
        + ("." if one["ended"] is None else f"; growth ended with epoch {one['ended']}.")
        for seed, one in zip(summary["seeds"], grown, strict=bool(grown))
    ]


def grouping(summary: Mapping[str, Any]) -> list[str]:
    """What the channel tree proposes, and how well that agrees with labels."""
    trees, test = summary["channel_tree"], summary.get("test")
    proposed, most = [tree["proposed"] for tree in trees], [len(tree["channels"]) for tree in trees]
    if max(most) == 1:
        return ["One channel is in use: there is nothing to group."]
    if proposed == most:
        return ["The channel tree proposes no groups: every channel in use is told from the others."]
    if max(proposed) == 1:
        return [
            f"The channel tree proposes one group of all {span(most)} channels: views of a sample land in any of them, "
            "so none stands for a kind of its own."
        ]
    many = f"{span(proposed)} groups"
    line = f"The channel tree proposes {many} of {span(most)} channels."
    return [line, *([] if test is None else agreement(test, "groups", "group", proposed))]


def by_labels(test: Mapping[str, Any]) -> list[str]:
    """How right the labels are that were counted in channels; nothing where none was, or nobody knows better."""
    told = test.get("tau", {})
    if "accuracy" not in told:
        return []
    accuracy, ece = number(told["accuracy"], "{:.1%}"), number(told["ece"], "{:.3f}")
    many = counted(int(told["counted"]["mean"]), "label")
    return [f"Accuracy, with channels named by {many}: {accuracy}; expected calibration error {ece}."]


def agreement(test: Mapping[str, Any], key: str, part: str, counts: list[int]) -> list[str]:
    """The accuracy of channels or groups, and whether one to one can fit; nothing where nothing is labelled."""
    if not test["labels"]:
        return []
    accuracy, labels = number(test[key]["accuracy"], "{:.1%}"), test["labels"]
    told = f"Accuracy, with one {part} per label: {accuracy}"
    if {*counts} == {labels}:
        return [f"{told}."]
    many = f"{span(counts)} {part}{'s' * (max(counts) != 1)} for {counted(labels, 'label')}"
    return [f"{told}; with {many}, what is left over counts as wrong."]


class Fact(NamedTuple):
    """One number that says much, and what it is."""

    value: str
    meaning: str


@dataclasses.dataclass(frozen=True)
class Story:
    """What the top of a report tells."""

    title: str
    trained: str  # what was trained, on what
    facts: tuple[Fact, ...]
    outcome: tuple[str, ...]  # sentences
    look_at: tuple[str, ...]


def tell(findings: Findings, channels: Sequence[Channel]) -> Story:
    """The story of one seed, with the numbers of all of them."""
    used = [channel for channel in channels if channel.is_used]
    sentences = outcome(findings.summary, _in_use(findings, used))
    return Story(
        title=findings.run,
        trained=_trained(findings),
        facts=tuple(_facts(findings, used)),
        outcome=tuple(sentences),
        look_at=tuple(_look_at(findings, channels)) or (NOTHING_ODD,),
    )


def _trained(findings: Findings) -> str:
    config, bundle = findings.config, findings.bundle
    K, D = config.model.num_channels, config.model.latent_dim
    size = "×".join(map(str, bundle.shape[:2] if bundle.is_image else bundle.shape))
    things = f"{size} pixels" if bundle.is_image else counted(int(size), "number") + " each"
    labels = "without labels" if config.model.classifier is None else "with labels"
    seed = f" Shown is seed {bundle.seed}." if len(findings.summary["seeds"]) > 1 else ""
    return (
        f"{counted(K, 'channel')}, each with {counted(D, 'dimension')}, trained {labels} on {bundle.data} ({things}). "
        f"Shown are the {counted(len(bundle), 'sample')} of the {bundle.split} split, with the weights after epoch "
        f"{bundle.epoch}.{seed}"
    )


def _in_use(findings: Findings, used: Sequence[Channel]) -> str:
    is_open = int(findings.bundle.active.sum())
    return f"{len(used)} of {counted(is_open, 'open channel')} in use"


def _facts(findings: Findings, used: Sequence[Channel]) -> Iterator[Fact]:
    K, test = findings.config.model.num_channels, findings.summary.get("test")
    yield Fact(f"{len(used)} of {K}", "channels in use")
    if findings.tree.proposed < len(findings.tree.channels):
        yield Fact(str(findings.tree.proposed), "groups of channels, as the channel tree proposes")
    if test is not None and test["labels"]:
        yield Fact(number(test["clustering"]["accuracy"], "{:.1%}"), "test accuracy, one channel per label")
    if test is not None:
        yield Fact(number(test["losses"]["bound"], "{:.1f}"), "nats: negative evidence bound on test samples")


def _look_at(findings: Findings, channels: Sequence[Channel]) -> Iterator[str]:
    """What a person should look at first, the oddest first."""
    used = [channel for channel in channels if channel.is_used]
    known = [channel for channel in used if channel.purity is not None]
    yield from _mixed(known)
    yield from _alike(findings)
    yield from _spread_labels(findings, known)
    idle = sorted({*np.flatnonzero(findings.bundle.active).tolist()} - {channel.index for channel in used})
    if idle:
        holds, each = ("holds", "") if len(idle) == 1 else ("hold", " each")
        yield f"{_named(idle).capitalize()} {holds} next to nothing: less than {USED:.0%} of the samples{each}."
    closed = np.flatnonzero(~findings.bundle.active).tolist()
    if closed:
        yield f"{_named(closed).capitalize()} {'is' if len(closed) == 1 else 'are'} closed, and shown nowhere."
    if known and all((channel.purity or 0) >= CLEAR for channel in known):
        yield f"Every channel in use is clean: at least {CLEAR:.0%} of its samples share a label."


def _mixed(known: Sequence[Channel]) -> Iterator[str]:
    mixed = [channel for channel in known if (channel.purity or 0) < MIXED]
    least = min(known, key=lambda channel: channel.purity or 0, default=None)
    if least is not None and not mixed and (least.purity or 0) < CLEAR:
        yield f"The least pure is {least.title}: see what else is in it."
    if mixed:
        which = _named([channel.index for channel in mixed])
        verb = "is" if len(mixed) == 1 else "are"
        yield f"{which.capitalize()} {verb} mixed: no label has {MIXED:.0%} of the samples there."


def _alike(findings: Findings) -> Iterator[str]:
    merges = findings.tree.merges
    if merges and merges[0].height < WELL_TOLD:
        first = merges[0]
        yield (
            f"Channels {first.kept} and {first.closed} are the most alike: two views of a sample tell them apart by "
            f"{first.height:.2f}, where 0 is not at all and 1 always."
        )


def _spread_labels(findings: Findings, known: Sequence[Channel]) -> Iterator[str]:
    homes: dict[str, list[int]] = {}
    for channel in known:
        homes.setdefault(str(channel.label), []).append(channel.index)
    for label, where in homes.items():
        if len(where) > 1:
            yield f"Label {label} is the commonest in {_named(where)}."
    truth = findings.bundle.truth
    present = [findings.bundle.label_names[y] for y in np.unique(truth[truth != UNLABELLED])]
    homeless = [name for name in present if name not in homes]
    if known and homeless:
        many = len(homeless) > 1
        yield f"Label{'s' * many} {_and(homeless)} {'are' if many else 'is'} the commonest in no channel."


def _named(channels: Sequence[int]) -> str:
    return f"channel{'s' * (len(channels) > 1)} {_and(list(map(str, channels)))}"


def _and(names: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))

"""What came out of a run, in sentences."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

from rcmvae.errors import counted, in_words, listed, spelled
from rcmvae.findings import Findings, best_place
from rcmvae.report.channels import Channel
from rcmvae.report.headline import Fact, facts, lead, outnumbered
from rcmvae.report.measures import BOUND, BOUND_UNIT, DENSITIES, labelled_part, signed
from rcmvae.report.noticed import Remark, remarks
from rcmvae.seeds import of_seed, span


def outcome(summary: Mapping[str, Any], used: str) -> list[str]:
    """The result in plain words."""
    test, at = summary.get("test"), best_place(summary)
    return [
        f"{trained(summary)}; {used}.",
        *_standing(summary),
        *growth(summary),
        *([] if test is None else [_bound(test, at), *_densities(test, at)]),
        *([] if test is None else [*_by_channels(test, at), *by_labels(test, at)]),
        *grouping(summary, at),
    ]


def beside_the_facts(summary: Mapping[str, Any], at: int) -> list[str]:
    """The same for the seed at a place, without what stands at the top of its report."""
    test = summary.get("test")
    return [
        f"{trained(summary)}.",
        *growth(summary),
        *([] if test is None else [*_densities(test, at), *_left_over(test, at), *by_labels(test, at)]),
        *grouping(summary, at),
    ]


def trained(summary: Mapping[str, Any]) -> str:
    """How long training took."""
    epochs, seconds, seeds = summary["epochs"], summary["seconds"], len(summary["seeds"])
    return f"{counted(epochs, 'epoch')} in {seconds:.1f} seconds" + f", {seeds} seeds" * (seeds > 1)


def _standing(summary: Mapping[str, Any]) -> list[str]:
    """Which of several seeds is meant where none is named.

    >>> _standing({"seeds": [4, 5], "best_seed": 5, "best_by": {"train/loss": [2.0, 1.0]}})
    ['Where no seed is named, 5 stands for the run: its training loss is the least.']
    """
    if len(summary["seeds"]) == 1 or "best_seed" not in summary:
        return []
    measure = _chosen_by(summary)
    why = f"its {measure} is the least" if measure else ""
    why = "it is the first" if summary.get("curriculum") else why
    return [f"Where no seed is named, {summary['best_seed']} stands for the run{': ' * bool(why)}{why}."]


def _chosen_by(summary: Mapping[str, Any]) -> str:
    """What the seed that stands for a run has least of; empty where it was not chosen by a value, or nobody knows.

    >>> _chosen_by({"best_by": {"validation/bound": [3.0, 4.0]}}), _chosen_by({})
    ('validation bound', '')
    """
    name = next(iter(summary.get("best_by", {})), "")
    return name.replace("train/", "training ").replace("/", " ")


def _bound(test: Mapping[str, Any], at: int) -> str:
    bound = signed(of_seed(test["losses"]["bound"], at, "{:.2f}"))
    return f"{BOUND.capitalize()} on {counted(test['samples'], 'test sample')}: {bound} {BOUND_UNIT}."


def _densities(test: Mapping[str, Any], at: int) -> list[str]:
    return [DENSITIES] if test["losses"]["bound"]["per_seed"][at] < 0 else []


def _by_channels(test: Mapping[str, Any], at: int) -> list[str]:
    return agreement(test, at, "clustering", "channel")


def _left_over(test: Mapping[str, Any], at: int) -> list[str]:
    """Why one channel per label cannot reach all samples, where it cannot, and how many it does."""
    left = left_over(test, at, "channel")
    if not (test["labels"] and left):
        return []
    told = outnumbered(test, at, "channel")
    return [one_to_one(test, at, "clustering", "channel") if told else f"With {left}"]


def growth(summary: Mapping[str, Any]) -> list[str]:
    """How the channels grew, where there was a curriculum."""
    grown = summary.get("curriculum", [])
    return [
        f"Seed {seed}: {counted(one['final_k_active'], 'channel')} open after {counted(one['unlock_count'], 'trial')}"
        + (f"; growth ended with epoch {one['ended']}: {_why_ended(one)}." if "ended" in one else ".")
        for seed, one in zip(summary["seeds"], grown, strict=bool(grown))
    ]


def _why_ended(grown: Mapping[str, Any]) -> str:
    return next(event["reason"] for event in grown["events"] if event["what"] == "ended")


def grouping(summary: Mapping[str, Any], at: int) -> list[str]:
    """What the channel tree of the seed at a place proposes, and how well that agrees with labels."""
    trees, test = summary["channel_tree"], summary.get("test")
    proposed, most = trees[at]["proposed"], len(trees[at]["channels"])
    others = _nearly(summary["seeds"], trees)
    if most == 1:
        return ["One channel is in use: there is nothing to group."]
    if not trees[at].get("clear", proposed > 1):  # summaries once said 1 where nothing is clear
        told = (
            f"The channel tree proposes no groups: views of a sample tell no two of all {most} channels apart by "
            "more than half, and no step between merges stands out, so by them alone nobody can say which channels are "
            "one kind. Go by the channels."
        )
        same = " Those that views do not tell apart at all count as one group, as `predict` writes them."
        return [told + same * ("clear" in trees[at] and proposed < most)]
    of_all = [tree["proposed"] for tree in trees]
    spread = f" (all {len(trees)} seeds: {span(of_all)})" if len({*of_all}) > 1 else ""
    if proposed == most:
        told = "every channel in use is told from the others"
        return [f"The channel tree proposes no groups: {told}{spread}{others}."]
    line = f"The channel tree proposes {proposed} groups{spread} of {most} channels{others}."
    return [line, *([] if test is None else agreement(test, at, "groups", "group"))]


def _nearly(seeds: Sequence[int], trees: Sequence[Mapping[str, Any]]) -> str:
    """The end of a sentence: how many groups would be a cut that is nearly as clear, where there is one.

    >>> _nearly([3], [{"nearly": [4, 9]}]), _nearly([0, 1], [{"nearly": []}, {"nearly": [4]}])
    ('; 4 or 9 groups would be nearly as clear', '; 4 groups in seed 1 would be nearly as clear')
    """
    several = len(seeds) > 1
    told = [
        f"{' or '.join(map(str, near))} groups{f' in seed {seed}' * several}"
        for seed, tree in zip(seeds, trees, strict=True)
        if (near := tree.get("nearly"))  # summaries once had none
    ]
    return f"; {in_words(told)} would be nearly as clear" if told else ""


def by_labels(test: Mapping[str, Any], at: int) -> list[str]:
    """How right the labels are that were counted in channels; nothing where none was, or nobody knows better."""
    told = test.get("tau", {})
    if "accuracy" not in told:
        return []
    accuracy, ece = of_seed(told["accuracy"], at, "{:.1%}"), of_seed(told["ece"], at, "{:.3f}")
    many = counted(int(told["counted"]["mean"]), "label")
    named = f"channels named by {many}{_on_part(test)}"
    return [f"Accuracy, with {named}: {accuracy}; expected calibration error {ece}."]


def agreement(test: Mapping[str, Any], at: int, key: str, part: str) -> list[str]:
    """How far channels or groups of the seed at a place agree with labels; nothing where nothing is labelled."""
    if not test["labels"]:
        return []
    of = labelled_part(test) or "the samples"
    pure = f"{of_seed(test[key]['purity'], at, '{:.1%}')} of {of} have the commonest label of their {part}."
    return [*([pure] if outnumbered(test, at, part) else []), one_to_one(test, at, key, part)]


def one_to_one(test: Mapping[str, Any], at: int, key: str, part: str) -> str:
    """The accuracy of channels or groups, and whether one to one can fit."""
    told = (
        f"Accuracy, with one {part} per label{_on_part(test)}: {of_seed(test[key]['accuracy'], at, '{:.1%}')}"
    )
    left = left_over(test, at, part)
    return f"{told}; with {left}" if left else f"{told}."


def _on_part(test: Mapping[str, Any]) -> str:
    """On how many samples labels can be judged, where that is not all of them."""
    part = labelled_part(test)
    return f", on {part}" if part else ""


def left_over(test: Mapping[str, Any], at: int, part: str) -> str:
    """How a sentence ends that says why one to one cannot fit; empty where it can."""
    count, labels = len(test[f"{part}s_of"][at]), test["labels"]
    if count == labels:
        return ""
    return f"{counted(count, part)} for {counted(labels, 'label')}, what is left over counts as wrong."


@dataclasses.dataclass(frozen=True)
class Story:
    """What the top of a report tells."""

    title: str
    lead: str  # the finding
    trained: str  # what was trained, on what
    facts: tuple[Fact, ...]
    outcome: tuple[str, ...]  # sentences
    look_at: tuple[Remark, ...]


def tell(findings: Findings, channels: Sequence[Channel]) -> Story:
    """The story of one seed, with the numbers of all of them."""
    return Story(
        title=findings.run,
        lead=lead(findings.bundle, channels),
        trained=_trained(findings),
        facts=tuple(facts(findings, channels)),
        outcome=tuple(beside_the_facts(findings.summary, findings.place)),
        look_at=remarks(findings, channels),
    )


def _seed(summary: Mapping[str, Any], seed: int) -> str:
    """Which of several seeds is shown, and why."""
    if len(summary["seeds"]) == 1:
        return ""
    measure = _chosen_by(summary) if seed == summary.get("best_seed") else ""
    why = f", whose {measure} is the least" if measure else ""
    return f" Shown is seed {seed}{why}."


def _trained(findings: Findings) -> str:
    config, bundle = findings.config, findings.bundle
    K, D = config.model.num_channels, config.model.latent_dim
    size = spelled(bundle.shape[:2] if bundle.is_image else bundle.shape)
    things = f"{size} pixels" if bundle.is_image else counted(int(size), "number") + " each"
    learners = config.objective.learners
    labels = f"with labels (by {listed(learners)})" if learners else "without labels"
    seed = _seed(findings.summary, bundle.seed)
    return (
        f"{counted(K, 'channel')}, each with {counted(D, 'dimension')}, trained {labels} on {bundle.data} ({things}). "
        f"Shown are the {counted(len(bundle), 'sample')} of the {bundle.split} split, with the weights after epoch "
        f"{bundle.epoch}.{seed}"
    )

"""What a person should look at first in a run, the oddest first."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from rcmvae.curriculum.tree import HALF_TOLD, WELL_TOLD
from rcmvae.diagnostics import SURE, Bundle, elsewhere
from rcmvae.errors import counted, in_words, percent
from rcmvae.findings import Findings
from rcmvae.report.channels import CLEAR, MIXED, USED, Channel
from rcmvae.structs import UNLABELLED

NOTHING_ODD = "Nothing stands out: go through the channels, and see whether each is one kind of thing."
MOST = 3  # channels whose contents are told
ENOUGH = 10  # labelled samples of a channel, by which it may be called clean or mixed
FEW, LITTLE = 5, 0.02  # samples, and share of a channel, that a second label has to have


class Remark(NamedTuple):
    """A sentence, and the channel that it begins with, where it is about one."""

    text: str
    channel: int | None = None


def remarks(findings: Findings, channels: Sequence[Channel]) -> tuple[Remark, ...]:
    """All of them; that nothing stands out, where there are none."""
    return tuple(_all(findings, channels)) or (Remark(NOTHING_ODD),)


def _all(findings: Findings, channels: Sequence[Channel]) -> Iterator[Remark]:
    used = [channel for channel in channels if channel.is_used]
    known = [channel for channel in used if channel.purity is not None]
    yield from _contents(findings.bundle, known)
    for sentence in _sentences(findings, used, known):
        yield Remark(sentence)


def _sentences(findings: Findings, used: Sequence[Channel], known: Sequence[Channel]) -> Iterator[str]:
    yield from _mixed(known)
    yield from _misfits(findings.bundle, known)
    yield from _alike(findings)
    yield from _spread_labels(findings, known)
    idle = sorted({*np.flatnonzero(findings.bundle.active).tolist()} - {channel.index for channel in used})
    if idle:
        holds, each = ("holds", "") if len(idle) == 1 else ("hold", " each")
        yield f"{_named(idle).capitalize()} {holds} next to nothing: less than {percent(USED)} of the samples{each}."
    closed = np.flatnonzero(~findings.bundle.active).tolist()
    if closed:
        yield f"{_named(closed).capitalize()} {'is' if len(closed) == 1 else 'are'} closed."
    clean = all((channel.purity or 0) >= CLEAR and channel.labelled >= ENOUGH for channel in used)
    if used and clean:
        part = _judged(used)
        yield f"Every channel in use is clean: at least {percent(CLEAR)} of its {part}s share a label."


def _contents(bundle: Bundle, known: Sequence[Channel]) -> Iterator[Remark]:
    """What else is in the least pure channels."""
    label_of = bundle.truth
    told = 0
    for channel in sorted(known, key=lambda one: one.purity or 0):
        inside = label_of[(bundle.channel == channel.index) & (label_of != UNLABELLED)]
        counts = np.bincount(inside, minlength=2)
        first, second = np.argsort(-counts, kind="stable")[:2]
        many, share = int(counts[second]), float(counts[second] / len(inside))
        if many < FEW or share < LITTLE or told == MOST:
            continue
        told += 1
        names = bundle.label_names
        yield Remark(
            f"Channel {channel.index} is {percent(float(counts[first] / len(inside)))} label {names[first]} and "
            f"{percent(share)} label {names[second]}: {counted(many, 'sample')}, "
            f"{percent(many / int((label_of == second).sum()))} of all labelled {names[second]}.",
            channel.index,
        )


def _mixed(known: Sequence[Channel]) -> Iterator[str]:
    # As shares are told, in whole per cent: what is told as 60 % is not said to have less.
    mixed = [one for one in known if round(one.purity or 0, 2) < MIXED and one.labelled >= ENOUGH]
    if mixed:
        verb, where = "is" if len(mixed) == 1 else "are", _named([one.index for one in mixed])
        yield f"{where.capitalize()} {verb} mixed: no label has {percent(MIXED)} of the {_judged(mixed)}s there."


def _judged(channels: Sequence[Channel]) -> str:
    """What a sample that says which labels are in channels is called."""
    return "sample" if all(one.labelled == one.samples for one in channels) else "labelled sample"


def _misfits(bundle: Bundle, known: Sequence[Channel]) -> Iterator[str]:
    """How many samples are not where their likes are, and how many of those look settled."""
    here = (bundle.truth != UNLABELLED) & np.isin(bundle.channel, [channel.index for channel in known])
    apart = here & elsewhere(bundle.channel, len(bundle.active), bundle.truth)
    many = int(apart.sum())
    if many == 0:
        return
    certain = int((bundle.responsibility[apart].max(axis=1) >= SURE).sum())
    yield (
        f"{many:,} of {counted(int(here.sum()), _judged(known))} {'lies' if many == 1 else 'lie'} in a "
        f"channel of another label, {certain:,} of them routed there with {percent(SURE)} certainty or more."
    )


def _alike(findings: Findings) -> Iterator[str]:
    merges = findings.tree.merges
    if merges and merges[0].height < max(HALF_TOLD, WELL_TOLD * findings.tree.heights[-1]):
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
        yield f"Label{'s' * many} {in_words(homeless)} {'are' if many else 'is'} the commonest in no channel."


def _named(channels: Sequence[int]) -> str:
    return f"channel{'s' * (len(channels) > 1)} {in_words(list(map(str, channels)))}"

"""The finding of a run in one sentence, and its few numbers."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from rcmvae.diagnostics import LEVEL, Bundle, wilson
from rcmvae.errors import counted, percent
from rcmvae.findings import Findings
from rcmvae.report.channels import USED, Channel
from rcmvae.report.measures import BOUND, BOUND_UNIT, signed
from rcmvae.seeds import all_seeds
from rcmvae.structs import UNLABELLED


class Fact(NamedTuple):
    """One number that says much, and what it is."""

    value: str
    meaning: str


def lead(bundle: Bundle, channels: Sequence[Channel]) -> str:
    """How many channels are in use, how large they are, and how pure; without labels, how sure."""
    used = [channel for channel in channels if channel.is_used]
    if not used:
        return "No channel is in use."
    sizes = sorted(channel.samples for channel in used)
    each = " each" * (len(used) > 1)
    many = f"{counted(len(used), 'channel')} in use, of {_range(f'{sizes[0]:,}', f'{sizes[-1]:,}')} samples{each}"
    pure = sorted(channel.purity for channel in used if channel.purity is not None)
    if pure:
        shares, known = _range(percent(pure[0]), percent(pure[-1])), int((bundle.truth != UNLABELLED).sum())
        if known < len(bundle):
            only = f"{known:,} of {counted(len(bundle), 'sample')} {'have' if known > 1 else 'has'} one"
            return f"{many}: {shares} of a channel's labelled samples share its label, and {only}."
        return f"{many}: {shares} of a channel's samples share its label."
    certainty = bundle.responsibility.max(axis=1)
    sure = sorted(float(certainty[bundle.channel == channel.index].mean()) for channel in used)
    return (
        f"{many}: they are routed with {_range(percent(sure[0]), percent(sure[-1]))} certainty, on average."
    )


def facts(findings: Findings, channels: Sequence[Channel]) -> Iterator[Fact]:
    """The numbers at the top."""
    K, test = findings.config.model.num_channels, findings.summary.get("test")
    yield Fact(f"{sum(channel.is_used for channel in channels)} of {K}", "channels in use")
    if test is not None and test["labels"]:
        key, meaning = score(test, findings.place)
        of_shown = f"{meaning}{_doubt(findings, key)}"
        yield _measured(test["clustering"][key], findings.place, "{:.1%}", of_shown)
    if test is not None:
        meaning = f"{BOUND} on {counted(test['samples'], 'test sample')}, {BOUND_UNIT}"
        yield _measured(test["losses"]["bound"], findings.place, "{:.1f}", meaning)


def _measured(spread: Mapping[str, Any], at: int, form: str, meaning: str) -> Fact:
    """The value of the seed that is shown; what all of several have is said beside it."""
    others = signed(all_seeds(spread, form))
    said = f"{meaning}; {others}" if others else meaning
    return Fact(signed(form.format(spread["per_seed"][at])), said)


def score(test: Mapping[str, Any], at: int) -> tuple[str, str]:
    """Which score says how far channels and labels agree, and what it is: more channels than labels fit many to one."""
    if outnumbered(test, at, "channel"):
        return "purity", "test purity: samples of the commonest label of their channel"
    return "accuracy", "test accuracy, one channel per label"


def outnumbered(test: Mapping[str, Any], at: int, part: str) -> bool:
    """Whether one to one cannot fit: as many channels or groups as labels leave samples over, not just a stray few."""
    sizes = sorted((one["samples"] for one in test[f"{part}s_of"][at]), reverse=True)
    return sum(sizes[test["labels"] :]) >= USED * test["samples"]


def _doubt(findings: Findings, key: str) -> str:
    """Between what that score may lie; nothing where nobody knows how many samples were labelled."""
    test = findings.summary["test"]
    known = test.get("labelled")  # summaries once did not tell
    if known is None and not (findings.bundle.truth == UNLABELLED).any():
        known = test["samples"]
    if not known:
        return ""
    share = test["clustering"][key]["per_seed"][findings.place]
    low, high = map(float, wilson(share, known))
    many = counted(known, "test sample" if known == test["samples"] else "labelled test sample")
    return f"; {many}, {percent(LEVEL)} interval {low:.1%} to {high:.1%}"


def _range(low: str, high: str) -> str:
    return low if low == high else f"{low} to {high}"

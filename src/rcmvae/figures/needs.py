"""What a figure may ask of a run. Each gives the reason why it is not there, or None where it is."""

from collections.abc import Callable
from typing import TypeVar

from rcmvae.diagnostics import Absent
from rcmvae.diagnostics.metric import UNTAUGHT
from rcmvae.errors import counted
from rcmvae.figures.contents import channels_in_use
from rcmvae.findings import Findings
from rcmvae.structs import UNLABELLED

Need = Callable[[Findings], str | None]
Thing = TypeVar("Thing")
SEVERAL = 40


def labels(findings: Findings) -> str | None:
    """A sample that somebody knows."""
    known = (findings.bundle.truth != UNLABELLED).any()
    return None if known else f"No sample of the {findings.bundle.split} split has a label."


def several_labelled(findings: Findings) -> str | None:
    """So many samples that somebody knows that some can be asked about, and others judge."""
    known = int((findings.bundle.truth != UNLABELLED).sum())
    few = f"{counted(known, 'sample')} of the {findings.bundle.split} split {'has' if known == 1 else 'have'} a label"
    return None if known >= SEVERAL else f"{few}: {SEVERAL} would tell how far labels go."


def curriculum(findings: Findings) -> str | None:
    """Channels that opened one after another."""
    grown = findings.config.curriculum is not None
    return None if grown else "All channels were open from the start: the run has no curriculum."


def history(findings: Findings) -> str | None:
    """An epoch that was told."""
    return None if findings.rows else "The history of the run is empty."


def merges(findings: Findings) -> str | None:
    """More than one channel that a tree can join."""
    return None if findings.tree.merges else "Only one channel is in use: there is nothing to merge."


def rival(findings: Findings) -> str | None:
    """More than one open channel."""
    several = findings.bundle.active.sum() > 1
    return None if several else "Only one channel is open: no other could draw a sample."


def several_in_use(findings: Findings) -> str | None:
    """More than one channel that holds samples."""
    several = len(channels_in_use(findings.bundle)) > 1
    return None if several else "Only one channel is in use: there is nothing to compare it with."


def vectors(findings: Findings) -> str | None:
    """Samples whose values mean something one by one."""
    return "The samples are images: a pixel alone says little." if findings.bundle.is_image else None


def names(findings: Findings) -> str | None:
    """A label that was counted."""
    return UNTAUGHT.reason if findings.names is None else None


def judged(findings: Findings) -> str | None:
    """A sample that shows whether labels are right."""
    return findings.judged.reason if isinstance(findings.judged, Absent) else None


def outliers(findings: Findings) -> str | None:
    """A look at samples of another kind."""
    looked = "No samples of another kind were looked at: rcmvae evaluate RUN --ood DATA does so."
    return None if findings.outliers else looked


def given(thing: Thing | Absent | None) -> Thing:
    """What a need has made sure of."""
    assert thing is not None
    assert not isinstance(thing, Absent)
    return thing

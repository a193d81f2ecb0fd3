"""In which order a report shows its figures."""

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from rcmvae.diagnostics.absent import Absent
from rcmvae.figures import FIGURES, OF_CHANNELS

Drawn = Mapping[str, Path | Absent]
CHANNELS = "mixture/channel_latents_grid"


class Section(NamedTuple):
    """Figures that belong together."""

    title: str
    figures: tuple[str, ...]


SECTIONS = (
    Section("What the channels draw", ("core/reconstructions", "mixture/manifolds", "core/samples")),
    Section("Who holds what", ("mixture/channel_ownership", "mixture/tree")),
    Section(
        "What labels say", ("labels/tau_matrix", "labels/efficiency", "labels/calibration", "labels/ood")
    ),
    Section("How training went", ("core/loss_curves", "mixture/evolution")),
    Section("How the channels grew", ("curriculum/k_active", "curriculum/pot_tree")),
)
REST = "Further figures"


def sections(figures: Drawn) -> Iterator[Section]:
    """The sections that have a figure, and at the end the figures that none of them shows, or why they are absent."""
    shown = [one for one in SECTIONS if any(isinstance(figures.get(name), Path) for name in one.figures)]
    yield from shown
    told = {CHANNELS, *(name for section in shown for name in section.figures)}
    rest = [name for name in figures if name not in told and name.rpartition("_")[0] not in OF_CHANNELS]
    if rest:
        yield Section(REST, tuple(rest))


def about(name: str) -> str:
    """What a figure shows, by its docstring."""
    return (inspect.getdoc(FIGURES[name]) or name).partition("\n")[0]

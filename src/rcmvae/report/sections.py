"""In which order a report shows its figures."""

import inspect
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from rcmvae.diagnostics.absent import Absent
from rcmvae.figures import FIGURES

Drawn = Mapping[str, Path | Absent]
CHANNELS = "mixture/channel_latents_grid"


class Section(NamedTuple):
    """Figures that belong together."""

    title: str
    figures: tuple[str, ...]


SECTIONS = (
    Section("What the channels draw", ("core/reconstructions", "mixture/manifolds", "core/samples")),
    Section("What the channels hold", ("mixture/channel_ownership", "mixture/profiles", "mixture/doubtful")),
    Section("How channels group", ("mixture/tree",)),
    Section(
        "Naming channels with labels",
        ("labels/tau_matrix", "labels/efficiency", "labels/calibration", "labels/ood"),
    ),
    Section("How training went", ("core/loss_curves", "mixture/evolution")),
    Section("How the channels grew", ("curriculum/k_active", "curriculum/pot_tree")),
)
REST = "Further figures"
NOT_DRAWN = "Not drawn in this run"


def sections(figures: Drawn) -> Iterator[Section]:
    """The sections with the figures that were drawn, and at the end those that none of them shows."""
    drawn = [name for name in _whole(figures) if isinstance(figures[name], Path)]
    told = {name for section in SECTIONS for name in section.figures}
    rest = Section(REST, tuple(name for name in drawn if name not in told))
    for section in (*SECTIONS, rest):
        shown = tuple(name for name in section.figures if name in drawn)
        if shown:
            yield Section(section.title, shown)


def not_drawn(figures: Drawn) -> list[tuple[str, str, str]]:
    """The figures that were not drawn, what they would show, and why they were not."""
    absent = ((name, figures[name]) for name in _whole(figures))
    return [(name, about(name), why.reason) for name, why in absent if isinstance(why, Absent)]


def _whole(figures: Drawn) -> list[str]:
    """The figures of all channels together, without the one that stands where the channels are shown."""
    return [name for name in figures if name in FIGURES and name != CHANNELS]


def about(name: str) -> str:
    """What a figure shows, by its docstring."""
    return (inspect.getdoc(FIGURES[name]) or name).partition("\n")[0]

"""The figures by name, and how they get onto disk."""

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Concatenate, ParamSpec

import matplotlib as mpl
from matplotlib.figure import Figure

from rcmvae.diagnostics.absent import Absent
from rcmvae.figures.contents import channels_in_use
from rcmvae.figures.needs import Need
from rcmvae.figures.style import DPI, RC
from rcmvae.findings import Findings

More = ParamSpec("More")
Drawing = Callable[[Findings], Figure | Absent]
DrawingOfChannel = Callable[[Findings, int], Figure | Absent]

FIGURES: dict[str, Drawing] = {}  # one of each
OF_CHANNELS: dict[str, DrawingOfChannel] = {}  # one for every channel in use


def figure(*needs: Need) -> Callable[[Callable[[Findings], Figure]], Drawing]:
    """Enter a function under its folder and name, as `core/loss_curves`; absent where one of its needs is not met."""

    def enter(draw: Callable[[Findings], Figure]) -> Drawing:
        return FIGURES.setdefault(_name(draw), _where_it_applies(draw, needs))

    return enter


def figure_of_channel(draw: Callable[[Findings, int], Figure]) -> DrawingOfChannel:
    """Enter a function that draws one channel: `mixture/channel` is listed as `mixture/channel_00` and so on."""
    return OF_CHANNELS.setdefault(_name(draw), _where_it_applies(draw, ()))


def _name(draw: Callable[..., Figure]) -> str:
    folder = draw.__module__.rpartition(".")[0].rpartition(".")[2]
    return f"{folder}/{draw.__name__}"


def _where_it_applies(
    draw: Callable[Concatenate[Findings, More], Figure], needs: tuple[Need, ...]
) -> Callable[Concatenate[Findings, More], Figure | Absent]:
    @functools.wraps(draw)
    def drawn(findings: Findings, *args: More.args, **kwargs: More.kwargs) -> Figure | Absent:
        for need in needs:
            reason = need(findings)
            if reason is not None:
                return Absent(reason)
        with mpl.rc_context(RC):
            return draw(findings, *args, **kwargs)

    return drawn


def drawings(findings: Findings) -> Mapping[str, Drawing]:
    """Every figure of a run by name: those that there is one of, and one for each channel in use."""
    return FIGURES | _of(channels_in_use(findings.bundle))


def _of(channels: list[int]) -> dict[str, Drawing]:
    return {
        f"{name}_{k:02d}": functools.partial(lambda findings, draw, k: draw(findings, k), draw=draw, k=k)
        for name, draw in OF_CHANNELS.items()
        for k in channels
    }


def draw_all(findings: Findings, folder: Path) -> dict[str, Path | Absent]:
    """Draw every figure of a run to a PNG file in `folder`, one after another; of an earlier drawing nothing is left.

    Gives the file of each figure, or the reason why there is none.
    """
    for name in FIGURES | _of(list(range(len(findings.bundle.active)))):
        _file(folder, name).unlink(missing_ok=True)
    return {name: _drawn(draw(findings), _file(folder, name)) for name, draw in drawings(findings).items()}


def _file(folder: Path, name: str) -> Path:
    return folder / f"{name}.png"


def _drawn(drawn: Figure | Absent, path: Path) -> Path | Absent:
    if isinstance(drawn, Absent):
        return drawn
    path.parent.mkdir(parents=True, exist_ok=True)
    with mpl.rc_context(RC):
        drawn.savefig(path, dpi=DPI)
    drawn.clear()
    return path

"""Which channel's mass came from which."""

import dataclasses
from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from rcmvae.curriculum import Pot
from rcmvae.errors import counted
from rcmvae.figures import needs
from rcmvae.figures.contents import Content, contents
from rcmvae.figures.drawing import figure
from rcmvae.figures.style import INK, QUIET, colour, page
from rcmvae.findings import Findings
from rcmvae.structs import UNLABELLED

LEAST_SHARE = 0.1  # of a pot's mass, for a line of its own


@dataclasses.dataclass(frozen=True)
class Lived:
    """A pot that stayed, or was merged or taken over later."""

    place: int  # in the list of all pots
    pot: Pot
    sources: dict[int, float]  # share of its mass by the place of the pot that it came from

    @property
    def opened(self) -> int:
        return self.pot.opened or 0

    @property
    def origin(self) -> int | None:
        """The place of the pot that most of it came from."""
        return max(self.sources, key=lambda place: self.sources[place]) if self.sources else None


@figure(needs.curriculum)
def pot_tree(findings: Findings) -> Figure:
    """A line per channel over the epochs, from where it opened; lines between them are where its mass came from."""
    pots = findings.pots
    refused = {(event.channel, event.epoch) for event in findings.events if event.what == "closed"}
    failed = [place for place, pot in enumerate(pots) if (pot.channel, pot.closed) in refused]
    lived = in_order(
        [Lived(n, pot, _sources(pots, pot, failed)) for n, pot in enumerate(pots) if n not in failed]
    )
    row = {one.place: n for n, one in enumerate(lived)}
    end = max(1, *(row["epoch"] for row in findings.rows), *(event.epoch for event in findings.events))
    open_ones, first = (
        sum(one.pot.closed is None for one in lived),
        sum(one.pot.opened is None for one in lived),
    )
    drawn = page(
        f"{counted(open_ones, 'channel')} grew from {first}",
        f"Each line is a channel from the epoch after which it opened; uprights lead to the channels that its samples "
        f"came from, the thicker the more (shares below {100 * LEAST_SHARE:.0f} % are left out). ×: a channel that "
        f"was tried here and did not help ({len(failed)} of them).",
        1.3 + 0.27 * len(lived),
    )
    axes = drawn.subplots()
    for one in lived:
        _line(axes, findings, one, row[one.place], end)
        for source, share in one.sources.items():
            if share >= LEAST_SHARE:
                ends = [row[source], row[one.place]]
                axes.plot(
                    [one.opened] * 2,
                    ends,
                    color=QUIET,
                    linewidth=0.4 + 2.6 * share,
                    solid_capstyle="butt",
                    zorder=1,
                )
    for place in failed:
        parent = _alive(pots, pots[place].parent, pots[place].opened, failed)
        if parent is not None:
            axes.plot(pots[place].opened or 0, row[parent], marker="x", markersize=5, color=INK, zorder=4)
    axes.set(xlabel="epoch", xlim=(-0.01 * end, end), ylim=(len(lived) - 0.5, -0.5))
    axes.set_yticks(range(len(lived)), [f"channel {one.pot.channel}" for one in lived], fontsize=8)
    axes.tick_params(axis="y", length=0)
    axes.spines["left"].set_visible(False)
    return drawn


def _line(axes: Axes, findings: Findings, one: Lived, y: int, end: int) -> None:
    """One channel's life; what it holds now to the right of it."""
    k, closed = one.pot.channel, one.pot.closed
    stop, tone, told = end if closed is None else closed, colour(UNLABELLED), ""
    if closed is None:
        content = next((content for content in contents(findings.bundle) if content.channel == k), None)
        told = "holds nothing" if content is None else content.told
        tone = _tone(findings, content)
    elif one.pot.merged_into is not None:
        told = f"into {one.pot.merged_into}"
    axes.plot([one.opened, stop], [y, y], color=tone, linewidth=3.5, solid_capstyle="butt", zorder=2)
    axes.text(stop, y, f" {told}", va="center", fontsize=8)


def _tone(findings: Findings, content: Content | None) -> tuple[float, float, float]:
    """The colour of the commonest label, or of the group where nothing is labelled."""
    if content is None:
        return colour(UNLABELLED)
    if content.label is None:
        return colour(int(findings.groups[content.channel]))
    return colour(findings.bundle.label_names.index(content.label))


def in_order(lived: Sequence[Lived]) -> list[Lived]:
    """Each pot above those that mostly came from it, the latest first: what leads to the origin crosses no other."""
    below = sorted(lived, key=lambda one: -one.opened)

    def with_children(one: Lived) -> list[Lived]:
        return [one, *(each for child in below if child.origin == one.place for each in with_children(child))]

    return [each for one in lived if one.origin is None for each in with_children(one)]


def _sources(pots: Sequence[Pot], pot: Pot, failed: Sequence[int]) -> dict[int, float]:
    """Where a pot's mass came from; from its parent, as long as it is on trial."""
    told = pot.sources or ({} if pot.parent is None else {pot.parent: 1.0})
    found = {_alive(pots, channel, pot.opened, failed): share for channel, share in told.items()}
    return {place: share for place, share in found.items() if place is not None}


def _alive(pots: Sequence[Pot], channel: int | None, epoch: int | None, failed: Sequence[int]) -> int | None:
    """The place of the pot that had this channel just before the end of an epoch."""
    if channel is None or epoch is None:
        return None
    places = [
        place
        for place, pot in enumerate(pots)
        if pot.channel == channel
        and place not in failed
        and (pot.opened or 0) < epoch
        and (pot.closed is None or pot.closed >= epoch)
    ]
    return places[-1] if places else None

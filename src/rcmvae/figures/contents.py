"""What is in the channels of a bundle, in numbers and in words."""

import dataclasses

import numpy as np
from jaxtyping import Int

from rcmvae import diagnostics
from rcmvae.diagnostics import Bundle
from rcmvae.errors import counted, percent
from rcmvae.structs import UNLABELLED


@dataclasses.dataclass(frozen=True)
class Content:
    """What a channel holds."""

    channel: int
    rows: Int[np.ndarray, " n"]
    label: str | None  # the commonest, where any of its samples has one
    purity: float | None  # its share of those that have one
    labelled: int  # how many have one

    @property
    def samples(self) -> str:
        return counted(len(self.rows), "sample")

    @property
    def kind(self) -> str:
        """As short as can be: `98 % “7”`, of 40 where only so many have a label; how many samples if none has."""
        if self.label is None or self.purity is None:
            return self.samples
        of = "" if self.labelled == len(self.rows) else f" of {self.labelled:,}"
        return f"{percent(self.purity)}{of} “{shortened(self.label)}”"

    @property
    def told(self) -> str:
        return self.samples if self.label is None else f"{self.kind}, {self.samples}"


def contents(bundle: Bundle) -> list[Content]:
    """Of every channel in use, in order."""
    channel = bundle.channel
    found = diagnostics.contents(channel, len(bundle.active), bundle.truth)
    return [
        Content(
            k,
            np.flatnonzero(channel == k),
            _name(bundle, int(found.label[k])),
            _share(float(found.purity[k])),
            int(found.labelled[k]),
        )
        for k in channels_in_use(bundle)
    ]


def channels_in_use(bundle: Bundle) -> list[int]:
    """Channels that hold at least one sample, in order."""
    return np.unique(bundle.channel).tolist()


def _name(bundle: Bundle, label: int) -> str | None:
    return None if label == UNLABELLED else bundle.label_names[label]


def _share(purity: float) -> float | None:
    return None if np.isnan(purity) else purity


def short(channel: int) -> str:
    """A channel where there is little room; a bare number above a digit would read as what it is taken for.

    >>> short(4)
    'ch 4'
    """
    return f"ch {channel}"


def shortened(name: str, most: int = 12) -> str:
    """A name that fits.

    >>> shortened("Ankle boot"), shortened("a label that nobody can read")
    ('Ankle boot', 'a label tha…')
    """
    return name if len(name) <= most else f"{name[: most - 1]}…"


def and_more(left_out: int, noun: str = "channel") -> str:
    """What a caption says of things that are not shown.

    >>> and_more(40), and_more(-3)
    (' Not shown: 40 more channels.', '')
    """
    return f" Not shown: {counted(left_out, f'more {noun}')}." if left_out > 0 else ""


def largest(found: list[Content], most: int) -> list[Content]:
    """Those that hold most, in the order of channels."""
    kept = sorted(found, key=lambda content: -len(content.rows))[:most]
    return sorted(kept, key=lambda content: content.channel)

"""What is in each channel, by the bundle of a seed."""

import dataclasses

import numpy as np
from jaxtyping import Int

from rcmvae.diagnostics import Bundle
from rcmvae.errors import counted, percent
from rcmvae.results import parts

CLEAR = 0.9  # of a channel's labelled samples share a label: it is clean
MIXED = 0.6  # and with less than this, it is mixed
USED = 0.01  # of all samples, at least, in a channel that is in use


@dataclasses.dataclass(frozen=True)
class Channel:
    """One channel that holds samples."""

    index: int
    group: int  # −1 where it holds too little to be grouped
    samples: int
    share: float
    label: str | None  # the commonest, where any is known
    purity: float | None
    kl: float  # mean over its samples, nats
    nll: float
    labelled: int

    @property
    def is_used(self) -> bool:
        return self.share >= USED

    @property
    def title(self) -> str:
        """What it is, in a few words.

        >>> Channel(3, 0, 240, 0.1, "7", 0.983, 4.0, 20.0, labelled=240).title
        'channel 3: 98 % of label 7'
        >>> Channel(3, 0, 240, 0.1, "7", 1.0, 4.0, 20.0, labelled=2).title
        'channel 3: 100 % of 2 labelled samples are 7'
        """
        if self.label is None or self.purity is None:
            return f"channel {self.index}: {percent(self.share)} of the samples"
        if self.labelled < self.samples:
            of, verb = counted(self.labelled, "labelled sample"), "are" if self.labelled > 1 else "is"
            return f"channel {self.index}: {percent(self.purity)} of {of} {verb} {self.label}"
        return f"channel {self.index}: {percent(self.purity)} of label {self.label}"


def channels_of(bundle: Bundle, groups: Int[np.ndarray, " K"]) -> list[Channel]:
    """The channels that hold samples, in their order."""
    holder, K = bundle.channel, len(bundle.active)
    found: list[Channel] = []
    for part in parts(holder, K, bundle.truth, bundle.label_names):
        k, samples = part["index"], part["samples"]
        if samples == 0:
            continue
        rows = holder == k
        found.append(
            Channel(
                index=k,
                group=int(groups[k]),
                samples=samples,
                share=samples / len(bundle),
                label=part.get("label"),
                purity=part.get("purity"),
                kl=float(bundle.kl[rows, k].mean()),
                nll=float(bundle.nll[rows, k].mean()),
                labelled=part["labelled"],
            )
        )
    return sorted(found, key=lambda channel: channel.index)

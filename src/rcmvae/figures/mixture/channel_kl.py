"""How much each channel's code says of a sample."""

import numpy as np
from matplotlib.figure import Figure

from rcmvae.errors import counted
from rcmvae.figures.contents import and_more, contents, largest
from rcmvae.figures.drawing import figure
from rcmvae.figures.style import INK, PALETTE, page
from rcmvae.findings import Findings

MOST = 60


@figure()
def channel_kl(findings: Findings) -> Figure:
    """A bar per channel: the mean KL of its codes to their prior, over the samples that it holds."""
    bundle = findings.bundle
    found = contents(bundle)
    shown = largest(found, MOST)
    kl = np.array([bundle.kl[content.rows, content.channel].mean(dtype=float) for content in shown])
    mean = bundle.kl[np.arange(len(bundle)), bundle.channel].mean(dtype=float)
    drawn = page(
        _finding([content.channel for content in shown], kl),
        f"Mean KL(q(z | x, k) ‖ p(z | k)) over the samples of the {bundle.split} split that channel k holds: what its "
        f"code tells of a sample; 0 is nothing. Line: the mean over all samples, {mean:.2f} nats."
        f"{and_more(len(found) - MOST)}",
        3.4,
    )
    axes = drawn.subplots()
    axes.bar(range(len(shown)), kl, color=PALETTE[0], width=0.75 if len(shown) > 3 else 0.3)
    axes.axhline(mean, color=INK, linewidth=0.8)
    small = len(shown) > 25
    axes.set_xticks(
        range(len(shown)), [str(content.channel) for content in shown], fontsize=6 if small else 8
    )
    axes.set(xlabel="channel", ylabel="nats per sample", xlim=(-0.75, len(shown) - 0.25))
    return drawn


def _finding(channels: list[int], kl: np.ndarray) -> str:
    if len(channels) == 1:
        return f"The code of channel {channels[0]} tells {kl[0]:.1f} nats of a sample"
    least, most = int(kl.argmin()), int(kl.argmax())
    return (
        f"Codes of {counted(len(channels), 'channel')} tell {kl[least]:.1f} (channel {channels[least]}) to "
        f"{kl[most]:.1f} nats (channel {channels[most]}) of a sample"
    )

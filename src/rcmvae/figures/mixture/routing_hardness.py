"""How sure the routing is of one channel."""

import numpy as np
from matplotlib.figure import Figure

from rcmvae.diagnostics import SURE
from rcmvae.errors import percent
from rcmvae.figures import needs
from rcmvae.figures.drawing import figure
from rcmvae.figures.style import HELD_OUT, TRAIN, page
from rcmvae.findings import Findings

BINS = np.linspace(0, 1, 41).tolist()


@figure(needs.rival)
def routing_hardness(findings: Findings) -> Figure:
    """The largest responsibility of each sample, and the largest weight when routing is drawn as in training."""
    bundle = findings.bundle
    soft = bundle.responsibility.max(axis=1)
    drawn = page(
        f"{percent(float((soft >= SURE).mean()))} of the samples give {100 * SURE:.0f} % or more of their "
        f"responsibility to one channel",
        f"Over the {len(bundle):,} samples of the {bundle.split} split. Filled: the largest responsibility of a "
        f"sample, mean {soft.mean(dtype=float):.3f}. Line: the largest weight of its reconstructions, when routing is "
        f"drawn as in training, mean {bundle.hardness.mean(dtype=float):.3f}. 1 is one channel alone.",
        3.6,
    )
    axes = drawn.subplots()
    axes.hist(
        np.clip(soft, 0, 1),
        BINS,
        weights=np.full(len(soft), 100 / len(soft)),
        color=HELD_OUT,
        alpha=0.65,
        label="responsibility",
    )
    axes.hist(
        np.clip(bundle.hardness, 0, 1),
        BINS,
        weights=np.full(len(soft), 100 / len(soft)),
        histtype="step",
        color=TRAIN,
        linewidth=1.8,
        label="weight, as drawn",
    )
    axes.set_yscale("log")
    axes.set(xlabel="largest share of one channel", ylabel="% of samples", xlim=(0, 1.005))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.legend(loc="upper left")
    return drawn

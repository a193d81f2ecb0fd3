"""How many labels it would take to name what was found."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Int
from matplotlib.figure import Figure

from rcmvae.errors import counted, percent
from rcmvae.figures import needs
from rcmvae.figures.drawing import figure
from rcmvae.figures.style import HELD_OUT, QUIET, TRAIN, page
from rcmvae.findings import Findings
from rcmvae.labels import Asking, simulated, unlabelled
from rcmvae.structs import UNLABELLED

ASKED, JUDGING = 1000, 4000  # samples that may be asked about, and that judge; at most
SPOKEN = {"train": "training"}  # as a sentence says it, where it differs from the name of the split
DRAWS = 10  # of a person who is asked about anything
FEWEST, FURTHER, MOST = 20, 3, 100  # labels: so many, or so many for each channel, at most


class Curve(NamedTuple):
    """Accuracy by the number of labels, of the mean run, the worst and the best."""

    labels: Int[np.ndarray, " T"]
    mean: Float[np.ndarray, " T"]
    worst: Float[np.ndarray, " T"]
    best: Float[np.ndarray, " T"]
    judging: int  # samples, other than those that may be asked about


@figure(needs.several_labelled)
def efficiency(findings: Findings) -> Figure:
    """Accuracy against the number of labels, asked by strategy and by chance."""
    medoids, chance = curve(findings, "medoids"), curve(findings, "chance", DRAWS, apart=0)
    channels, split = int(findings.bundle.active.sum()), findings.bundle.split
    at = min(channels, len(medoids.labels)) - 1
    judging = f"other {SPOKEN.get(split, split)} samples"
    drawn = page(
        f"{counted(at + 1, 'label')} call {percent(medoids.mean[at])} of the {judging} right if the most central are "
        f"named, {percent(chance.mean[at])} if random ones are",
        f"As if somebody who knows all labels of the {split} split were asked about one sample after the other: "
        f"channels are called by these answers alone, and {medoids.judging:,} other samples judge. Random samples: the "
        f"mean of {DRAWS} orders, and from the worst to the best of them.",
        3.6,
    )
    axes = drawn.subplots()
    axes.fill_between(
        chance.labels, 100 * chance.worst, 100 * chance.best, color=HELD_OUT, alpha=0.2, linewidth=0
    )
    axes.plot(chance.labels, 100 * chance.mean, color=HELD_OUT, label="random samples")
    axes.plot(
        medoids.labels,
        100 * medoids.mean,
        color=TRAIN,
        label="the most central of each channel, then the next",
    )
    axes.axvline(channels, color=QUIET, linestyle="--", linewidth=1)
    axes.annotate(
        "a label for each channel",
        (channels, 2),
        xytext=(4, 0),
        textcoords="offset points",
        fontsize=8,
        color=QUIET,
    )
    axes.set(
        xlabel="labels", ylabel=f"% of {judging}\ncalled right", ylim=(0, 101), xlim=(1, medoids.labels[-1])
    )
    axes.legend(loc="lower right")
    return drawn


def curve(findings: Findings, strategy: str, draws: int = 1, *, apart: float = Asking.apart) -> Curve:
    """How accuracy grows under a strategy."""
    bundle = findings.bundle
    known = np.flatnonzero(bundle.truth != UNLABELLED)
    order = np.random.default_rng(0).permutation(known)
    asked = order[: min(ASKED, len(order) // 2)]
    judging = order[len(asked) :][:JUDGING]
    r, truth = bundle.responsibility.astype(float), bundle.truth
    budget = min(max(FEWEST, FURTHER * int(bundle.active.sum())), MOST, len(asked))
    groups, runs = findings.tree.cut(), []
    for draw in range(draws):
        pool = unlabelled(r[asked], bundle.mean[asked], len(bundle.label_names), draw, groups)
        found = simulated(
            pool, truth[asked], Asking([(strategy, budget)], apart=apart), (r[judging], truth[judging])
        )
        runs.append(found.accuracy)
    accuracy = np.stack(runs)
    mean, worst, best = accuracy.mean(axis=0), accuracy.min(axis=0), accuracy.max(axis=0)
    return Curve(np.arange(1, budget + 1), mean, worst, best, len(judging))

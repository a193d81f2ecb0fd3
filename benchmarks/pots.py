"""How many channels growing finds, and how pure they are, beside having all of them open from the start.

    python -m benchmarks.pots [--first 0] [--seeds 5] [--cases pots open-10 …]

Everything is without labels, and measured on the training images, whose labels nothing else looks at (but `3-classes`,
`6-classes` and the unbalanced ones choose by them which images there are). The cases `no-config-…` grow with what
`rcmvae train DATA curriculum.initial=1` takes. `groups` are the channels after merging along the tree, as far as it
proposes. The open cases get 50 epochs, about as many as growing takes. Every case writes a file of its own as soon as
it is done. Needs MNIST and Fashion-MNIST.
"""

import dataclasses
import time
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Int

from benchmarks.common import VIEWS_GUIDE, case_arguments, lasting, progress, report, trained
from rcmvae.config import Config, load_config
from rcmvae.curriculum import group_responsibility
from rcmvae.data import Arrays as Split
from rcmvae.data import load
from rcmvae.diagnostics import clustering
from rcmvae.recipes import Prepared, made_for
from rcmvae.results import channel_trees
from rcmvae.seeds import number, spread
from rcmvae.structs import Signals

Rows = Callable[[Int[np.ndarray, " N"]], Bool[np.ndarray, " N"]]

POTS, DIGITS = "configs/mnist-pots.yaml", "configs/digits-pots.yaml"
SECONDS, BOUNDS = "seconds of each epoch", "bound after each epoch"
WARM, EPOCHS, RATE = 10, 50, 1.5e-3
TOLD = {
    "purity": "{:.2%}",
    "group purity": "{:.2%}",
    "group accuracy": "{:.2%}",
    "held-out bound": "{:.1f}",
    "epochs": "{:.0f}",
    "seconds": "{:.0f}",
}
OPEN = ("curriculum=null", *lasting(EPOCHS, WARM, RATE), *VIEWS_GUIDE)

UNBALANCED = ("data.imbalance=10", "data.validation=0.083")


def first(classes: int) -> Rows:
    """The samples of so many classes."""
    return lambda truth: truth < classes


@dataclasses.dataclass(frozen=True)
class Case:
    """What is trained, on which samples."""

    config: str = POTS
    overrides: tuple[str, ...] = ()
    rows: Rows | None = None

    def asked(self, seed: int) -> Config:
        """The configuration of a run."""
        return load_config(self.config, [*self.overrides, f"training.seed={seed}"])

    def prepared(self, seed: int) -> Prepared:
        """The configuration of a run, and its data."""
        config = self.asked(seed)
        whole = load(config.data)
        if self.rows is None:
            return Prepared(config, whole)
        train, validation = self._part(whole.train), self._part(whole.validation)
        return Prepared(config, dataclasses.replace(whole, train=train, validation=validation))

    def _part(self, split: Split) -> Split:
        assert self.rows is not None
        chosen = self.rows(split.truth)
        return Split(split.x[chosen], split.label[chosen], split.truth[chosen])


@dataclasses.dataclass(frozen=True)
class Unconfigured:
    """Growing with the settings that are made for data where nothing is said."""

    data: str

    def prepared(self, seed: int) -> Prepared:
        """The configuration of a run, and its data."""
        return made_for(self.data, ["curriculum.initial=1", f"training.seed={seed}"])


CASES: dict[str, Case | Unconfigured] = {
    "pots": Case(),
    "open-10": Case(overrides=(*OPEN, "model.num_channels=10")),
    "open-20": Case(overrides=(*OPEN, "model.num_channels=20")),
    "open-30": Case(overrides=(*OPEN, "model.num_channels=30")),
    "3-classes": Case(rows=first(3)),
    "6-classes": Case(rows=first(6)),
    "unbalanced": Case(overrides=UNBALANCED),
    "open-30-unbalanced": Case(overrides=(*OPEN, *UNBALANCED, "model.num_channels=30")),
    "fashion": Case(overrides=("data={kind: fashion_mnist, validation: 5000}",)),
    "digits": Case(config=DIGITS),
    "no-config-mnist": Unconfigured("mnist"),
    "no-config-fashion": Unconfigured("fashion_mnist"),
    "no-config-digits": Unconfigured("digits"),
}


class Clock:
    """The held-out bound after each epoch, and the seconds that it took, with what was decided after it."""

    def __init__(self) -> None:
        self.seconds: list[float] = []
        self.bounds: list[float] = []
        self._last = time.monotonic()

    def __call__(self, signals: Sequence[Signals]) -> None:
        now = time.monotonic()
        self.seconds.append(now - self._last)
        self._last = now
        self.bounds.append(signals[0].validation["bound"])


def cost(pots: Sequence[dict[str, Any]], openly: Sequence[dict[str, Any]]) -> str:
    """What growing costs: how long it takes to the bound at which the open run ends, against that run's time."""
    ratios = [
        until(one, other["held-out bound"]) / sum(other[SECONDS])
        for one, other in zip(pots, openly, strict=True)
    ]
    told = ", ".join(f"{ratio:.2f}" for ratio in ratios)
    return f"time of pots to the held-out bound of open-10 in the end, over its time, by seed (inf: never): {told}"


def until(row: dict[str, Any], bound: float) -> float:
    """How long a run took to get there; infinite if it never did."""
    there = np.flatnonzero(np.array(row[BOUNDS]) <= bound)
    return sum(row[SECONDS][: there[0] + 1]) if len(there) else np.inf


def measure(name: str, seed: int) -> dict[str, Any]:
    """One run, in memory."""
    clock = Clock()
    run = trained(*CASES[name].prepared(seed), [clock])
    found = run.found
    (tree,) = channel_trees(run.setting, run.outcome.chosen)
    groups = group_responsibility(run.responsibility[0], tree.cut())
    grouped = clustering(groups.argmax(axis=-1), run.setting.dataset.train.truth)
    assert grouped is not None
    return {
        "case": name,
        "seed": seed,
        "open channels": int(run.outcome.chosen.active[0].sum()),
        "used by 2 %": int((np.bincount(run.channel) >= 0.02 * len(run.channel)).sum()),
        "impure channels": found.garbage_channels,
        "purity": found.purity,
        "accuracy": found.accuracy,
        "groups": tree.proposed,
        "group purity": grouped.purity,
        "group accuracy": grouped.accuracy,
        "heights": tree.heights.round(4).tolist(),
        "held-out bound": clock.bounds[-1],
        **run.effort,
        SECONDS: [round(one, 2) for one in clock.seconds],
        BOUNDS: [round(one, 3) for one in clock.bounds],
    }


def main() -> None:
    args = case_arguments(__doc__, CASES, seeds=5, first=0).parse_args()
    seeds = range(args.first, args.first + args.seeds)
    done: dict[str, list[dict[str, Any]]] = {}
    for case in args.cases:
        rows = done[case] = [*progress(measure(case, seed) for seed in seeds)]
        notes = [told(rows, case)]
        if case == "open-10" and "pots" in done:
            notes.append(cost(done["pots"], rows))
        report(args.results, f"pots-{case}", f"Training images, no labels: {case}", rows, notes)


def told(rows: Sequence[dict[str, Any]], case: str) -> str:
    """What the seeds of a case have in common, in a sentence."""
    told = [f"{name} {number(spread([row[name] for row in rows]), form)}" for name, form in TOLD.items()]
    open_, groups = (", ".join(str(row[name]) for row in rows) for name in ("open channels", "groups"))
    first, last = rows[0]["seed"], rows[-1]["seed"]
    return f"{case}, seeds {first} to {last}: {open_} open channels, {groups} groups; {', '.join(told)}"


if __name__ == "__main__":
    main()

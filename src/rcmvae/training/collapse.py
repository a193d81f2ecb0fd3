"""Noticing that channels say nothing about samples, while there is still time to do something about it.

Either one channel holds all of them, or each is shared among channels in the same way, whatever it looks like: then
what channels tell about samples, I(x; k) = H(mean of r) − mean of H(r), is next to nothing.
"""

from collections.abc import Callable, Sequence

import numpy as np
from scipy.special import entr

from rcmvae.errors import counted
from rcmvae.objective import ObjectiveBase
from rcmvae.structs import Signals

NEARLY_ALL = 0.99  # of the held-out samples, in one of several open channels
PATIENCE = 3  # epochs in a row
BLIND = 0.05  # of what open channels could tell
LATER = 10  # epochs in a row, and
YOUNG = 500  # steps before them: at first no training tells much
# What keeps channels in use, together.
SPREADING = {"usage_entropy": "-100", "consistency": "100", "confidence": "50"}
FOR_VECTORS = {"consistency": "'{weight: 100, views: [jitter]}'"}


class CollapseWatch:
    """Tells in a sentence when a seed has collapsed, and what to change; again only if it had recovered."""

    def __init__(
        self,
        objective: ObjectiveBase,
        shape: tuple[int, ...],
        first_seed: int,
        tell: Callable[[str], object],
    ) -> None:
        self.advice, self.first_seed, self.tell = advice(objective, shape), first_seed, tell
        # For how many epochs in a row a replica has been like that.
        self.alone: dict[int, int] = {}
        self.blind: dict[int, int] = {}

    def __call__(self, signals: Sequence[Signals]) -> None:
        """Look at an epoch."""
        for replica, one in enumerate(signals):
            several = bool(one.active.sum() > 1) and not one.idle
            held = float(one.usage.max())
            if _lasts(self.alone, replica, PATIENCE, several and held >= NEARLY_ALL):
                others = counted(int(one.active.sum()) - 1, "other open channel")
                self._tell(
                    replica,
                    f"for {PATIENCE} epochs, channel {one.usage.argmax()} holds {held:.1%} of the held-out samples, "
                    f"and the rest is for {others}",
                )
            says = float(entr(one.usage).sum()) - one.doubt
            blind = (
                several
                and one.step >= YOUNG
                and held < NEARLY_ALL
                and says < BLIND * float(np.log(one.active.sum()))
            )
            if _lasts(self.blind, replica, LATER, blind):
                self._tell(
                    replica,
                    f"for {LATER} epochs, every held-out sample has been shared among channels alike, whatever it "
                    "looks like",
                )

    def _tell(self, replica: int, what: str) -> None:
        self.tell(f"Seed {self.first_seed + replica} has collapsed: {what}. {self.advice}")


def _lasts(epochs: dict[int, int], replica: int, patience: int, now: bool) -> bool:
    """Whether something has been so for exactly so many epochs in a row."""
    epochs[replica] = epochs.get(replica, 0) + 1 if now else 0
    return epochs[replica] == patience


def advice(objective: ObjectiveBase, shape: tuple[int, ...]) -> str:
    """What to change where channels are not used by samples of this shape."""
    spreading = SPREADING if len(shape) > 1 else SPREADING | FOR_VECTORS
    missing = [
        f"objective.{name}={value}" for name, value in spreading.items() if name not in objective.terms
    ]
    if missing:
        return f"What spreads samples over channels is not in the objective: add {' '.join(missing)}."
    return (
        "Let objective.usage_entropy, consistency and confidence outweigh the reconstruction, by the same factor each, "
        "or let the reconstruction and its KL join later, as in configs/mnist.yaml."
    )

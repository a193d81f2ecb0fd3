"""Noticing that channels are lost, while there is still time to do something about it.

Either one channel holds all samples, or some hold next to none, or each sample is shared among channels in the same
way, whatever it looks like: then what channels tell about samples, I(x; k) = H(mean of r) − mean of H(r), is next to
nothing.
"""

from collections.abc import Callable, Sequence

import jax.numpy as jnp
import numpy as np
from scipy.special import entr

from rcmvae.errors import counted, in_words
from rcmvae.objective import ObjectiveBase
from rcmvae.structs import Signals
from rcmvae.training.state import Plan

NEARLY_ALL = 0.99  # of the held-out samples, in one of several open channels
PATIENCE = 3  # epochs in a row
BLIND = 0.05  # of what open channels could tell
DEAD = 0.1  # of an equal share
LATER = 10  # epochs in a row, and
YOUNG = 500  # steps before them: at first no training tells much
# What keeps channels in use, together. Where they do not grow, the first counts at least this many times the last.
TIMES = 2
SPREADING = {"usage_entropy": -100.0, "consistency": 100.0, "confidence": 50.0}
FOR_VECTORS = {"consistency": "'{weight: 100, views: [jitter]}'"}


class CollapseWatch:
    """Tells in a sentence when a seed has lost channels, and what to change; again only if it had recovered."""

    def __init__(
        self,
        objective: ObjectiveBase,
        shape: tuple[int, ...],
        first_seed: int,
        tell: Callable[[str], object],
        *,
        grows: bool = False,
    ) -> None:
        self.objective, self.shape, self.first_seed, self.tell = objective, shape, first_seed, tell
        self.grows = grows  # then an empty channel is closed or opened anew, and none has to be kept alive
        # For how many epochs in a row a replica, or a channel of it, has been like that.
        self.epochs: dict[tuple[str | int, ...], int] = {}

    @classmethod
    def of(cls, plan: Plan, shape: tuple[int, ...], tell: Callable[[str], object]) -> "CollapseWatch":
        """For a training by this plan."""
        return cls(plan.objective, shape, plan.options.seed, tell, grows=plan.curriculum is not None)

    def __call__(self, signals: Sequence[Signals]) -> None:
        """Look at an epoch."""
        for replica, one in enumerate(signals):
            several, old = bool(one.active.sum() > 1) and not one.idle, one.step >= YOUNG
            alone = several and float(one.usage.max()) >= NEARLY_ALL
            says = float(entr(one.usage).sum()) - one.doubt
            told_apart = says >= BLIND * float(np.log(one.active.sum()))
            empty = self._empty(replica, one, several and old and not alone and not self.grows)
            if self._lasts(("alone", replica), PATIENCE, alone):
                self._collapsed(replica, one, _all_in_one(one))
            if self._lasts(("blind", replica), LATER, several and old and not alone and not told_apart):
                self._collapsed(
                    replica,
                    one,
                    f"for {LATER} epochs, every held-out sample has been shared among channels alike, whatever it "
                    "looks like",
                )
            if self._lasts(("dead", replica), 1, bool(empty)):
                self._died(replica, one, empty)

    def _empty(self, replica: int, one: Signals, counts: bool) -> list[int]:
        """The open channels that have held next to nothing for so long that nothing will bring them back."""
        next_to_nothing = counts & one.active & (one.usage < DEAD / max(int(one.active.sum()), 1))
        for channel, now in enumerate(next_to_nothing):
            self._lasts(("empty", replica, channel), LATER, bool(now))
        return [k for k in range(len(one.usage)) if self.epochs["empty", replica, k] >= LATER]

    def _lasts(self, what: tuple[str | int, ...], patience: int, now: bool) -> bool:
        """Whether something has been so for exactly so many epochs in a row."""
        self.epochs[what] = self.epochs.get(what, 0) + 1 if now else 0
        return self.epochs[what] == patience

    def _advice(self, one: Signals) -> str:
        return advice(self.objective, self.shape, one.epoch, times=1 if self.grows else TIMES)

    def _collapsed(self, replica: int, one: Signals, what: str) -> None:
        change = self._advice(one)
        self.tell(f"Seed {self.first_seed + replica} has collapsed: {what}. {change}")

    def _died(self, replica: int, one: Signals, empty: Sequence[int]) -> None:
        which = f"channel{'s' * (len(empty) > 1)} {in_words([str(k) for k in empty])}"
        self.tell(
            f"Seed {self.first_seed + replica} has lost {which} of {int(one.active.sum())}: for {LATER} epochs, less "
            "than a tenth of an equal share of the held-out samples. If the data have so many kinds: "
            f"{self._advice(one)}"
        )


def _all_in_one(one: Signals) -> str:
    others = counted(int(one.active.sum()) - 1, "other open channel")
    return (
        f"for {PATIENCE} epochs, channel {one.usage.argmax()} holds {one.usage.max():.1%} of the held-out samples, and "
        f"the rest is for {others}"
    )


def advice(objective: ObjectiveBase, shape: tuple[int, ...], epoch: int = 0, times: float = TIMES) -> str:
    """What to change where channels are not used by samples of this shape, by the weights of that epoch."""
    given = {
        name: float(objective.terms[name].weight(jnp.float32(epoch))) if name in objective.terms else 0.0
        for name in SPREADING
    }
    wanted = {name: value for name, value in SPREADING.items() if given[name] * value <= 0}
    spread, sure = (wanted.get(name, given[name]) for name in ("usage_entropy", "confidence"))
    if -spread < times * sure:
        wanted["usage_entropy"] = -times * sure
    if not wanted:
        return (
            "Let objective.usage_entropy, consistency and confidence outweigh the reconstruction, by the same factor "
            "each, or let the reconstruction and its KL join later, as in configs/mnist.yaml."
        )
    changes = " ".join(
        _override(objective, shape, name, wanted[name]) for name in SPREADING if name in wanted
    )
    return f"What spreads samples over channels is missing or too weak: set {changes}."


def _override(objective: ObjectiveBase, shape: tuple[int, ...], name: str, value: float) -> str:
    if name in objective.terms:
        return f"objective.{name}.weight={value:g}"
    whole = f"{value:g}" if len(shape) > 1 else FOR_VECTORS.get(name, f"{value:g}")
    return f"objective.{name}={whole}"

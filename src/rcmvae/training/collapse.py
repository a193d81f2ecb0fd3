"""Noticing that all samples go to one channel, while there is still time to do something about it."""

from collections.abc import Callable, Sequence

from rcmvae.objective import ObjectiveBase
from rcmvae.structs import Signals

NEARLY_ALL = 0.99  # of the held-out samples, in one of several open channels
PATIENCE = 3  # epochs in a row
SPREADING = {
    "usage_entropy": -100.0,
    "consistency": 100.0,
    "confidence": 50.0,
}  # that keep channels in use, together


class CollapseWatch:
    """Tells in a sentence, once for each seed, that it has collapsed, and what to change."""

    def __init__(self, objective: ObjectiveBase, first_seed: int, tell: Callable[[str], object]) -> None:
        self.advice, self.first_seed, self.tell = advice(objective), first_seed, tell
        self.epochs: dict[int, int] = {}  # for how many in a row a replica has been like that

    def __call__(self, signals: Sequence[Signals]) -> None:
        """Look at an epoch."""
        for replica, one in enumerate(signals):
            alone = one.active.sum() > 1 and one.usage.max() >= NEARLY_ALL and not one.idle
            self.epochs[replica] = self.epochs.get(replica, 0) + 1 if alone else 0
            if self.epochs[replica] == PATIENCE:
                channel = int(one.usage.argmax())
                self.tell(
                    f"Seed {self.first_seed + replica} has collapsed: for {PATIENCE} epochs, channel {channel} holds "
                    f"{one.usage.max():.1%} of the held-out samples, and {one.active.sum() - 1} other open channels "
                    f"share the rest. {self.advice}"
                )


def advice(objective: ObjectiveBase) -> str:
    """What to change where channels are not used."""
    terms = objective.terms
    missing = [f"objective.{name}={weight:g}" for name, weight in SPREADING.items() if name not in terms]
    if missing:
        return f"What spreads samples over channels is not in the objective: add {' '.join(missing)}."
    return (
        "Let objective.usage_entropy, consistency and confidence outweigh the reconstruction, by the same factor each, "
        "or let the reconstruction and its KL join later, as in configs/mnist.yaml."
    )

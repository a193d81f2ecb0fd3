"""Noticing that all samples go to one channel, while there is still time to do something about it."""

from collections.abc import Callable, Sequence

from rcmvae.errors import counted
from rcmvae.objective import ObjectiveBase
from rcmvae.structs import Signals

NEARLY_ALL = 0.99  # of the held-out samples, in one of several open channels
PATIENCE = 3  # epochs in a row
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
        self.epochs: dict[int, int] = {}  # for how many in a row a replica has been like that

    def __call__(self, signals: Sequence[Signals]) -> None:
        """Look at an epoch."""
        for replica, one in enumerate(signals):
            alone = one.active.sum() > 1 and one.usage.max() >= NEARLY_ALL and not one.idle
            self.epochs[replica] = self.epochs.get(replica, 0) + 1 if alone else 0
            if self.epochs[replica] == PATIENCE:
                channel, others = (
                    int(one.usage.argmax()),
                    counted(int(one.active.sum()) - 1, "other open channel"),
                )
                self.tell(
                    f"Seed {self.first_seed + replica} has collapsed: for {PATIENCE} epochs, channel {channel} holds "
                    f"{one.usage.max():.1%} of the held-out samples, and the rest is for {others}. {self.advice}"
                )


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

"""What a strategy may look at when it says which samples a person should name."""

import dataclasses

import numpy as np
from jaxtyping import Bool, Float, Int

from rcmvae.labels.tau import Tau


@dataclasses.dataclass(frozen=True)
class Pool:
    """Samples, what the model says of them, and the labels that are known."""

    r: Float[np.ndarray, "N K"]
    code: Float[np.ndarray, "N D"]  # the mean of each sample's posterior in its own channel
    label: Int[np.ndarray, " N"]  # −1 where it is not known
    tau: Tau  # with the known labels counted
    seed: int = 0  # of what is drawn

    @property
    def channel(self) -> Int[np.ndarray, " N"]:
        """Where each sample belongs."""
        return self.r.argmax(axis=1)

    @property
    def unknown(self) -> Bool[np.ndarray, " N"]:
        """The samples that may be asked for."""
        return self.label < 0

    @property
    def rng(self) -> np.random.Generator:
        """Draws that depend on the seed and on how much is known."""
        return np.random.default_rng([self.seed, int((~self.unknown).sum())])


def distances(pool: Pool) -> Float[np.ndarray, " N"]:
    """How far each code lies from the middle of its channel, in spreads of that channel.

    The middle is the median: a few samples that do not belong there should not move it.
    """
    found, channel = np.zeros(len(pool.r)), pool.channel
    for k in np.unique(channel):
        mine = channel == k
        away = pool.code[mine] - np.median(pool.code[mine], axis=0)
        spread = np.sqrt(np.mean(away**2, axis=0))
        found[mine] = np.linalg.norm(away / np.where(spread > 0, spread, 1.0), axis=1)
    return found

"""When to stop, and which weights were the best so far. Each replica has its own answer."""

import dataclasses
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from rcmvae.model import Model
from rcmvae.training.options import EarlyStopping


@dataclasses.dataclass(frozen=True)
class Patience:
    """Best value and epoch of every replica, and whether it has stopped. Part of every checkpoint."""

    best: Float[np.ndarray, " R"]
    best_epoch: Int[np.ndarray, " R"]
    stopped: Bool[np.ndarray, " R"]

    @classmethod
    def init(cls, replicas: int) -> "Patience":
        return cls(np.full(replicas, math.inf), np.zeros(replicas, int), np.zeros(replicas, bool))

    def step(
        self, options: EarlyStopping, epoch: int, value: Float[np.ndarray, " R"]
    ) -> tuple["Patience", Bool[np.ndarray, " R"]]:
        """The state after an epoch, and which replicas improved in it."""
        improved = ~self.stopped & (value < self.best - options.min_delta)
        best_epoch = np.where(improved, epoch, self.best_epoch)
        stopped = self.stopped | (epoch - best_epoch >= options.patience)
        return Patience(np.where(improved, value, self.best), best_epoch, stopped), improved

    def to_json(self) -> dict[str, list[Any]]:
        return {name: value.tolist() for name, value in dataclasses.asdict(self).items()}

    @classmethod
    def from_json(cls, saved: dict[str, list[Any]]) -> "Patience":
        return cls(
            np.array(saved["best"], float),
            np.array(saved["best_epoch"], int),
            np.array(saved["stopped"], bool),
        )


@jax.jit
def keep_improved(improved: Bool[Array | np.ndarray, " R"], new: Model, best: Model) -> Model:
    """The new weights of the replicas that improved, the best ones of the others."""

    def choose(new_leaf: Array, best_leaf: Array) -> Array:
        mask = improved.reshape(-1, *(1,) * (new_leaf.ndim - 1))
        return jnp.where(jnp.broadcast_to(mask, new_leaf.shape), new_leaf, best_leaf)

    return jax.tree.map(choose, new, best)

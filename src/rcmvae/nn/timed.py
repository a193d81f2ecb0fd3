"""Layers that change on a schedule rather than by learning."""

from abc import abstractmethod
from typing import TypeVar

import equinox as eqx
import jax
from jaxtyping import Array, Float

Tree = TypeVar("Tree")


class Timed(eqx.Module):
    """Base of layers with a scheduled value."""

    @abstractmethod
    def at(self, time: Float[Array, ""]) -> "Timed":
        """The layer after `time` epochs of training."""


def at_time(tree: Tree, time: Float[Array, ""]) -> Tree:
    """A network with each of its timed layers as it is after `time` epochs."""

    def is_timed(node: object) -> bool:
        return isinstance(node, Timed)

    return jax.tree.map(lambda node: node.at(time) if is_timed(node) else node, tree, is_leaf=is_timed)

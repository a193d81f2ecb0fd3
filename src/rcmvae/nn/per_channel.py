"""Which arrays of a network belong to one channel each, so that channels can be copied and merged."""

from abc import abstractmethod
from collections.abc import Callable
from typing import TypeVar

import equinox as eqx
import jax
from jaxtyping import Array, Float, PyTree

Tree = TypeVar("Tree", bound=PyTree)
Rows = Float[Array, "K *T"]


class PerChannel(eqx.Module):
    """Base of modules with arrays that hold a row for each channel."""

    @abstractmethod
    def map_channels(self, change: Callable[[Rows], Rows]) -> "PerChannel":
        """The module with every such array, its channel axis first, put through `change`."""


def map_channels(tree: Tree, change: Callable[[Rows], Rows]) -> Tree:
    """Put every array with a row per channel through `change`, wherever in the tree it is."""

    def is_per_channel(node: object) -> bool:
        return isinstance(node, PerChannel)

    return jax.tree.map(
        lambda node: node.map_channels(change) if is_per_channel(node) else node, tree, is_leaf=is_per_channel
    )

"""Terms on the weights themselves, and which arrays count as weights."""

from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from rcmvae.objective.term import Evidence, Term


def is_weight(path: tuple[Any, ...]) -> bool:
    """Whether the array at this path of a model is a weight matrix: no bias, gain, embedding or pseudo-input."""
    return isinstance(path[-1], jax.tree_util.GetAttrKey) and path[-1].name == "weight"


class L1(Term):
    """Σ |w| over the weight matrices: the same ones that weight decay acts on."""

    def __call__(self, evidence: Evidence) -> Float[Array, ""]:
        leaves, _ = jax.tree_util.tree_flatten_with_path(evidence.model)
        return sum((jnp.sum(jnp.abs(leaf)) for path, leaf in leaves if is_weight(path)), jnp.zeros(()))

"""How the batch spreads over the channels. With a second view, both looks count as samples."""

from typing import ClassVar

import jax.numpy as jnp
from jaxtyping import Array, Float
from pydantic import Field

from rcmvae.objective.term import Evidence, Term


def entropy(p: Float[Array, "*B K"], log_p: Float[Array, "*B K"]) -> Float[Array, "*B"]:
    """H(p) = −Σ_k p_k log p_k, exact where p_k is 0."""
    return -jnp.sum(jnp.where(p > 0, p * log_p, 0.0), axis=-1)


def mean_responsibility(evidence: Evidence) -> Float[Array, " K"]:
    """Mean of r over the real samples of the batch, and of their views."""
    batch, forward = evidence.batch, evidence.forward
    looks = [forward.selection.responsibility]
    if forward.view_log_responsibility is not None:
        looks.append(jnp.exp(forward.view_log_responsibility))
    share = batch.weight / jnp.maximum(jnp.sum(batch.weight), 1.0)
    return jnp.mean(jnp.stack([share @ r for r in looks]), axis=0)


class UsageEntropy(Term):
    """H(mean of r over the batch). A negative weight rewards spread, a positive one concentration."""

    may_be_rewarded: ClassVar[bool] = True

    def __call__(self, evidence: Evidence) -> Float[Array, ""]:
        usage = mean_responsibility(evidence)
        return entropy(usage, jnp.log(jnp.where(usage > 0, usage, 1.0)))


class Confidence(Term):
    """H(r): low when each sample is sure of its channel."""

    may_be_rewarded: ClassVar[bool] = True

    def __call__(self, evidence: Evidence) -> Float[Array, " B"]:
        forward = evidence.forward
        own = entropy(forward.selection.responsibility, forward.selection.log_responsibility)
        if forward.view_log_responsibility is None:
            return own
        log_view = forward.view_log_responsibility
        return 0.5 * (own + entropy(jnp.exp(log_view), log_view))


class UsageFloor(Term):
    """Σ_{k∈A} max(0, ε/|A| − mean r_k): no open channel may starve, none must be equally used."""

    epsilon: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="Share of an equal part that every open channel should hold at least.",
    )

    def __call__(self, evidence: Evidence) -> Float[Array, ""]:
        active = evidence.context.active
        floor = self.epsilon / jnp.sum(active)
        return jnp.sum(jnp.where(active, jnp.maximum(0.0, floor - mean_responsibility(evidence)), 0.0))

"""Priors on the channel's logits, on the responsibilities and on π."""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float
from pydantic import Field, PositiveFloat

from rcmvae.objective.term import Evidence, Term


class LogitMog(Term):
    """−log 1/|A| Σ_{k∈A} N(y_A; M e_k, σ² I): raw logits drawn to the corners; how peaked is a matter of M/σ.

    y_A are the logits of the open channels, so a closed channel's logit costs nothing and gets no gradient.
    """

    mean: float = Field(default=7.0, description="M: how far from 0 the logit of one channel is drawn.")
    sigma: PositiveFloat = Field(
        default=1.0, description="The standard deviation of the logits around that corner."
    )

    def __call__(self, evidence: Evidence) -> Float[Array, " B"]:
        y, M = evidence.forward.posterior.logits, self.mean
        active = jnp.broadcast_to(evidence.context.active, y.shape)
        count = jnp.sum(evidence.context.active)
        open_y = jnp.where(active, y, 0.0)
        # ‖y − M e_k‖² = ‖y‖² − 2 M y_k + M²
        square = jnp.sum(open_y**2, axis=-1, keepdims=True) - 2 * M * open_y + M**2
        # N = |A|:  log N(y; ·, σ² I) = −½ ‖·‖² / σ² − |A| log σ − |A|/2 · log 2π
        log_each = -0.5 * square / self.sigma**2 - count * (
            math.log(self.sigma) + 0.5 * math.log(2 * math.pi)
        )
        return jnp.log(count) - jax.nn.logsumexp(log_each, axis=-1, where=active)


class Dirichlet(Term):
    """−Σ_{k∈A} (α − 1) log r_k: a simplex prior on r itself, up to its constant."""

    alpha: PositiveFloat = Field(
        default=0.9, description="α: below 1 favours sure choices, above 1 mixed ones."
    )

    def __call__(self, evidence: Evidence) -> Float[Array, " B"]:
        log_r = evidence.forward.selection.log_responsibility
        active = jnp.broadcast_to(evidence.context.active, log_r.shape)
        return -(self.alpha - 1) * jnp.sum(jnp.where(active, log_r, 0.0), axis=-1)


class DirichletPi(Term):
    """−Σ_{k∈A} (α − 1) log π_k: a penalty on π, up to its constant."""

    alpha: PositiveFloat = Field(
        default=2.0,
        description="α: above 1 keeps the channels' probabilities alike, below 1 drives them apart.",
    )

    def __call__(self, evidence: Evidence) -> Float[Array, ""]:
        log_pi = jnp.where(evidence.context.active, evidence.forward.log_pi, 0.0)
        return -(self.alpha - 1) * jnp.sum(log_pi)

"""Terms that look at labels.

Each is averaged over the labelled samples of a batch, so that a few labels weigh as much as many. Over a split, it is
the mean of its batches' averages.
"""

from typing import ClassVar

import jax.numpy as jnp
from jax.nn import log_softmax, logsumexp
from jaxtyping import Array, Float
from pydantic import Field, PositiveFloat

from rcmvae.objective.term import Evidence, Term
from rcmvae.structs import Batch


class Classifier(Term):
    """Cross-entropy of the separate classifier head."""

    learns_from_labels: ClassVar[bool] = True

    def __call__(self, evidence: Evidence) -> Float[Array, ""]:
        logits = evidence.forward.class_logits
        assert logits is not None
        return -mean_of_labelled(evidence.batch, log_softmax(logits))


class Tau(Term):
    """−log Σ_c r_c τ_cy: labelled samples go to the channels that stand for their label.

    τ is counted from all labelled training samples as each epoch begins, and is constant until the next.
    """

    learns_from_labels: ClassVar[bool] = True

    smoothing: PositiveFloat | None = Field(
        default=None,
        description="What every label counts in every channel before any is seen; 1 shared among all labels if null.",
    )

    def __call__(self, evidence: Evidence) -> Float[Array, ""]:
        log_r, tau = evidence.forward.selection.log_responsibility, evidence.context.tau
        assert tau is not None
        # log Σ_c r_c τ_cy, in logarithms: closed channels have log r = −∞
        log_p = logsumexp(log_r[:, :, None] + jnp.log(tau)[None], axis=1)
        return -mean_of_labelled(evidence.batch, log_p)

    def table(self, counts: Float[Array, "K Y"]) -> Float[Array, "K Y"]:
        """τ_cy = (s_cy + α) / Σ_y (s_cy + α)."""
        alpha = 1 / counts.shape[1] if self.smoothing is None else self.smoothing
        smoothed = counts + alpha
        return smoothed / jnp.sum(smoothed, axis=1, keepdims=True)


def mean_of_labelled(batch: Batch, log_p: Float[Array, "B Y"]) -> Float[Array, ""]:
    """The mean of log p(y | x) over the samples whose y is known."""
    labelled = (batch.label >= 0) * batch.weight
    of_label = jnp.take_along_axis(log_p, jnp.maximum(batch.label, 0)[:, None], axis=-1)[:, 0]
    return jnp.sum(labelled * of_label) / jnp.maximum(jnp.sum(labelled), 1.0)

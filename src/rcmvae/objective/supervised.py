"""Terms that look at labels. The τ classifier's term belongs here too."""

import jax.numpy as jnp
from jax.nn import log_softmax
from jaxtyping import Array, Float

from rcmvae.objective.term import Evidence, Term


class Classifier(Term):
    """Cross-entropy of the separate classifier head, averaged over the labelled samples of the batch.

    So a few labels weigh as much as many. Over a split, it is the mean of its batches' averages.
    """

    def __call__(self, evidence: Evidence) -> Float[Array, ""]:
        logits, label = evidence.forward.class_logits, evidence.batch.label
        assert logits is not None
        labelled = (label >= 0) * evidence.batch.weight
        log_p = jnp.take_along_axis(log_softmax(logits), jnp.maximum(label, 0)[:, None], axis=-1)[:, 0]
        return -jnp.sum(labelled * log_p) / jnp.maximum(jnp.sum(labelled), 1.0)

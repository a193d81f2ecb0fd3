"""Ask where the label would teach most about what channels stand for (Bayesian active learning by disagreement)."""

import numpy as np
from jaxtyping import Float
from scipy.special import entr

from rcmvae.labels.acquisition.base import Pool

DRAWS = 32


def bald(pool: Pool) -> Float[np.ndarray, " N"]:
    """I(y; τ | x) = H(E_τ p(y | x, τ)) − E_τ H(p(y | x, τ)), with τ_c ~ Dirichlet(s_c + α) as the counts have it.

    It is high for samples of channels that few labels have been seen in, and 0 once counting more changes nothing.
    """
    rng, counts = pool.rng, pool.tau.counts + pool.tau.smoothing
    gamma = rng.standard_gamma(np.broadcast_to(counts, (DRAWS, *counts.shape)))
    tau = gamma / np.maximum(gamma.sum(axis=2, keepdims=True), np.finfo(float).tiny)
    mean, left = np.zeros((len(pool.r), counts.shape[1])), np.zeros(len(pool.r))
    for drawn in tau:
        p = pool.r @ drawn
        mean += p / DRAWS
        left += entr(p).sum(axis=1) / DRAWS
    return np.maximum(entr(mean).sum(axis=1) - left, 0.0)

"""Where doubt about a label comes from: channels that stand for several, or not knowing the channel."""

from typing import NamedTuple

import numpy as np
from jaxtyping import Float
from scipy.special import entr

from rcmvae.labels.tau import Tau


class Uncertainty(NamedTuple):
    """In nats; total = aleatoric + epistemic, and none is below 0."""

    total: Float[np.ndarray, " N"]  # H(p(y | x))
    aleatoric: Float[np.ndarray, " N"]  # Σ_c r_c H(τ_c): a channel stands for several labels
    epistemic: Float[
        np.ndarray, " N"
    ]  # I(y; c | x): channels that would say different things come into question


def uncertainty(tau: Tau, r: Float[np.ndarray, "N K"]) -> Uncertainty:
    """The doubt about each sample's label, in its two parts.

    >>> tau = Tau(np.array([[9.0, 0.0], [0.0, 9.0]]), 1e-9)
    >>> doubt = uncertainty(tau, np.array([[0.5, 0.5]]))
    >>> doubt.epistemic.round(4).tolist(), doubt.aleatoric.round(4).tolist()
    ([0.6931], [0.0])
    """
    total = entr(tau.predict_proba(r)).sum(axis=1)
    aleatoric = r @ entr(tau.table).sum(axis=1)
    return Uncertainty(total, aleatoric, np.maximum(total - aleatoric, 0.0))

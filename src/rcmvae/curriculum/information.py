"""What channels tell about a sample: the information that two views of it share, and what one distinction adds.

`joint` is the mean over samples of r(x) r(x')ᵀ made symmetric: entries sum to 1, rows of closed channels are 0.
All values are in nats. With p the row sums, m = pᵢ + pⱼ the mass of a pair and ΔI its split information, the purity of
its split is ΔI / (m H₂(pᵢ / m)): 1 for any clean split, however unequal, and 0 for a channel split at random.

It can pass 1, up to 2, where views of i and of j land less in i and j than in channels that tell the two apart.
"""

import numpy as np
from jaxtyping import Float
from scipy.special import entr, xlogy

from rcmvae.errors import ConfigError


def mutual_information(joint: Float[np.ndarray, "K K"]) -> float:
    """The information that the channel of one view carries about the channel of the other.

    >>> round(mutual_information(np.array([[0.5, 0.0], [0.0, 0.5]])), 4)
    0.6931
    >>> mutual_information(np.full((2, 2), 0.25))
    0.0
    """
    J = joint.astype(float)
    # I = H(p) + H(q) − H(J)
    return float(entr(J.sum(axis=1)).sum() + entr(J.sum(axis=0)).sum() - entr(J).sum())


def split_information(joint: Float[np.ndarray, "K K"], i: int, j: int) -> float:
    """What telling i from j is worth: ΔI = I(joint) − I(joint with the two merged into one).

    >>> round(split_information(np.diag([0.5, 0.25, 0.25]), 1, 2), 4)
    0.3466
    """
    _two_channels(joint, i, j)
    J = joint.astype(float)
    pair = np.array([i, j])
    U = mixing(J[i], J[j]).sum()
    return float(gain(J.sum(axis=1)[pair], J[np.ix_(pair, pair)], np.full((2, 2), U))[0, 1])


def purity_of_split(joint: Float[np.ndarray, "K K"], i: int, j: int) -> float:
    """The split information as a share of what a clean split of these sizes is worth; 0 where one has no mass.

    >>> round(purity_of_split(np.diag([0.9, 0.1]), 0, 1), 6)
    1.0
    >>> purity_of_split(np.full((2, 2), 0.25), 0, 1)
    0.0
    """
    told = split_information(joint, i, j)
    p = joint.sum(axis=1, dtype=float)
    # ΔI / (m H₂(pᵢ / m))
    worth = float(mixing(p[[i]], p[[j]])[0])
    return told / worth if worth > 0 else 0.0


def mixing(a: Float[np.ndarray, "..."], b: Float[np.ndarray, "..."]) -> Float[np.ndarray, "..."]:
    """The entropy of "which of the two?", times their mass: (a + b) H₂(a / (a + b)), elementwise.

    Right to the last digits even where one is tiny beside the other.

    >>> mixing(np.array([1.0, 0.3]), np.array([1.0, 0.0])).round(4).tolist()
    [1.3863, 0.0]
    """
    large = np.maximum(a, b)
    t = np.divide(np.minimum(a, b), large, out=np.zeros_like(large), where=large > 0)
    # large · ((1 + t) ln(1 + t) − t ln t)
    return large * ((1 + t) * np.log1p(t) - xlogy(t, t))


def undecided(joint: Float[np.ndarray, "K K"]) -> Float[np.ndarray, "K K"]:
    """How much of "i or j?" is still open once the channel of the other view is known: Σ_c mixing(J_ic, J_jc).

    >>> undecided(np.array([[0.3, 0.2], [0.2, 0.3]])).round(4).tolist()
    [[0.6931, 0.673], [0.673, 0.6931]]
    """
    U = np.zeros(joint.shape)
    for column in joint.T.astype(float):
        U += mixing(column[:, None], column[None])
    return U


def gain(
    p: Float[np.ndarray, " K"], J: Float[np.ndarray, "K K"], U: Float[np.ndarray, "K K"]
) -> Float[np.ndarray, "K K"]:
    """The split information of every pair, from the row sums p and from what is undecided; 0 on the diagonal.

    >>> J = np.diag([0.5, 0.5])
    >>> gain(J.sum(axis=1), J, undecided(J)).round(4).tolist()
    [[0.0, 0.6931], [0.6931, 0.0]]
    """
    own = np.broadcast_to(np.diagonal(J)[:, None], J.shape)
    # First merge the pair for one view, then for the other. With h = mixing, the two steps cost
    #   h(pᵢ, pⱼ) − U   and   h(pᵢ, pⱼ) − (U − h(Jᵢᵢ, Jᵢⱼ) − h(Jⱼⱼ, Jᵢⱼ) + h(Jᵢᵢ + Jᵢⱼ, Jⱼⱼ + Jᵢⱼ))
    within = mixing(own, J) + mixing(own.T, J) - mixing(own + J, own.T + J)
    told = 2 * mixing(p[:, None], p[None]) - 2 * U + within
    np.fill_diagonal(told, 0.0)
    return told


def _two_channels(joint: Float[np.ndarray, "K K"], i: int, j: int) -> None:
    K = len(joint)
    if i == j or not (0 <= i < K and 0 <= j < K):
        raise ConfigError(f"Channels {i} and {j} are no pair: name two different channels of 0 to {K - 1}.")

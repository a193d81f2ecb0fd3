"""The nearest others of each of many points: among all of them, or within a neighbourhood where they are too many."""

from collections.abc import Iterator

import numpy as np
from jaxtyping import Float, Int, Int32

EXACT = 100_000  # points that are all compared with all: the time grows with their square
CELL = 500  # points of a cell on average, where there are more
PROBED = 16  # cells, a point's own among them, in which its neighbours are looked for
FITTED_ON = 50  # points for each cell tell where its centre is


def nearest(points: Float[np.ndarray, "N C"], number: int) -> Int32[np.ndarray, "N {number}"]:
    """The rows of the nearest others, by Euclidean distance, the nearest first: exact up to `EXACT` points."""
    return among_all(points, number) if len(points) <= EXACT else among_near_cells(points, number)


def among_all(points: Float[np.ndarray, "N C"], number: int) -> Int32[np.ndarray, "N {number}"]:
    """By comparing all with all."""
    everything = np.arange(len(points))
    return _nearest_of(points, everything, everything, number)


def among_near_cells(
    points: Float[np.ndarray, "N C"], number: int, cell: int = CELL, probed: int = PROBED
) -> Int32[np.ndarray, "N {number}"]:
    """By comparing each with those of its own cell and of the nearest other ones: most of the nearest are among them.

    Cells are those of k-means. Exact where all are probed. The time grows a little faster than the number of points.
    """
    found = np.empty((len(points), number), np.int32)
    for members, candidates in _neighbourhoods(points, number, cell, probed):
        found[members] = _nearest_of(points, members, candidates, number)
    return found


def _neighbourhoods(
    points: Float[np.ndarray, "N C"], number: int, cell: int, probed: int
) -> Iterator[tuple[Int[np.ndarray, " m"], Int[np.ndarray, " n"]]]:
    """The rows of every cell, and those among which their neighbours are: themselves and others, more than `number`."""
    from sklearn.cluster import MiniBatchKMeans  # noqa: PLC0415 — slow to import, and only needed here
    from sklearn.metrics import pairwise_distances_argmin  # noqa: PLC0415

    cells = max(1, len(points) // cell)
    rng = np.random.default_rng(0)
    fitted_on = np.sort(rng.permutation(len(points))[: FITTED_ON * cells])
    means = MiniBatchKMeans(cells, batch_size=4096, max_iter=10, random_state=0)
    centres = np.asarray(means.fit(points[fitted_on]).cluster_centers_, points.dtype)
    home = pairwise_distances_argmin(points, centres)
    sizes = np.bincount(home, minlength=cells)
    members = np.split(np.argsort(home, kind="stable"), np.cumsum(sizes)[:-1])
    for k in np.flatnonzero(sizes).tolist():
        away = ((centres - centres[k]) ** 2).sum(axis=1)
        away[k] = -1  # of equal centres its own comes first
        nearest_first = np.argsort(away, kind="stable")
        enough = int(np.searchsorted(np.cumsum(sizes[nearest_first]), number, side="right")) + 1
        yield members[k], np.concatenate([members[j] for j in nearest_first[: max(probed, enough)]])


def _nearest_of(
    points: Float[np.ndarray, "N C"],
    members: Int[np.ndarray, " m"],
    candidates: Int[np.ndarray, " n"],
    number: int,
) -> Int32[np.ndarray, "m {number}"]:
    """The nearest of the candidates to each member but itself; members are candidates too."""
    from sklearn.neighbors import NearestNeighbors  # noqa: PLC0415

    # The 16 nearest of 55,000 MNIST images on 2 cores, shared with other work: this 17 s, for it holds no distances;
    # jax.lax.top_k on blocks of 512 rows 25 s, np.argpartition on them 33 s, jax.lax.approx_min_k 760 s.
    index = NearestNeighbors(n_neighbors=number + 1, algorithm="brute").fit(points[candidates])
    rows = candidates[index.kneighbors(points[members], return_distance=False)]
    # Of many equal samples a sample itself may not be found; then the farthest is one too many.
    own = rows == members[:, None]
    own[:, -1] |= ~own.any(axis=1)
    return rows[~own].reshape(len(members), number).astype(np.int32)

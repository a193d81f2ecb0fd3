"""Which samples are most alike: the nearest neighbours of each sample among the others of its split."""

import hashlib

import numpy as np
from jaxtyping import Float, Int32

from rcmvae.data.arrays import Stored
from rcmvae.data.nearest import CELL, EXACT, PROBED, nearest
from rcmvae.data.scaling import Scaling
from rcmvae.data.shelf import kept

METHOD = 1  # counts the ways in which neighbours were ever found: what another one found is not taken for this one's
# Standard deviation, as a share of the side: a stroke next to another is almost the same stroke.
BLUR = 1 / 28
COMPONENTS = 64
FITTED_ON = 5_000  # samples that tell in which directions all vary most
WORTH_KEEPING = 5_000  # samples: fewer are looked through in less than a second
AT_A_TIME = 1 << 26  # numbers: as float32, 256 MiB


def neighbours_of(x: Stored, scaling: Scaling, number: int) -> Int32[np.ndarray, "N M"]:
    """The rows of the `number` nearest others of each sample, the nearest first; of all others where there are fewer.

    Nearest in what the model sees, with images slightly blurred, along the 64 directions that vary most; among more
    than 100,000 samples nearly all of the nearest are found. Large splits are looked through once: what is found is
    kept, under a name made of all that it depends on.
    """

    def found() -> Int32[np.ndarray, "N M"]:
        return nearest(features(x, scaling), min(number, len(x) - 1))

    return found() if len(x) < WORTH_KEEPING else kept("neighbours", _name(x, scaling, number), found)


def features(x: Stored, scaling: Scaling) -> Float[np.ndarray, "N C"]:
    """What samples are compared by."""
    chunk = max(1, AT_A_TIME // max(1, x[:1].size))
    rows = np.sort(np.random.default_rng(0).permutation(len(x))[: min(FITTED_ON, chunk)])
    sample = _seen(x[rows], scaling)
    centre = sample.mean(axis=0)
    directions = _directions(sample - centre)
    parts = (x[start : start + chunk] for start in range(0, len(x), chunk))
    return np.concatenate([(_seen(part, scaling) - centre) @ directions for part in parts])


def _seen(x: Stored, scaling: Scaling) -> Float[np.ndarray, "N F"]:
    """Samples as the model sees them, images blurred, as vectors."""
    seen = np.asarray(scaling(x))
    if seen.ndim > 2:
        height, width = (_blurring(side) for side in seen.shape[1:3])
        seen = np.einsum("hi,nijc,wj->nhwc", height, seen, width, optimize=True)
    return seen.reshape(len(seen), -1)


def _blurring(side: int) -> Float[np.ndarray, "side side"]:
    """A Gaussian around each pixel, of weight 1 within the image."""
    pixel = (np.arange(side) + 0.5) / side
    weight = np.exp(-0.5 * ((pixel[:, None] - pixel[None, :]) / BLUR) ** 2)
    return (weight / weight.sum(axis=1, keepdims=True)).astype(np.float32)


def _directions(centred: Float[np.ndarray, "N F"]) -> Float[np.ndarray, "F C"]:
    """The principal axes; those of the numbers themselves where they are few."""
    if centred.shape[1] <= COMPONENTS:
        return np.eye(centred.shape[1], dtype=np.float32)
    from sklearn.utils.extmath import randomized_svd  # noqa: PLC0415

    _, _, axes = randomized_svd(centred, min(COMPONENTS, len(centred)), random_state=0)
    return np.ascontiguousarray(axes.T, np.float32)


def _name(x: Stored, scaling: Scaling, number: int) -> str:
    """Equal exactly when the neighbours are."""
    told = (METHOD, number, BLUR, COMPONENTS, FITTED_ON, x.dtype.str, x.shape, scaling.as_dict())
    told += (CELL, PROBED) if len(x) > EXACT else ()
    digest = hashlib.sha256(repr(told).encode())
    digest.update(np.ascontiguousarray(x).reshape(-1).view(np.uint8).data)
    return digest.hexdigest()

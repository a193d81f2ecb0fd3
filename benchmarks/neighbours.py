"""How many of the nearest samples are found where not all are compared with all, and how much sooner.

    python -m benchmarks.neighbours [--number 16]

All images of MNIST and Fashion-MNIST, and the same with their mirror images. `found` is the share of the nearest that
a search in near cells finds, of 2,000 samples. What comparing all with all would take is told by those 2,000. Needs
both.
"""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
from sklearn.neighbors import NearestNeighbors

from benchmarks.common import arguments, progress, report
from rcmvae.config import load_config
from rcmvae.data import load
from rcmvae.data.nearest import CELL, PROBED, among_near_cells
from rcmvae.data.neighbours import features

ASKED = 2_000


def measure(number: int) -> Iterator[dict[str, Any]]:
    """A row for each number of images and of cells."""
    both = [load(load_config(None, [f"data.kind={kind}"]).data) for kind in ("mnist", "fashion_mnist")]
    once = np.concatenate([split.x for data in both for split in data.splits.values()])
    for x in (once, np.concatenate([once, once[:, :, ::-1]])):
        points = features(x, both[0].scaling)
        asked = np.random.default_rng(1).permutation(len(points))[:ASKED]
        began = time.perf_counter()
        index = NearestNeighbors(n_neighbors=number + 1, algorithm="brute").fit(points)
        nearest = index.kneighbors(points[asked], return_distance=False)
        whole = (time.perf_counter() - began) * len(points) / ASKED
        for probed in (PROBED // 2, PROBED, 2 * PROBED):
            began = time.perf_counter()
            found = among_near_cells(points, number, CELL, probed)[asked]
            seconds = time.perf_counter() - began
            pairs = zip(asked.tolist(), nearest.tolist(), found.tolist(), strict=True)
            yield {
                "samples": len(points),
                "cells probed": probed,
                "found": float(np.mean([len({*true} - {n} & {*ours}) / number for n, true, ours in pairs])),
                "seconds": seconds,
                "seconds, all with all": whole,
            }


def main() -> None:
    args = arguments(__doc__, number=16).parse_args()
    rows = [*progress(measure(args.number))]
    report(args.results, "neighbours", f"{args.number} neighbours of each image", rows)


if __name__ == "__main__":
    main()

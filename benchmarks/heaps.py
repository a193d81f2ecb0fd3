"""How many groups the channel tree proposes where it is known how many there are: round heaps of points.

    python -m benchmarks.heaps [--first 2] [--seeds 2] [--heaps 1 2 …] [--columns 2 3 …] [--channels 6 10]

The recipe that vectors get where nothing is said, without labels, with as many channels as heaps or more. The two
nearest heaps are 8 deviations apart in up to 4 columns, 6 in up to 8, and 4 in more. A 1 among the groups stands for
no proposal. `told` is the adjusted Rand index of groups and heaps, and `heights` (in the file) are what another rule
for the cut would have to go by. Every seed draws its own heaps; the numbers of the rule were chosen with seeds 0 and 1.
"""

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from sklearn.metrics import adjusted_rand_score

from benchmarks.common import arguments, progress, report, trained
from rcmvae.curriculum import group_responsibility
from rcmvae.data import dataset_from_arrays
from rcmvae.errors import counted
from rcmvae.recipes import config_for
from rcmvae.results import channel_trees

SAMPLES = 1200
APART = {4: 8.0, 8: 6.0}  # deviations between the two nearest in up to so many columns,
WIDE = 4.0  # and in more


def drawn(heaps: int, columns: int, seed: int) -> tuple[Float[np.ndarray, "N F"], Int[np.ndarray, " N"]]:
    """Heaps of unit width in equal shares, the two nearest as far apart as is said for so many columns."""
    rng = np.random.default_rng([heaps, columns, seed])
    centre = rng.normal(size=(heaps, columns))
    if heaps > 1:
        between = np.linalg.norm(centre[:, None] - centre[None], axis=-1)
        apart = next((apart for most, apart in APART.items() if columns <= most), WIDE)
        centre *= apart / between[np.triu_indices(heaps, 1)].min()
    heap = np.arange(SAMPLES) % heaps
    return (centre[heap] + rng.normal(size=(SAMPLES, columns))).astype(np.float32), heap


def measure(heaps: int, columns: int, channels: int, seed: int) -> dict[str, Any]:
    """One training on one draw."""
    dataset = dataset_from_arrays(*drawn(heaps, columns, seed))
    run = trained(config_for(dataset, [f"model.num_channels={channels}", f"training.seed={seed}"]), dataset)
    (tree,) = channel_trees(run.setting, run.outcome.chosen)
    groups = group_responsibility(run.responsibility[0], tree.cut())
    return {
        "heaps": heaps,
        "columns": columns,
        "channels": channels,
        "seed": seed,
        "groups": tree.proposed if tree.is_clear else 1,  # one heap, or nothing to tell
        "told": float(adjusted_rand_score(run.setting.dataset.train.truth, groups.argmax(axis=-1))),
        "heights": tree.heights.round(4).tolist(),
        "seconds": run.effort["seconds"],
    }


def told(rows: list[dict[str, Any]]) -> Iterator[str]:
    """For each number of columns, how often as many groups as heaps are proposed, and what else."""
    for columns in dict.fromkeys(row["columns"] for row in rows):
        for heaps in dict.fromkeys(row["heaps"] for row in rows):
            found = [row["groups"] for row in rows if (row["columns"], row["heaps"]) == (columns, heaps)]
            right = found.count(heaps)
            groups = ", ".join(map(str, found))
            yield f"{columns} columns, {counted(heaps, 'heap')}: {right} of {len(found)} right; groups {groups}"


def main() -> None:
    args = arguments(
        __doc__, first=2, seeds=2, heaps=[1, 2, 3, 4, 6], columns=[2, 3, 8, 20], channels=[6, 10]
    ).parse_args()
    seeds = range(args.first, args.first + args.seeds)
    cases = itertools.product(args.columns, args.heaps, args.channels, seeds)
    rows = [
        *progress(
            measure(heaps, columns, channels, seed)
            for columns, heaps, channels, seed in cases
            if channels >= heaps
        )
    ]
    report(args.results, "heaps", "Groups that the channel tree proposes on heaps", rows, [*told(rows)])


if __name__ == "__main__":
    main()

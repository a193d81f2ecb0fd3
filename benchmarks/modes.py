"""Does a curriculum find how many kinds of things there are?

    python -m benchmarks.modes [--seeds 10] [--modes 2 4 8]

Samples are vectors from 2, 4 or 8 round clusters whose centres lie far apart. Training starts with one channel of
twelve, sees no label, and is to end with as many used channels as there are clusters. Every seed draws its own data.
"""

from typing import Any

import numpy as np
from jaxtyping import Float, Int

from benchmarks.common import arguments, progress, report, trained
from rcmvae.config import load_config
from rcmvae.data import dataset_from_arrays

OVERRIDES = [
    "model.num_channels=12",
    "model.embedding_dim=0",
    "model.trunk={kind: dense, hidden: [64, 64]}",
    "model.decoder={backbone: {kind: experts, own: [32], hidden: [64]}, conditioner: none}",
    "model.decoder.output={kind: gaussian, sigma: 0.3}",
    "objective.consistency.views=[{kind: jitter, scale: 0.25, drop: 0}]",
    "training={epochs: 400, batch_size: 100, learning_rate: 2.0e-3}",
    "curriculum={trial: 10, policy: {kind: birth, when: {kind: plateau, patience: 5, min_delta: 0.1}}}",
]


def modes(
    count: int, samples: int, seed: int, *, dimensions: int = 8, distance: float = 10.0
) -> tuple[Float[np.ndarray, "N F"], Int[np.ndarray, " N"]]:
    """Round clusters of unit width in equal shares, no two centres closer than `distance` widths."""
    rng = np.random.default_rng(seed)
    centres: list[np.ndarray] = []
    while len(centres) < count:
        tried = rng.normal(scale=distance, size=dimensions)
        if all(np.linalg.norm(tried - other) >= distance for other in centres):
            centres.append(tried)
    label = np.arange(samples) % count
    x = np.stack(centres)[label] + rng.normal(size=(samples, dimensions))
    return x.astype(np.float32), label


def measure(count: int, seed: int) -> dict[str, Any]:
    """One curriculum on one draw of the data."""
    config = load_config(None, [*OVERRIDES, f"training.seed={seed}"])
    x, label = modes(count, samples=4000, seed=seed)
    run = trained(config, dataset_from_arrays(x, label))
    return {
        "modes": count,
        "seed": seed,
        "used channels": int((np.bincount(run.channel) >= 0.01 * len(run.channel)).sum()),
        "purity": run.found.purity,
        **run.effort,
    }


def main() -> None:
    args = arguments(__doc__, seeds=10, modes=[2, 4, 8]).parse_args()
    rows, notes = [], []
    for count in args.modes:
        rows += progress(measure(count, seed) for seed in range(args.seeds))
        right = sum(row["used channels"] == count for row in rows[-args.seeds :])
        notes.append(
            f"{count} modes: the true number in {right} of {args.seeds} seeds (0 to {args.seeds - 1})"
        )
    report(args.results, "modes", "A curriculum on clusters far apart", rows, notes)


if __name__ == "__main__":
    main()

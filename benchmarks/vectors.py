"""How well channels agree with the kinds in two tables, beside k-means on the same split.

    python -m benchmarks.vectors [--seeds 5] [--cases wine breast-cancer]

Both learn from the training samples of configs/tabular.yaml without their labels, and are scored on the test samples,
which nothing else sees. k-means gets the true number of kinds, the same scaled columns, and for each seed the best of
ten starts.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_wine

from benchmarks.common import case_arguments, matched, progress, report, trained
from rcmvae.config import load_config
from rcmvae.data import Dataset
from rcmvae.results import Ending, scores
from rcmvae.seeds import number, spread

CONFIG = "configs/tabular.yaml"
CASES = {"wine": load_wine, "breast-cancer": load_breast_cancer}


def by_k_means(dataset: Dataset, kinds: int, seed: int) -> float:
    """The accuracy of k-means on the test samples."""
    train, test = (np.asarray(dataset.scaling(split.x)) for split in (dataset.train, dataset.test))
    ten: Any = 10  # scikit-learn calls it a text
    found: Any = KMeans(kinds, n_init=ten, random_state=seed).fit(train).predict(test)
    return matched(found, dataset.test.truth)


def measure(case: str, seeds: int, folder: Path) -> Iterator[dict[str, Any]]:
    """A row for each seed; they train at once, as with `training.seeds`."""
    table: Any = CASES[case]()
    np.savez(folder / f"{case}.npz", x=table.data, y=table.target_names[table.target])
    kinds = len(table.target_names)
    overrides = {
        "data.path": folder / f"{case}.npz",
        "model.num_channels": kinds,
        "training.seeds": seeds,
    }
    run = trained(load_config(CONFIG, [f"{key}={value}" for key, value in overrides.items()]))
    chosen = run.outcome.chosen
    found = scores(run.setting, chosen, "test", Ending.of(run.setting, chosen))
    for seed in range(seeds):
        yield {
            "case": case,
            "seed": seed,
            "test samples": found["samples"],
            "accuracy": found["clustering"]["accuracy"]["per_seed"][seed],
            "k-means": by_k_means(run.setting.dataset, kinds, seed),
            "bound": found["losses"]["bound"]["per_seed"][seed],
            "garbage channels": found["clustering"]["garbage_channels"]["per_seed"][seed],
            "seconds, all seeds": run.effort["seconds"],
        }


def main() -> None:
    args = case_arguments(__doc__, CASES, seeds=5).parse_args()
    rows, notes = [], []
    for case in args.cases:
        with tempfile.TemporaryDirectory() as folder:
            rows += progress(measure(case, args.seeds, Path(folder)))
        told = {
            name: number(spread([row[name] for row in rows[-args.seeds :]]), form)
            for name, form in {"accuracy": "{:.1%}", "k-means": "{:.1%}", "bound": "{:.1f}"}.items()
        }
        notes.append(
            f"{case}, seeds 0 to {args.seeds - 1}: accuracy {told['accuracy']}, k-means {told['k-means']}, bound "
            f"{told['bound']} nats"
        )
    report(args.results, "vectors", "Tables, test samples, no labels", rows, notes)


if __name__ == "__main__":
    main()

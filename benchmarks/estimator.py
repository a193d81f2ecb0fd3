"""How well the estimator's channels agree with the kinds in three tables, beside k-means and a Gaussian mixture.

    python -m benchmarks.estimator [--seeds 5] [--cases wine breast-cancer digits]

Each method is fitted to all samples without their labels and scored on the same samples. All get the true number of
kinds, and for each seed a start of their own; k-means takes the best of ten. The estimator has its defaults, which were
not tuned on these labels, and brings each column to mean 0 and variance 1; k-means and the Gaussian mixture get the
columns like that, and raw. The best of four starts, by their loss, has seeds of its own: 0 to 3, 4 to 7 and so on.
"""

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from jaxtyping import Float
from sklearn.cluster import KMeans
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.mixture import GaussianMixture
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.common import case_arguments, matched, progress, report
from rcmvae import MixtureVAE
from rcmvae.seeds import number, spread

CASES = {"wine": load_wine, "breast-cancer": load_breast_cancer, "digits": load_digits}


def k_means(kinds: int, seed: int) -> Any:
    ten: Any = 10  # scikit-learn calls it a text
    return KMeans(kinds, n_init=ten, random_state=seed)


def gaussians(kinds: int, seed: int) -> Any:
    return GaussianMixture(kinds, random_state=seed)


METHODS: dict[str, Callable[[int, int], Any]] = {
    "MixtureVAE": lambda kinds, seed: MixtureVAE(kinds, random_state=seed),
    "MixtureVAE, the best of four": lambda kinds, seed: MixtureVAE(kinds, n_init=4, random_state=4 * seed),
    "k-means": lambda kinds, seed: make_pipeline(StandardScaler(), k_means(kinds, seed)),
    "k-means, raw": k_means,
    "Gaussians": lambda kinds, seed: make_pipeline(StandardScaler(), gaussians(kinds, seed)),
    "Gaussians, raw": gaussians,
}


def measure(case: str, seeds: int) -> Iterator[dict[str, Any]]:
    """A row for each seed. The seconds are those of the estimator; the first ones have the compiling in them."""
    table: Any = CASES[case]()
    x: Float[np.ndarray, "N F"] = table.data
    for seed in range(seeds):
        row: dict[str, Any] = {"case": case, "samples": len(x), "features": x.shape[1], "seed": seed}
        seconds: list[float] = []
        for name, make in METHODS.items():
            began = time.perf_counter()
            found = make(len(table.target_names), seed).fit_predict(x)
            row |= {name: matched(found, table.target)}
            seconds.append(time.perf_counter() - began)
        yield row | {"seconds": seconds[0]}


def main() -> None:
    args = case_arguments(__doc__, CASES, seeds=5).parse_args()
    rows, notes = [], []
    for case in args.cases:
        rows += progress(measure(case, args.seeds))
        told = {name: spread([row[name] for row in rows[-args.seeds :]]) for name in METHODS}
        each = (
            f"{name} {number(found, '{:.1%}')} (worst {min(found['per_seed']):.1%})"
            for name, found in told.items()
        )
        notes.append(f"{case}, seeds 0 to {args.seeds - 1}: {', '.join(each)}")
    report(args.results, "estimator", "Accuracy on all samples, fitted to them without labels", rows, notes)


if __name__ == "__main__":
    main()

"""What it is worth to train with several seeds at once and go by the one of least loss.

    python -m benchmarks.starts [--first 0] [--groups 5] [--seeds 8] [--cases digits …]

Each row is one training of `configs/CASE.yaml` with so many seeds in a row (`training.seeds`), and test accuracies,
with one channel for each label: of the seed that stands for the run, which is that of least training loss, of that of
least validation loss, of all of them on average, and of the worst and the best. No label has a part in which seed
stands for a run. Needs the data of the cases.
"""

import tempfile
from typing import Any

import numpy as np

from benchmarks.accuracy import CONFIGS
from benchmarks.common import case_arguments, progress, report
from rcmvae import load_config, train
from rcmvae.findings import best_place
from rcmvae.seeds import number, spread

TOLD = ("least loss", "least validation loss", "mean", "worst", "best")


def measure(case: str, first: int, seeds: int) -> dict[str, Any]:
    """One training."""
    with tempfile.TemporaryDirectory() as folder:
        changes = {
            "training.seed": first,
            "training.seeds": seeds,
            "run.directory": folder,
            "run.report": False,
        }
        summary = train(load_config(CONFIGS[case], changes)).read_json("summary.json")
    accuracy = summary["test"]["clustering"]["accuracy"]["per_seed"]
    held_out = summary["training"]["validation/loss"]["per_seed"]
    by_loss = accuracy[best_place(summary)], accuracy[int(np.argmin(held_out))]
    told = *by_loss, float(np.mean(accuracy)), min(accuracy), max(accuracy)
    return {
        "case": case,
        "seeds": f"{first} to {first + seeds - 1}",
        **dict(zip(TOLD, told, strict=True)),
        "losses": summary["best_by"]["train/loss"],
        "validation losses": held_out,
        "accuracies": accuracy,
        "seconds": summary["seconds"],
    }


def main() -> None:
    parser = case_arguments(__doc__, CONFIGS, first=0, groups=5, seeds=8)
    parser.set_defaults(cases=["digits"])
    args = parser.parse_args()
    for case in args.cases:
        starts = [args.first + args.seeds * group for group in range(args.groups)]
        rows = [*progress(measure(case, first, args.seeds) for first in starts)]
        means = [f"{name} {number(spread([row[name] for row in rows]), '{:.1%}')}" for name in TOLD]
        last = starts[-1] + args.seeds - 1
        note = f"{case}, {args.groups} times {args.seeds} seeds, {args.first} to {last}: {', '.join(means)}"
        report(args.results, f"starts-{case}", f"The best of {args.seeds} seeds by their loss", rows, [note])


if __name__ == "__main__":
    main()

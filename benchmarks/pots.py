"""Growing from one channel, beside having all of them open from the start.

    python -m benchmarks.pots [--seeds 5] [--cases pots open-10 open-20]

MNIST's training images without labels; purity and accuracy on the same images, whose labels nothing else looks at. The
open cases get the time that growing took at most, as epochs. Needs MNIST, as configs/mnist-pots.yaml does.
"""

from typing import Any

import numpy as np

from benchmarks.common import arguments, progress, report, trained
from rcmvae.config import load_config

WARM, EPOCHS = 10, 45
OPEN = [
    "curriculum=null",
    f"training.epochs={EPOCHS}",
    "training.learning_rate={kind: warmup, epochs: 0.5, "
    f"then: {{kind: cosine, start: 1.5e-3, end: 5.0e-5, epochs: {EPOCHS}}}}}",
    *(
        f"objective.{name}={{weight: {{kind: piecewise, at: [{WARM}], values: [0, 1]}}}}"
        for name in ("reconstruction", "kl_z", "kl_c")
    ),
]
CASES = {
    "pots": [],
    "open-10": [*OPEN, "model.num_channels=10"],
    "open-20": [*OPEN, "model.num_channels=20"],
}


def measure(case: str, seed: int) -> dict[str, Any]:
    """One run, in memory."""
    config = load_config("configs/mnist-pots.yaml", [*CASES[case], f"training.seed={seed}"])
    run = trained(config)
    found = run.found
    return {
        "case": case,
        "seed": seed,
        "open channels": int(run.outcome.chosen.active[0].sum()),
        "used by 2 %": int((np.bincount(run.channel) >= 0.02 * len(run.channel)).sum()),
        "impure channels": found.garbage_channels,
        "purity": found.purity,
        "accuracy": found.accuracy,
        **run.effort,
    }


def main() -> None:
    parser = arguments(__doc__, seeds=5)
    parser.add_argument("--cases", nargs="+", choices=[*CASES], default=[*CASES])
    args = parser.parse_args()
    rows, notes = [], []
    for case in args.cases:
        rows += progress(measure(case, seed) for seed in range(args.seeds))
        purity = [100 * row["purity"] for row in rows[-args.seeds :]]
        sd = np.std(purity, ddof=1) if len(purity) > 1 else 0.0
        notes.append(
            f"{case}, seeds 0 to {args.seeds - 1}: purity {np.mean(purity):.2f} ± {sd:.2f} %, worst {min(purity):.2f}"
        )
    report(args.results, "pots", "MNIST training images, no labels", rows, notes)


if __name__ == "__main__":
    main()

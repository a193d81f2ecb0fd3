"""Growing from one channel, beside having all of them open from the start.

    python -m benchmarks.pots [--seeds 5] [--cases pots open-10 open-20]

MNIST's training images without labels; purity and accuracy on the same images, whose labels nothing else looks at. The
open cases get the time that growing took at most, as epochs. Needs MNIST, as configs/mnist-pots.yaml does.
"""

import argparse
from typing import Any

import numpy as np

from benchmarks.common import report
from rcmvae.config import Config, load_config
from rcmvae.diagnostics import clustering
from rcmvae.setting import Setting
from rcmvae.training import begin, compile_codes, fit

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


def measure(case: str, seed: int) -> tuple[dict[str, Any], Config]:
    """One run, in memory."""
    config = load_config("configs/mnist-pots.yaml", [*CASES[case], f"training.seed={seed}"])
    setting = Setting.prepare(config, None)
    train, held_out = (
        setting.on_device(setting.dataset.train),
        setting.on_device(setting.dataset.validation),
    )
    outcome = fit(setting.plan, setting.devices, begin(setting.plan, setting.start), train, held_out)
    (codes,) = compile_codes(setting.plan, setting.devices)(outcome.chosen, train)
    channel = codes.responsibility.argmax(axis=-1)
    found = clustering(channel, setting.dataset.train.truth)
    assert found is not None
    share = np.bincount(channel, minlength=config.model.num_channels) / len(channel)
    open_now = np.asarray(outcome.chosen.active[0])
    growth = outcome.checkpoint.growth
    row = {
        "case": case,
        "seed": seed,
        "open channels": int(open_now.sum()),
        "used by 2 %": int((share >= 0.02).sum()),
        "impure channels": found.garbage_channels,
        "purity": found.purity,
        "accuracy": found.accuracy,
        "trials": sum(event.what == "opened" for event in growth[0].events) if growth else 0,
        "epochs": outcome.checkpoint.epoch,
        "seconds": outcome.checkpoint.seconds,
    }
    print(row, flush=True)
    return row, config


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--cases", nargs="+", choices=[*CASES], default=[*CASES])
    args = parser.parse_args()
    rows, notes, config = [], [], Config()
    for case in args.cases:
        for seed in range(args.seeds):
            row, config = measure(case, seed)
            rows.append(row)
        purity = [100 * row["purity"] for row in rows[-args.seeds :]]
        sd = np.std(purity, ddof=1) if len(purity) > 1 else 0.0
        notes.append(
            f"{case}, seeds 0 to {args.seeds - 1}: purity {np.mean(purity):.2f} ± {sd:.2f} %, worst {min(purity):.2f}"
        )
    report("pots", "MNIST training images, no labels", rows, config, notes)


if __name__ == "__main__":
    main()

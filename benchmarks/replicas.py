"""How fast a whole training is, and what several seeds at once cost.

    python -m benchmarks.replicas [--seeds 1 8 32] [--routing top_m]

The dense recipe on random images of MNIST's size: images per second of training, and what 50 epochs of 60,000 images
would take, for each number of seeds that train in one program. Made for an accelerator, and runs anywhere.
"""

import argparse
from typing import Any

from benchmarks.common import noise_setting, report, seconds_per_step
from rcmvae.config import Config, load_config

BATCH, STEPS = 256, 40
MNIST, EPOCHS = 60_000, 50


def measure(seeds: int, routing: str, repeats: int) -> tuple[dict[str, Any], Config]:
    """One row: so many seeds in one program."""
    overrides = [f"model.routing={routing}", f"training.seeds={seeds}", f"training.batch_size={BATCH}"]
    config = load_config(None, overrides)
    setting = noise_setting(config, samples=(STEPS + 2) * BATCH)
    step = seconds_per_step(setting, repeats)
    steps = EPOCHS * (MNIST // BATCH)
    row = {
        "routing": routing,
        "seeds": seeds,
        "ms/step": 1e3 * step,
        "images/s, all seeds": seeds * BATCH / step,
        f"{EPOCHS} MNIST epochs, s": steps * step,
        "the same, s per seed": steps * step / seeds,
    }
    return row, config


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--routing", nargs="+", default=["expectation", "top_m"])
    parser.add_argument("--repeats", type=int, default=3)
    args = parser.parse_args()
    rows, config = [], Config()
    for routing in args.routing:
        for seeds in args.seeds:
            row, config = measure(seeds, routing, args.repeats)
            rows.append(row)
    report("replicas", "Several seeds in one program, dense recipe, K=10, batch 256", rows, config)


if __name__ == "__main__":
    main()

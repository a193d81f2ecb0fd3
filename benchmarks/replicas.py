"""How fast a whole training is, and what several seeds at once cost.

    python -m benchmarks.replicas [--seeds 1 8 32] [--routing top_m]

The dense recipe on random images of MNIST's size: images per second of training, and what 50 epochs of 60,000 images
would take, for each number of seeds that train in one program. Made for an accelerator, and runs anywhere.
"""

from typing import Any

from benchmarks.common import arguments, noise_setting, progress, report, seconds_per_step
from rcmvae.config import load_config

BATCH, STEPS = 256, 40
MNIST, EPOCHS = 60_000, 50


def measure(seeds: int, routing: str, repeats: int) -> dict[str, Any]:
    """One row: so many seeds in one program."""
    overrides = [f"model.routing={routing}", f"training.seeds={seeds}", f"training.batch_size={BATCH}"]
    config = load_config(None, overrides)
    setting = noise_setting(config, samples=(STEPS + 2) * BATCH)
    step = seconds_per_step(setting, repeats)
    steps = EPOCHS * (MNIST // BATCH)
    return {
        "routing": routing,
        "seeds": seeds,
        "ms/step": 1e3 * step,
        "images/s, all seeds": seeds * BATCH / step,
        f"{EPOCHS} MNIST epochs, s": steps * step,
        "the same, s per seed": steps * step / seeds,
    }


def main() -> None:
    defaults = {"seeds": [1, 8, 32], "routing": ["expectation", "top_m"], "repeats": 3}
    args = arguments(__doc__, **defaults).parse_args()
    measured = (measure(seeds, routing, args.repeats) for routing in args.routing for seeds in args.seeds)
    title = "Several seeds in one program, dense recipe, K=10, batch 256"
    report(args.results, "replicas", title, [*progress(measured)])


if __name__ == "__main__":
    main()

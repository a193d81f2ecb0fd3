"""How much of the machine's own matrix-product rate a training step reaches, and where start-up time goes.

    python -m benchmarks.speed [--batch 256] [--repeats 5]

A step is everything between two weights: the batch, its warped view, encoder, routing, decoder, loss, gradient and
AdamW. Its operations are those the compiler counts. The rate it is compared with is measured in the same run.
"""

import itertools
import statistics
import subprocess
import sys
from typing import Any

import jax

from benchmarks.common import (
    arguments,
    epochs_of,
    matmul_rate,
    noise_setting,
    progress,
    report,
    seconds_of,
    train_pixels,
)
from rcmvae.config import Config, load_config
from rcmvae.model import Stage
from rcmvae.setting import Setting
from rcmvae.training.epoch import train_step

DENSE = ["model.trunk=dense", "model.decoder.backbone=experts"]
CONV = [
    "model.trunk=conv",
    "model.decoder.backbone=conv",
    "model.decoder.conditioner=film",
    "model.embedding_dim=32",
]
CASES = {
    "dense, expectation": [*DENSE, "model.routing=expectation"],
    "dense, top_m m=1": [*DENSE, "model.routing=top_m"],
    "patches, top_m m=1": ["model.trunk=patches", "model.decoder.backbone=experts", "model.routing=top_m"],
    "conv, expectation": [*CONV, "model.routing=expectation"],
    "conv, top_m m=1": [*CONV, "model.routing=top_m"],
}
# Long enough that the pages of fresh buffers, which a call touches once, do not show.
STEPS = 40

STARTUP = """
import time; marks = [("start", time.perf_counter())]
def mark(name): marks.append((name, time.perf_counter()))
import jax; mark("import jax")
import rcmvae.experiment as e
from rcmvae.config import load_config; mark("import rcmvae")
config = load_config(None, ["training.epochs=1", "training.batch_size=128"]); mark("config")
setting = e.Setting.prepare(config, None); mark("data and fresh weights")
from rcmvae.training.epoch import compile_epoch, compile_validation
from rcmvae.model import Stage
run, validate = compile_epoch(setting.plan, setting.devices), compile_validation(setting.plan, setting.devices)
train, held_out = setting.on_device(setting.dataset.train), setting.on_device(setting.dataset.validation)
traced = run.lower(Stage.DECODE, setting.start, train); mark("trace the epoch")
compiled = traced.compile(); mark("compile the epoch")
checked = validate.lower(setting.start, held_out).compile(); mark("trace and compile validation")
state, _ = compiled(setting.start, train); jax.block_until_ready(state); mark("run one epoch")
for (_, before), (name, after) in zip(marks, marks[1:]): print(f"{name}\\t{after - before}")
"""


def step_flops(setting: Setting) -> float:
    """Operations of one step, as the compiler counts them."""

    def one(state: Any, data: Any, index: Any) -> Any:
        step = setting.plan.over_replicas(
            lambda state, data, index: train_step(setting.plan, Stage.DECODE, data, state, index),
            (0, None, None),
        )
        return step(state, data, index)

    index = jax.numpy.arange(setting.plan.options.batch_size)
    analysis = jax.jit(one).lower(setting.start, train_pixels(setting), index).compile().cost_analysis()
    assert analysis is not None, "this compiler counts no operations"
    return float(analysis["flops"])


def measure(name: str, config: Config, repeats: int) -> dict[str, Any]:
    setting = noise_setting(
        config, samples=STEPS * config.training.batch_size + 2 * config.training.batch_size
    )
    flops, epoch = step_flops(setting), epochs_of(setting)
    seconds_of(epoch)  # compiles
    # In turns, so that whatever else the machine does slows both alike.
    rates, steps = [matmul_rate()], []
    for _ in range(repeats):
        steps.append(seconds_of(epoch) / setting.plan.steps_per_epoch)
        rates.append(matmul_rate())
    beside = [(before + after) / 2 for before, after in itertools.pairwise(rates)]
    seconds, rate = statistics.median(steps), statistics.median(rates)
    shares = [flops / step / own for step, own in zip(steps, beside, strict=True)]
    return {
        "recipe": name,
        "ms/step": 1e3 * seconds,
        "images/s": config.training.batch_size / seconds,
        "GFLOP/step": flops / 1e9,
        "GFLOP/s": flops / seconds / 1e9,
        "matmul GFLOP/s": rate / 1e9,
        "share of matmul rate": statistics.median(shares),
        "least and most": f"{min(shares):.2f} {max(shares):.2f}",
    }


def startup() -> list[dict[str, Any]]:
    """Seconds from the first import to the first finished epoch on the digits, by phase."""
    out = subprocess.run([sys.executable, "-c", STARTUP], capture_output=True, text=True, check=True).stdout
    phases = [line.split("\t") for line in out.splitlines()]
    rows = [{"phase": name, "seconds": float(seconds)} for name, seconds in phases]
    return [*rows, {"phase": "total", "seconds": sum(row["seconds"] for row in rows)}]


def main() -> None:
    args = arguments(__doc__, batch=256, repeats=5).parse_args()
    configs = {
        name: load_config(None, [*case, f"training.batch_size={args.batch}"]) for name, case in CASES.items()
    }
    measured = (measure(name, config, args.repeats) for name, config in configs.items())
    title = f"One training step, K=10, 28×28, batch {args.batch}"
    report(args.results, "speed", title, [*progress(measured)])
    report(args.results, "startup", "From the first import to the first epoch on the digits", startup())


if __name__ == "__main__":
    main()

"""How much memory it takes to look at a trained model: the survey of a split, and all figures of it.

    python -m benchmarks.memory [--samples 70000] [--channels 50] [--batch 256]

Random images of MNIST's size and fresh weights: neither changes what is held in memory. Every phase is measured at its
peak, as the operating system sees the whole process, less the samples themselves: libraries, compiled programs and
weights count. The aim is 1,500 MB at 70,000 samples and 50 channels.
"""

import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import jax
import numpy as np

from benchmarks.common import arguments, report
from rcmvae.config import load_config
from rcmvae.curriculum import channel_tree
from rcmvae.data import ArraysSource, dataset_from_arrays
from rcmvae.diagnostics import Bundle, survey
from rcmvae.figures import draw_all
from rcmvae.findings import Findings
from rcmvae.results import tree_of
from rcmvae.run import environment
from rcmvae.setting import Setting

LABELS = 10


def peak() -> float:
    """The most memory that this process has held so far, in MB."""
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def measure(samples: int, channels: int, batch: int) -> list[dict[str, Any]]:
    """A row for each phase, in this process, whose peak only grows."""
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (samples, 28, 28), dtype=np.uint8)
    label = rng.integers(0, LABELS, samples)
    # All of them in one split; training needs one batch, and so does validation.
    few = 2 * batch
    dataset = dataset_from_arrays(
        x[:few], label[:few], options=ArraysSource(validation=batch), x_test=x, label_test=label
    )
    data = dataset.test.x.nbytes / 1e6
    del x
    rows: list[dict[str, Any]] = []

    def note(phase: str, began: float) -> float:
        rows.append(
            {"phase": phase, "seconds": time.perf_counter() - began, "peak MB beyond the data": peak() - data}
        )
        return time.perf_counter()

    began = time.perf_counter()
    config = load_config(None, [f"model.num_channels={channels}", f"training.batch_size={batch}"])
    setting = Setting.prepare(config, dataset)
    began = note("data and fresh weights", began)
    state = jax.tree.map(lambda leaf: leaf[0], setting.start)
    bundle = survey(setting.plan, setting.devices, state, dataset, "test", epoch=1)
    began = note("survey", began)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "bundle.npz"
        bundle.save(file)
        bundle = Bundle.load(file)
        began = note("bundle to a file and back", began)
        draw_all(findings_of(setting, bundle), Path(folder))
        note("figures", began)
    return rows


def findings_of(setting: Setting, bundle: Bundle) -> Findings:
    """What figures are drawn from, as if the run had finished."""
    r = bundle.responsibility
    joint = r.T @ r / len(r)
    tree = channel_tree(0.5 * (joint + joint.T))
    summary = {"status": "finished", "seeds": [0], "epochs": 1, "channel_tree": [tree_of(tree)]}
    losses = {f"{part}/{name}": 1.0 for part in ("train", "validation") for name in ("loss", "bound", "kl_z")}
    row = {
        "epoch": 1,
        "seed": 0,
        "k_active": len(bundle.active),
        "channels_1pct": len(bundle.active),
        **losses,
    }
    return Findings(
        run="memory", config=setting.config, summary=summary, environment=environment(setting.config),
        bundle=bundle, rows=(row,), events=(), pots=(), tree=tree,
    )  # fmt: skip


def main() -> None:
    parser = arguments(__doc__, samples=70_000, channels=50, batch=256)
    parser.add_argument("--here", action="store_true", help="measure in this very process, and print JSON")
    args = parser.parse_args()
    if args.here:
        print(json.dumps(measure(args.samples, args.channels, args.batch)))
        return
    # A process of its own: the peak of this one is that of all it ever did.
    sizes = [f"--{name}={getattr(args, name)}" for name in ("samples", "channels", "batch")]
    command = [sys.executable, "-m", "benchmarks.memory", "--here", *sizes]
    out = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    title = f"{args.samples:,} images of 28×28, K={args.channels}, batch {args.batch}"
    report(args.results, "memory", title, json.loads(out.splitlines()[-1]))


if __name__ == "__main__":
    main()

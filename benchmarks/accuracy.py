"""What recipes come to on their test splits: classes found, channels that are none, the bound, time and memory.

    python -m benchmarks.accuracy [--first 0] [--seeds 5] [--cases mnist digits …]

Each run is a process of its own, `rcmvae train CONFIG`, without a report: `seconds` are from its start to its end, with
imports, compiling, the summary and the test scores, and `GiB` is the most memory that it held. Labels are used for the
scores alone. `groups` are the channels merged along the tree as far as it proposes. Needs the data that the cases name.
"""

import dataclasses
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import case_arguments, progress, report
from rcmvae.results import number, spread

KIB = 2**10


@dataclasses.dataclass(frozen=True)
class Case:
    """A recipe, and what is changed in it."""

    config: str
    overrides: tuple[str, ...] = ()


CASES = {
    "mnist": Case("configs/mnist.yaml"),
    "mnist, K=30": Case("configs/mnist.yaml", ("model.num_channels=30",)),
    "mnist, growing": Case("configs/mnist-pots.yaml"),
    "fashion": Case("configs/fashion.yaml"),
    "digits": Case("configs/digits.yaml"),
    "digits, growing": Case("configs/digits-pots.yaml"),
}
COLUMNS = {
    "accuracy": ("clustering", "accuracy", "{:.2%}"),
    "purity": ("clustering", "purity", "{:.2%}"),
    "NMI": ("clustering", "nmi", "{:.3f}"),
    "ARI": ("clustering", "ari", "{:.3f}"),
    "impure channels": ("clustering", "garbage_channels", "{:.1f}"),
    "channels": ("routing", "active_channels_1pct", "{:.1f}"),
    "groups": ("groups", "count", "{:.1f}"),
    "group accuracy": ("groups", "accuracy", "{:.2%}"),
    "agreement": ("routing", "generative_agreement", "{:.1%}"),
    "bound": ("losses", "bound", "{:.1f}"),
}
FORMS = {name: form for name, (_, _, form) in COLUMNS.items()} | {"seconds": "{:.0f}", "GiB": "{:.2f}"}


def measure(name: str, seed: int) -> dict[str, Any]:
    """One run, as a person would start it."""
    case = CASES[name]
    with tempfile.TemporaryDirectory() as folder:
        where = [f"run.directory={folder}", "run.name=measured", "run.report=false", f"training.seed={seed}"]
        command = [sys.executable, "-m", "rcmvae", "train", case.config, *case.overrides, *where, "--quiet"]
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        _, status, used = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        if status:
            raise RuntimeError(f"{' '.join(command)} ended with status {os.waitstatus_to_exitcode(status)}.")
        test = json.loads(Path(folder, "measured", "summary.json").read_text())["test"]
    found = {name: test[part][key]["mean"] for name, (part, key, _) in COLUMNS.items()}
    return {"case": name, "seed": seed, **found, "seconds": seconds, "GiB": used.ru_maxrss / KIB**2}


def told(rows: Sequence[dict[str, Any]]) -> str:
    """The seeds of a case in a sentence."""
    parts = [f"{name} {number(spread([row[name] for row in rows]), form)}" for name, form in FORMS.items()]
    worst = min(row["accuracy"] for row in rows)
    return f"{rows[0]['case']}: worst accuracy {worst:.2%}; {', '.join(parts)}"


def main() -> None:
    args = case_arguments(__doc__, CASES, seeds=5, first=0).parse_args()
    for case in args.cases:
        rows = [*progress(measure(case, args.first + at) for at in range(args.seeds))]
        title = f"{case}: test split, seeds {args.first} to {args.first + args.seeds - 1}"
        name = re.sub(r"\W+", "-", case)
        report(args.results, f"accuracy-{name}", title, rows, [told(rows)])


if __name__ == "__main__":
    main()

"""What recipes come to on their test splits: classes found, channels that are none, the bound, time and memory.

    python -m benchmarks.accuracy [--first 0] [--seeds 5] [--cases mnist digits …] [--runs FOLDER]

Each run is a process of its own, `rcmvae train configs/CASE.yaml`, without a report: `seconds` are from its start to
its end, with imports, compiling, the summary and the test scores, and `GFLOP/s` the rate of float32 products on the
same cores right after it; so runs are not trained in one program. `GiB` is the most memory that a run held. Labels
are used for the scores alone, and in recipes that say so to name channels. `groups` are the channels merged along the
tree as far as it proposes. Where a recipe trains several seeds at once, the one that stands for the run is told, `seed`
is the first of them, and the next run begins with as many later. `--runs` keeps the runs for benchmarks that look at
trained models. Needs the data of the cases.
"""

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.common import case_arguments, kept_run, matmul_rate, progress, report
from rcmvae.config import load_config
from rcmvae.findings import best_place
from rcmvae.seeds import number, spread

CASES = {
    path.stem: path for path in sorted(Path("configs").glob("*.yaml")) if path.stem != "tabular"
}  # benchmarks.vectors makes the table that this one reads
COLUMNS = {
    "accuracy": ("clustering", "accuracy", "{:.2%}"),
    "purity": ("clustering", "purity", "{:.2%}"),
    "NMI": ("clustering", "nmi", "{:.3f}"),
    "ARI": ("clustering", "ari", "{:.3f}"),
    "impure channels": ("clustering", "garbage_channels", "{:.1f}"),
    "channels": ("routing", "active_channels_1pct", "{:.1f}"),
    "groups": ("groups", "count", "{:.1f}"),
    "group accuracy": ("groups", "accuracy", "{:.2%}"),
    "group purity": ("groups", "purity", "{:.2%}"),
    "label accuracy": ("tau", "accuracy", "{:.2%}"),
    "label ECE": ("tau", "ece", "{:.3f}"),
    "agreement": ("routing", "generative_agreement", "{:.1%}"),
    "bound": ("losses", "bound", "{:.1f}"),
}
FORMS = {name: form for name, (_, _, form) in COLUMNS.items()} | {
    "seconds": "{:.0f}",
    "GFLOP/s": "{:.0f}",
    "GiB": "{:.2f}",
}


def measure(case: str, seed: int, runs: Path) -> dict[str, Any]:
    """One run, as a person would start it."""
    path = kept_run(runs, CASES[case], seed)
    where = [f"run.directory={path.parent}", f"run.name={path.name}", "run.report=false"]
    command = [sys.executable, "-m", "rcmvae", "train", str(CASES[case]), *where, f"training.seed={seed}"]
    began = time.perf_counter()
    process = subprocess.Popen([*command, "--quiet"], stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    if status:
        raise RuntimeError(f"{' '.join(command)} ended with status {os.waitstatus_to_exitcode(status)}.")
    summary = json.loads((path / "summary.json").read_text())
    test, at = summary["test"], best_place(summary)
    found = {
        name: test[part][key]["per_seed"][at]
        for name, (part, key, _) in COLUMNS.items()
        if key in test.get(part, {})
    }
    return {
        "case": case,
        "seed": seed,
        **found,
        "seconds": seconds,
        "GFLOP/s": matmul_rate() / 1e9,
        "GiB": used.ru_maxrss / 2**20,
    }


def told(rows: Sequence[dict[str, Any]]) -> str:
    """The seeds of a case in a sentence."""
    parts = [
        f"{name} {number(spread([row[name] for row in rows]), form)}"
        for name, form in FORMS.items()
        if name in rows[0]
    ]
    worst = [f"worst {name} {min(row[name] for row in rows):.2%}" for name in ("accuracy", "group accuracy")]
    return f"{rows[0]['case']}: {'; '.join(worst)}; {', '.join(parts)}"


def main() -> None:
    args = case_arguments(__doc__, CASES, seeds=5, first=0, runs="").parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for case in args.cases:
            at_once = load_config(CASES[case]).training.seeds
            seeds = range(args.first, args.first + args.seeds * at_once, at_once)
            rows = [*progress(measure(case, seed, Path(args.runs or folder)) for seed in seeds)]
            title = f"configs/{case}.yaml: test split, seeds {seeds[0]} to {seeds[-1] + at_once - 1}"
            report(args.results, f"accuracy-{case}", title, rows, [told(rows)])


if __name__ == "__main__":
    main()

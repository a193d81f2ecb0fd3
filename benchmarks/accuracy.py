"""What recipes come to on their test splits: classes found, channels that are none, the bound, time and memory.

    python -m benchmarks.accuracy [--first 0] [--seeds 5] [--cases mnist digits …] [--runs FOLDER]

Each run is a process of its own, `rcmvae train configs/CASE.yaml`, or `rcmvae train DATA` where no configuration is
named (`no-config-…`), without a report. `seconds` are from its start to its end, with imports, compiling, the summary
and the test scores, of these `seconds to weights` until training had ended, but for the start; `GFLOP/s` is the rate of
float32 products on the same cores right after it; so runs are not trained in one program. `GiB` is the most memory that
a run held. Labels are used for the scores alone, and in recipes that say so to name channels. `groups` are the channels
merged along the tree as far as it proposes; some cases are cut into ten as well, on the training and the test split.
Where a recipe trains several seeds at once, the one that stands for the run is told, `seed` is the first of them, and
the next run begins with as many later. `--runs` keeps the runs for benchmarks that look at trained models. Needs the
data of the cases.
"""

import dataclasses
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
from rcmvae.evaluation import evaluate
from rcmvae.findings import best_place
from rcmvae.seeds import number, spread


@dataclasses.dataclass(frozen=True)
class Case:
    """What is trained, and into how many groups its channels are cut besides."""

    word: str  # a configuration, or data
    overrides: tuple[str, ...] = ()
    groups: int | None = None

    @property
    def at_once(self) -> int:
        """How many seeds a run trains."""
        return load_config(self.word).training.seeds if Path(self.word).suffix else 1


UNBALANCED = "configs/mnist-unbalanced.yaml"
CONFIGS = {
    path.stem: path for path in sorted(Path("configs").glob("*.yaml")) if path.stem != "tabular"
}  # benchmarks.vectors makes the table that this one reads
CASES = {name: Case(str(path)) for name, path in CONFIGS.items()} | {
    "mnist-unbalanced": Case(UNBALANCED, groups=10),
    "mnist-unbalanced-recipe": Case(
        UNBALANCED, ("data.imbalance=null",), groups=10
    ),  # on digits that are not
    "no-config-digits": Case("digits"),
    "no-config-mnist": Case("mnist"),
    "no-config-fashion": Case("fashion_mnist"),
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
    "group purity": ("groups", "purity", "{:.2%}"),
    "label accuracy": ("tau", "accuracy", "{:.2%}"),
    "label ECE": ("tau", "ece", "{:.3f}"),
    "agreement": ("routing", "generative_agreement", "{:.1%}"),
    "bound": ("losses", "bound", "{:.1f}"),
}
FORMS = {name: form for name, (_, _, form) in COLUMNS.items()} | {
    "seconds to weights": "{:.0f}",
    "seconds": "{:.0f}",
    "GFLOP/s": "{:.0f}",
    "GiB": "{:.2f}",
}


def measure(name: str, seed: int, runs: Path) -> dict[str, Any]:
    """One run, as a person would start it."""
    case, path = CASES[name], kept_run(runs, name, seed)
    where = [f"run.directory={path.parent}", f"run.name={path.name}", "run.report=false"]
    words = [case.word, *case.overrides, *where, f"training.seed={seed}"]
    command = [sys.executable, "-m", "rcmvae", "train", *words, "--quiet"]
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
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
        "case": name,
        "seed": seed,
        **found,
        **({} if case.groups is None else cut_into(case.groups, path, at)),
        "seconds to weights": summary["seconds"],
        "seconds": seconds,
        "GFLOP/s": matmul_rate() / 1e9,
        "GiB": used.ru_maxrss / 2**20,
    }


def cut_into(groups: int, path: Path, at: int) -> dict[str, float]:
    """Accuracy and purity of so many groups, however many the tree proposes."""
    found = {}
    for split in ("train", "test"):
        agreement = evaluate(path, split, num_groups=groups)["groups"]
        for measured in ("accuracy", "purity"):
            found[f"{groups} groups: {split} {measured}"] = agreement[measured]["per_seed"][at]
    return found


def told(rows: Sequence[dict[str, Any]]) -> str:
    """The seeds of a case in a sentence."""
    parts = [
        f"{name} {number(spread([row[name] for row in rows]), form)}"
        for name, form in FORMS.items()
        if name in rows[0]
    ]
    parts += [
        f"{name} {number(spread([row[name] for row in rows]), '{:.2%}')}"
        for name in rows[0]
        if " groups: " in name
    ]
    worst = [f"worst {name} {min(row[name] for row in rows):.2%}" for name in ("accuracy", "group accuracy")]
    return f"{rows[0]['case']}: {'; '.join(worst)}; {', '.join(parts)}"


def main() -> None:
    args = case_arguments(__doc__, CASES, seeds=5, first=0, runs="").parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for case in args.cases:
            at_once = CASES[case].at_once
            seeds = range(args.first, args.first + args.seeds * at_once, at_once)
            rows = [*progress(measure(case, seed, Path(args.runs or folder)) for seed in seeds)]
            told_as = " ".join([CASES[case].word, *CASES[case].overrides])
            title = f"{told_as}: test split, seeds {seeds[0]} to {seeds[-1] + at_once - 1}"
            report(args.results, f"accuracy-{case}", title, rows, [told(rows)])


if __name__ == "__main__":
    main()

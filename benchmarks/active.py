"""How many labels name the channels of a model that was trained without any, by how the samples to ask for are chosen.

    python -m benchmarks.active [--seeds 5] [--budget 60] [--draws 10] [--config configs/mnist.yaml] [--runs FOLDER]

The model looks at no label. Then a simulated person is asked about one of 10,000 training samples at a time; what
channels stand for is told from the answers alone, and is scored on the test samples. A strategy that draws is repeated
`--draws` times for each seed. `to 97%` is the number of labels from which on the accuracy on the test samples stays at
97 % or more, the mean over the runs that get there. With `--runs`, models are taken from a folder that
`benchmarks.accuracy --runs` left.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.common import Trained, arguments, looked_at, model_of, progress, report
from rcmvae.labels import Asking, Progress, simulated, unlabelled
from rcmvae.results import AS_PROPOSED, channel_trees
from rcmvae.seeds import number, spread

GOALS = (0.90, 0.95, 0.97)
SHOWN = (5, 10, 15, 20, 50)  # labels
POOL = 10_000  # random training samples, among which is chosen


def strategies(channels: int, budget: int) -> dict[str, Asking]:
    """Each alone, those that need a start after one label per channel, and mere chance."""
    alone = {name: Asking([(name, budget)]) for name in ("medoids", "bald", "typicality")}
    later = {
        f"medoids, {name}": Asking([("medoids", channels), (name, budget)])
        for name in ("bald", "entropy", "margin", "chance")
    }
    return alone | later | {"chance": Asking([("chance", budget)], apart=0)}


def measure(run: Trained, seed: int, budget: int, draws: int) -> Iterator[dict[str, Any]]:
    """A row for each strategy."""
    train, test = looked_at(run, run.setting.dataset, "train"), looked_at(run, run.setting.dataset, "test")
    (tree,) = channel_trees(run.setting, run.outcome.chosen)
    groups = AS_PROPOSED(tree)
    rows = np.random.default_rng(seed).permutation(len(train.truth))[:POOL]
    for name, asking in strategies(int(train.active.sum()), budget).items():
        repeats = draws if any(part in {"chance", "bald"} for part, _ in asking.strategies) else 1
        runs = [
            simulated(
                unlabelled(
                    train.responsibility[rows].astype(float),
                    train.mean[rows],
                    len(train.label_names),
                    1000 * seed + draw,
                    groups,
                ),
                train.truth[rows],
                asking,
                (test.responsibility.astype(float), test.truth),
            )
            for draw in range(repeats)
        ]
        yield {"seed": seed, "strategy": name, **told(runs)}


def told(runs: list[Progress]) -> dict[str, Any]:
    """The mean accuracy on the way, and the labels needed."""
    accuracy = np.mean([one.accuracy for one in runs], axis=0)
    found: dict[str, float | None] = {
        f"at {count}": float(accuracy[count - 1]) for count in SHOWN if count <= len(accuracy)
    }
    for goal in GOALS:
        needed = [one.needed(goal) for one in runs]
        reached = [count for count in needed if count is not None]
        found[f"to {goal:.0%}"] = float(np.mean(reached)) if reached else None
        found[f"{goal:.0%} reached"] = len(reached) / len(needed)
    return found


def summary(rows: list[dict[str, Any]]) -> list[str]:
    """A line for each strategy: mean and deviation over seeds."""
    lines = []
    for name in dict.fromkeys(row["strategy"] for row in rows):
        mine = [row for row in rows if row["strategy"] == name]
        at = number(spread([row["at 10"] for row in mine]), "{:.1%}")
        worst = f"{min(row['at 10'] for row in mine):.1%}"
        there = [row["to 97%"] for row in mine if row["to 97%"] is not None]
        needed = f"after {number(spread(there), '{:.1f}')} labels" if there else "never"
        reached = np.mean([row["97% reached"] for row in mine])
        lines.append(
            f"{name}: {at} with 10 labels, {worst} in the worst seed; 97 % {needed}, in {reached:.0%} of the runs"
        )
    return lines


def main() -> None:
    options = arguments(__doc__, seeds=5, budget=60, draws=10, config="configs/mnist.yaml", runs="")
    args = options.parse_args()
    rows: list[dict[str, Any]] = []
    for seed in range(args.seeds):
        rows += progress(measure(model_of(args.config, seed, args.runs), seed, args.budget, args.draws))
    report(
        args.results, f"active-{Path(args.config).stem}", f"Labels needed, {args.config}", rows, summary(rows)
    )


if __name__ == "__main__":
    main()

"""A kind that nobody named, or that nobody has seen: what its first labels are worth, and what they cost the others.

    python -m benchmarks.claims [--seeds 5] [--labels 1 5 20]

On the embedded digits, seed s leaves out the digit s: "new" are models that never saw one, "unnamed" are such that saw
them without a label, and have no channel of their own for them. A fifth of the other training samples has labels. Then
so many samples of the digit are named, by `teach`, which counts them, or by `claim`, which gives them a channel; "with
known" claims beside the training samples, "alone" beside what the model imagines. Accuracy is on test samples.
"""

import copy
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.common import arguments, progress, report
from rcmvae import MixtureVAE
from rcmvae.data import Digits, load
from rcmvae.seeds import number, spread

NAMED = 0.2  # of the training samples of the other digits


def measure(seed: int, labels: list[int]) -> Iterator[dict[str, Any]]:
    """A row for each way of naming one digit."""
    data, digit = load(Digits(seed=seed)), seed % 10
    x, truth = data.train.x.reshape(len(data.train.x), -1), data.train.truth
    test, kind = data.test.x.reshape(len(data.test.x), -1), data.test.truth
    rng = np.random.default_rng(seed)
    named = np.where((rng.random(len(truth)) < NAMED) & (truth != digit), truth, -1)
    examples = rng.permutation(np.flatnonzero(truth == digit))
    for case, seen in (("new", truth != digit), ("unnamed", np.ones(len(truth), bool))):
        model = MixtureVAE(num_channels=9, image_shape=(8, 8), random_state=seed).fit(x[seen], named[seen])
        before = np.mean(model.predict(test)[kind != digit] == kind[kind != digit])
        for count in labels:
            given = x[examples[:count]], np.full(count, digit)
            for way, name in (("teach", ()), ("claim, alone", (None,)), ("claim, with known", (x[seen],))):
                mine = copy.deepcopy(model)
                mine = mine.claim(*given, *name) if name else mine.teach(*given)
                right = mine.predict(test) == kind
                yield {
                    "case": case,
                    "labels": count,
                    "way": way,
                    "seed": seed,
                    "new kind": float(right[kind == digit].mean()),
                    "others": float(right[kind != digit].mean()),
                    "others before": float(before),
                }


def summary(rows: list[dict[str, Any]]) -> list[str]:
    """A line for each way: mean and deviation over seeds."""
    lines = []
    for case, labels, way in dict.fromkeys((row["case"], row["labels"], row["way"]) for row in rows):
        mine = [row for row in rows if (row["case"], row["labels"], row["way"]) == (case, labels, way)]
        right = number(spread([row["new kind"] for row in mine]), "{:.1%}")
        change = number(spread([100 * (row["others"] - row["others before"]) for row in mine]), "{:.1f}")
        lines.append(
            f"{case}, {labels} labels, {way}: {right} of the new kind; others change by {change} points"
        )
    return lines


def main() -> None:
    args = arguments(__doc__, seeds=5, labels=[1, 5, 20]).parse_args()
    rows = [row for seed in range(args.seeds) for row in progress(measure(seed, args.labels))]
    report(args.results, "claims", "A kind that was not named, digits", rows, summary(rows))


if __name__ == "__main__":
    main()

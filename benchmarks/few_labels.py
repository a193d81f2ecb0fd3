"""What few labels are worth to a model that was trained without any, and which samples it finds to be of another kind.

    python -m benchmarks.few_labels [--first 0] [--seeds 5] [--draws 50] [--config configs/mnist.yaml] [--other DATA]
                                    [--runs FOLDER]

Labels are training samples drawn at random, one or ten of each class; τ is counted from them and judged on the test
split. Beside it, from the same labels: logistic regression and label spreading on 50 principal components, the latter
with 10,000 unlabelled samples more. Outliers are the test split of the other data, and that of the same data mirrored;
what is normal is told by the validation split. With `--runs`, models are taken from a folder that
`benchmarks.accuracy --runs` left. Needs both data sets.
"""

import dataclasses
import functools
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.semi_supervised import LabelSpreading

from benchmarks.common import Trained, arguments, looked_at, model_of, progress, report
from rcmvae.config import load_config
from rcmvae.data import Arrays as Split
from rcmvae.data import Dataset, load, marks
from rcmvae.data.arrays import Stored
from rcmvae.diagnostics import Bundle
from rcmvae.labels import Names, Reliability, detection, reliability
from rcmvae.novelty import scores_of
from rcmvae.results import AS_PROPOSED, channel_trees
from rcmvae.seeds import number, spread
from rcmvae.structs import UNLABELLED

COMPONENTS, BESIDE = 50, 10_000
BESIDE_DRAWS = 5
Row = dict[str, Any]
Judged = tuple[str, Reliability]


@dataclasses.dataclass(frozen=True)
class Few:
    """One trained seed, and what it says of every split."""

    run: Trained
    train: Bundle
    held_out: Bundle
    test: Bundle
    groups: Int[np.ndarray, " K"]

    @classmethod
    def of(cls, run: Trained) -> "Few":
        (tree,) = channel_trees(run.setting, run.outcome.chosen)
        seen = (looked_at(run, run.setting.dataset, split) for split in ("train", "validation", "test"))
        return cls(run, *seen, groups=AS_PROPOSED(tree))

    @property
    def dataset(self) -> Dataset:
        return self.run.setting.dataset

    def named(self, rows: Int[np.ndarray, " n"]) -> Names:
        """What channels are called by the labels of these training samples."""
        train, labels = self.dataset.train, self.dataset.label_names
        r = self.train.responsibility[rows].astype(float)
        return Names.blank(self.groups, labels).taught(r, train.truth[rows], labels, marks(train.x[rows]))

    def beside(self, x: Stored) -> Bundle:
        """What is said of other samples."""
        unknown = np.full(len(x), UNLABELLED, np.int32)
        return looked_at(self.run, dataclasses.replace(self.dataset, test=Split(x, unknown, unknown)), "test")


def of_each_class(truth: Int[np.ndarray, " N"], count: int, seed: int) -> Int[np.ndarray, " n"]:
    """So many random samples of every class."""
    rng = np.random.default_rng(seed)
    return np.concatenate(
        [rng.choice(np.flatnonzero(truth == y), count, replace=False) for y in np.unique(truth)]
    )


def by_counting(few: Few, rows: Int[np.ndarray, " n"]) -> Iterator[Judged]:
    names = few.named(rows)
    yield "τ", reliability(names.predict_proba(few.test.responsibility.astype(float)), few.dataset.test.truth)


class Components:
    """Logistic regression and label spreading on principal components."""

    def __init__(self, dataset: Dataset) -> None:
        flat = [
            split.x.reshape(len(split.x), -1) / np.float32(255) for split in (dataset.train, dataset.test)
        ]
        kept = PCA(COMPONENTS, random_state=0).fit(flat[0])
        self.train, self.test = (kept.transform(one).astype(np.float32) for one in flat)
        self.truth, self.judge = dataset.train.truth, dataset.test.truth
        self.rest = np.random.default_rng(0).permutation(len(self.train))[:BESIDE]

    def __call__(self, rows: Int[np.ndarray, " n"]) -> Iterator[Judged]:
        plain = LogisticRegression(max_iter=2000).fit(self.train[rows], self.truth[rows])
        both = np.concatenate([self.train[rows], self.train[self.rest]])
        label = np.concatenate([self.truth[rows], np.full(len(self.rest), UNLABELLED)])
        spreading = LabelSpreading(kernel="knn", n_neighbors=10, max_iter=100).fit(both, label)
        for name, model in (("logistic regression", plain), ("label spreading", spreading)):
            yield name, reliability(probabilities(model.predict_proba(self.test)), self.judge)


def told(count: int, judged: Sequence[Judged]) -> Iterator[Row]:
    """A row for each way, over the draws of so many labels per class."""
    for name in dict.fromkeys(name for name, _ in judged):
        mine = [one for other, one in judged if other == name]
        right = [one.share_right for one in mine]
        yield {
            "labels": 10 * count,
            "by": name,
            "draws": len(mine),
            "accuracy": float(np.mean(right)),
            "worst draw": min(right),
            "ECE": float(np.mean([one.ece for one in mine])),
        }


def probabilities(p: Float[np.ndarray, "N Y"]) -> Float[np.ndarray, "N Y"]:
    """Where label spreading reached nobody, every label is as good."""
    return np.where(np.isfinite(p), p, 1 / p.shape[1])


def outliers(few: Few, other: str) -> Iterator[Row]:
    """A row for each kind of outliers and each score."""
    names = few.named(of_each_class(few.dataset.train.truth, 10, 0))
    strange = {
        other: load(load_config(None, [f"data={other}"]).data).test.x,
        "mirrored": few.dataset.test.x[:, :, ::-1],
    }
    for kind, x in strange.items():
        pairs = scores_of(few.held_out, few.test, few.beside(np.ascontiguousarray(x)), names)
        for score, pair in pairs.items():
            yield {"outliers": kind, "by": score, **detection(*pair)._asdict()}


def measure(few: Few, draws: int) -> Iterator[Row]:
    """A row for each number of labels and each way of using them."""
    ways = ((functools.partial(by_counting, few), draws), (Components(few.dataset), BESIDE_DRAWS))
    for count in (1, 10):
        for way, repeats in ways:
            chosen = (of_each_class(few.dataset.train.truth, count, draw) for draw in range(repeats))
            yield from told(count, [one for rows in chosen for one in way(rows)])


def summary(rows: Sequence[Row], keys: Sequence[str], shown: Mapping[str, str]) -> list[str]:
    """A line for each combination of some columns: mean and deviation over seeds of others."""
    lines = []
    for place in dict.fromkeys(tuple(row[key] for key in keys) for row in rows):
        mine = [row for row in rows if tuple(row[key] for key in keys) == place]
        parts = (
            f"{name} {number(spread([row[name] for row in mine]), form)}" for name, form in shown.items()
        )
        lines.append(f"{', '.join(map(str, place))}: {', '.join(parts)}")
    return lines


def main() -> None:
    options = arguments(
        __doc__, first=0, seeds=5, draws=50, config="configs/mnist.yaml", other="fashion_mnist", runs=""
    )
    args = options.parse_args()
    labels: list[Row] = []
    strange: list[Row] = []
    for seed in range(args.first, args.first + args.seeds):
        few = Few.of(model_of(args.config, seed, args.runs))
        labels += progress({"seed": seed, **row} for row in measure(few, args.draws))
        strange += progress({"seed": seed, **row} for row in outliers(few, args.other))
    name = Path(args.config).stem
    notes = summary(labels, ("labels", "by"), {"accuracy": "{:.2%}", "worst draw": "{:.2%}", "ECE": "{:.3f}"})
    report(args.results, f"few-labels-{name}", f"Few labels, {args.config}, test split", labels, notes)
    notes = summary(strange, ("outliers", "by"), {"auroc": "{:.4f}", "fpr95": "{:.1%}"})
    report(args.results, f"outliers-{name}", f"Outliers, {args.config}, test split", strange, notes)


if __name__ == "__main__":
    main()

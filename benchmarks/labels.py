"""How right a few labels make the names of channels, and what it is worth that families of channels share them.

    python -m benchmarks.labels [--seeds 4] [--channels 10 30] [--labels 10 20 50 100] [--draws 10]

Channels learn from the digits without labels, as in configs/digits.yaml. Then so many training samples of all classes
in proportion are counted, drawn anew each time, and all other training samples judge. "Alone" counts in each channel
by itself, "family" in the groups of the channel tree as well, as a run does.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.common import arguments, progress, report, trained
from rcmvae.config import load_config
from rcmvae.data.splits import keep_labels
from rcmvae.labels import Tau, reliability
from rcmvae.results import AS_PROPOSED, channel_trees

CONFIG = "configs/digits.yaml"


def measure(K: int, seeds: int, labels: list[int], draws: int) -> Iterator[dict[str, Any]]:
    """A row for each number of labels; the seeds train at once."""
    run = trained(load_config(CONFIG, [f"model.num_channels={K}", f"training.seeds={seeds}"]))
    groups = [AS_PROPOSED(tree) for tree in channel_trees(run.setting, run.outcome.chosen)]
    truth, r = run.setting.dataset.train.truth, run.responsibility
    Y = run.setting.dataset.num_classes
    for number in labels:
        found: dict[str, list[float]] = {}
        for draw in range(draws):
            label = keep_labels(truth, number, np.random.default_rng(draw))
            rest = label < 0
            for one, family in zip(r, groups, strict=True):
                counts = Tau.blank(K, Y).taught(one, label)
                for name, tau in (("alone", counts), ("family", Tau(counts.counts, 1 / Y, family))):
                    judged = reliability(tau.predict_proba(one[rest]), truth[rest])
                    found.setdefault(f"accuracy, {name}", []).append(judged.share_right)
                    found.setdefault(f"ECE, {name}", []).append(judged.ece)
        yield {
            "channels": K,
            "labels": number,
            **{name: float(np.mean(each)) for name, each in found.items()},
        }


def main() -> None:
    parser = arguments(__doc__, seeds=4, channels=[10, 30], labels=[10, 20, 50, 100], draws=10)
    args = parser.parse_args()
    rows = [row for K in args.channels for row in progress(measure(K, args.seeds, args.labels, args.draws))]
    notes = [f"Means over seeds 0 to {args.seeds - 1} and {args.draws} draws of labels."]
    report(args.results, "labels", "Names of channels by a few labels, digits", rows, notes)


if __name__ == "__main__":
    main()

"""How well a run tells samples that are like nothing it learned from those that are: an evaluation of its own."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float
from scipy.special import entr

from rcmvae.data import Arrays as Split
from rcmvae.data.arrays import Stored
from rcmvae.diagnostics import Bundle, glance
from rcmvae.errors import RunError
from rcmvae.labels import Names, by_doubt, combined, detection, unlike_its_channel
from rcmvae.results import seeds_of
from rcmvae.run import RunDirectory
from rcmvae.seeds import spread
from rcmvae.setting import Setting
from rcmvae.splits import SPLITS, SplitName, slug
from rcmvae.structs import UNLABELLED
from rcmvae.training import TrainState

BINS = 30
BY_LABELS = "1 − max_c r_c max_y τ_cy"
BY_CHANNELS = "1 − max_c r_c, since no label was counted"


def evaluate(
    run: RunDirectory,
    setting: Setting,
    state: TrainState,
    split: SplitName,
    names: Sequence[Names] | None,
    outliers: Stored,
    source: str,
) -> dict[str, Any]:
    """AUROC and FPR95 of three scores, between a split and samples that are none of its kind.

    The scores are the doubt, the bound, and the surprise at how undecided the channel is and at how unlike its samples
    this one is, against samples that are held out of training and not part of the split. Written into the run, too.
    """
    normal_name: SplitName = "validation" if split != "validation" else "test"
    if not len(setting.dataset.splits[normal_name]):
        raise RunError(
            f"What is normal is learned from the {normal_name} split, but the data of {run.path} have none."
        )
    unknown = np.full(len(outliers), UNLABELLED, np.int32)
    strange = dataclasses.replace(setting.dataset, test=Split(outliers, unknown, unknown))
    seen = [
        glance(setting.plan, setting.devices, state, dataset, name)
        for dataset, name in (
            (setting.dataset, normal_name),
            (setting.dataset, split),
            (strange, "test"),
        )
    ]
    every = [
        scores_of(*bundles, names=None if names is None else names[replica])
        for replica, bundles in enumerate(zip(*seen, strict=True))
    ]
    found = [{name: detection(*pair) for name, pair in scores.items()} for scores in every]
    told = {
        "split": split,
        "samples": len(setting.dataset.splits[split]),
        "normal": normal_name,  # what is normal is learned from these samples
        "outliers": source,
        "outlier_samples": len(outliers),
        "seeds": seeds_of(setting),
        "doubt": BY_CHANNELS if names is None else BY_LABELS,
        "labelled": 0 if names is None else len(names[0]),
        "scores": {
            name: {key: spread([getattr(one[name], key) for one in found]) for key in ("auroc", "fpr95")}
            for name in found[0]
        },
        "histograms": [{name: _histogram(*pair) for name, pair in scores.items()} for scores in every],
    }
    run.write_json(novelty_file(split, source), told)
    return told


Pair = tuple[Float[np.ndarray, " N"], Float[np.ndarray, " M"]]  # of normal samples, and of outliers


def scores_of(held_out: Bundle, normal: Bundle, strange: Bundle, names: Names | None) -> dict[str, Pair]:
    """Each score of normal and of strange samples, by name; the first bundle says what is normal."""
    ours, mine, theirs = (_parts(one, held_out) for one in (held_out, normal, strange))
    return {
        "doubt": (_doubt(normal, names), _doubt(strange, names)),
        "bound": (normal.bound(), strange.bound()),
        "combined": (combined(mine, ours), combined(theirs, ours)),
    }


def _parts(bundle: Bundle, held_out: Bundle) -> Float[np.ndarray, "N 2"]:
    """How undecided the channel is, in nats, and how unlike that channel's normal samples a sample is there."""
    undecided = entr(bundle.responsibility.astype(float)).sum(axis=1)
    unlike = unlike_its_channel(_there(bundle), bundle.channel, _there(held_out), held_out.channel)
    return np.stack([undecided, unlike], axis=1)


def _there(bundle: Bundle) -> Float[np.ndarray, "N F"]:
    """What samples cost in their own channel, and where their posteriors lie in it."""
    rows, own = np.arange(len(bundle)), bundle.channel
    costs = bundle.nll[rows, own], bundle.kl[rows, own]
    return np.column_stack([*costs, bundle.mean, bundle.log_var]).astype(float)


def _doubt(bundle: Bundle, names: Names | None) -> Float[np.ndarray, " N"]:
    r = bundle.responsibility.astype(float)
    return 1 - r.max(axis=1) if names is None else by_doubt(names.tau, r)


def _histogram(normal: Float[np.ndarray, " N"], strange: Float[np.ndarray, " M"]) -> dict[str, list[float]]:
    """Shares of either kind in common bins; what lies outside the first or the last is counted in it."""
    both = np.concatenate([normal, strange])
    low, high = np.quantile(both, [0.002, 0.98])
    edges = np.linspace(low, max(high, low + 1e-6), BINS + 1)
    shares = [
        np.histogram(np.clip(one, edges[0], edges[-1]), edges)[0] / len(one) for one in (normal, strange)
    ]
    return {"edges": edges.tolist(), "normal": shares[0].tolist(), "outliers": shares[1].tolist()}


def novelty_file(split: SplitName, source: str) -> str:
    """The file that such an evaluation is written to.

    >>> novelty_file("test", "data/more digits.npz")
    'evaluation-test-ood-more-digits.json'
    """
    return f"evaluation-{split}-ood-{slug(source)}.json"


def kept(run: RunDirectory) -> list[dict[str, Any]]:
    """All such evaluations of a run, in the order of their names."""
    return [run.read_json(path.name) for path in _files(run)]


def _files(run: RunDirectory) -> list[Path]:
    return sorted(path for split in SPLITS for path in run.path.glob(f"evaluation-{split}-ood-*.json"))

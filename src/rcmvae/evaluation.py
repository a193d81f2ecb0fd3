"""How good a trained model is: on a split of its own data, or on other samples."""

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rcmvae import naming, novelty
from rcmvae.data import Arrays as Split
from rcmvae.errors import ConfigError
from rcmvae.inference import Trained, outliers_of
from rcmvae.inference.samples import Labelled, labelled_samples_of
from rcmvae.labels import Names
from rcmvae.reopening import last_of, reopen
from rcmvae.results import Cut, Ending, channel_trees, scores
from rcmvae.run import RunDirectory
from rcmvae.setting import Setting
from rcmvae.splits import as_split
from rcmvae.structs import UNLABELLED

ARRAYS = "arrays"  # what samples are called that come from no file


def evaluate(
    path: Path | str,
    split: str = "test",
    dataset: Any = None,
    *,
    samples: Any = None,
    y: Any = None,
    options: Sequence[str] = (),
    num_groups: int | None = None,
    level: float | None = None,
    importance: int | None = None,
    ood: Any = None,
) -> dict[str, Any]:
    """Every metric on a split, for the weights that the run ended with.

    The channel tree is cut into `num_groups` groups or at a `level`; as it proposes, without either. `importance` is
    how many draws of each code are to make the importance-weighted bound, which is left out otherwise.

    `samples` are looked at in place of the split: arrays, with their labels `y` if they have any, or a file or folder
    that is read with `options`, such as `x=pixels` or `resize=[28,28]`. `ood` are samples of another kind (the same, or
    the name of other data): how well they are told from those of the split stands under `ood`, and in its own file.
    """
    _refuse(importance, samples, y, ood)
    run, cut = RunDirectory.find(path), Cut(num_groups, level)
    name = as_split(split)
    cut.check()
    setting = reopen(run, dataset)
    outliers = None if ood is None else outliers_of(Trained.open(run.path), ood, options)
    given = (
        None
        if samples is None
        else labelled_samples_of(Trained.open(run.path, nameless=True), samples, y, options)
    )
    chosen = last_of(run, setting).arrays.chosen
    ending = Ending(channel_trees(setting, chosen), naming.kept(run))
    if given is not None:
        source = _source(samples)
        result = scores(_on(setting, given, ending.names), chosen, "test", ending, cut, importance, source)
        run.write_json(file_of(cut, name, source), result)
        return result
    result = scores(setting, chosen, name, ending, cut, importance)
    run.write_json(file_of(cut, name), result)
    naming.keep_scores(run, result)
    if outliers is None:
        return result
    return result | {
        "ood": novelty.evaluate(run, setting, chosen, name, ending.names, outliers, _source(ood))
    }


def file_of(cut: Cut, split: str, source: str | None = None) -> str:
    """The file that scores are written to: those of a split, or of other samples.

    >>> file_of(Cut(), "test"), file_of(Cut(num_groups=3), "test", "data/new digits.npz")
    ('evaluation-test.json', 'evaluation-of-new-digits-groups-3.json')
    """
    return cut.file_of(split if source is None else f"of-{novelty.slug(source)}")


def _refuse(importance: int | None, samples: Any, y: Any, ood: Any) -> None:
    if importance is not None and importance < 1:
        raise ConfigError(
            f"importance is {importance}, but it must be 1 or more: it counts draws of each code."
        )
    if samples is None and y is not None:
        raise ConfigError("y are the labels of samples: give those too.")
    if samples is not None and ood is not None:
        raise ConfigError(
            "samples and ood cannot both be given: samples of another kind are told from those of a split."
        )


def _source(given: Any) -> str:
    return str(given) if isinstance(given, str | Path) else ARRAYS


def _on(setting: Setting, given: Labelled, names: Sequence[Names] | None) -> Setting:
    """The same with these samples in place of the test split.

    Labels have the numbers that the run, and what was taught since, knows them by; others come after those.
    """
    known = setting.dataset.label_names if names is None else names[0].labels
    labels = (*known, *(label for label in given.labels if label not in known))
    number = np.array([*map(labels.index, given.labels), UNLABELLED], np.int32)  # −1 finds the last
    truth = number[given.label]
    test = Split(given.x, np.full_like(truth, UNLABELLED), truth)
    return dataclasses.replace(
        setting, dataset=dataclasses.replace(setting.dataset, test=test, label_names=labels)
    )

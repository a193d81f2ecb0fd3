"""How good a trained model is: on a split of its own data, or on other samples."""

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rcmvae import naming, novelty
from rcmvae.data import Arrays as Split
from rcmvae.errors import ConfigError
from rcmvae.inference.samples import Labelled, labelled_samples_of, outliers_of
from rcmvae.inference.trained import Reader
from rcmvae.labels import Names
from rcmvae.reopening import last_of, reopen
from rcmvae.results import Cut, Ending, channel_trees, scores
from rcmvae.run import RunDirectory
from rcmvae.setting import Setting
from rcmvae.splits import as_split, slug
from rcmvae.structs import UNLABELLED

ARRAYS = "arrays"  # what samples are called that come from no file


def evaluate(
    path: Path | str,
    split: str | None = None,
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
    """Every metric on a split (the test split, if none is named), for the weights that the run ended with.

    The channel tree is cut into `num_groups` groups or at a `level`; as it proposes, without either. `importance` is
    how many draws of each code are to make the importance-weighted bound, which is left out otherwise.

    `samples` are looked at in place of a split: arrays, with their labels `y` if they have any, or a file or folder
    that is read with `options`, such as `x=pixels` or `resize=[28,28]`. `ood` are samples of another kind (the same, or
    the name of other data): how well they are told from those of the split stands under `ood`, and in its own file.
    What the run itself was trained on has to be there all the same.
    """
    _refuse(split, importance, samples, y, options, ood)
    run, cut = RunDirectory.find(path), Cut(num_groups, level)
    name = as_split(split or "test")
    cut.check()
    given = None if samples is None else labelled_samples_of(Reader.of(run), samples, y, options)
    outliers = None if ood is None else outliers_of(Reader.of(run), ood, options)
    setting = reopen(run, dataset)
    chosen = last_of(run, setting).arrays.chosen
    ending = Ending(channel_trees(setting, chosen), naming.kept(run))
    if given is not None:
        known = _known(setting, ending.names)
        found = scores(_on(setting, given, known), chosen, "test", ending, cut, importance, _source(samples))
        unknown = sorted(
            {given.labels[number] for number in given.label[given.label != UNLABELLED]} - {*known}
        )
        file = cut.file_of(_title(samples, given, options))
        result = found | {"options": [*options], "unknown_labels": unknown, "file": file}
        run.write_json(file, result)
        return result
    result = scores(setting, chosen, name, ending, cut, importance)
    run.write_json(cut.file_of(name), result)
    naming.keep_scores(run, result)
    if outliers is None:
        return result
    return result | {
        "ood": novelty.evaluate(run, setting, chosen, name, ending.names, outliers, _source(ood))
    }


def _refuse(
    split: str | None, importance: int | None, samples: Any, y: Any, options: Sequence[str], ood: Any
) -> None:
    if importance is not None and importance < 1:
        raise ConfigError(
            f"importance is {importance}, but it must be 1 or more: it counts draws of each code."
        )
    if samples is None and y is not None:
        raise ConfigError("y are the labels of samples: give those too.")
    if samples is not None and split is not None:
        raise ConfigError(f"samples are of no split: give them, or the split {split}.")
    if samples is not None and ood is not None:
        raise ConfigError(
            "samples and ood cannot both be given: samples of another kind are told from those of a split."
        )
    read = ood if samples is None else samples
    if options and not isinstance(read, str | Path):
        raise ConfigError(f"{options[0]} says how a file or folder is read, but none is given.")


def _source(given: Any) -> str:
    return str(given) if isinstance(given, str | Path) else ARRAYS


def _title(samples: Any, given: Labelled, options: Sequence[str]) -> str:
    """What the file of scores is called after other samples; samples from elsewhere, or read otherwise, have another.

    A file that has changed keeps its title.
    """
    if isinstance(samples, str | Path):
        whole, name = Path(samples).resolve(), slug(Path(samples).resolve().name)
        told = repr((str(whole), *options)).encode()
    else:
        name, told = ARRAYS, np.ascontiguousarray(given.x).tobytes()
    return f"of-{name}-{hashlib.sha256(told).hexdigest()[:6]}"


def _known(setting: Setting, names: Sequence[Names] | None) -> tuple[str, ...]:
    """The labels that the run, and what was taught since, knows, in the order of their numbers."""
    return setting.dataset.label_names if names is None else names[0].labels


def _on(setting: Setting, given: Labelled, known: Sequence[str]) -> Setting:
    """The same with these samples in place of the test split.

    Labels have the numbers that they are known by; others come after those. Terms may look at those that training
    knows, unless it was kept from some.
    """
    labels = (*known, *(label for label in given.labels if label not in known))
    number = np.array([*map(labels.index, given.labels), UNLABELLED], np.int32)  # −1 finds the last
    truth = number[given.label]
    is_told = (truth < setting.dataset.num_classes) & (setting.config.data.num_labeled is None)
    test = Split(given.x, np.where(is_told, truth, UNLABELLED).astype(np.int32), truth)
    return dataclasses.replace(
        setting, dataset=dataclasses.replace(setting.dataset, test=test, label_names=labels)
    )

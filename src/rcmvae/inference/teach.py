"""Labels after the fact: a finished run counts them in its channels, and nothing is trained."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from rcmvae import naming
from rcmvae.data import marks
from rcmvae.data.splits import Purpose, keep_labels, stream
from rcmvae.errors import ConfigError, DataError, counted
from rcmvae.inference.apply import membership
from rcmvae.inference.samples import Labelled, labelled_samples_of
from rcmvae.inference.trained import Trained
from rcmvae.labels import Names
from rcmvae.results import forget_scores
from rcmvae.run import RunDirectory
from rcmvae.structs import UNLABELLED

WAYS = (
    "They are given as y in Python; an .npz has them in `y` (or y=NAME), a .npy in a second file (labels=FILE), a "
    "table in a column (label_column=NAME), and a folder of images has a folder for each class."
)


def teach(
    run: Path | str,
    x: Any,
    y: Any = None,
    *,
    number: int | None = None,
    fresh: bool = False,
    options: Sequence[str] = (),
) -> list[Names]:
    """Count labelled samples in the channels of a finished run, and keep the counts with it: for each of its seeds.

    `x` are samples with their labels `y`, a file or folder that has both, or the name of a split of the run's own data.
    Of these, `number` takes only so many, of all classes in proportion. What was counted before stays, unless
    `fresh`; a label given to a sample later replaces an earlier one, and labels may be new.
    """
    directory = RunDirectory.find(run)
    with directory.held():
        found = _taught(directory, x, y, number=number, fresh=fresh, options=options)
        naming.keep(directory, found)
        naming.take_back_scores(directory)
        forget_scores(directory)
    return found


def _taught(
    directory: RunDirectory,
    x: Any,
    y: Any,
    *,
    number: int | None,
    fresh: bool,
    options: Sequence[str],
) -> list[Names]:
    """What the channels of each seed are called with these labels counted."""
    seeds: list[int] = directory.read_json("summary.json")["seeds"]
    first = Trained.open(directory.path, seeds[0], nameless=fresh)
    given = _chosen(first, labelled_samples_of(first, x, y, options), number, "x" if y is not None else x)
    mark = marks(given.x)
    found = []
    for seed in seeds:
        trained = first if seed == seeds[0] else Trained.open(directory.path, seed, nameless=fresh)
        r = membership(trained, given.x)
        before = trained.names
        names = Names.blank(trained.groups, trained.card.label_names) if before is None else before
        found.append(names.taught(r, given.label, given.labels, mark))
    return found


def _chosen(trained: Trained, given: Labelled, number: int | None, where: Any) -> Labelled:
    """The labelled samples, or so many of them: the same that `data.num_labeled` would take."""
    there = int((given.label != UNLABELLED).sum())
    named = where if isinstance(where, str | Path) else "x"
    if not there:
        raise DataError(f"No sample of {named} has a label: there is nothing to count. {WAYS}")
    label = given.label
    if number is not None:
        if not 1 <= number <= there:
            raise ConfigError(
                f"number is {number}, but {counted(there, 'sample')} of {named} {'has' if there == 1 else 'have'} a "
                f"label: it may be 1 to {there}."
            )
        label = keep_labels(label, number, stream(trained.config.data.seed, Purpose.LABELS))
    rows = np.flatnonzero(label != UNLABELLED)
    return Labelled(given.x[rows], label[rows], given.labels)

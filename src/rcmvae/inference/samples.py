"""From what a person names, to samples that a run can look at."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Int

from rcmvae.config import load_source
from rcmvae.data import SOURCES, ArraysSource, Source, load
from rcmvae.data.arrays import Arrays, Stored
from rcmvae.data.catalogue import readers_of
from rcmvae.data.intake import as_stored, columns_of, take_in
from rcmvae.data.source import located
from rcmvae.errors import ConfigError, DataError, RunError, nearest
from rcmvae.inference.trained import Reader, Trained
from rcmvae.splits import SPLITS

OWN = f"a split of the run's own data ({', '.join(SPLITS)})"
FORMS = f"a .npy, .npz, .parquet, .csv or .tsv file, a folder of images, or {OWN}"


def samples_of(trained: Reader | Trained, given: Any, options: Sequence[str] = ()) -> Stored:
    """Samples in the order of their rows: as given, from a file or folder, or of a split of the run's own data."""
    if not isinstance(given, str | Path):
        return trained.accept(as_stored(_in_order(trained, given), "x"), "x")
    if str(given) in SPLITS:
        return _own(trained, str(given), options).x
    path = located(Path(given))
    return trained.accept(_source(trained, path, options, labels=False).read().train.x, str(given))


def beside(
    trained: Reader | Trained, given: str, options: Sequence[str], names: Sequence[str]
) -> dict[str, Any]:
    """What else a file or folder knows of each of its samples: columns by name, and where images lie."""
    if given not in SPLITS:
        return _source(trained, located(Path(given)), options, labels=False).beside(names)
    if names:
        raise ConfigError(
            f"{names[0]!r} cannot be kept for `{given}`, whose rows are in an order of their own: name the file."
        )
    return {}


def outliers_of(trained: Reader | Trained, given: Any, options: Sequence[str] = ()) -> Stored:
    """The same, or the test part of data that are known by name, such as fashion_mnist."""
    if not isinstance(given, str) or given not in SOURCES:
        return samples_of(trained, given, options)
    raw = load_source(given, options).read()
    return trained.accept((raw.train if raw.test is None else raw.test).x, given)


class Labelled(NamedTuple):
    """Samples with what is known of them."""

    x: Stored
    label: Int[np.ndarray, " N"]  # number of one of the `labels`; −1 is unlabelled
    labels: tuple[str, ...]


def labelled_samples_of(
    trained: Reader | Trained, given: Any, y: Any = None, options: Sequence[str] = ()
) -> Labelled:
    """The same with their labels: `y`, or those of a file, of the folders that images lie in, or of a split."""
    if not isinstance(given, str | Path):
        raw = take_in(_in_order(trained, given), y, where="x")
        return Labelled(trained.accept(raw.train.x, "x"), raw.train.label, raw.label_names)
    if y is not None:
        raise ConfigError(f"y belongs to samples that are given in Python; {given} has labels of its own.")
    if str(given) in SPLITS:
        part = _own(trained, str(given), options)
        return Labelled(part.x, part.truth, trained.card.label_names)
    raw = _source(trained, located(Path(given)), options, labels=True).read()
    return Labelled(trained.accept(raw.train.x, str(given)), raw.train.label, raw.label_names)


def _in_order(trained: Reader | Trained, given: Any) -> Any:
    """A data frame's columns by their names, in the order of training; anything else as it is."""
    known, found = trained.card.columns, columns_of(given)
    if not known or not found:
        return given
    missing = [name for name in known if name not in found]
    if missing:
        raise DataError(
            f"x has no column {missing[0]!r}, but {trained.name} was trained with it.{nearest(missing[0], found)}"
        )
    return given[list(known)]


def _own(trained: Reader | Trained, split: str, options: Sequence[str]) -> Arrays:
    run, source = trained.run, trained.config.data
    if isinstance(source, ArraysSource):
        raise RunError(
            f"{run.path} was trained on arrays handed over in Python, and does not keep them: give samples."
        )
    if options:
        raise ConfigError(
            f"{options[0]} cannot be given with `{split}`: the run itself says how its data are read."
        )
    dataset = load(source)
    if dataset.fingerprint != trained.card.fingerprint:
        raise RunError(
            f"{run.path} was trained on other data: those that its configuration points to have changed since."
        )
    found = dataset.splits[split]
    if not len(found):
        raise RunError(f"The data of {run.path} have no {split} split.")
    return found


def _source(trained: Reader | Trained, path: Path, options: Sequence[str], *, labels: bool) -> Source:
    """The source that reads a path, with what the run says of its own data as far as both are alike."""
    if not path.exists():
        raise DataError(f"{path} does not exist.{nearest(str(path), SPLITS)} What is looked at is {FORMS}.")
    own = trained.config.data
    readers = sorted(readers_of(path), key=lambda cls: cls is not type(own))
    if not readers:
        raise DataError(f"{path} cannot be read: what is looked at is {FORMS}.")
    reader = readers[0]
    asked_for_images = any(option.removeprefix("data.").startswith("image_column=") for option in options)
    by_name = trained.card.columns and "features" in reader.model_fields and not asked_for_images
    left = [*own.tests_in, *(() if labels else own.labels_in), *(("without",) if by_name else ())]
    kept = _how_the_run_reads(own, reader, left)
    if by_name:
        kept.append(f"features={json.dumps(trained.card.columns)}")  # wherever they stand
    return load_source(reader.kind_name(), [*kept, f"path={json.dumps(str(path))}", *options])


def _how_the_run_reads(own: Source, reader: type[Source], left: Sequence[str]) -> list[str]:
    """What it says that a reader of other files has too, and that does not tell which file, as overrides."""
    common = next(cls for cls in type(own).__mro__ if issubclass(reader, cls))
    names = common.model_fields.keys() - Source.model_fields.keys() - {"kind", *left}
    told = own.model_dump(mode="json", exclude_defaults=True, include=set(names))
    return [
        f"{name}={json.dumps(value)}"
        for name, value in told.items()
        if not isinstance(getattr(own, name), Path)
    ]

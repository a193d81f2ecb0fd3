"""What is trained where a person says nothing: the recipes of configs/, made to measure for the samples at hand."""

import dataclasses
import json
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from rcmvae.config import Config, from_mapping, load_source
from rcmvae.config.load import CONFIG_SUFFIXES
from rcmvae.config.text import inline, parse
from rcmvae.data import SOURCES, Dataset
from rcmvae.data.catalogue import readers_of
from rcmvae.data.load import assemble
from rcmvae.data.source import located
from rcmvae.errors import ConfigError, listed, nearest
from rcmvae.options import flattened
from rcmvae.training import RUN_FILES

SMALL = 16  # pixels a side, below which an image is small
FEW = 3  # columns, up to which each may be all that tells two kinds apart
WHOLE = 10**6  # characters, more than any value is cut off after
# Where channels grow:
TRIAL = 100  # steps of a new channel's trial, about
MOST_TRIALS = 36
MOST_CHANNELS = 20


@dataclasses.dataclass(frozen=True)
class Recipe:
    """A model and its objective, and how long they train."""

    model: Mapping[str, Any]
    views: list[Any]  # what may change without a sample becoming another kind of thing
    batch_size: int
    steps: int  # that a training is worth, within these limits:
    least: int  # epochs, however many samples there are
    most: int  # and however few
    neighbours: int = 0  # how many of the nearest samples are views, too,
    share: float = 1.0  # and of how many second looks
    alone: float = 0.0  # share of the epochs in which only the routing learns
    rising: float = 0.0  # share of the epochs in which the learning rate rises,
    rate: tuple[float, float] | None = (
        None  # from where it falls to where; as the configuration has it if None
    )
    guides: bool = True  # whether the bound has a say in where samples go, or views alone
    # While channels open: the learning rate, as the configuration has it if None, how much equal shares are worth,
    # and how much cleaner a new channel must make things to stay, or to be tried for longer.
    steady: float | None = None
    even: float = 50
    cleaner: tuple[float, float] = (0.4, 0.33)
    spread: tuple[float, float] = (100, 100)  # how much equal shares are worth, at first and in the end
    between: tuple[float, float] = (0.3, 0.7)  # the shares of the epochs in which that changes

    def epochs(self, num_samples: int) -> int:
        """More for few samples: so many epochs make `steps` steps."""
        each = math.ceil(num_samples / self.batch_size)
        return min(max(round(self.steps / each), self.least), self.most)

    def settings(self, epochs: int, num_samples: int) -> dict[str, Any]:
        """The configuration of a training over so many epochs."""
        begin = round(self.alone * epochs)
        weight = {"kind": "piecewise", "at": [begin], "values": [0, 1]} if begin else 1
        found: dict[str, Any] = {
            "model": dict(self.model),
            "objective": {
                **self._drawn(weight),
                "kl_c": {"weight": weight},
                "consistency": {"weight": 100, "views": self._all_views(num_samples)},
                "usage_entropy": self._usage_entropy(epochs),
                "confidence": 50,
            },
            "training": {"epochs": epochs},
        }
        if self.rate is not None:
            start, end = self.rate
            falling = {"kind": "cosine", "start": start, "end": end, "epochs": epochs}
            found["training"]["learning_rate"] = {
                "kind": "warmup",
                "epochs": round(self.rising * epochs, 6),
                "then": falling,
            }
        return found

    def growing(self, num_samples: int) -> dict[str, Any]:
        """The same from one channel on, for as long as more of them help.

        The reconstruction counts from the start, since channels are cut where their codes fall apart, and the
        learning rate falls once growth has ended. A trial takes about `TRIAL` steps, or an epoch if that has more.
        """
        found = self.settings(epochs=1, num_samples=num_samples)
        each = max(1, round(num_samples / self.batch_size))
        trial = max(1, round(TRIAL / each))
        every, finish = max(1, trial // 2), min(max(round(6 * TRIAL / each), 18), 60)
        found["model"]["num_channels"] = MOST_CHANNELS
        found["objective"] |= {"usage_entropy": -self.even, "kl_c": 1}
        training: dict[str, Any] = {"epochs": finish + MOST_TRIALS * (every + trial)}
        if self.steady is not None:
            training["learning_rate"] = {"kind": "warmup", "epochs": trial / 2, "then": self.steady}
        found["training"] = training
        stays, promising = self.cleaner
        found["curriculum"] = {
            "policy": {"kind": "birth", "when": {"kind": "scheduled", "every": every}},
            "trial": trial,
            "helps": {"cleanness": stays, "promising": promising},
            "kick": {"epochs": 0},
            "merge_below": 0.3,
            "finish": {"epochs": finish},
        }
        return found

    def _drawn(self, weight: Any) -> dict[str, Any]:
        """The two terms by which channels learn to draw what is in them."""
        return {name: {"weight": weight, "guides": self.guides} for name in ("reconstruction", "kl_z")}

    def _all_views(self, num_samples: int) -> list[Any]:
        """With few neighbours among few samples."""
        number = min(self.neighbours, (num_samples - 1) // 2)
        nearest = {"kind": "neighbours", "number": number, "share": self.share}
        return [nearest, *self.views] if number else self.views

    def _usage_entropy(self, epochs: int) -> Any:
        """The weight of that term: a number, or a schedule where it changes."""
        first, last = self.spread
        if first == last:
            return -first
        begin, end = (round(share * epochs, 6) for share in self.between)
        falling = {"kind": "linear", "start": -first, "end": -last, "begin": begin}
        return {"weight": falling | {"epochs": round(end - begin, 6)}}


def _model(
    trunk: dict[str, Any], own: list[int], hidden: list[int], *, output: Any, **others: Any
) -> dict[str, Any]:
    """Channels with a decoder of their own, and nothing else that tells them apart."""
    return {
        "embedding_dim": 0,
        "trunk": trunk,
        "decoder": {
            "backbone": {"kind": "experts", "own": own, "hidden": hidden},
            "conditioner": "none",
            "output": output,
        },
        **others,
    }


def _dense(*hidden: int) -> dict[str, Any]:
    return {"kind": "dense", "hidden": [*hidden]}


VECTORS = Recipe(
    model=_model(_dense(64, 32), [32], [64], output={"kind": "gaussian", "sigma": 0.5}),
    views=[{"kind": "jitter", "scale": 0.3, "drop": 0.2}],
    batch_size=64,
    steps=6000,
    least=10,
    most=200,
    neighbours=10,
    spread=(100, 50),
    # Views of vectors are rough: one kind, cut in two, gains up to 0.16, or 0.3 where it is four times as long as wide.
    cleaner=(0.25, 0.2),
)
SMALL_IMAGES = Recipe(
    model=_model(_dense(256, 128), [128], [128], output="bernoulli", routing={"kind": "top_m", "m": 1}),
    views=[{"kind": "warp", "stroke": 0.0, "elastic": 0.06, "shift": 0.08, "rotate": 15.0}],
    batch_size=128,
    steps=6000,
    least=28,
    most=100,
    alone=0.4,
    rising=0.09,
    rate=(3e-3, 1.5e-4),
    steady=3e-3,
)
IMAGES = Recipe(
    model=_model(
        {"kind": "patches"}, [256], [256, 256], output="bernoulli", routing={"kind": "top_m", "m": 1}
    ),
    views=["warp"],
    batch_size=256,
    steps=4300,
    least=20,
    most=100,
    neighbours=10,
    share=0.7,
    alone=0.4,
    rising=0.025,
    rate=(3.5e-3, 5e-5),
    guides=False,
    steady=1.5e-3,
    even=100,
)


def recipe_for(shape: tuple[int, ...]) -> Recipe:
    """The recipe for samples of this shape.

    >>> recipe_for((13,)) is VECTORS, recipe_for((8, 8, 1)) is SMALL_IMAGES
    (True, True)
    >>> recipe_for((2,)).views
    [{'kind': 'jitter', 'scale': 0.3, 'drop': 0}]
    """
    if len(shape) == 1:
        if shape[0] > FEW:
            return VECTORS
        # Without values from other samples a cut through one kind gains up to 0.4.
        views = [view | {"drop": 0} for view in VECTORS.views]
        return dataclasses.replace(VECTORS, views=views, cleaner=Recipe.cleaner)
    if min(shape[:2]) < SMALL:
        return SMALL_IMAGES
    trunk = {"kind": "patches", "features": stages_for(max(shape[:2]))}
    return dataclasses.replace(IMAGES, model={**IMAGES.model, "trunk": trunk})


def stages_for(side: int) -> list[int]:
    """The features of the stages that leave at most 4 × 4 cells of an image of so many pixels a side.

    >>> stages_for(28), stages_for(96)
    ([32, 64], [32, 64, 128, 128])
    """
    # Patches are 4 pixels apart, and stand beyond the border too.
    features, cells = [32], math.ceil(side / 4) + 1
    while cells > 4:
        features.append(min(2 * features[-1], 128))
        cells = math.ceil(cells / 2)
    return features


def even_batch(num_samples: int, most: int) -> int:
    """A batch of at most so many samples that leaves the fewest out of an epoch.

    >>> even_batch(178, 64), even_batch(20, 64), even_batch(64, 64)
    (59, 20, 64)
    """
    return num_samples // math.ceil(num_samples / most)


class Prepared(NamedTuple):
    """A configuration made for data, and the data."""

    config: Config
    dataset: Dataset


def made_for(named: str, overrides: Sequence[str] = ()) -> Prepared:
    """The recipe for data that are known by name, or by a path that tells how they are read; overrides on top.

    >>> config, dataset = made_for("digits", ["model.num_channels=12"])
    >>> config.model.num_channels, config.training.epochs, dataset.shape
    (12, 100, (8, 8, 1))
    >>> made_for("digits", ["training.epochs=5"]).config.objective.reconstruction.weight.at
    (2.0,)
    """
    ours = "data."
    whole = [change for change in overrides if change.startswith("data=")]
    if whole:
        raise ConfigError(
            f"{whole[0]} is given beside {named}, which names the data already: give one of the two."
        )
    about_data = [change.removeprefix(ours) for change in overrides if change.startswith(ours)]
    source = load_source(*how_to_read(named, about_data))
    raw = source.read()
    if raw.train.x.ndim > 2 and raw.train.x.dtype != np.uint8 and source.scaling == "auto":
        source = source.model_copy(update={"scaling": "range"})  # images of floats, whatever their unit is
    dataset = assemble(source, raw)
    config = config_for(dataset, [change for change in overrides if not change.startswith(ours)])
    return Prepared(config, dataset)


def config_for(dataset: Dataset, overrides: Sequence[str] = ()) -> Config:
    """The recipe for samples such as these; overrides on top.

    Its schedules take as long as training does, however long that is asked to be. With anything of a curriculum asked
    for, channels grow.
    """
    recipe, count = recipe_for(dataset.shape), len(dataset.train)
    length = "training.epochs="
    asked = [
        int(change.removeprefix(length)) for change in overrides if change.removeprefix(length).isdecimal()
    ]
    epochs = max(1, *asked[-1:]) if asked else recipe.epochs(count)
    asked_for = dict(_of_curriculum(filter(_names_curriculum, overrides)))
    settings = recipe.growing(count) if grows(asked_for) else recipe.settings(epochs, count)
    settings["training"]["batch_size"] = even_batch(count, recipe.batch_size)
    settings["data"] = dataset.source.model_dump(mode="json")
    others = [change for change in overrides if not _names_curriculum(change)]
    grown = [f"{path}={inline(value, WHOLE)}" for path, value in asked_for.items() if value != {}]
    return from_mapping(settings, [*others, *grown])


def grows(asked_for: Mapping[str, Any]) -> bool:
    """Whether anything of a curriculum is among the values that are asked for, each under the path of its key.

    >>> grows({"curriculum.merge_below": None}), grows({"curriculum": None}), grows({"training.epochs": 3})
    (True, False, False)
    """
    return any(
        path.partition(".")[0] == "curriculum" and not (path == "curriculum" and value is None)
        for path, value in asked_for.items()
    )


def _names_curriculum(change: str) -> bool:
    """Whether an override gives a value to a key of the curriculum, or to all of it."""
    path, _, text = change.partition("=")
    return path.partition(".")[0] == "curriculum" and bool(text.strip())


def _of_curriculum(overrides: Iterable[str]) -> Iterator[tuple[str, Any]]:
    """Each value of these under the path of its key, also where a whole is given."""
    for change in overrides:
        path, _, text = change.partition("=")
        yield from flattened(parse(text, f"The value in `{change}`"), path, wholes=True)


def how_to_read(named: str, options: Sequence[str] = ()) -> tuple[str, list[str]]:
    """A kind of data, and its options, of data that are known by name or by a path."""
    if named in SOURCES:
        return named, [*options]
    path = located(Path(named))
    readers = readers_of(path)
    if not path.exists() or not readers:
        what = "cannot be read" if path.exists() else "does not exist"
        raise ConfigError(
            f"{named} {what}: give a configuration file ({' '.join(CONFIG_SUFFIXES)}), a kind of data "
            f"({listed(SOURCES)}), or a .npy, .npz, .parquet or .csv file or a folder of images.{_instead(path)}"
        )
    if all((path / name).is_file() for name in RUN_FILES):
        raise ConfigError(f"{named} is a run and no data: its configuration is {path / RUN_FILES[0]}.")
    return readers[0].kind_name(), [f"path={json.dumps(str(named))}", *options]


def _instead(path: Path) -> str:
    """A hint at what may be meant by data that cannot be read."""
    beside = [file.name for file in path.parent.glob("*") if readers_of(file)] if path.parent.is_dir() else []
    return nearest(str(path), SOURCES) or nearest(path.name, beside)

"""From the parameters of an estimator to the configuration that runs, or to sentences."""

import math
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np

from rcmvae.config import Config
from rcmvae.config.load import from_mapping
from rcmvae.errors import ConfigError, raise_all
from rcmvae.options import Options, flattened
from rcmvae.recipes import even_batch, grows, recipe_for

# What an estimator has no use for, or has another name for.
FOREIGN = {
    "run": "an estimator leaves no run directory: save(path) writes a file",
    "tracking": "an estimator tells its history in history_",
    "training.checkpoint": "an estimator writes no checkpoints: save(path) writes a file",
    "training.seeds": "an estimator keeps one seed: random_state says which, n_init how many it chooses from",
    "training.devices": "an estimator trains on one device",
    "training.seed": "random_state is the seed of an estimator",
    "data.kind": "the data of an estimator are what fit is given",
    "data.num_samples": "an estimator is fitted to all samples that fit is given",
    "data.imbalance": "an estimator is fitted to all samples that fit is given",
    "data.num_labeled": "fit takes the labels that there are, and -1 where there is none",
    "data.test": "an estimator is tested on what its methods are given",
}


def configured(
    given: Mapping[str, Any], shape: tuple[int, ...], bytes_given: bool, num_samples: int, seed: int
) -> Config:
    """The configuration of a training, or every sentence on why there is none.

    `given` are the parameters of the estimator. What they leave open comes from the recipe for such samples.
    """
    overrides = overrides_of(given["config"])
    raise_all([*_foreign(overrides)])
    recipe = recipe_for(shape)
    asked = overrides.get("training.epochs", given["epochs"])
    if grows(overrides):
        settings = recipe.growing(num_samples)
        epochs = settings["training"]["epochs"] if asked is None else plain(asked)
    else:
        epochs = recipe.epochs(num_samples) if asked is None else plain(asked)
        # The schedules of the recipe take as long as training does.
        settings = recipe.settings(
            epochs if isinstance(epochs, int) and epochs > 0 else recipe.least, num_samples
        )
    training = {"epochs": epochs, "batch_size": given["batch_size"], "learning_rate": given["learning_rate"]}
    training = settings["training"] | {name: value for name, value in training.items() if value is not None}
    settings["training"] = {"batch_size": recipe.batch_size, "seed": seed, "devices": 1} | training
    settings["model"] |= {name: given[name] for name in ("num_channels", "latent_dim")}
    scaling = "auto" if bytes_given or len(shape) == 1 else "range"
    settings["data"] = {"kind": "arrays", "test": 0.0, "scaling": scaling}
    settings["run"] = {"report": False}
    told = {path: value for path, value in overrides.items() if value != {} or not _is_there(settings, path)}
    return from_mapping(plain(settings), plain(told))


def starts(n_init: Any) -> int:
    """How many trainings there are to choose from."""
    if isinstance(n_init, bool) or not isinstance(n_init, int | np.integer) or n_init < 1:
        raise ConfigError(f"n_init is {n_init!r}, but it must be a whole number of 1 or more.")
    return int(n_init)


def sized(given: Mapping[str, Any], config: Config, num_train: int) -> Config:
    """The same with a batch for so many samples: as `config` has it, else at most all of them."""
    batch_size = config.training.batch_size
    if "training.batch_size" in overrides_of(given["config"]):
        return config
    batch_size = (
        even_batch(num_train, batch_size) if given["batch_size"] is None else min(batch_size, num_train)
    )
    return config.model_copy(
        update={"training": config.training.model_copy(update={"batch_size": batch_size})}
    )


def with_channels(config: Config, added: int) -> Config:
    """The same with so many channels more."""
    model = config.model
    wider = model.model_copy(update={"num_channels": model.num_channels + added})
    return config.model_copy(update={"model": wider})


def holds_out(given: Mapping[str, Any], config: Config) -> bool:
    """Whether some samples are not trained on: as asked, or because something is judged by them."""
    judged = config.curriculum is not None or config.training.early_stopping is not None
    return judged or "data.validation" in overrides_of(given["config"])


def overrides_of(config: Any) -> dict[str, Any]:
    """Every value under the path of its key.

    >>> overrides_of({"training": {"clip_norm": 1.0}, "model.prior": "vamp"})
    {'training.clip_norm': 1.0, 'model.prior': 'vamp'}
    """
    if config is None:
        return {}
    if not isinstance(config, Mapping):
        raise ConfigError(
            f"config is a {type(config).__name__}, but it must be a mapping, such as {{'training.clip_norm': 1.0}}."
        )
    odd = [key for key in config if not isinstance(key, str)]
    if odd:
        raise ConfigError(f"config has the key {odd[0]!r}, but keys are texts, such as 'training.clip_norm'.")
    return dict(flattened(config, wholes=True)) if config else {}


def sample_shape(image_shape: Any, num_features: int) -> tuple[int, ...]:
    """The shape of one sample, from a row of so many numbers.

    >>> sample_shape(None, 13), sample_shape((8, 8), 64)
    ((13,), (8, 8, 1))
    """
    if image_shape is None:
        return (num_features,)
    sizes: tuple[Any, ...] = tuple(image_shape) if isinstance(image_shape, list | tuple | np.ndarray) else ()
    whole = all(isinstance(size, int | np.integer) and size > 0 for size in sizes)
    if len(sizes) not in {2, 3} or not whole:
        raise ConfigError(
            f"image_shape is {image_shape!r}, but it must be (height, width) or (height, width, colours), or None for "
            f"vectors."
        )
    if math.prod(sizes) != num_features:
        raise ConfigError(
            f"image_shape is {'×'.join(map(str, sizes))}, which is {math.prod(sizes)} numbers, but a row of X has "
            f"{num_features}."
        )
    return tuple(int(size) for size in sizes) if len(sizes) == 3 else (int(sizes[0]), int(sizes[1]), 1)


def _is_there(settings: Mapping[str, Any], path: str) -> bool:
    """Whether options stand under a path already, to which an empty mapping adds nothing."""
    here: Any = settings
    for key in path.split("."):
        here = here.get(key) if isinstance(here, Mapping) else None
    return isinstance(here, Mapping)


def _foreign(overrides: Mapping[str, Any]) -> Iterator[str]:
    for path in overrides:
        if path == "data":
            yield f"config: data cannot be given as a whole, {FOREIGN['data.kind']}."
        for key, why in FOREIGN.items():
            if path == key or path.startswith(f"{key}."):
                yield f"config: {path} cannot be given, {why}."


def plain(value: Any) -> Any:
    """Without NumPy's own kinds of numbers, which a parameter search hands over."""
    if isinstance(value, Options):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {key: plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    return value.tolist() if isinstance(value, np.generic | np.ndarray) else value

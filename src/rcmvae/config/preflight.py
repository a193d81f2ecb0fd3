"""What stands in the way of a run beyond its configuration: data, devices, and the folder for its results."""

import os
from collections.abc import Callable, Iterator
from typing import NamedTuple, TypeVar

from rcmvae.config.config import Config
from rcmvae.data import load
from rcmvae.errors import ConfigError, DataError
from rcmvae.tracking import missing
from rcmvae.training import Devices, RunOptions

Found = TypeVar("Found")


class Preflight(NamedTuple):
    """A sentence for everything that would be refused, and notes on what could not be looked at."""

    problems: tuple[str, ...]
    notes: tuple[str, ...]


def preflight(config: Config) -> Preflight:
    """Look at everything that training looks at before its first step, without training and without a network.

    >>> preflight(Config()).problems
    ()
    """
    training = config.training
    unseen, of_data = _tried(lambda: _look_at_data(config))
    _, of_devices = _tried(lambda: Devices.take(training.devices, training.batch_size))
    of_trackers = missing(config.tracking)
    return Preflight((*of_data, *of_devices, *_folder_problems(config.run), *of_trackers), unseen or ())


def _tried(look: Callable[[], Found]) -> tuple[Found | None, tuple[str, ...]]:
    """What a look finds, and the sentences with which it is refused."""
    try:
        return look(), ()
    except (ConfigError, DataError) as error:
        return None, tuple(str(error).splitlines())


def _look_at_data(config: Config) -> tuple[str, ...]:
    """Notes on what cannot be looked at."""
    if config.data.is_ready():
        config.check_against(load(config.data))
        return ()
    return (
        f"{config.data.name} is not at hand: training would fetch it first. What depends on the samples was not "
        f"looked at.",
    )


def _folder_problems(options: RunOptions) -> Iterator[str]:
    base = options.directory
    if options.collision is not None:
        yield options.collision
    nearest = next(folder for folder in (base, *base.absolute().parents) if folder.exists())
    if not nearest.is_dir():
        yield f"run.directory is {base}, where no folder can be made: {nearest} is a file."
    elif not os.access(nearest, os.W_OK | os.X_OK):
        yield f"run.directory is {base}, where no folder can be made: {nearest} cannot be written to."

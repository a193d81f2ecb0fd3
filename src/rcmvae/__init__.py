"""See what is in unlabelled images or vectors: K channels, each with a small latent space of its own.

Public names are loaded when they are first used, so that the command line can answer a mistake at once.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rcmvae.config import Config as Config
    from rcmvae.config import dump_config as dump_config
    from rcmvae.config import load_config as load_config
    from rcmvae.data import ArraysSource as ArraysSource
    from rcmvae.data import Dataset as Dataset
    from rcmvae.data import dataset_from_arrays as dataset_from_arrays
    from rcmvae.errors import ConfigError as ConfigError
    from rcmvae.errors import DataError as DataError
    from rcmvae.errors import Interrupted as Interrupted
    from rcmvae.errors import NonFiniteError as NonFiniteError
    from rcmvae.errors import RcmvaeError as RcmvaeError
    from rcmvae.errors import RunError as RunError
    from rcmvae.estimator import MixtureVAE as MixtureVAE
    from rcmvae.evaluation import evaluate as evaluate
    from rcmvae.experiment import make_report as make_report
    from rcmvae.experiment import resume as resume
    from rcmvae.experiment import train as train
    from rcmvae.inference import embed as embed
    from rcmvae.inference import predict as predict
    from rcmvae.inference import sample as sample
    from rcmvae.inference import teach as teach
    from rcmvae.recipes import config_for as config_for
    from rcmvae.run import RunDirectory as RunDirectory

_HOMES = {
    "Config": "config",
    "dump_config": "config",
    "load_config": "config",
    "ArraysSource": "data",
    "Dataset": "data",
    "dataset_from_arrays": "data",
    "ConfigError": "errors",
    "DataError": "errors",
    "NonFiniteError": "errors",
    "RcmvaeError": "errors",
    "RunError": "errors",
    "MixtureVAE": "estimator",
    "Interrupted": "errors",
    "evaluate": "evaluation",
    "make_report": "experiment",
    "resume": "experiment",
    "train": "experiment",
    "embed": "inference",
    "predict": "inference",
    "sample": "inference",
    "teach": "inference",
    "config_for": "recipes",
    "RunDirectory": "run",
}

__all__ = [
    "ArraysSource",
    "Config",
    "ConfigError",
    "DataError",
    "Dataset",
    "Interrupted",
    "MixtureVAE",
    "NonFiniteError",
    "RcmvaeError",
    "RunDirectory",
    "RunError",
    "config_for",
    "dataset_from_arrays",
    "dump_config",
    "embed",
    "evaluate",
    "load_config",
    "make_report",
    "predict",
    "resume",
    "sample",
    "teach",
    "train",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'rcmvae' has no attribute {name!r}")
    return getattr(import_module(f"rcmvae.{_HOMES[name]}"), name)


def __dir__() -> list[str]:
    return sorted(_HOMES)

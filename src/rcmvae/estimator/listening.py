"""Who hears of each epoch of a training in memory."""

import warnings
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from rich.console import Console
from sklearn.exceptions import ConvergenceWarning

from rcmvae.config import Config
from rcmvae.data.arrays import Stored
from rcmvae.structs import Signals
from rcmvae.training import CollapseWatch, Listener
from rcmvae.training.history import Row, row_of
from rcmvae.training.progress import ProgressBar


def listeners_of(
    stack: ExitStack, history: list[Row], until: int, config: Config, x: Stored, verbose: Any
) -> list[Listener]:
    """The history, whoever is to be warned of a collapse, and a person who asked for a progress bar."""
    before, seed = len(history), config.training.seed

    def note(signals: Sequence[Signals]) -> None:
        history.append(row_of(signals[0], seed) | {"epoch": len(history) + 1})

    def warn(sentence: str) -> None:
        warnings.warn(sentence, ConvergenceWarning, stacklevel=2)

    grows = config.curriculum is not None
    told: list[Listener] = [note, CollapseWatch(config.objective, x.shape[1:], seed, warn, grows=grows)]
    if not verbose:
        return told
    bar = ProgressBar(config.objective, until, before, len(x), Console(), seed)
    return [*told, stack.enter_context(bar)]

"""What a person sees while a run trains."""

import time
from collections.abc import Sequence

import numpy as np
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeRemainingColumn,
)

from rcmvae.structs import Signals


class ProgressBar:
    """A live line: epoch, the bound and the loss, channels in use, images per second, time left.

    Where the output is not a terminal, one plain line per epoch takes its place.
    """

    def __init__(self, epochs: int, done: int, images_per_epoch: int, console: Console) -> None:
        self.console = console
        self.images_per_epoch = images_per_epoch
        self.epochs = epochs
        columns = (
            SpinnerColumn(),
            TextColumn("epoch"),
            MofNCompleteColumn(),
            BarColumn(bar_width=24),
            TimeRemainingColumn(),
            TextColumn("{task.fields[line]}"),
        )
        self.progress = Progress(*columns, console=console, disable=not console.is_terminal)
        self.task = self.progress.add_task("train", total=epochs, completed=done, line="compiling …")
        self.began = time.monotonic()

    def __enter__(self) -> "ProgressBar":
        self.progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Leave the terminal as it was; once more does no harm."""
        self.progress.stop()

    def say(self, sentence: str) -> None:
        """Something that a person should know, above the line."""
        self.console.print(f"warning: {sentence}", highlight=False, soft_wrap=True)

    def __call__(self, signals: Sequence[Signals]) -> None:
        """Show an epoch; several replicas are shown by their means."""
        line = describe([one for one in signals if not one.idle], self.images_per_epoch)
        self.progress.update(self.task, completed=signals[0].epoch, line=line)
        if not self.console.is_terminal:
            self.console.print(
                f"epoch {signals[0].epoch}/{self.epochs}  {line}", highlight=False, soft_wrap=True
            )


def describe(signals: Sequence[Signals], images_per_epoch: int) -> str:
    """One epoch in one line."""
    bound = np.mean([one.validation["bound"] for one in signals])
    loss = np.mean([one.train["loss"] for one in signals])
    used = np.mean([(one.usage >= 0.01).sum() for one in signals])
    open_channels = np.mean([one.active.sum() for one in signals])
    rate = images_per_epoch * len(signals) / signals[0].seconds
    names = [name for name in signals[0].train if name not in {"loss", "gradient_norm"}]
    terms = "  ".join(f"{name} {np.mean([one.train[name] for one in signals]):.3g}" for name in names)
    return (
        f"{rate:,.0f} images/s  channels {used:g} of {open_channels:g} in use  "
        f"bound {bound:.2f} nats  loss {loss:.2f}; terms, not weighted: {terms}"
    )

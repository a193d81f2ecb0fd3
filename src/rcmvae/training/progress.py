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
from rich.table import Column

from rcmvae.errors import in_words
from rcmvae.objective import ObjectiveBase
from rcmvae.structs import Event, Happening, Signals

OUTSIDE = {"loss", "gradient_norm"}  # what training tells beside the terms
SCORES = {"cleanness": "cleanness", "told_apart": "told apart", "bound_gain": "fall of the bound"}
HAPPENED: dict[Happening, str] = {
    "opened": "opened channel {channel} beside channel {parent}, on trial",
    "prolonged": "more time for the trial of channel {channel}",
    "kept": "kept channel {channel}",
    "closed": "closed channel {channel} again: it did not help",
    "merged": "merged channel {channel} into channel {parent}",
    "ended": "no more channels: {reason}",
}


class ProgressBar:
    """A live line: epoch, the bound and the loss, channels in use, samples per second, time left.

    Where the output is not a terminal, one plain line per epoch takes its place. What happens to channels, and which
    terms begin to count, is told above it.
    """

    def __init__(
        self,
        objective: ObjectiveBase,
        epochs: int,
        done: int,
        samples_per_epoch: int,
        console: Console,
        first_seed: int,
    ) -> None:
        self.console = console
        self.samples_per_epoch = samples_per_epoch
        self.epochs = epochs
        self.first_seed = first_seed
        self.begins = {name: term.weight.begins() for name, term in objective.terms.items()}
        self.trained: list[str] = []  # the terms of the last epoch
        columns = (
            SpinnerColumn(),
            TextColumn("epoch", table_column=Column(no_wrap=True, min_width=len("epoch"))),
            MofNCompleteColumn(table_column=Column(no_wrap=True, min_width=2 * len(str(epochs)) + 1)),
            BarColumn(bar_width=12, table_column=Column(min_width=12)),
            TimeRemainingColumn(compact=True, table_column=Column(no_wrap=True, min_width=len("00:00"))),
            # What a narrow terminal has no room for is cut off here, and nothing else is.
            TextColumn(
                "{task.fields[line]}", table_column=Column(ratio=1, no_wrap=True, overflow="ellipsis")
            ),
        )
        self.progress = Progress(*columns, console=console, expand=True, disable=not console.is_terminal)
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
        self._tell(f"warning: {sentence}")

    def __call__(self, signals: Sequence[Signals]) -> None:
        """Show an epoch; several replicas are shown by their means."""
        epoch, training = signals[0].epoch, [one for one in signals if not one.idle]
        joined = [name for name, begins in self.begins.items() if max(1, epoch - 1) <= begins < epoch]
        if joined:
            self._tell(
                f"epoch {epoch}: from here on, {in_words(joined)} {'count' if joined[1:] else 'counts'} too"
            )
        trained = terms_of(training[0])
        # Another set of terms is another program: compiling it is no part of an epoch's speed.
        line = describe(training, self.samples_per_epoch if trained == self.trained else None)
        self.trained = trained
        self.progress.update(self.task, completed=epoch, line=line)
        if not self.console.is_terminal:
            self._tell(f"epoch {epoch}/{self.epochs}  {line}")
        for place, one in enumerate(signals):
            whose = f", seed {self.first_seed + place}" if len(signals) > 1 else ""
            for event in one.events:
                self._tell(f"epoch {event.epoch}{whose}: {happened(event)}")

    def _tell(self, line: str) -> None:
        self.console.print(line, highlight=False, soft_wrap=True, markup=False)


def happened(event: Event) -> str:
    """What happened to the channels.

    >>> happened(Event(epoch=9, what="opened", channel=2, parent=0))
    'opened channel 2 beside channel 0, on trial'
    """
    told = HAPPENED[event.what].format_map(event.model_dump())
    told += ", though it did not help" if (event.what, event.helped) == ("kept", False) else ""
    scores = ", ".join(
        f"{words} {event.scores[name]:.2f}" for name, words in SCORES.items() if name in event.scores
    )
    return f"{told} ({scores})" if scores else told


def terms_of(signals: Signals) -> list[str]:
    """The terms that an epoch trained."""
    return [name for name in signals.train if name not in OUTSIDE]


def describe(signals: Sequence[Signals], samples_per_epoch: int | None) -> str:
    """One epoch in one line, with its speed where it is known how many samples it took."""
    bound = np.mean([one.validation["bound"] for one in signals])
    loss = np.mean([one.train["loss"] for one in signals])
    used = np.mean([(one.usage >= 0.01).sum() for one in signals])
    open_channels = np.mean([one.active.sum() for one in signals])
    rate = (samples_per_epoch or 0) * len(signals) / signals[0].seconds
    terms = "  ".join(
        f"{name} {np.mean([one.train[name] for one in signals]):.3g}" for name in terms_of(signals[0])
    )
    return (
        f"{f'{rate:,.0f} samples/s  ' if rate else ''}channels {used:g} of {open_channels:g} in use  "
        f"bound {bound:.2f} nats  loss {loss:.2f}; terms, not weighted: {terms}"
    )

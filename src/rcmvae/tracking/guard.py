"""All trackers of a run, kept from doing it any harm."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rcmvae.tracking.base import Sink, Started, Tracker
from rcmvae.training import Row

LOG = logging.getLogger("rcmvae")


class Tracks:
    """Tells every tracker; one that fails is switched off with a warning, and the run goes on."""

    def __init__(self, trackers: Sequence[Tracker], run: Started) -> None:
        self.names = [tracker.kind_name() for tracker in trackers]
        self.sinks: dict[int, Sink] = {}  # those that still listen
        for at, tracker in enumerate(trackers):
            self._guarded(at, self._begin, at, tracker, run)

    def _begin(self, at: int, tracker: Tracker, run: Started) -> None:
        self.sinks[at] = tracker.start(run)

    def rows(self, rows: Sequence[Row]) -> None:
        """What the history was just told."""
        for at, sink in [*self.sinks.items()]:
            self._guarded(at, sink.rows, rows)

    def end(self, summary: Mapping[str, Any]) -> None:
        """How the run ended."""
        for at, sink in [*self.sinks.items()]:
            self._guarded(at, sink.end, summary)

    def _guarded(self, at: int, call: Callable[..., None], *given: Any) -> None:
        try:
            call(*given)
        # Whatever a foreign package or its server may raise: it must not cost hours of training.
        except Exception as error:  # noqa: BLE001
            self.sinks.pop(at, None)
            told = " ".join(str(error).split()) or "no reason given"
            LOG.warning(
                "Tracking with %s failed and is switched off; the run goes on, and its history is in its own files. "
                "%s: %s",
                self.names[at],
                type(error).__name__,
                told,
            )

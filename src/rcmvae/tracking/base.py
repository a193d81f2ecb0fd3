"""What a tracker is: options that start a sink, which takes rows as they come and the summary at the end."""

import dataclasses
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

from rcmvae.options import Options
from rcmvae.training import Row


@dataclasses.dataclass(frozen=True)
class Started:
    """The run that is tracked."""

    path: Path
    config: Mapping[str, Any]  # plain values
    seeds: Sequence[int]
    epoch: int  # that it goes on from; 0 is a new run


class Sink(ABC):
    """What listens to one run."""

    @abstractmethod
    def rows(self, rows: Sequence[Row]) -> None:
        """An epoch of every seed that still trains."""

    @abstractmethod
    def end(self, summary: Mapping[str, Any]) -> None:
        """How the run ended; nothing comes after this."""


class Tracker(Options, ABC):
    """One kind of tracking."""

    package: ClassVar[str]  # what has to be installed for it, under the extra of the kind's name

    @abstractmethod
    def start(self, run: Started) -> Sink:
        """Begin to listen."""


def missing(trackers: Sequence[Tracker]) -> list[str]:
    """A sentence for every tracker whose package is not installed."""
    return [
        f"tracking[{at}] is `{one.kind_name()}`, which needs a package that is not installed: pip install "
        f"'rcmvae[{one.kind_name()}]'"
        for at, one in enumerate(trackers)
        if find_spec(one.package) is None
    ]

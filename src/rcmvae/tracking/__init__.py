"""Where the history of a run also goes while it is written. One tracker per file."""

from typing import Annotated

from rcmvae.options import OneOf, by_kind, leaves
from rcmvae.tracking.base import Sink as Sink
from rcmvae.tracking.base import Started as Started
from rcmvae.tracking.base import Tracker as Tracker
from rcmvae.tracking.base import missing as missing
from rcmvae.tracking.guard import Tracks as Tracks
from rcmvae.tracking.mlflow import Mlflow as Mlflow
from rcmvae.tracking.tensorboard import Tensorboard as Tensorboard

TRACKERS = by_kind(*leaves(Tracker))
AnyTracker = Annotated[Tracker, OneOf(TRACKERS)]

"""How training runs."""

from pathlib import Path
from typing import Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from rcmvae.errors import ConfigError
from rcmvae.options import Options
from rcmvae.schedules import AnySchedule, Cosine, Schedule, Warmup


class EarlyStopping(Options):
    """Stop when the monitored validation value has not improved for `patience` epochs; keep the best weights.

    `monitor` is `bound` (the negative evidence bound, whatever the objective weighs), `loss` (the weighted sum) or
    any configured term. Lower is better. Epochs count from when every term's weight has reached its last value:
    before that they cannot be compared.
    """

    monitor: str = "bound"
    patience: PositiveInt = 10
    min_delta: NonNegativeFloat = 0.0


class CheckpointOptions(Options):
    """When the whole training state is written. The last epoch and an interruption always write it."""

    every_seconds: NonNegativeFloat = 30.0
    keep: PositiveInt = 2


def default_rate(epochs: float) -> Schedule:
    """A short rise, then a cosine down to a tenth at the last epoch."""
    epochs = max(epochs, 1)
    return Warmup(epochs=min(0.5, epochs / 4), then=Cosine(start=1.5e-3, end=1.5e-4, epochs=epochs))


class TrainingOptions(Options):
    """The optimizer and the loop around it. Times in schedules count epochs."""

    epochs: PositiveInt = 20
    batch_size: PositiveInt = 256
    learning_rate: AnySchedule = Field(
        default_factory=lambda given: default_rate(given.get("epochs", 1)),
        description="falls over the whole of the training, by default",
    )
    weight_decay: NonNegativeFloat = 0.0
    clip_norm: PositiveFloat | None = None
    precision: Literal["float32", "bfloat16"] = "float32"
    seed: NonNegativeInt = 0
    seeds: PositiveInt = Field(
        default=1, description="replicas trained in one program, from seed, seed + 1, …"
    )
    devices: PositiveInt | None = Field(
        default=None, description="devices that share each batch; all of them if null"
    )
    early_stopping: EarlyStopping | None = None
    checkpoint: CheckpointOptions = CheckpointOptions()

    @model_validator(mode="after")
    def _seeds_fit(self) -> "TrainingOptions":
        if self.seed + self.seeds > 2**32:
            raise ConfigError(
                f"training.seed is {self.seed}, and the last of {self.seeds} seeds must be below 2^32 = {2**32}."
            )
        return self


class RunOptions(Options):
    """Where a run leaves what it made."""

    directory: Path = Path("runs")
    name: str | None = Field(
        default=None, pattern=r"^[\w.-]+$", description="made from the configuration and the time if null"
    )

"""How training runs."""

from pathlib import Path
from typing import Literal

from pydantic import Field, NonNegativeFloat, NonNegativeInt, PositiveFloat, PositiveInt, model_validator

from rcmvae.errors import ConfigError
from rcmvae.options import PLAIN_NAME, Options, Watching
from rcmvae.schedules import AnySchedule, Cosine, Schedule, Warmup
from rcmvae.splits import SplitName


class EarlyStopping(Watching):
    """Stop when the monitored validation value has not improved for `patience` epochs; keep the best weights.

    `monitor` is `bound` (the negative evidence bound, whatever the objective weighs), `loss` (the weighted sum) or
    any configured term. Lower is better. Epochs count from when every term's weight has reached its last value:
    before that they cannot be compared.
    """

    patience: PositiveInt = Field(
        default=10, description="After how many epochs without improvement training stops."
    )


class CheckpointOptions(Options):
    """When the whole training state is written. The last epoch and an interruption always write it."""

    every_seconds: NonNegativeFloat = Field(
        default=30.0, description="How much time passes between two checkpoints, at least."
    )
    keep: PositiveInt = Field(default=2, description="How many of the latest checkpoints are kept.")


def default_rate(epochs: float) -> Schedule:
    """A short rise, then a cosine down to a tenth at the last epoch."""
    epochs = max(epochs, 1)
    return Warmup(epochs=min(0.5, epochs / 4), then=Cosine(start=1.5e-3, end=1.5e-4, epochs=epochs))


class TrainingOptions(Options):
    """The optimizer and the loop around it. Times in schedules count epochs."""

    epochs: PositiveInt = Field(default=20, description="How often training goes through all samples.")
    batch_size: PositiveInt = Field(
        default=256,
        description="Samples in a step, over all devices; what does not fill a batch is left out of an epoch.",
    )
    labeled_share: float | None = Field(
        default=None,
        gt=0,
        lt=1,
        description="The share of every batch that is drawn from the labelled samples; as many as come up if null.",
    )
    learning_rate: AnySchedule = Field(
        default_factory=lambda given: default_rate(given.get("epochs", 1)),
        description="Step size; by default a short rise to 1.5e-3, then a cosine down to 1.5e-4 over all epochs.",
    )
    weight_decay: NonNegativeFloat = Field(
        default=0.0, description="Decoupled weight decay, on weight matrices alone."
    )
    clip_norm: PositiveFloat | None = Field(
        default=None, description="The largest norm of a gradient; no limit if null."
    )
    precision: Literal["float32", "bfloat16"] = Field(
        default="float32", description="What the networks compute with; weights stay float32."
    )
    seed: NonNegativeInt = Field(default=0, description="Decides weights, order of samples and all noise.")
    seeds: PositiveInt = Field(
        default=1, description="Replicas trained in one program, from seed, seed + 1, …."
    )
    devices: PositiveInt | None = Field(
        default=None, description="Devices that share each batch; all of them if null."
    )
    early_stopping: EarlyStopping | None = Field(
        default=None, description="When to stop before the last epoch; never if null."
    )
    checkpoint: CheckpointOptions = Field(
        default=CheckpointOptions(), description="When the state of training is written."
    )

    @property
    def alike(self) -> "TrainingOptions":
        """The same for all trainings that run the same programs: without what only the host's loop knows."""
        loop = {"seed": 0, "epochs": 1, "early_stopping": None, "checkpoint": CheckpointOptions()}
        return self.model_copy(update=loop)

    @model_validator(mode="after")
    def _seeds_fit(self) -> "TrainingOptions":
        if self.seed + self.seeds > 2**32:
            raise ConfigError(
                f"training.seed is {self.seed}, and the last of {self.seeds} seeds must be below 2^32 = {2**32}."
            )
        return self


RUN_FILES = ("config.yaml", "data.json", "environment.json")  # what makes a folder a run


class RunOptions(Options):
    """Where a run leaves what it made."""

    directory: Path = Field(default=Path("runs"), description="The folder that gets a folder for each run.")
    name: str | None = Field(
        default=None,
        pattern=PLAIN_NAME,
        description="The name of that folder; made from the configuration and the time if null.",
    )
    report: SplitName | Literal[False] = Field(
        default="train",
        description="The samples that figures and the report show when the run has finished; none are made if false.",
    )

    @property
    def collision(self) -> str | None:
        """The sentence for a name that a folder has already."""
        if self.name is None or not (self.directory / self.name).exists():
            return None
        return (
            f"run.name is `{self.name}`, but {self.directory / self.name} exists already: give another with "
            f"run.name=OTHER, have one made with run.name=null, or remove it."
        )

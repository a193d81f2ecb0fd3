"""The whole configuration of a run: one object, checked as a whole before any compute."""

from pydantic import Field, model_validator

from rcmvae.config import checks
from rcmvae.curriculum import Curriculum
from rcmvae.data import AnySource, Dataset, Digits
from rcmvae.errors import raise_all
from rcmvae.model import ModelOptions
from rcmvae.objective import ObjectiveBase, ObjectiveOptions
from rcmvae.options import Options
from rcmvae.tracking import AnyTracker
from rcmvae.training.options import RunOptions, TrainingOptions


def default_objective() -> ObjectiveBase:
    """The terms that find classes without labels: the exact bound, consistency and mutual information."""
    return ObjectiveOptions.model_validate(
        {
            "reconstruction": 1.0,
            "kl_z": 1.0,
            "kl_c": 1.0,
            "consistency": 100.0,
            "usage_entropy": -100.0,
            "confidence": 50.0,
        }
    )


class Config(Options):
    """Everything that decides what a run does."""

    data: AnySource = Field(
        default=Digits(), description="Where samples come from, and how they are split and scaled."
    )
    model: ModelOptions = Field(default=ModelOptions(), description="What the model is made of.")
    objective: ObjectiveOptions = Field(  # pyright: ignore[reportInvalidTypeForm]
        default_factory=default_objective, description="What is minimised: named terms, each with its weight."
    )
    training: TrainingOptions = Field(
        default=TrainingOptions(), description="The optimizer and the loop around it."
    )
    curriculum: Curriculum | None = Field(
        default=None, description="How channels open one after another; all are open from the start if null."
    )
    run: RunOptions = Field(default=RunOptions(), description="Where a run leaves what it made.")
    tracking: tuple[AnyTracker, ...] = Field(
        default=(), description="Where the history also goes while a run trains: `tensorboard`, `mlflow`."
    )

    @model_validator(mode="after")
    def _parts_fit_together(self) -> "Config":
        raise_all(checks.problems(self._parts))
        return self

    @property
    def _parts(self) -> checks.Parts:
        return checks.Parts(self.data, self.model, self.objective, self.training, self.curriculum, self.run)

    def check_against(self, dataset: Dataset) -> None:
        """Refuse what this data cannot be trained with, before any compute; all of it is told at once."""
        raise_all(checks.problems_with(self._parts, dataset))

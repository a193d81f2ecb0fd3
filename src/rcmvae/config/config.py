"""The whole configuration of a run: one object, checked as a whole before any compute."""

import numpy as np
from pydantic import Field, model_validator

from rcmvae.config import checks
from rcmvae.data import AnySource, Dataset, Digits
from rcmvae.errors import ConfigError
from rcmvae.model import ModelOptions
from rcmvae.objective import ObjectiveBase, ObjectiveOptions
from rcmvae.options import Options
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

    data: AnySource = Digits()
    model: ModelOptions = ModelOptions()
    objective: ObjectiveOptions = Field(default_factory=default_objective)  # pyright: ignore[reportInvalidTypeForm]
    training: TrainingOptions = TrainingOptions()
    run: RunOptions = RunOptions()

    @model_validator(mode="after")
    def _parts_fit_together(self) -> "Config":
        problems = checks.problems(checks.Parts(self.data, self.model, self.objective, self.training))
        if problems:
            raise ConfigError("\n".join(problems))
        return self

    def check_against(self, dataset: Dataset) -> None:
        """Refuse what this data cannot be trained with, before any compute."""
        shape = dataset.shape
        self.model.trunk.check(shape)
        self.model.decoder.check(self.model.embedding_dim, shape)
        for view in self.objective.views:
            view.check(shape)
        output = self.model.decoder.output
        low, high = scaled_range(dataset)
        if output.requires_unit_range and not 0 <= low <= high <= 1:
            raise ConfigError(
                f"model.decoder.output is `{output.kind_name()}`, which describes values in [0, 1], but the scaled "
                f"samples lie in [{low:.4g}, {high:.4g}]: use a `gaussian` output, or data.scaling `range`."
            )
        if len(dataset.train) < self.training.batch_size:
            raise ConfigError(
                f"training.batch_size is {self.training.batch_size}, but there are only {len(dataset.train)} "
                f"training samples: there would be no full batch in an epoch."
            )
        if len(dataset.validation) == 0:
            raise ConfigError("data.validation leaves no held-out sample, and every epoch is judged on them.")
        if self.model.classifier is not None and not np.any(dataset.train.label >= 0):
            raise ConfigError(
                "objective.classifier learns from labels, but no training sample has one: leave the term and "
                "model.classifier out."
            )


def scaled_range(dataset: Dataset) -> tuple[float, float]:
    """The smallest and the largest value of all scaled samples; scaling keeps each feature's order."""
    parts = [arrays.x for arrays in dataset.splits.values() if len(arrays)]
    extremes = np.stack([extreme(axis=0) for x in parts for extreme in (x.min, x.max)])
    scaled = np.asarray(dataset.scaling(extremes))
    return float(scaled.min()), float(scaled.max())

"""The whole configuration of a run: one object, checked as a whole before any compute."""

import numpy as np
from pydantic import Field, model_validator

from rcmvae.data import AnySource, Dataset, Digits
from rcmvae.errors import ConfigError, listed, nearest
from rcmvae.model import ModelOptions
from rcmvae.objective import ObjectiveBase, ObjectiveOptions
from rcmvae.options import Options
from rcmvae.priors import Mixture
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
    def _terms_fit_the_model(self) -> "Config":
        terms = self.objective.terms
        if not terms:
            raise ConfigError("objective has no term: there is nothing to minimise. Start with `reconstruction: 1`.")
        if ("classifier" in terms) != (self.model.classifier is not None):
            raise ConfigError(
                "objective.classifier and model.classifier belong together: the term trains the head, "
                "so give both or neither."
            )
        if "dirichlet_pi" in terms and self.model.prior != Mixture(pi="learned"):
            raise ConfigError(
                "objective.dirichlet_pi acts on a learned π, and this prior has a fixed one: set model.prior to "
                "`{kind: mixture, pi: learned}`, or leave the term out."
            )
        if self.objective.kl_z and self.objective.kl_z.form == "all" and self.model.prior.kl_per_channel:
            raise ConfigError(
                f"objective.kl_z.form is `all`, but under the `{self.model.prior.kind_name()}` prior one shared latent "
                f"would be pulled to every channel's centre at once: use `responsible`."
            )
        return self

    @model_validator(mode="after")
    def _monitored_value_exists(self) -> "Config":
        stopping = self.training.early_stopping
        monitored = ["bound", "loss", *self.objective.terms]
        if stopping and stopping.monitor not in monitored:
            raise ConfigError(
                f"training.early_stopping.monitor is `{stopping.monitor}`, which this run does not compute. "
                f"It computes {listed(monitored)}.{nearest(stopping.monitor, monitored)}"
            )
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
                f"training data lie in [{low:.4g}, {high:.4g}]: use a `gaussian` output, or data.scaling `range`."
            )
        if len(dataset.train.x) < self.training.batch_size:
            raise ConfigError(
                f"training.batch_size is {self.training.batch_size}, but there are only {len(dataset.train.x)} "
                f"training samples: there would be no full batch in an epoch."
            )
        if len(dataset.validation.x) == 0:
            raise ConfigError("data.validation leaves no held-out sample, and every epoch is judged on them.")
        head = self.model.classifier
        if head is not None and head.num_classes < dataset.num_classes:
            raise ConfigError(
                f"model.classifier.num_classes is {head.num_classes}, but the data have {dataset.num_classes} labels."
            )


def scaled_range(dataset: Dataset) -> tuple[float, float]:
    """The smallest and the largest value of the scaled training data; scaling keeps each feature's order."""
    extremes = np.stack([dataset.train.x.min(axis=0), dataset.train.x.max(axis=0)])
    scaled = np.asarray(dataset.scaling(extremes))
    return float(scaled.min()), float(scaled.max())

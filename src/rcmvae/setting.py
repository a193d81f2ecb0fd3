"""A configuration brought together with its data and devices."""

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float

from rcmvae.config import Config
from rcmvae.curriculum import Curriculum
from rcmvae.data import Arrays as Split
from rcmvae.data import ArraysSource, Dataset, Scaling, dataset_from_arrays, load
from rcmvae.model import Model, ModelOptions
from rcmvae.objective import ObjectiveBase
from rcmvae.run import RunDirectory, claim
from rcmvae.training import Devices, Pixels, Plan, TrainState, compile_fresh, initial_states
from rcmvae.training.options import TrainingOptions

FIT_SAMPLE = 10_000  # most samples that a prior looks at before the first step
ENOUGH = 1_000  # held-out samples that tell channels apart by themselves
TOGETHER = 4_096  # samples that are looked at where held-out ones are fewer


@dataclasses.dataclass(frozen=True)
class Setting:
    """What training and evaluation share."""

    config: Config
    dataset: Dataset
    devices: Devices
    plan: Plan
    start: TrainState

    @classmethod
    def prepare(cls, config: Config, data: Any) -> "Setting":
        """Load, check, and build fresh weights."""
        dataset = as_dataset(config, data)
        config = config.model_copy(update={"data": dataset.source})
        config.check_against(dataset)
        devices = Devices.take(config.training.devices, config.training.batch_size)
        fresh = compile_fresh(*parts_of(config), dataset.shape, dataset.num_classes)
        state, skeleton = initial_states(fresh, config.training, lambda: fit_sample(dataset))
        plan = plan_of(config, skeleton, dataset.scaling, len(dataset.train))
        return cls(config, dataset, devices, plan, devices.put(state))

    def new_run(self) -> RunDirectory:
        """A fresh run directory, still empty, the same for all processes."""
        taken = self.devices.agree(
            int(self.config.run.collision is not None)
        )  # every process looks before one makes it
        path = claim(self.config) if taken or self.devices.is_lead else Path()
        return RunDirectory(Path(self.devices.agree_on_text(str(path))), self.devices.is_lead)

    def telling_apart(self) -> Pixels:
        """The samples whose views tell how well channels are told apart, on every device."""
        return self.on_device(told_apart_by(self.dataset))

    def on_device(self, split: Split) -> Pixels:
        """A split on every device, as stored."""
        return self.plan.on_device(split, self.devices)


def parts_of(config: Config) -> tuple[ModelOptions, TrainingOptions, Curriculum | None, ObjectiveBase]:
    """What replicas are made from."""
    return config.model, config.training, config.curriculum, config.objective


def plan_of(config: Config, skeleton: Model, scaling: Scaling, num_train: int) -> Plan:
    """All that stays fixed during a training as configured."""
    return Plan(
        num_channels=config.model.num_channels,
        skeleton=skeleton,
        objective=config.objective,
        options=config.training,
        curriculum=config.curriculum,
        scaling=scaling,
        num_train=num_train,
    )


def as_dataset(config: Config, data: Any) -> Dataset:
    """A data set as it is, samples without labels prepared as `config.data` says, or what it points to if None."""
    if data is None:
        return load(config.data)
    if isinstance(data, Dataset):
        return data
    options = config.data if isinstance(config.data, ArraysSource) else None
    return dataset_from_arrays(data, options=options)


def told_apart_by(dataset: Dataset) -> Split:
    """The held-out samples; where these are few, samples that are trained on beside them.

    How often two views of a sample part is the same question for either, and a few samples answer it by chance.
    """
    held_out, train = dataset.validation, dataset.train
    if len(held_out) >= ENOUGH:
        return held_out
    rows = np.sort(np.random.default_rng(0).permutation(len(train))[: TOGETHER - len(held_out)])
    pairs = ((getattr(held_out, name), getattr(train, name)[rows]) for name in ("x", "label", "truth"))
    return Split(*map(np.concatenate, pairs))


def fit_sample(dataset: Dataset) -> Float[np.ndarray, "N *S"]:
    """A random part of the training samples, scaled."""
    rows = np.random.default_rng(0).permutation(len(dataset.train))[:FIT_SAMPLE]
    return np.asarray(dataset.scaling(dataset.train.x[rows]))

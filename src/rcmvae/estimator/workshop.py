"""Training in memory: data made ready, programs that equal trainings share, and weights that come out of them."""

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Int

from rcmvae.config import Config
from rcmvae.config.load import from_mapping
from rcmvae.curriculum import channel_tree
from rcmvae.curriculum.grow import FREE
from rcmvae.data import Arrays as Split
from rcmvae.data import ArraysSource, Dataset, Scaling, dataset_from_arrays
from rcmvae.data.arrays import Stored
from rcmvae.errors import ConfigError
from rcmvae.estimator.settings import holds_out, sized
from rcmvae.inference import Uses, Weights
from rcmvae.interruption import Interruption
from rcmvae.run import DataCard
from rcmvae.setting import fit_sample, parts_of, plan_of
from rcmvae.structs import UNLABELLED
from rcmvae.training import (
    Devices,
    Listener,
    Programs,
    TrainState,
    begin,
    blank_states,
    compile_fresh,
    fit,
    initial_states,
)
from rcmvae.training.state import Fresh

NAME = "this MixtureVAE"
LOOKED_AT = 4096  # most samples that an epoch is judged by where none are held out


class Unheard(Interruption):
    """Signals act as anywhere in Python: there is no checkpoint that would be worth waiting for."""

    def __enter__(self) -> Interruption:
        self._before.append({})
        return self


@dataclasses.dataclass(frozen=True)
class Workshop:
    """What trainings need that are alike in all but their samples, their seed and their length."""

    config: Config
    shape: tuple[int, ...]
    num_classes: int
    programs: Programs
    uses: Uses
    blank: TrainState

    @functools.cached_property
    def fresh(self) -> Fresh:
        return compile_fresh(*parts_of(self.config), self.shape, self.num_classes)


@functools.lru_cache(maxsize=16)
def _opened(
    config: Config, shape: tuple[int, ...], num_classes: int, num_train: int, shift: float, scale: float
) -> Workshop:
    devices = Devices.take(config.training.devices, config.training.batch_size)
    blank, skeleton = blank_states(*parts_of(config), shape, num_classes)
    plan = plan_of(config, skeleton, Scaling(jnp.asarray(shift), jnp.asarray(scale)), num_train)
    return Workshop(config, shape, num_classes, Programs(plan, devices), Uses(plan), blank)


def workshop_for(config: Config, card: DataCard) -> Workshop:
    """The workshop for a training, opened before if one like it was."""
    alike = {"data": ArraysSource(), "training": config.training.alike}
    num_classes = card.num_classes if config.objective.learners else 0
    inside = _on_device(card.scaling)
    shift, scale = float(inside.shift), float(inside.scale)
    key: Any = config.model_copy(update=alike)  # hashable, as all frozen options are
    return _opened(key, card.shape, num_classes, card.splits["train"], shift, scale)


def _on_device(scaling: Scaling) -> Scaling:
    """What is left to scale in the programs: what differs by feature is done before, and depends on the samples."""
    return Scaling.identity() if scaling.shift.ndim else scaling


def _scaled(dataset: Dataset) -> Dataset:
    """The data set as the programs take it."""
    inside = _on_device(dataset.scaling)
    if inside is dataset.scaling:
        return dataset
    splits: dict[str, Any] = {
        name: dataclasses.replace(split, x=np.asarray(dataset.scaling(split.x)))
        for name, split in dataset.splits.items()
    }
    return dataclasses.replace(dataset, **splits, scaling=inside)


def _unsplit(dataset: Dataset, seed: int) -> Dataset:
    """Judged by a random part of the samples that it is trained on."""
    rows = np.sort(np.random.default_rng(seed).permutation(len(dataset.train))[:LOOKED_AT])
    train = dataset.train
    return dataclasses.replace(dataset, validation=Split(train.x[rows], train.label[rows], train.truth[rows]))


def prepared(
    given: Mapping[str, Any], config: Config, x: Stored, label: Int[np.ndarray, " N"]
) -> tuple[Config, Dataset]:
    """Samples made ready as configured, and the configuration made ready for them; refused if they do not fit."""
    source = config.data
    assert isinstance(source, ArraysSource)
    if holds_out(given, config):
        dataset = dataset_from_arrays(x, label, options=source)
    else:
        whole = source.model_copy(update={"validation": 0})
        dataset = _unsplit(dataset_from_arrays(x, label, options=whole), config.training.seed)
    config = sized(given, config, len(dataset.train))
    config.check_against(dataset)
    return config, dataset


def train(config: Config, dataset: Dataset, listeners: Sequence[Listener]) -> tuple[Weights, float]:
    """Fresh weights, trained, and their loss on the samples that they are judged by."""
    card, ready = DataCard.of(dataset), _scaled(dataset)
    workshop = workshop_for(config, card)
    state, _ = initial_states(workshop.fresh, config.training, lambda: fit_sample(ready))
    return _fitted(config, card, ready, workshop, state, listeners)


def train_on(
    weights: Weights,
    config: Config,
    x: Stored,
    label: Int[np.ndarray, " N"],
    epochs: int,
    listeners: Sequence[Listener],
) -> Weights:
    """The same weights, trained further on these samples: every schedule stays where it ends.

    Times go on counting.
    """
    if config.model != weights.config.model:
        raise ConfigError(
            "Parameters that make the model were changed since it was fitted, and partial_fit goes on with the weights "
            "that there are: set them back, or call fit."
        )
    card, training = weights.card, config.training
    done = max(epochs_of(weights), math.ceil(config.objective.settled()))
    told: dict[str, Any] = config.model_dump(mode="json") | {"curriculum": None}
    told["training"] = told["training"] | {
        "epochs": done + epochs,
        "learning_rate": float(training.learning_rate(jnp.float32(training.epochs))) * last_share(config),
        "early_stopping": None,
    }
    known = np.where(label < card.num_classes, label, UNLABELLED).astype(np.int32)
    if config.objective.learners == ["tau"] and not (known != UNLABELLED).any():
        # Nothing to learn from this time: what channels stand for is left as it is.
        told["objective"] = {name: term for name, term in told["objective"].items() if name != "tau"}
        told["training"] |= {"labeled_share": None}
    split = Split(x, known, known)
    dataset = dataset_from_arrays(x, options=ArraysSource(validation=0, test=0, scaling="none"))
    dataset = dataclasses.replace(dataset, train=split, scaling=card.scaling, num_classes=card.num_classes)
    config = from_mapping(told)
    dataset = _unsplit(dataset, config.training.seed)
    config.check_against(dataset)
    card, ready = dataclasses.replace(DataCard.of(dataset), label_names=card.label_names), _scaled(dataset)
    workshop = workshop_for(config, card)
    state = jax.tree.map(lambda leaf: leaf[None], weights.state)
    step = done * workshop.programs.plan.steps_per_epoch
    # Whether τ is there goes by the objective of now; it is counted anew as the first epoch begins.
    tau = jax.tree.map(jnp.zeros_like, workshop.blank.tau)
    state = dataclasses.replace(state, step=jnp.full((1,), step, jnp.int32), tau=tau)
    trained, _ = _fitted(config, card, ready, workshop, state, listeners, done)
    return trained


def _fitted(
    config: Config,
    card: DataCard,
    ready: Dataset,
    workshop: Workshop,
    state: TrainState,
    listeners: Sequence[Listener],
    done: int = 0,
) -> tuple[Weights, float]:
    programs = workshop.programs
    plan = dataclasses.replace(programs.plan, options=config.training)  # with a length and a seed of its own
    devices = programs.devices
    train, judged = (
        plan.on_device(split if config.objective.learners else _unlabelled(split), devices)
        for split in (ready.train, ready.validation)
    )
    start = dataclasses.replace(begin(plan, devices.put(state)), epoch=done)
    outcome = fit(plan, devices, start, train, judged, listeners, interruption=Unheard(), programs=programs)
    (joint,) = programs.joint(outcome.chosen, judged)
    loss = float(programs.validation(outcome.chosen, judged)["loss"][0])
    weights = Weights(
        name=NAME,
        config=config,
        card=card,
        devices=Devices.take(1, config.training.batch_size),
        uses=workshop.uses,
        state=jax.tree.map(lambda leaf: leaf[0], outcome.chosen),
        tree=channel_tree(joint, smallest=FREE),
    )
    return weights, loss


def last_share(config: Config) -> float:
    """What a curriculum leaves of the learning rate in the end."""
    return 1.0 if config.curriculum is None else config.curriculum.finish.rate


def _unlabelled(split: Split) -> Split:
    """Without its labels, which nothing would look at: programs are the same however many there are."""
    return dataclasses.replace(split, label=np.full_like(split.label, UNLABELLED))


def epochs_of(weights: Weights) -> int:
    """For how many epochs they have been trained."""
    return int(weights.plan.time(weights.state))

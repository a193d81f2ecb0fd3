"""What training carries from step to step, and how several replicas of it live in one program."""

import dataclasses
import functools
import operator
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int, Key, UInt32

from rcmvae.curriculum import Curriculum
from rcmvae.data import Arrays as Split
from rcmvae.data import Scaling, neighbours_of
from rcmvae.data.views import Pool
from rcmvae.model import Model, ModelOptions
from rcmvae.nn import at_time
from rcmvae.objective import ObjectiveBase
from rcmvae.priors import Prior
from rcmvae.structs import UNLABELLED
from rcmvae.training.devices import Devices
from rcmvae.training.optimizer import optimizer
from rcmvae.training.options import TrainingOptions


class Stand(eqx.Module):
    """How far the growth of channels is, as the compiled step needs to know it. Times count epochs."""

    newest: Int[Array, "*R"]  # the last channel to open; −1 is none
    opened: Float[Array, "*R"]  # when it did
    ended: Float[Array, "*R"]  # when growth ended; ∞ while it goes on

    @classmethod
    def at_start(cls) -> "Stand":
        """Nothing has opened yet."""
        return cls(jnp.int32(-1), jnp.float32(0), jnp.float32(jnp.inf))


class TrainState(eqx.Module):
    """Everything that a step changes, and nothing else. Replicas stack on a leading axis."""

    params: Model  # the model's arrays; None where it is static
    opt_state: optax.OptState
    step: Int[Array, "*R"]
    seed: UInt32[Array, "*R"]
    active: Bool[Array, "*R K"]
    stand: Stand
    tau: Float[Array, "*R K Y"] | None  # as counted when the last epoch began, where a term looks at it


class Streams(eqx.Module):
    """Independent random streams of one seed."""

    init: Key[Array, ""]
    shuffle: Key[Array, ""]
    step: Key[Array, ""]
    evaluate: Key[Array, ""]
    grow: Key[Array, ""]
    order: Key[Array, ""]  # of held-out samples

    @classmethod
    def of(cls, seed: UInt32[Array, ""] | int) -> "Streams":
        """Derive the streams; the same seed gives the same ones on every machine."""
        first = jax.random.split(jax.random.key(seed), 4)
        return cls(*first, grow=jax.random.fold_in(first[0], 1), order=jax.random.fold_in(first[0], 2))


class Pixels(eqx.Module):
    """A split on the device, as stored: uint8 images stay uint8 until their batch comes up."""

    x: Array  # [N, *S]
    label: Int[Array, " N"]
    labelled: Int[Array, " L"]  # the rows that have one
    neighbours: Int[Array, "N M"] | None = None  # the rows most like each, where views ask for them

    @classmethod
    def of(cls, split: Split, devices: Devices, neighbours: Int[np.ndarray, "N M"] | None = None) -> "Pixels":
        """A copy on every device."""
        labelled = np.flatnonzero(split.label != UNLABELLED).astype(np.int32)
        return cls(*devices.put((split.x, split.label, labelled, neighbours)))


@dataclasses.dataclass(frozen=True)
class Plan:
    """All that stays fixed during training, known when its programs are compiled."""

    num_channels: int
    skeleton: Model  # the model without its arrays
    objective: ObjectiveBase
    options: TrainingOptions
    curriculum: Curriculum | None
    scaling: Scaling
    num_train: int

    @property
    def steps_per_epoch(self) -> int:
        return self.num_train // self.options.batch_size

    @property
    def optimizer(self) -> optax.GradientTransformation:
        return optimizer(self.options)

    def on_device(self, split: Split, devices: Devices) -> Pixels:
        """A split on every device, with what the views need to know of it."""
        number = self.objective.neighbours
        if number == 0:
            return Pixels.of(split, devices)
        return Pixels.of(split, devices, devices.as_lead_has(neighbours_of(split.x, self.scaling, number)))

    def pool(self, data: Pixels, index: Int[Array, " B"]) -> Pool:
        """Where the views of a batch may take other samples from."""
        density = min(1.0, len(data.x) / self.num_train)
        return Pool(data.x, index, self.scaling, data.neighbours, density)

    def over_replicas(
        self, function: Callable[..., Any], in_axes: tuple[int | None, ...]
    ) -> Callable[..., Any]:
        """Run `function` for every replica at once. A lone replica skips `vmap`, whose batched products cost more."""
        if self.options.seeds > 1:
            return jax.vmap(function, in_axes=in_axes)

        def alone(*args: Any) -> Any:
            inner = [
                arg if axis is None else jax.tree.map(lambda a: jnp.squeeze(a, 0), arg)
                for arg, axis in zip(args, in_axes, strict=True)
            ]
            return jax.tree.map(lambda a: a[None], function(*inner))

        return alone

    def time(self, state: TrainState) -> Float[Array, ""]:
        """How many epochs of training are behind a replica."""
        # In two parts: a compiled x / n may become x · (1 / n), which misses whole epochs by a rounding.
        epochs, steps = jnp.divmod(state.step, self.steps_per_epoch)
        return epochs.astype(jnp.float32) + steps.astype(jnp.float32) / self.steps_per_epoch

    def model(self, state: TrainState) -> Model:
        """A replica's whole model, as it is at the time of its weights."""
        return at_time(eqx.combine(state.params, self.skeleton), self.time(state))

    def times(self, epoch: int) -> Float[np.ndarray, " T"]:
        """When each step of an epoch happens, in epochs."""
        return (epoch + np.arange(self.steps_per_epoch) / self.steps_per_epoch).astype(np.float32)


def _fresh_replicas(
    model: ModelOptions,
    options: TrainingOptions,
    curriculum: Curriculum | None,
    objective: ObjectiveBase,
    shape: tuple[int, ...],
    num_classes: int,
) -> tuple[Callable[..., tuple[TrainState, Model]], UInt32[np.ndarray, " R"]]:
    """What makes replicas from seeds, and their seeds."""
    initial = model.num_channels if curriculum is None else curriculum.initial

    def fresh(seed: UInt32[Array, ""]) -> tuple[TrainState, Model]:
        built = model.build(shape, num_classes, key=_build_and_fit_keys(seed)[0])
        params, skeleton = eqx.partition(built, eqx.is_inexact_array)
        opt_state = optimizer(options).init(params)
        active = jnp.arange(model.num_channels) < initial
        nothing = jnp.zeros((model.num_channels, num_classes))
        tau = None if objective.counting is None else objective.counting.table(nothing)
        return TrainState(params, opt_state, jnp.int32(0), seed, active, Stand.at_start(), tau), skeleton

    return jax.vmap(fresh), _seeds(options)


def _seeds(options: TrainingOptions) -> UInt32[np.ndarray, " R"]:
    return np.arange(options.seed, options.seed + options.seeds, dtype=np.uint32)


Fresh = Callable[[UInt32[np.ndarray, " R"]], tuple[TrainState, Model]]


def compile_fresh(
    model: ModelOptions,
    options: TrainingOptions,
    curriculum: Curriculum | None,
    objective: ObjectiveBase,
    shape: tuple[int, ...],
    num_classes: int,
) -> Fresh:
    """The program that makes replicas from their seeds."""
    # Any, since pyright does not know that options are hashable.
    known: Any = (model, options.alike, curriculum, objective)
    return _compiled_fresh(*known, shape, num_classes)


@functools.lru_cache(maxsize=8)
def _compiled_fresh(*parts: Any) -> Fresh:
    fresh, _ = _fresh_replicas(*parts)
    # One program, compiled in haste: it runs once, and drawing each array eagerly would compile one per shape.
    hasty = {"xla_backend_optimization_level": 0, "xla_cpu_use_fusion_emitters": False}
    return jax.jit(fresh, compiler_options=hasty)


def initial_states(
    fresh: Fresh, options: TrainingOptions, fit_sample: Callable[[], Float[np.ndarray, "N *S"]]
) -> tuple[TrainState, Model]:
    """Fresh replicas on a leading axis, and the model's static skeleton that they share."""
    state, skeleton = fresh(_seeds(options))
    if not skeleton.prior.starts_from_data:
        return state, skeleton
    prior = _fitted_priors(state, skeleton, fit_sample())
    return eqx.tree_at(lambda state: state.params.prior, state, prior), skeleton


def blank_states(
    model: ModelOptions,
    options: TrainingOptions,
    curriculum: Curriculum | None,
    objective: ObjectiveBase,
    shape: tuple[int, ...],
    num_classes: int,
) -> tuple[TrainState, Model]:
    """The same with zeros for all arrays: what a checkpoint is read into, without the data and without compiling."""
    known: Any = (model, options.alike, curriculum, objective)
    state, skeleton = _outline(*known, shape, num_classes)
    return jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), state), skeleton


@functools.lru_cache(maxsize=8)
def _outline(*parts: Any) -> tuple[TrainState, Model]:
    fresh, seeds = _fresh_replicas(*parts)
    return jax.eval_shape(fresh, seeds)


def _build_and_fit_keys(seed: UInt32[Array, ""]) -> Key[Array, "2"]:
    return jax.random.split(Streams.of(seed).init)


def _fitted_priors(state: TrainState, skeleton: Model, sample: Float[np.ndarray, "N *S"]) -> Prior:
    """Every replica's prior, with what it takes from the data."""
    priors = []
    for replica, seed in enumerate(state.seed):
        own = jax.tree.map(operator.itemgetter(replica), state.params.prior)
        prior = eqx.combine(own, skeleton.prior).fitted(sample, _build_and_fit_keys(seed)[1])
        priors.append(eqx.filter(prior, eqx.is_inexact_array))
    return jax.tree.map(lambda *leaves: jnp.stack(leaves), *priors)

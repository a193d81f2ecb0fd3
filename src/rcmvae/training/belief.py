"""Which channels samples belong to, by the encoder alone."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from rcmvae.structs import Keys
from rcmvae.training.devices import Devices
from rcmvae.training.epoch import context_at
from rcmvae.training.passes import over_samples
from rcmvae.training.state import Pixels, Plan, Streams, TrainState


def beliefs(plan: Plan, devices: Devices, state: TrainState, data: Pixels) -> Float[Array, "N K"]:
    """r(x) of every sample."""
    context = context_at(plan, state, Keys.split(Streams.of(state.seed).evaluate), stochastic=False)
    model = plan.model(state).in_precision(jnp.dtype(plan.options.precision))

    def see(number: Int[Array, ""], rows: Int[Array, " B"], x: Float[Array, "B *S"]) -> Float[Array, "B K"]:
        return jnp.exp(model.log_responsibility(x, context))

    return over_samples(plan, devices, data, see)


def compile_beliefs(
    plan: Plan, devices: Devices
) -> Callable[[TrainState, Pixels], Float[np.ndarray, "R N K"]]:
    """The program for all replicas."""

    def one(state: TrainState, data: Pixels) -> Float[Array, "N K"]:
        return beliefs(plan, devices, state, data)

    program = jax.jit(plan.over_replicas(one, (0, None)), out_shardings=devices.replicated)

    def run(state: TrainState, data: Pixels) -> Float[np.ndarray, "R N K"]:
        return np.asarray(program(state, data))

    return run

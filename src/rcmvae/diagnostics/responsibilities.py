"""r(x) of every sample of a split, batch by batch."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from rcmvae.structs import Keys
from rcmvae.training import Devices, Pixels, Plan, TrainState
from rcmvae.training.epoch import context_at


def responsibilities(plan: Plan, devices: Devices, state: TrainState, data: Pixels) -> Float[Array, "N K"]:
    """r(x), with no more than one batch of anything else in memory."""
    N, B = data.x.shape[0], plan.options.batch_size
    model = eqx.combine(state.params, plan.skeleton).in_precision(jnp.dtype(plan.options.precision))
    time = state.step.astype(jnp.float32) / plan.steps_per_epoch
    keys = Keys.split(jax.random.key(0))  # nothing is drawn
    context = context_at(plan, state.active, time, keys, stochastic=False)

    def one_batch(rows: Int[Array, " B"]) -> Float[Array, "B K"]:
        x = plan.scaling(data.x[jnp.minimum(devices.shard(rows), N - 1)])
        return jnp.exp(model.log_responsibility(x, context))

    rows = jnp.arange(-(-N // B) * B).reshape(-1, B)
    return jax.lax.map(one_batch, rows).reshape(-1, state.active.shape[0])[:N]


def compile_responsibilities(
    plan: Plan, devices: Devices
) -> Callable[[TrainState, Pixels], Float[Array, "R N K"]]:
    """The program for all replicas."""

    def run(state: TrainState, data: Pixels) -> Float[Array, "R N K"]:
        def one(state: TrainState, data: Pixels) -> Float[Array, "N K"]:
            return responsibilities(plan, devices, state, data)

        return plan.over_replicas(one, (0, None))(state, data)

    return jax.jit(run, out_shardings=devices.replicated)

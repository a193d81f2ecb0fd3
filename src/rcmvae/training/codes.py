"""Where every sample of a split lies: its responsibilities and a draw from each of its posteriors."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from rcmvae.routing import over_open, steered
from rcmvae.structs import Codes, Keys
from rcmvae.training.devices import Devices
from rcmvae.training.epoch import context_at
from rcmvae.training.passes import over_samples
from rcmvae.training.sharing import once_per_plan
from rcmvae.training.state import Pixels, Plan, Streams, TrainState


def codes(
    plan: Plan, devices: Devices, state: TrainState, data: Pixels
) -> tuple[Float[Array, "N K"], Float[Array, "N L D"]]:
    """r(x) and z."""
    model = plan.model(state).in_precision(jnp.dtype(plan.options.precision))
    key = Streams.of(state.seed).evaluate
    context = context_at(plan, state, Keys.split(key), stochastic=False)

    def see(
        number: Int[Array, ""], rows: Int[Array, " B"], x: Float[Array, "B *S"]
    ) -> tuple[Float[Array, "B K"], Float[Array, "B L D"]]:
        posterior = model.encode(x)
        eps = jax.random.normal(jax.random.fold_in(key, number), posterior.mean.shape)
        z = posterior.mean + jnp.exp(0.5 * posterior.log_var) * eps
        return jnp.exp(over_open(steered(posterior.logits, context), context.active)), z

    return over_samples(plan, devices, data, see)


@once_per_plan
def compile_codes(plan: Plan, devices: Devices) -> Callable[[TrainState, Pixels], list[Codes]]:
    """The program for all replicas."""

    def one(state: TrainState, data: Pixels) -> tuple[Float[Array, "N K"], Float[Array, "N L D"]]:
        return codes(plan, devices, state, data)

    program = jax.jit(plan.over_replicas(one, (0, None)), out_shardings=devices.replicated)

    def run(state: TrainState, data: Pixels) -> list[Codes]:
        pairs = zip(*map(np.asarray, program(state, data)), strict=True)
        return [Codes(responsibility, z) for responsibility, z in pairs]

    return run

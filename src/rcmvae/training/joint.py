"""How two views of a sample fall on channels: what decides about growth, and what the channel tree is made from."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from rcmvae.data.views import look
from rcmvae.structs import Keys
from rcmvae.training.devices import Devices
from rcmvae.training.epoch import context_at
from rcmvae.training.passes import mixed_up, over_samples
from rcmvae.training.sharing import once_per_plan
from rcmvae.training.state import Pixels, Plan, Streams, TrainState

FEWEST_VIEWS = 4096  # that the joint of two views is a mean over


def views_of_each(samples: int) -> int:
    """How many views of each sample are looked at: few samples, many views.

    What channels know of a sample is a small difference of large numbers once there are many of them, and few samples
    seen once would decide it by their draw.
    """
    return max(1, -(-FEWEST_VIEWS // samples))


def joint_of_views(plan: Plan, devices: Devices, state: TrainState, data: Pixels) -> Float[Array, "K K"]:
    """Mean of r(x) r(x')ᵀ over samples x and views x', made symmetric. Where the objective makes no views, x' is x."""
    N = data.x.shape[0]
    key, views = Streams.of(state.seed).evaluate, plan.objective.views
    context = context_at(plan, state, Keys.split(key), stochastic=False)
    model = plan.model(state).in_precision(jnp.dtype(plan.options.precision))

    def responsibility(x: Float[Array, "B *S"]) -> Float[Array, "B K"]:
        return jnp.exp(model.log_responsibility(x, context))

    def see(
        number: Int[Array, ""], rows: Int[Array, " B"], x: Float[Array, "B *S"]
    ) -> tuple[Float[Array, "B K"], Float[Array, "B K"]]:
        r = responsibility(x)
        if not views:
            return r, r
        keys = jax.random.split(jax.random.fold_in(key, number), views_of_each(N))
        looks = jax.lax.map(lambda one: responsibility(look(views, one, x, plan.pool(data, rows))), keys)
        return r, jnp.mean(looks, axis=0)

    r, seen = over_samples(plan, devices, data, see, mixed_up(state, N))
    together = r.T @ seen / N
    return 0.5 * (together + together.T)


@once_per_plan
def compile_joint(plan: Plan, devices: Devices) -> Callable[[TrainState, Pixels], Float[np.ndarray, "R K K"]]:
    """The program for all replicas."""

    def one(state: TrainState, data: Pixels) -> Float[Array, "K K"]:
        return joint_of_views(plan, devices, state, data)

    program = jax.jit(plan.over_replicas(one, (0, None)), out_shardings=devices.replicated)

    def run(state: TrainState, data: Pixels) -> Float[np.ndarray, "R K K"]:
        return np.asarray(program(state, data))

    return run

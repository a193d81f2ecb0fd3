"""The importance-weighted bound: closer to −log p(x) the more draws it looks at (Burda et al., 2016)."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.lax import scan
from jaxtyping import Array, Float, Int, Key

from rcmvae.priors import log_normal
from rcmvae.structs import Selection
from rcmvae.training import Devices, Pixels, Plan, TrainState
from rcmvae.training.passes import over_samples
from rcmvae.training.sharing import once_per_plan
from rcmvae.training.state import Streams

APART = 2**32 - 1  # from the numbers of batches, which other passes fold into the same key


def importance_bound(
    plan: Plan, devices: Devices, state: TrainState, data: Pixels, draws: int
) -> Float[Array, " N"]:
    """−log 1/S Σ_s Σ_k π_k w_sk of each sample, with S draws from every posterior, in nats.

    w_sk = p(x | z_sk, k) p(z_sk | k) / q(z_sk | x, k): its mean over draws is p(x | k) without bias, so the bound is
    never below −log p(x) on average, and falls towards it as S grows. The sum over channels is exact, and memory is
    that of one draw for one batch, whatever S is.
    """
    B, K = plan.options.batch_size, plan.num_channels
    model = plan.model(state).in_precision(jnp.dtype(plan.options.precision))
    log_pi = model.prior.log_pi(state.active)
    everything = Selection(jnp.zeros((B, K)), jnp.zeros((B, K)), jnp.ones((B, K)))
    first = jax.random.fold_in(Streams.of(state.seed).evaluate, APART)

    def see(number: Int[Array, ""], rows: Int[Array, " B"], x: Float[Array, "B *S"]) -> Float[Array, " B"]:
        q = model.encode(x)

        def one_draw(log_sum: Float[Array, "B K"], key: Key[Array, ""]) -> tuple[Float[Array, "B K"], None]:
            z = q.mean + jnp.exp(0.5 * q.log_var) * jax.random.normal(key, q.mean.shape)
            nll = model.decoder.nll(model.decode(z, everything), x)
            # log w_k = log p(x | z_k, k) + log p(z_k | k) − log q(z_k | x, k)
            ratio = model.prior.log_density(z, model.encode) - log_normal(z, q.mean, q.log_var)
            return jnp.logaddexp(log_sum, jnp.broadcast_to(ratio, (B, K)) - nll), None

        keys = jax.random.split(jax.random.fold_in(first, number), draws)
        log_sum, _ = scan(one_draw, jnp.full((B, K), -jnp.inf), keys)
        return math.log(draws) - jax.nn.logsumexp(log_sum + log_pi[None], axis=-1)

    return over_samples(plan, devices, data, see)


@once_per_plan
def compile_importance(
    plan: Plan, devices: Devices, draws: int
) -> Callable[[TrainState, Pixels], Float[np.ndarray, "R N"]]:
    """The program for all replicas."""

    def one(state: TrainState, data: Pixels) -> Float[Array, " N"]:
        return importance_bound(plan, devices, state, data, draws)

    program = jax.jit(plan.over_replicas(one, (0, None)), out_shardings=devices.replicated)

    def run(state: TrainState, data: Pixels) -> Float[np.ndarray, "R N"]:
        return np.asarray(program(state, data))

    return run

"""What is compiled of a plan to apply it, each program once and when it is first asked for."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, UInt32

from rcmvae.data import Scaling
from rcmvae.data.scaling import Numbers
from rcmvae.diagnostics import look
from rcmvae.diagnostics.survey import Seen
from rcmvae.routing import over_open, steered
from rcmvae.structs import Keys, RoutingContext
from rcmvae.training import Plan, TrainState
from rcmvae.training.epoch import context_at
from rcmvae.training.sharing import once_per_plan
from rcmvae.training.state import Streams

DRAWS = 8  # of each code, that the cost of a sample is a mean over

Program = Callable[..., Any]


class Place(eqx.Module):
    """Where samples lie, without a draw."""

    responsibility: Float[Array, "B K"]
    mean: Float[Array, "B D"]  # of the posterior in the sample's own channel


class Cost(eqx.Module):
    """What samples cost in each channel: means over draws."""

    responsibility: Float[Array, "B K"]
    nll: Float[Array, "B K"]
    kl: Float[Array, "B K"]


def digest(x: Float[Array, "B *S"]) -> UInt32[Array, " B"]:
    """A number for each sample that its values decide, and hardly any other values would give."""
    bits = jax.lax.bitcast_convert_type(x.reshape(x.shape[0], -1), jnp.uint32)
    # Σ_i (2i + 1) · c · bits_i, modulo 2³²: c is odd and spreads small differences over all bits.
    factors = (2 * jnp.arange(bits.shape[1], dtype=jnp.uint32) + 1) * jnp.uint32(2654435761)
    return jnp.sum(bits * factors[None], axis=1, dtype=jnp.uint32)


@dataclasses.dataclass(frozen=True)
class Uses:
    """The programs for one batch. Weights and scaling are arguments, so that all trainings of a plan can share them."""

    plan: Plan

    @functools.cached_property
    def look(self) -> Program:
        """What is seen of a batch, with draws that depend on its number."""

        def run(state: TrainState, scaling: Scaling, number: Int[Array, ""], stored: Numbers) -> Seen:
            return look(self.plan, state, number, scaling(stored))

        return jax.jit(run)

    @functools.cached_property
    def membership(self) -> Program:
        """r(x) alone."""

        def run(
            state: TrainState, scaling: Scaling, number: Int[Array, ""], stored: Numbers
        ) -> Float[Array, "B K"]:
            model = self.plan.model(state).in_precision(jnp.dtype(self.plan.options.precision))
            return jnp.exp(model.log_responsibility(scaling(stored), self._context(state)))

        return jax.jit(run)

    @functools.cached_property
    def place(self) -> Program:
        """r(x), and the mean code in the channel that holds the sample."""

        def run(state: TrainState, scaling: Scaling, number: Int[Array, ""], stored: Numbers) -> Place:
            model = self.plan.model(state).in_precision(jnp.dtype(self.plan.options.precision))
            context = self._context(state)
            posterior = model.encode(scaling(stored))
            r = jnp.exp(over_open(steered(posterior.logits, context), context.active))
            own = jnp.minimum(jnp.argmax(r, axis=1), posterior.mean.shape[1] - 1)
            mean = jnp.take_along_axis(posterior.mean, own[:, None, None], axis=1)[:, 0]
            return Place(r, mean)

        return jax.jit(run)

    @functools.cached_property
    def cost(self) -> Program:
        """What each sample costs, by draws that depend on its own numbers and on no other sample."""

        def run(state: TrainState, scaling: Scaling, number: Int[Array, ""], stored: Numbers) -> Cost:
            x = scaling(stored)
            own = digest(x)

            def once(draw: Int[Array, ""]) -> Cost:
                # As if every sample were a batch of its own.
                alone = jax.vmap(lambda at, one: look(self.plan, state, at, one[None]))
                seen = alone(own + draw.astype(jnp.uint32), x)
                return Cost(seen.responsibility[:, 0], seen.nll[:, 0], seen.kl[:, 0])

            draws = jax.lax.map(once, jnp.arange(DRAWS))
            return jax.tree.map(lambda leaf: jnp.mean(leaf, axis=0), draws)

        return jax.jit(run)

    @staticmethod
    @once_per_plan
    def of(plan: Plan) -> "Uses":
        """Those of this plan or of one like it."""
        return Uses(plan)

    def _context(self, state: TrainState) -> RoutingContext:
        return context_at(self.plan, state, Keys.split(Streams.of(state.seed).evaluate), stochastic=False)

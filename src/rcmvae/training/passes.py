"""A pass over every sample of a split, a batch at a time, inside a compiled program."""

from collections.abc import Callable
from typing import TypeVar

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, PyTree

from rcmvae.training.devices import Devices
from rcmvae.training.state import Pixels, Plan, Streams, TrainState

Seen = TypeVar("Seen", bound=PyTree)


def over_samples(
    plan: Plan,
    devices: Devices,
    data: Pixels,
    see: Callable[[Int[Array, ""], Int[Array, " B"], Float[Array, "B *S"]], Seen],
    order: Int[Array, " N"] | None = None,
) -> Seen:
    """What `see` says of each sample, given a batch's number, its rows and its scaled samples; in `order`, if given.

    No more than one batch of anything but the result is in memory. The last batch is filled up with the last sample,
    and what is said of the filling is cut off.
    """
    N, B = data.x.shape[0], plan.options.batch_size

    def one_batch(at: tuple[Int[Array, ""], Int[Array, " B"]]) -> Seen:
        number, rows = at
        rows = jnp.minimum(devices.shard(rows), N - 1)
        rows = rows if order is None else order[rows]
        return see(number, rows, plan.scaling(data.x[rows]))

    rows = jnp.arange(-(-N // B) * B).reshape(-1, B)
    found = jax.lax.map(one_batch, (jnp.arange(rows.shape[0]), rows))
    return jax.tree.map(lambda batches: batches.reshape(-1, *batches.shape[2:])[:N], found)


def mixed_up(state: TrainState, N: int) -> Int[Array, " N"]:
    """An order in which every batch is drawn from all samples, however these are sorted; a seed keeps to its own."""
    return jax.random.permutation(Streams.of(state.seed).order, N)

"""The pass over a split that a bundle is made from, and the few pictures beside it."""

import dataclasses
import functools
import math
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key, Shaped, UInt32

from rcmvae.data import Dataset, Scaling, marks
from rcmvae.diagnostics.bundle import Bundle, Pictures
from rcmvae.model import Model, Stage
from rcmvae.nn import Decoder
from rcmvae.structs import Batch, Decoded, Keys, Selection
from rcmvae.training import Devices, Pixels, Plan, TrainState
from rcmvae.training.epoch import context_at
from rcmvae.training.passes import over_samples
from rcmvae.training.sharing import once_per_plan
from rcmvae.training.state import Streams

Paint = Callable[[Float[np.ndarray, "M D"], Int[np.ndarray, " M"]], Shaped[np.ndarray, "M *S"]]
EDGE = 0.02  # of a channel's codes, on either side, lie outside of its grid
MOST_BYTES = 128_000_000  # of each sort of pictures: far more than MNIST's need, with 50 channels


@dataclasses.dataclass(frozen=True)
class Extent:
    """How many pictures a bundle holds."""

    examples: int = 4  # of every channel that holds so many
    most_examples: int = 64
    drawn: int = 8  # per channel
    grid: int = 12  # by as many
    thumbnails: int = 10_000

    def within(self, most_bytes: int, sample: int, channels: int) -> "Extent":
        """No more pictures of a sort than so many bytes hold, where each picture takes `sample`; one at least.

        >>> Extent().within(MOST_BYTES, sample=256 * 256 * 3, channels=10)
        Extent(examples=4, most_examples=64, drawn=8, grid=8, thumbnails=651)
        """
        room = max(1, most_bytes // sample)
        of_each = max(1, room // channels)
        return Extent(
            examples=self.examples,
            most_examples=min(self.most_examples, of_each),  # all channels reconstruct each
            drawn=min(self.drawn, of_each),
            grid=min(self.grid, math.isqrt(of_each)),
            thumbnails=min(self.thumbnails, room),
        )


class Seen(eqx.Module):
    """What the model says of each sample."""

    responsibility: Float[Array, "B K"]
    nll: Float[Array, "B K"]
    kl: Float[Array, "B K"]
    mean: Float[Array, "B L D"]
    log_var: Float[Array, "B L D"]
    hardness: Float[Array, " B"]


def survey(
    plan: Plan,
    devices: Devices,
    state: TrainState,
    dataset: Dataset,
    split: str,
    *,
    epoch: int,
    extent: Extent | None = None,
) -> Bundle:
    """Everything that is shown of one replica's weights on a split. Every sample passes the model once."""
    part = dataset.splits[split]
    extent = _fitting(part.x, plan.num_channels) if extent is None else extent
    pixels = Pixels.of(part, devices)
    seen = jax.tree.map(np.asarray, compile_look(plan, devices)(state, pixels))
    channel = seen.responsibility.argmax(axis=1)
    model = plan.model(state)
    paint = painter(plan, model, part.x.dtype == np.uint8)
    key = Streams.of(state.seed).evaluate
    shape = (extent.drawn, plan.num_channels, seen.mean.shape[-1])
    drawn = np.asarray(model.prior.draw(shape, model.encode, key))
    rng = np.random.default_rng(int(state.seed))
    pictures = _pictures(part.x, seen.mean, channel, drawn, paint, extent, rng)
    return _bundle(plan, state, seen, dataset, split, epoch, pictures)


def _bundle(
    plan: Plan, state: TrainState, seen: Seen, dataset: Dataset, split: str, epoch: int, pictures: Pictures
) -> Bundle:
    part, model = dataset.splits[split], plan.model(state)
    own = functools.partial(_of_own_channel, channel=np.asarray(seen.responsibility).argmax(axis=1))
    return Bundle(
        data=dataset.name,
        split=split,
        seed=int(state.seed),
        epoch=epoch,
        shape=dataset.shape,
        label_names=tuple(dataset.label_names),
        columns=dataset.columns,
        truth=part.truth,
        label=part.label,
        mark=marks(part.x),
        active=np.asarray(state.active),
        log_pi=np.asarray(model.prior.log_pi(state.active)),
        responsibility=np.asarray(seen.responsibility),
        nll=np.asarray(seen.nll),
        kl=np.asarray(seen.kl),
        mean=own(np.asarray(seen.mean)),
        log_var=own(np.asarray(seen.log_var)),
        hardness=np.asarray(seen.hardness),
        pictures=pictures,
    )


def glance(plan: Plan, devices: Devices, state: TrainState, dataset: Dataset, split: str) -> list[Bundle]:
    """The same of every replica, in one program and with nothing painted: thumbnails are the only pictures."""
    part = dataset.splits[split]
    pixels = Pixels.of(part, devices)
    # On the host: there, picking a replica compiles nothing.
    state, seen = jax.tree.map(np.asarray, (state, compile_glance(plan, devices)(state, pixels)))
    found = []
    for replica in range(len(state.seed)):
        one, mine = (jax.tree.map(lambda leaf, at=replica: leaf[at], tree) for tree in (state, seen))
        one = jax.tree.map(jnp.asarray, one)
        rng = np.random.default_rng(int(one.seed))
        pictures = _thumbnails_alone(part.x, plan.num_channels, rng)
        found.append(_bundle(plan, one, mine, dataset, split, int(plan.time(one)), pictures))
    return found


@once_per_plan
def compile_look(plan: Plan, devices: Devices) -> Callable[[TrainState, Pixels], Seen]:
    """The program of the pass for one replica."""
    return jax.jit(functools.partial(look_through, plan, devices))


@once_per_plan
def compile_glance(plan: Plan, devices: Devices) -> Callable[[TrainState, Pixels], Seen]:
    """The program of the pass for all replicas."""
    program = plan.over_replicas(functools.partial(look_through, plan, devices), (0, None))
    return jax.jit(program, out_shardings=devices.replicated)


def look_through(plan: Plan, devices: Devices, state: TrainState, data: Pixels) -> Seen:
    """The pass: with no more than one batch of anything but the result in memory."""
    return over_samples(plan, devices, data, lambda number, rows, x: look(plan, state, number, x))


def look(
    plan: Plan, state: TrainState, number: Int[Array, ""] | UInt32[Array, ""], x: Float[Array, "B *S"]
) -> Seen:
    """What the model says of the batch of that number, whose draws depend on the number and on nothing else."""
    B, K = x.shape[0], plan.num_channels
    model = plan.model(state).in_precision(jnp.dtype(plan.options.precision))
    keys = Keys.split(jax.random.fold_in(Streams.of(state.seed).evaluate, number))
    context = context_at(plan, state, keys, stochastic=False)
    batch = Batch(x, jnp.zeros(B, jnp.int32), jnp.ones(B))
    forward = model(batch, context, Stage.DECODE)
    drawn = plan.skeleton.routing(forward.posterior.logits, dataclasses.replace(context, stochastic=True))
    assert forward.decoded_nll is not None
    return Seen(
        responsibility=forward.selection.responsibility,
        nll=forward.decoded_nll,
        kl=jnp.broadcast_to(forward.kl_z, (B, K)),
        mean=forward.posterior.mean,
        log_var=forward.posterior.log_var,
        hardness=jnp.max(drawn.weight, axis=-1),
    )


Show = Callable[[Decoder, Decoded, Key[Array, ""]], Float[Array, "B 1 *S"]]


def show_means(decoder: Decoder, decoded: Decoded, key: Key[Array, ""]) -> Float[Array, "B 1 *S"]:
    """E[x | z, k]."""
    return decoder.mean(decoded)


def show_draws(decoder: Decoder, decoded: Decoded, key: Key[Array, ""]) -> Float[Array, "B 1 *S"]:
    """A draw from p(x | z, k)."""
    return decoder.sample(decoded, key)


def painter(
    plan: Plan, model: Model, as_bytes: bool, show: Show = show_means, key: Key[Array, ""] | None = None
) -> Paint:
    """What any codes look like in any channels, in the units of the stored samples."""
    B = plan.options.batch_size
    first = jax.random.key(0) if key is None else key

    def stored(painted: Float[Array, "B *S"]) -> Shaped[np.ndarray, "B *S"]:
        values = np.asarray(painted)
        return np.clip(np.rint(values), 0, 255).astype(np.uint8) if as_bytes else values

    def run(z: Float[np.ndarray, "M D"], channel: Int[np.ndarray, " M"]) -> Shaped[np.ndarray, "M *S"]:
        M = len(z)
        rows = np.minimum(np.arange(-(-M // B) * B), M - 1).reshape(-1, B)
        batches = [
            stored(paint(model, plan.scaling, show, z[row], channel[row], jax.random.fold_in(first, number)))
            for number, row in enumerate(rows)
        ]
        return np.concatenate(batches)[:M]

    return run


@eqx.filter_jit
def paint(
    model: Model,
    scaling: Scaling,
    show: Show,
    z: Float[Array | np.ndarray, "B D"],
    channel: Int[Array | np.ndarray, " B"],
    key: Key[Array, ""],
) -> Float[Array, "B *S"]:
    """A batch of codes in their channels; compiled once for all models of one shape."""
    B, (L, D) = len(z), model.heads.latents
    everywhere = jnp.broadcast_to(z[:, None], (B, L, D))
    nothing = jnp.zeros((B, model.embedding.shape[0]))
    selection = Selection(nothing, nothing, jnp.ones((B, 1)), jnp.asarray(channel)[:, None])
    return scaling.inverse(show(model.decoder, model.decode(everywhere, selection), key)[:, 0])


def _of_own_channel(
    value: Float[np.ndarray, "N L D"], channel: Int[np.ndarray, " N"]
) -> Float[np.ndarray, "N D"]:
    return value[np.arange(len(value)), np.minimum(channel, value.shape[1] - 1)]


def _pictures(
    x: Shaped[np.ndarray, "N *S"],
    mean: Float[np.ndarray, "N L D"],
    channel: Int[np.ndarray, " N"],
    drawn: Float[np.ndarray, "P K D"],
    paint: Paint,
    extent: Extent,
    rng: np.random.Generator,
) -> Pictures:
    P, K, D = drawn.shape
    G = extent.grid
    example = _examples(channel, K, extent, rng)
    E = len(example)
    codes = np.broadcast_to(mean[example], (E, K, D))
    planes = [plane_of(mean[channel == k, min(k, mean.shape[1] - 1)]) for k in range(K)]
    grids = np.stack([plane.grid(G) for plane in planes])
    z = np.concatenate([codes.reshape(-1, D), drawn.swapaxes(0, 1).reshape(-1, D), grids.reshape(-1, D)])
    of = np.concatenate(
        [np.tile(np.arange(K), E), np.repeat(np.arange(K), P), np.repeat(np.arange(K), G * G)]
    )
    painted = paint(z, of)
    shape = painted.shape[1:]
    by_channel, from_prior, manifold = np.split(painted, [E * K, E * K + K * P])
    shown = _some(x, extent.thumbnails, rng)
    return Pictures(
        example=example,
        original=x[example],
        reconstruction=by_channel.reshape(E, K, *shape),
        drawn=from_prior.reshape(K, P, *shape),
        plane=np.stack([plane.dimensions for plane in planes]),
        extent=np.stack([plane.extent for plane in planes]),
        manifold=manifold.reshape(K, G, G, *shape),
        thumbnail_of=shown,
        thumbnail=x[shown],
    )


def _thumbnails_alone(x: Shaped[np.ndarray, "N *S"], K: int, rng: np.random.Generator) -> Pictures:
    shape, shown = x.shape[1:], _some(x, _fitting(x, K).thumbnails, rng)
    return Pictures(
        example=np.zeros(0, int),
        original=x[:0],
        reconstruction=np.zeros((0, K, *shape), x.dtype),
        drawn=np.zeros((K, 0, *shape), x.dtype),
        plane=np.zeros((K, 2), int),
        extent=np.zeros((K, 2, 2)),
        manifold=np.zeros((K, 0, 0, *shape), x.dtype),
        thumbnail_of=shown,
        thumbnail=x[shown],
    )


def _fitting(x: Shaped[np.ndarray, "N *S"], K: int) -> Extent:
    return Extent().within(MOST_BYTES, x[:1].nbytes, K)


def _some(x: Shaped[np.ndarray, "N *S"], most: int, rng: np.random.Generator) -> Int[np.ndarray, " T"]:
    """Rows of a random part of the samples, in their order."""
    return np.sort(rng.permutation(len(x))[:most])


def _examples(
    channel: Int[np.ndarray, " N"], K: int, extent: Extent, rng: np.random.Generator
) -> Int[np.ndarray, " E"]:
    """Some samples of every channel that holds any, in the order of channels; fewer of each where channels are many.

    Where there is not even room for one of each, the channels that hold most have theirs.
    """
    held = [np.flatnonzero(channel == k) for k in range(K)]
    used = [rows for rows in held if len(rows)]
    each_shows = max(1, min(extent.examples, extent.most_examples // len(used)))
    largest = np.argsort([-len(rows) for rows in used], kind="stable")[: extent.most_examples]
    return np.concatenate([np.sort(rng.permutation(used[at])[:each_shows]) for at in np.sort(largest)])


@dataclasses.dataclass(frozen=True)
class Plane:
    """A part of a latent space to look at: two of its dimensions, the others held where the codes' middle is."""

    centre: Float[np.ndarray, " D"]
    dimensions: Int[np.ndarray, " 2"]  # twice the same where there is but one
    extent: Float[np.ndarray, "2 2"]

    def grid(self, G: int) -> Float[np.ndarray, "G G D"]:
        """Codes over the plane: the first dimension to the right, the second upwards, as in a plot."""
        z = np.broadcast_to(self.centre, (G, G, len(self.centre))).copy()
        (left, right), (low, high) = self.extent
        z[..., self.dimensions[1]] = np.linspace(high, low, G)[:, None]
        z[..., self.dimensions[0]] = np.linspace(left, right, G)[None]
        return z.astype(np.float32)


def plane_of(mean: Float[np.ndarray, "n D"]) -> Plane:
    """The two dimensions in which a channel's codes vary most, as far as nearly all of them go."""
    D = mean.shape[1]
    if len(mean) < 2:  # nothing to go by: where the prior is
        return Plane(np.zeros(D), np.array([0, min(1, D - 1)]), np.array([[-2.0, 2.0], [-2.0, 2.0]]))
    widest = np.sort(np.argsort(-mean.var(axis=0), kind="stable")[:2])
    dimensions = np.resize(widest, 2)
    extent = np.quantile(mean[:, dimensions], [EDGE, 1 - EDGE], axis=0).T
    return Plane(np.median(mean, axis=0), dimensions, extent)

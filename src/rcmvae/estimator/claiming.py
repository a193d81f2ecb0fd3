"""Channels for a kind of samples that the model has never seen, learned from its first examples.

Only what belongs to the new channels learns: their logits, their codes, their part of the decoder. For a sample x that
was there before, the responsibilities of all other channels keep their proportions exactly,

r'_k(x) = r_k(x) (1 − Σ_new r'_c(x)),

so nothing is forgotten but what the new channels take, and that is what is trained to be little.
"""

import dataclasses
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, Int, Key, Shaped
from sklearn.cluster import KMeans

from rcmvae.curriculum.start import copied, copied_moments, in_models
from rcmvae.data import Scaling, marks, neighbours_of
from rcmvae.data.arrays import Stored
from rcmvae.data.views import Pool, look
from rcmvae.errors import ConfigError, counted
from rcmvae.estimator.classes import Labels, Taught
from rcmvae.estimator.settings import with_channels
from rcmvae.estimator.workshop import workshop_for
from rcmvae.inference import Weights, generated, log_pi_of, membership
from rcmvae.model import Model
from rcmvae.nn import map_channels
from rcmvae.routing import CLOSED, over_open
from rcmvae.structs import UNLABELLED, Keys, Selection
from rcmvae.training import Plan, TrainState
from rcmvae.training.sharing import once_per_plan
from rcmvae.training.state import Streams

STEPS, RATE = 300, 3e-3
KNOWN, NEW = 128, 64  # samples in a step: of those that were there before, and of the new kind
REPLAYED = 2000  # samples that the model imagines where none of those before are given
MOST = 3  # channels for one label
MOSTLY = 0.5  # of a new label's samples, that lie in channels without a name


Carry = tuple[Model, Any]
Known = Shaped[np.ndarray, "M *S"]  # samples as they are stored


class Examples(NamedTuple):
    """What a step draws from, scaled as the model takes it."""

    known: Float[Array, "M *S"]
    new: Float[Array, "n *S"]
    channel: Int[Array, " n"]  # that each new one is to belong to
    neighbours: Int[Array, "n m"] | None  # among the new ones, where views ask for them


def claimed_by_labels(
    weights: Weights, taught: Taught, x: Stored, labels: Labels, known: Known | None, number: Any
) -> tuple[Weights, Taught, dict[Any, list[int]]]:
    """Every label counted, and channels for those that were never seen; and which channels a new label has."""
    new = [at for at, name in enumerate(labels.classes) if name not in taught.classes]
    for at in new:
        _refuse(number, labels.classes[at], int((labels.place == at).sum()))
    old = np.where(np.isin(labels.place, new), UNLABELLED, labels.place)
    taught = taught.further(membership(weights, x), labels._replace(place=old))
    found: dict[Any, list[int]] = {}
    for at in new:
        rows = labels.place == at
        r = membership(weights, x[rows])
        if r[:, taught.nameless].sum(axis=1).mean() >= MOSTLY:
            channels = np.unique(r.argmax(axis=1))
        else:
            there = imagined(weights) if known is None else known[~np.isin(marks(known), marks(x[rows]))]
            there = np.concatenate([there, x[(labels.place != UNLABELLED) & ~rows]])
            weights, channels = claimed(weights, x[rows], there, free(weights) & taught.nameless, number)
            taught, r = taught.within(weights.groups), membership(weights, x[rows])
        taught = taught.further(r, Labels(labels.classes[[at]], np.zeros(len(r), int)))
        found[labels.classes[at].item()] = channels.tolist()
    return weights, taught.calibrated(membership(weights, x), labels), found


def _refuse(number: Any, label: Any, samples: int) -> None:
    most = min(MOST, samples)
    if not isinstance(number, int | np.integer) or not 1 <= number <= most:
        raise ConfigError(
            f"channels is {number!r}, but the label {label.item()!r}, of which {counted(samples, 'sample')} "
            f"{'is' if samples == 1 else 'are'} given, may claim {'one channel' if most == 1 else f'1 to {most}'}."
        )


def free(weights: Weights) -> Bool[np.ndarray, " K"]:
    """Which channels are closed, or hold next to nothing."""
    return ~np.isin(np.arange(weights.plan.num_channels), weights.tree.channels)


def claimed(
    weights: Weights, x: Stored, known: Known, available: Bool[np.ndarray, " K"], number: int
) -> tuple[Weights, Int[np.ndarray, " m"]]:
    """At most so many channels for samples like `x` and not like `known`: available ones first, then further ones."""
    parent = int(membership(weights, x).mean(axis=0).argmax())
    scaling = weights.card.scaling
    new = scaling(x)
    _, part = np.unique(_parts(np.asarray(new), number), return_inverse=True)
    number = int(part.max()) + 1  # fewer where examples are equal
    channels = np.flatnonzero(available)[:number]
    K, missing = weights.plan.num_channels, number - len(channels)
    if missing:
        weights, channels = widened(weights, missing), np.append(channels, np.arange(K, K + missing))
    wanted = weights.plan.objective.neighbours
    neighbours = jnp.asarray(neighbours_of(x, scaling, wanted)) if wanted else None
    examples = Examples(scaling(known), new, jnp.asarray(channels[part]), neighbours)
    state = compile_learning(weights.plan)(
        weights.state, jnp.asarray(parent), jnp.asarray(channels), examples
    )
    return dataclasses.replace(weights, state=state, tree=weights.tree.joined_by(channels)), channels


def imagined(weights: Weights) -> Known:
    """Samples as the model knows them, of each channel that holds something its share."""
    seed, channels = weights.config.training.seed, np.array(weights.tree.channels)
    pi = np.exp(log_pi_of(weights).astype(float))[channels]
    channel = np.random.default_rng(seed).choice(channels, REPLAYED, p=pi / pi.sum())
    return generated(weights, channel, noise=seed)


def widened(weights: Weights, number: int) -> Weights:
    """The same weights with so many channels more, which are closed."""
    config, K = weights.config, weights.plan.num_channels
    if not config.model.prior.can_be_widened:
        raise ConfigError(
            f"No channel is free, and with the prior `{config.model.prior.kind_name()}` none can be added, since its "
            f"number of channels decides where they all lie: fit with more than num_channels={K}."
        )
    config = with_channels(config, number)
    workshop = workshop_for(config, weights.card)

    def wide(model: Model) -> Model:
        return map_channels(model, lambda rows: jnp.pad(rows, [(0, number), *[(0, 0)] * (rows.ndim - 1)]))

    was = weights.state
    state = dataclasses.replace(
        was,
        params=wide(was.params),
        opt_state=in_models(was.opt_state, wide),
        active=jnp.pad(was.active, (0, number)),
        tau=None if was.tau is None else jnp.pad(was.tau, ((0, number), (0, 0))),
    )
    # A model's static parts tell how many channels it has: the arrays go into a tree that was made for so many.
    state = jax.tree.unflatten(jax.tree.structure(workshop.blank), jax.tree.leaves(state))
    tree = dataclasses.replace(weights.tree, num_channels=K + number)
    return dataclasses.replace(weights, config=config, uses=workshop.uses, state=state, tree=tree)


def _parts(x: Float[np.ndarray, "n *S"], number: int) -> Int[np.ndarray, " n"]:
    """Examples of one label in so many parts of samples that are alike; in fewer where examples are equal."""
    flat = x.reshape(len(x), -1)
    number = min(number, len(np.unique(flat, axis=0)))
    return np.zeros(len(x), int) if number == 1 else KMeans(number, random_state=0).fit_predict(flat)


def _begun(state: TrainState, parent: Int[Array, ""], channels: Int[Array, " m"]) -> TrainState:
    """Each of the channels open, as a copy of the one that holds most of the examples."""
    for child in channels:
        state = dataclasses.replace(
            state,
            params=copied(state.params, child, parent),
            opt_state=copied_moments(state.opt_state, child, parent),
            active=state.active.at[child].set(True),
        )
    return state


@once_per_plan
def compile_learning(plan: Plan) -> Callable[..., TrainState]:
    """The program that opens channels and trains them."""

    def run(
        state: TrainState, parent: Int[Array, ""], channels: Int[Array, " m"], examples: Examples
    ) -> TrainState:
        return _learned(plan, _begun(state, parent, channels), examples)

    return jax.jit(run)


def _learned(plan: Plan, state: TrainState, examples: Examples) -> TrainState:
    """The channels that the examples are to belong to, trained; nothing else changes."""
    own = jnp.zeros(plan.num_channels, bool).at[examples.channel].set(True)
    nothing = jax.tree.map(jnp.zeros_like, state.params)
    mine = map_channels(nothing, lambda rows: rows.at[examples.channel].set(1.0))
    adam: Any = optax.adam(RATE)

    def step(carry: Carry, key: Key[Array, ""]) -> tuple[Carry, None]:
        params, moments = carry
        gradient = jax.grad(_loss)(params, plan, state, examples, own, key)
        update, moments = adam.update(gradient, moments)
        params = jax.tree.map(lambda theta, change, mask: theta + mask * change, params, update, mine)
        return (params, moments), None

    keys = jax.random.split(jax.random.fold_in(Streams.of(state.seed).grow, jnp.sum(state.active)), STEPS)
    (params, _), _ = jax.lax.scan(step, (state.params, adam.init(state.params)), keys)
    return dataclasses.replace(state, params=params)


def _loss(
    params: Model,
    plan: Plan,
    state: TrainState,
    examples: Examples,
    own: Bool[Array, " K"],
    key: Key[Array, ""],
) -> Float[Array, ""]:
    """−log of what the known keep, and of what the new ones get, by shares; and what the new ones cost there."""
    state = dataclasses.replace(state, params=params)
    known_key, new_key, view_key, step_key = jax.random.split(key, 4)
    keys = Keys.split(step_key)
    model = plan.model(state)
    known = examples.known[jax.random.randint(known_key, (KNOWN,), 0, len(examples.known))]
    rows = jax.random.randint(new_key, (NEW,), 0, len(examples.new))
    x, channel = examples.new[rows], examples.channel[rows]
    pool = Pool(examples.new, rows, Scaling.identity(), examples.neighbours)
    view = look(plan.objective.views, view_key, x, pool)

    posterior = model.heads(jax.lax.stop_gradient(model.features(jnp.concatenate([x, view, known]))))
    log_r = over_open(posterior.logits, state.active)
    comes = jnp.take_along_axis(log_r[: 2 * NEW], jnp.tile(channel, 2)[:, None], axis=1)
    stays = jax.nn.logsumexp(jnp.where(own, CLOSED, log_r[2 * NEW :]), axis=1)

    first = jax.tree.map(lambda leaf: leaf[:NEW], posterior)
    noise = jax.random.normal(keys.latent, first.mean.shape)
    selection = Selection(jnp.exp(log_r[:NEW]), log_r[:NEW], jnp.ones((NEW, 1)), channel[:, None])
    nll = model.decoder.nll(model.decode(first.mean + jnp.exp(0.5 * first.log_var) * noise, selection), x)
    kl = selection.pick_own(model.prior.kl(first, model.encode, keys.prior))

    # One kind more, however many channels it has.
    share = 1 / (1 + jnp.sum(state.active & ~own))
    return -(1 - share) * jnp.mean(stays) - share * jnp.mean(comes) + jnp.mean(nll + kl)

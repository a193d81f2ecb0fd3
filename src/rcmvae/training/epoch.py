"""One epoch of training, and one pass of validation: each a single compiled program."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jax.lax import scan
from jaxtyping import Array, Float, Int, Key

from rcmvae.data.views import look
from rcmvae.model import Model, Stage
from rcmvae.nn import at_time
from rcmvae.objective import Evidence, Losses, channel_cost, entropy, negative_elbo
from rcmvae.structs import Batch, Forward, Keys, RoutingContext
from rcmvae.training.devices import Devices
from rcmvae.training.optimizer import update_scales
from rcmvae.training.passes import mixed_up, over_samples
from rcmvae.training.sharing import once_per_plan
from rcmvae.training.state import Pixels, Plan, Stand, Streams, TrainState

Means = dict[str, Float[Array, "..."]]


def training_context(plan: Plan, state: TrainState, keys: Keys) -> RoutingContext:
    """Every value of this step, with the kick of a new channel."""
    context = context_at(plan, state, keys, stochastic=True)
    if plan.curriculum is None:
        return context
    return plan.curriculum.kick(context, state.stand.newest, context.time - state.stand.opened)


def context_at(plan: Plan, state: TrainState, keys: Keys, *, stochastic: bool) -> RoutingContext:
    """Every scheduled value at this time."""
    routing, time = plan.skeleton.routing, plan.time(state)
    return RoutingContext(
        time=time,
        active=state.active,
        temperature=routing.temperature_at(time),
        straight_through=routing.straight_through_at(time),
        logit_scale=jnp.ones(()),
        logit_bias=jnp.zeros(state.active.shape),
        term_weight={name: term.weight(time) for name, term in plan.objective.terms.items()},
        keys=keys,
        stochastic=stochastic,
        tau=state.tau,
    )


def make_batch(
    plan: Plan, data: Pixels, index: Int[Array, " B"], weight: Float[Array, " B"], view_key: Key[Array, ""]
) -> Batch:
    """Samples by index, scaled, with a second view where the objective asks for one."""
    x = plan.scaling(data.x[index])
    views = plan.objective.views
    view = look(views, view_key, x, plan.pool(data, index)) if views else None
    return Batch(x, data.label[index], weight, view)


def evaluate(
    params: Model, plan: Plan, batch: Batch, context: RoutingContext, stage: Stage
) -> tuple[Float[Array, ""], tuple[Losses, Evidence]]:
    """The objective on one batch, computed in the plan's precision on float32 weights."""
    model = eqx.combine(params, plan.skeleton)
    model = at_time(model, context.time)
    forward = model.in_precision(jnp.dtype(plan.options.precision))(batch, context, stage)
    evidence = Evidence(model, batch, forward, context)
    losses = plan.objective(evidence, stage)
    return losses.total, (losses, evidence)


def train_step(
    plan: Plan, stage: Stage, data: Pixels, state: TrainState, index: Int[Array, " B"]
) -> tuple[TrainState, Means]:
    """One update from the samples at `index`. All randomness derives from the seed and the step's number."""
    keys = Keys.split(jax.random.fold_in(Streams.of(state.seed).step, state.step))
    batch = make_batch(plan, data, index, jnp.ones(index.shape), keys.view)
    context = training_context(plan, state, keys)

    gradient, (losses, _) = jax.grad(evaluate, has_aux=True)(state.params, plan, batch, context, stage)

    direction, opt_state = plan.optimizer.update(gradient, state.opt_state, state.params)  # pyright: ignore[reportArgumentType]
    rate = learning_rate(plan, context.time, state.stand)
    # θ ← θ − rate · scale · direction
    params = jax.tree.map(
        lambda theta, d, scale: theta - rate * scale * d, state.params, direction, update_scales(state.params)
    )
    means = {**losses.terms, "loss": losses.total, "gradient_norm": optax.tree.norm(gradient)}
    return dataclasses.replace(state, params=params, opt_state=opt_state, step=state.step + 1), means


def learning_rate(plan: Plan, time: Float[Array, ""], stand: Stand) -> Float[Array, ""]:
    """The configured rate, which a curriculum lets fall to its end once growth has ended; 0 after that end."""
    rate = plan.options.learning_rate(time)
    return rate if plan.curriculum is None else rate * plan.curriculum.finish(time - stand.ended)


def train_epoch(
    plan: Plan, devices: Devices, stage: Stage, state: TrainState, data: Pixels
) -> tuple[TrainState, Means]:
    """Count labels, shuffle, then scan the steps."""
    if plan.objective.counting is not None:
        counts = label_counts(plan, devices, state, data)
        state = dataclasses.replace(state, tau=plan.objective.counting.table(counts))
    key = jax.random.fold_in(Streams.of(state.seed).shuffle, state.step // plan.steps_per_epoch)
    batches = batches_of(plan, data, key)

    def body(carry: TrainState, index: Int[Array, " B"]) -> tuple[TrainState, Means]:
        return train_step(plan, stage, data, carry, devices.shard(index))

    return scan(body, state, batches)


def batches_of(plan: Plan, data: Pixels, key: Key[Array, ""]) -> Int[Array, "steps B"]:
    """The rows of every step: all in random order; what is left over after the last full batch waits for another epoch.

    Where a share of each batch is to be labelled, so many of its rows are drawn from the labelled ones instead.
    """
    steps, B = plan.steps_per_epoch, plan.options.batch_size
    batches = jax.random.permutation(key, plan.num_train)[: steps * B].reshape(steps, B)
    share = plan.options.labeled_share
    if share is None:
        return batches
    labelled = min(max(1, round(share * B)), B - 1)
    drawn = jax.random.choice(jax.random.fold_in(key, 1), data.labelled, (steps, labelled))
    return batches.at[:, : drawn.shape[1]].set(drawn)


def label_counts(plan: Plan, devices: Devices, state: TrainState, data: Pixels) -> Float[Array, "K Y"]:
    """s_cy = Σ r_c(x) over the samples that are labelled y."""
    context = context_at(plan, state, Keys.split(Streams.of(state.seed).evaluate), stochastic=False)
    model = plan.model(state).in_precision(jnp.dtype(plan.options.precision))

    def see(number: Int[Array, ""], rows: Int[Array, " B"], x: Float[Array, "B *S"]) -> Float[Array, "B K"]:
        return jnp.exp(model.log_responsibility(x, context))

    label = data.label[data.labelled]
    r = over_samples(plan, devices, Pixels(data.x[data.labelled], label, data.labelled), see)
    assert state.tau is not None
    return r.T @ jax.nn.one_hot(label, state.tau.shape[1])


def validate(plan: Plan, devices: Devices, state: TrainState, data: Pixels) -> Means:
    """Means over a split: every term, the weighted loss, the bound, and the use of each channel.

    Nothing is drawn for the routing, and every channel is decoded; batches, latents and views are drawn from keys that
    are the same in every epoch, so what batches say does not depend on how samples are sorted.
    """
    N, B = data.x.shape[0], plan.options.batch_size
    count = -(-N // B)
    position = jnp.arange(count * B).reshape(count, B)
    key = Streams.of(state.seed).evaluate
    order = mixed_up(state, N)

    def body(total: Means, at: tuple[Int[Array, ""], Int[Array, " B"]]) -> tuple[Means, None]:
        number, rows = at
        rows = devices.shard(rows)
        keys = Keys.split(jax.random.fold_in(key, number))
        real = (rows < N).astype(jnp.float32)
        batch = make_batch(plan, data, order[jnp.minimum(rows, N - 1)], real, keys.view)
        context = context_at(plan, state, keys, stochastic=False)
        _, (losses, evidence) = evaluate(state.params, plan, batch, context, Stage.DECODE)
        share = jnp.sum(real) / N
        means = {**losses.terms, "loss": losses.total, **observed(batch, evidence.forward)}
        return jax.tree.map(lambda t, value: t + share * value, total, means), None

    (K,) = state.active.shape
    zeros = dict.fromkeys([*plan.objective.terms, "loss", "bound", "doubt"], jnp.zeros(()))
    channels = {"usage": jnp.zeros(K), "channel_loss": jnp.zeros(K)}
    total, _ = scan(body, zeros | channels, (jnp.arange(count), position))
    return total


def observed(batch: Batch, forward: Forward) -> Means:
    """What is seen of a batch whatever the objective: the bound, doubt, and what each channel holds and costs."""
    r = forward.selection.responsibility
    share = batch.weight / jnp.maximum(jnp.sum(batch.weight), 1.0)
    return {
        "bound": batch.mean(negative_elbo(forward)),
        "doubt": batch.mean(entropy(r, forward.selection.log_responsibility)),
        "usage": share @ r,
        "channel_loss": share @ (r * channel_cost(forward)),
    }


@once_per_plan
def compile_epoch(
    plan: Plan, devices: Devices
) -> Callable[[Stage, TrainState, Pixels], tuple[TrainState, Means]]:
    """The training program for all replicas; the state is donated, so that it is updated in place."""

    def run(stage: Stage, state: TrainState, data: Pixels) -> tuple[TrainState, Means]:
        function = functools.partial(train_epoch, plan, devices, stage)
        return plan.over_replicas(function, (0, None))(state, data)

    return jax.jit(run, static_argnums=0, donate_argnums=1, out_shardings=devices.replicated)


@once_per_plan
def compile_validation(plan: Plan, devices: Devices) -> Callable[[TrainState, Pixels], Any]:
    """The validation program for all replicas."""

    def run(state: TrainState, data: Pixels) -> Means:
        return plan.over_replicas(functools.partial(validate, plan, devices), (0, None))(state, data)

    return jax.jit(run, out_shardings=devices.replicated)

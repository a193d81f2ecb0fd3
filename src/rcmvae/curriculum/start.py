"""How the weights of a channel begin when it opens, and where they go when it is merged away."""

import itertools
from abc import abstractmethod
from collections.abc import Callable
from typing import Annotated, ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import optax
from jaxtyping import Array, Float, Int, Key
from pydantic import Field, NonNegativeFloat

from rcmvae.curriculum.split import Cutter, halves, two_clusters
from rcmvae.model import Model
from rcmvae.nn import Heads, Linear, Rows, map_channels
from rcmvae.options import OneOf, Options, by_kind, leaves

Channel = Int[Array, ""]


class Birthplace(eqx.Module):
    """Which channel begins from which, and the plane that cuts the parent's codes."""

    child: Channel
    parent: Channel
    axis: Float[Array, " D"]
    offset: Float[Array, ""]


class Start(Options):
    """How the weights of a new channel begin. Then all logits are scaled down once: every sample chooses anew."""

    soften: float = Field(
        default=0.4, gt=0, le=1, description="Factor on all logits, once, when a channel opens."
    )

    copies: ClassVar[bool] = True  # whether the child begins with its parent's weights
    ways: ClassVar[
        tuple[Cutter, ...]
    ] = ()  # to cut the parent's codes: the next one once the first finds nothing

    @abstractmethod
    def begun(self, model: Model, birth: Birthplace, key: Key[Array, ""]) -> Model:
        """The model with a channel begun, before any softening."""

    def __call__(self, model: Model, birth: Birthplace, key: Key[Array, ""]) -> Model:
        model = self.begun(model, birth, key)
        logits = model.heads.logits
        return with_logits(model, self.soften * logits.weight, self.soften * logits.bias)


class Fresh(Start):
    """The child keeps its weights: those that were first drawn, unless it was open before.

    >>> Fresh().copies
    False
    """

    kind: Literal["fresh"] = "fresh"

    copies: ClassVar[bool] = False

    def begun(self, model: Model, birth: Birthplace, key: Key[Array, ""]) -> Model:
        return model


class Copy(Start):
    """The child is its parent's copy but for noise, a share of each row's root mean square."""

    logit_jitter: NonNegativeFloat = Field(
        default=0.05, description="Noise on the child's logit weights, as a share of their root mean square."
    )
    jitter: NonNegativeFloat = Field(
        default=0.01,
        description="Noise on all other weights of the child, as a share of their root mean square.",
    )

    @abstractmethod
    def apart(self, logits: Linear, heads: Heads, birth: Birthplace) -> Linear:
        """The logits once parent and child have been told apart, by more than noise or not."""

    def begun(self, model: Model, birth: Birthplace, key: Key[Array, ""]) -> Model:
        key, logit_key = jax.random.split(key)
        logits = divided(model.heads.logits, birth.child, birth.parent, self.logit_jitter, logit_key)
        logits = self.apart(logits, model.heads, birth)
        model = shaken(copied(model, birth.child, birth.parent), birth.child, self.jitter, key)
        return with_logits(model, logits.weight, logits.bias)


class Jitter(Copy):
    """Nothing but noise tells the copies apart.

    >>> Jitter().copies, Jitter().ways
    (True, ())
    """

    kind: Literal["jitter"] = "jitter"

    def apart(self, logits: Linear, heads: Heads, birth: Birthplace) -> Linear:
        return logits


class Clusters(Copy):
    """Parent and child part where the parent's codes fall into two clusters; later on, in the middle."""

    kind: Literal["clusters"] = "clusters"

    ways: ClassVar[tuple[Cutter, ...]] = (two_clusters, halves)

    def apart(self, logits: Linear, heads: Heads, birth: Birthplace) -> Linear:
        return parted(logits, heads, birth)


STARTS = by_kind(*leaves(Start))
AnyStart = Annotated[Start, OneOf(STARTS)]


def with_logits(model: Model, weight: Float[Array, "F K"], bias: Float[Array, " K"]) -> Model:
    """The model with another logit head."""
    return eqx.tree_at(lambda m: (m.heads.logits.weight, m.heads.logits.bias), model, (weight, bias))


def copied(model: Model, child: Channel, parent: Channel) -> Model:
    """Every array of the parent's own becomes the child's too."""
    return map_channels(model, lambda rows: rows.at[child].set(rows[parent]))


def shaken(model: Model, child: Channel, jitter: float, key: Key[Array, ""]) -> Model:
    """Normal noise on the child's rows, as large as `jitter` times their root mean square."""
    number = itertools.count()

    def shake(rows: Rows) -> Rows:
        row = rows[child]
        noise = jax.random.normal(jax.random.fold_in(key, next(number)), row.shape, row.dtype)
        return rows.at[child].set(row + jitter * jnp.sqrt(jnp.mean(row**2)) * noise)

    return map_channels(model, shake)


def divided(logits: Linear, child: Channel, parent: Channel, jitter: float, key: Key[Array, ""]) -> Linear:
    """Parent and child share what was the parent's; without jitter no other channel notices."""
    column = logits.weight[:, parent]
    noise = jax.random.normal(key, column.shape, column.dtype)
    weight = logits.weight.at[:, child].set(column + jitter * jnp.sqrt(jnp.mean(column**2)) * noise)
    # e^(y − log 2) + e^(y − log 2) = e^y
    half = logits.bias[parent] - jnp.log(2.0)
    bias = logits.bias.at[child].set(half).at[parent].set(half)
    return eqx.tree_at(lambda layer: (layer.weight, layer.bias), logits, (weight, bias))


def parted(logits: Linear, heads: Heads, birth: Birthplace) -> Linear:
    """The child favoured on its side of the plane, the parent on the other, as far as the parent's mean code tells."""
    (L, D), (F, _) = heads.latents, heads.mean.weight.shape
    latent = jnp.where(L > 1, birth.parent, 0)
    # odds(x) = axis · μ(x) − offset, linear in the features as μ is
    weight = heads.mean.weight.reshape(F, L, D)[:, latent] @ birth.axis
    bias = heads.mean.bias.reshape(L, D)[latent] @ birth.axis - birth.offset
    side = jnp.zeros(logits.bias.shape).at[birth.child].set(0.5).at[birth.parent].set(-0.5)
    return eqx.tree_at(
        lambda layer: (layer.weight, layer.bias),
        logits,
        (logits.weight + weight[:, None] * side[None, :], logits.bias + bias * side),
    )


def merged(model: Model, kept: Channel, closed: Channel, mass: Float[Array, " K"]) -> Model:
    """The logit of `kept` speaks for both channels; everything else of it stays as it is.

    log(e^a + e^b) ≥ p a + q b + H(p, q) for any shares p + q = 1: the right side is linear in the logits.
    """
    pair = jnp.maximum(mass[kept] + mass[closed], jnp.finfo(mass.dtype).tiny)
    p, q = mass[kept] / pair, mass[closed] / pair
    entropy = -(jax.scipy.special.xlogy(p, p) + jax.scipy.special.xlogy(q, q))
    head = model.heads.logits
    weight = head.weight.at[:, kept].set(p * head.weight[:, kept] + q * head.weight[:, closed])
    bias = head.bias.at[kept].set(p * head.bias[kept] + q * head.bias[closed] + entropy)
    return with_logits(model, weight, bias)


def copied_moments(opt_state: optax.OptState, child: Channel, parent: Channel) -> optax.OptState:
    """The optimizer's averages of the parent's rows for the child's: it takes no larger steps than its parent."""
    return in_models(opt_state, lambda model: copied(model, child, parent))


def in_models(opt_state: optax.OptState, change: Callable[[Model], Model]) -> optax.OptState:
    """The same with every average that has the form of a model put through `change`."""

    def is_model(node: object) -> bool:
        return isinstance(node, Model)

    return jax.tree.map(lambda node: change(node) if is_model(node) else node, opt_state, is_leaf=is_model)

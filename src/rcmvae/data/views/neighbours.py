"""Another sample that is much like this one: the view for data of which nothing else is known."""

from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key
from pydantic import Field, PositiveInt

from rcmvae.data.views.base import Pool, View
from rcmvae.errors import ConfigError


class Neighbours(View):
    """Puts one of its nearest neighbours in the place of a sample, with probability `share`.

    They are found once, before training; a sample that has no other in its split stays. What earlier views did to a
    replaced sample goes with it, so this comes first. Where samples are sparser than in the training split, as among
    held-out ones, fewer are near: a rare kind would get neighbours of another there.
    """

    kind: Literal["neighbours"] = "neighbours"
    number: PositiveInt = Field(
        default=10,
        description="How many of the nearest samples of the same split are neighbours. The training split must have "
        "more; a smaller split has fewer in proportion, but at least one.",
    )
    share: float = Field(
        default=0.7, ge=0, le=1, description="How often a sample is replaced by a neighbour."
    )

    @property
    def neighbours(self) -> int:
        return self.number

    def __call__(self, key: Key[Array, ""], x: Float[Array, "B *S"], pool: Pool) -> Float[Array, "B *S"]:
        assert pool.neighbours is not None
        near = max(1, round(self.number * pool.density))
        mine = pool.neighbours[pool.index, :near]
        B, M = mine.shape
        if M == 0:
            return x
        choice_key, share_key = jax.random.split(key)
        choice = jax.random.randint(choice_key, (B, 1), 0, M)
        other = pool.seen(jnp.take_along_axis(mine, choice, axis=1)[:, 0]).astype(x.dtype)
        replaced = jax.random.bernoulli(share_key, self.share, (B, *(1,) * (x.ndim - 1)))
        return jnp.where(replaced, other, x)

    def check(self, shape: tuple[int, ...]) -> None:
        if not shape or min(shape) < 1:
            raise ConfigError(f"`neighbours` needs samples with features, but they have shape {shape}.")

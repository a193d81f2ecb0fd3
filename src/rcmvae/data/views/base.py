"""What a view is: a random second look at a batch, made inside the training step. It gets no gradient."""

from abc import abstractmethod
from collections.abc import Sequence

import equinox as eqx
import jax
from jaxtyping import Array, Float, Int, Key, Shaped

from rcmvae.data.scaling import Scaling
from rcmvae.errors import ConfigError
from rcmvae.options import Options


class Pool(eqx.Module):
    """Where a view may take other samples from."""

    samples: Shaped[Array, "N *S"]  # the whole split as it is stored, on the device
    index: Int[Array, " B"]  # which of them this batch is
    scaling: Scaling
    neighbours: Int[Array, "N M"] | None = None  # of each sample, the nearest first, if a view asks for them
    density: float = eqx.field(
        static=True, default=1.0
    )  # samples here for each one in the training split, at most 1

    def seen(self, rows: Int[Array, " B"]) -> Float[Array, "B *S"]:
        """Other samples, as the model sees them."""
        return self.scaling(self.samples[rows])


class View(Options):
    """Base of all views. The same key gives the same look."""

    @property
    def neighbours(self) -> int:
        """How many neighbours of each sample the pool has to know for this view."""
        return 0

    @abstractmethod
    def __call__(self, key: Key[Array, ""], x: Float[Array, "B *S"], pool: Pool) -> Float[Array, "B *S"]:
        """Another look at every sample of the batch."""

    @abstractmethod
    def check(self, shape: tuple[int, ...]) -> None:
        """Raise a ConfigError, beginning with the kind, when samples of this shape cannot be looked at in this way."""


class ImageView(View):
    """Base of the views that need rows and columns."""

    def check(self, shape: tuple[int, ...]) -> None:
        if len(shape) != 3 or min(shape[:2]) < 2:
            kind = type(self).model_fields["kind"].default
            raise ConfigError(
                f"`{kind}` needs images of height × width × channels with at least 2 × 2 pixels, "
                f"but the samples have shape {shape}. For vectors use `jitter`."
            )


def look(
    views: Sequence[View], key: Key[Array, ""], x: Float[Array, "B *S"], pool: Pool
) -> Float[Array, "B *S"]:
    """Apply the views in order, each with its own key.

    >>> import jax.numpy as jnp
    >>> x = jnp.ones((2, 3))
    >>> look([], jax.random.key(0), x, Pool(x, jnp.arange(2), Scaling.identity())) is x
    True
    """
    for position, view in enumerate(views):
        x = view(jax.random.fold_in(key, position), x, pool)
    return x

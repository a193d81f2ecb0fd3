"""Left becomes right."""

from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key
from pydantic import Field

from rcmvae.data.views.base import ImageView, Pool


class Mirror(ImageView):
    """Flips each image horizontally with this probability."""

    kind: Literal["mirror"] = "mirror"
    probability: float = Field(default=0.5, ge=0, le=1, description="How often an image is flipped.")

    def __call__(
        self, key: Key[Array, ""], x: Float[Array, "B H W C"], pool: Pool
    ) -> Float[Array, "B H W C"]:
        flip = jax.random.bernoulli(key, self.probability, (x.shape[0], 1, 1, 1))
        return jnp.where(flip, x[:, :, ::-1], x)

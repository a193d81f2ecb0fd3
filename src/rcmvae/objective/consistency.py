"""Two looks at one sample belong to one channel; where they land inside it is free."""

from collections.abc import Sequence

import jax.numpy as jnp
from jax.lax import stop_gradient
from jaxtyping import Array, Float
from pydantic import Field

from rcmvae.data.views import AnyView, View, Warp
from rcmvae.objective.term import Evidence, Term


def _kl(target: Float[Array, "B K"], log_r: Float[Array, "B K"]) -> Float[Array, " B"]:
    """KL(target ‖ r) from logarithms; the target is held constant."""
    target = stop_gradient(target)
    return jnp.sum(jnp.exp(target) * (target - log_r), axis=-1)


class Consistency(Term):
    """½ [KL(r ‖ r') + KL(r' ‖ r)], each first argument held constant: r' is r of a random view of the sample.

    Its gradient is that of the symmetric cross-entropy ½ [CE(sg r, r') + CE(sg r', r)]; unlike that, it is 0
    exactly where both agree. `views` are applied in order.
    """

    views: tuple[AnyView, ...] = Field(
        default=(Warp(),),
        min_length=1,
        description="How the second look at a sample is made: these, in order.",
    )

    def second_look(self) -> Sequence[View]:
        return self.views

    def __call__(self, evidence: Evidence) -> Float[Array, " B"]:
        log_r, log_view = (
            evidence.forward.selection.log_responsibility,
            evidence.forward.view_log_responsibility,
        )
        assert log_view is not None
        return 0.5 * (_kl(log_r, log_view) + _kl(log_view, log_r))

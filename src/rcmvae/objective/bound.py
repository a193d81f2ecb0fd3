"""The terms of the evidence bound."""

from collections.abc import Iterator
from typing import ClassVar, Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float
from pydantic import Field, NonNegativeFloat

from rcmvae.objective.term import Evidence, Term
from rcmvae.priors import PriorOptions
from rcmvae.structs import Forward, Selection


def _expected(weight: Float[Array, "B K"], value: Float[Array, "B C"]) -> Float[Array, " B"]:
    """Σ_k w_k v_k; one value (C = 1) is shared by all channels."""
    return jnp.sum(weight * jnp.broadcast_to(value, weight.shape), axis=-1)


def channel_kl(selection: Selection, log_pi: Float[Array, " K"]) -> Float[Array, " B"]:
    """KL(r ‖ π) over the open channels."""
    # Closed channels have r = 0 and equal, finite logarithms on both sides.
    ratio = selection.log_responsibility - jnp.broadcast_to(log_pi, selection.log_responsibility.shape)
    return jnp.sum(selection.responsibility * ratio, axis=-1)


def channel_cost(forward: Forward) -> Float[Array, "B K"]:
    """−log p(x | z_k, k) + KL_k of every channel; every channel must be decoded."""
    assert forward.decoded_nll is not None
    return forward.decoded_nll + jnp.broadcast_to(forward.kl_z, forward.decoded_nll.shape)


def negative_elbo(forward: Forward) -> Float[Array, " B"]:
    """The exact mixture bound in nats per sample, whatever the objective weighs; every channel must be decoded."""
    # −ELBO = Σ_k r_k (−log p(x | z_k, k) + KL_k) + KL(r ‖ π)
    kl_c = channel_kl(forward.selection, forward.log_pi)
    return _expected(forward.selection.responsibility, channel_cost(forward)) + kl_c


class Routed(Term):
    """Base of the terms that weigh channels by the routing, which may learn from them or not."""

    guides: bool = Field(
        default=True,
        description="Whether the routing learns from this term as well; codes and decoders do either way.",
    )

    def selection_of(self, forward: Forward) -> Selection:
        """The selection, as a constant where the routing is not to learn."""
        return forward.selection if self.guides else jax.lax.stop_gradient(forward.selection)


class Reconstruction(Routed):
    """Σ_k s_k · −log p(x | z_k, k)."""

    decodes: ClassVar[bool] = True

    def __call__(self, evidence: Evidence) -> Float[Array, " B"]:
        forward = evidence.forward
        assert forward.decoded_nll is not None
        return jnp.sum(self.selection_of(forward).weight * forward.decoded_nll, axis=-1)


class KlZ(Routed):
    """`responsible`: Σ_k r_k KL_k, the exact mixture bound. `all`: Σ_k KL_k over the open channels.

    `free_bits` (nats) is what each KL_k may hold without cost.
    """

    form: Literal["responsible", "all"] = Field(
        default="responsible",
        description="The KL of each channel by its responsibility, or the sum over all open channels.",
    )
    free_bits: NonNegativeFloat = Field(
        default=0.0, description="Nats that the KL of each latent may have without cost."
    )

    def problems(self, prior: PriorOptions) -> Iterator[str]:
        if self.form == "all" and not self.guides:
            yield "guides is false, but with the form `all` no routing weighs anything: leave it out."
        if self.form == "all" and prior.kl_per_channel:
            yield (
                f"form is `all`, but under the `{prior.kind_name()}` prior one shared latent would be pulled to every "
                f"channel's centre at once: use `responsible`."
            )

    def __call__(self, evidence: Evidence) -> Float[Array, " B"]:
        kl = jnp.maximum(evidence.forward.kl_z, self.free_bits)
        if self.form == "responsible":
            return _expected(self.selection_of(evidence.forward).responsibility, kl)
        if kl.shape[-1] == 1:
            return kl[:, 0]
        return jnp.sum(jnp.where(jnp.broadcast_to(evidence.context.active, kl.shape), kl, 0.0), axis=-1)


class KlC(Term):
    """KL(r ‖ π) over the open channels."""

    def __call__(self, evidence: Evidence) -> Float[Array, " B"]:
        return channel_kl(evidence.forward.selection, evidence.forward.log_pi)

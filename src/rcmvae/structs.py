"""What flows through the house, each as a typed struct.

Axes: B samples in a batch, K channels, L latents (K when private, 1 when shared), M decoded channels,
D latent dimensions, Y labels, *S the shape of one sample (H W C for an image, F for a vector).
"""

from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key
from pydantic import Field

from rcmvae.options import Options

UNLABELLED = -1


class Batch(eqx.Module):
    """Samples as the model sees them: floats, scaled."""

    x: Float[Array, "B *S"]
    label: Int[Array, " B"]  # −1 is unlabelled
    weight: Float[Array, " B"]  # 1 for a real sample, 0 for the padding that fills up a last batch
    view: Float[Array, "B *S"] | None = None  # another look at the same samples, when a term asks for one

    def mean(self, value: Float[Array, " B"]) -> Float[Array, ""]:
        """Mean over the real samples."""
        return jnp.sum(self.weight * value) / jnp.maximum(jnp.sum(self.weight), 1.0)


class Keys(eqx.Module):
    """One random stream per purpose. Nothing else in a step draws random numbers."""

    view: Key[Array, ""]
    latent: Key[Array, ""]
    routing: Key[Array, ""]
    dropout: Key[Array, ""]
    prior: Key[Array, ""]

    @classmethod
    def split(cls, key: Key[Array, ""]) -> "Keys":
        """Derive the streams of one step from that step's key."""
        return cls(*jax.random.split(key, 5))


class RoutingContext(eqx.Module):
    """Every value that a step is run with, computed once: schedules, masks, weights, keys."""

    time: Float[Array, ""]  # epochs of training behind this step
    active: Bool[Array, " K"]
    temperature: Float[Array, ""]
    straight_through: Float[Array, ""]  # share of the hard choice in the forward pass
    logit_scale: Float[Array, ""]
    logit_bias: Float[Array, " K"]
    term_weight: dict[str, Float[Array, ""]]
    keys: Keys
    stochastic: bool = eqx.field(static=True)  # False while evaluating: routing and dropout draw nothing
    tau: Float[Array, "K Y"] | None = None  # which label each channel stands for, where a term looks at it


class Posterior(eqx.Module):
    """What the encoder says of each sample."""

    logits: Float[Array, "B K"]  # y(x): raw, finite, unmasked
    mean: Float[Array, "B L D"]
    log_var: Float[Array, "B L D"]


class Selection(eqx.Module):
    """Which channels are decoded for each sample, and what each one's reconstruction weighs."""

    responsibility: Float[Array, "B K"]  # r(x): the belief, without noise
    log_responsibility: Float[Array, "B K"]
    weight: Float[Array, "B M"]  # s(x) on the decoded channels
    channel: Int[Array, "B M"] | None = None  # None: all K channels, in order

    def pick(self, table: Float[Array, "K *T"]) -> Float[Array, "N M *T"]:
        """Rows of a per-channel table for the decoded channels; N is 1 where every sample shares them.

        A product with a one-hot matrix: its gradient is a product again, where that of a gather is a scatter.
        """
        if self.channel is None:
            return table[None]
        one_hot = jax.nn.one_hot(self.channel, table.shape[0], dtype=table.dtype)
        flat = one_hot @ table.reshape(table.shape[0], -1)
        return flat.reshape(*self.channel.shape, *table.shape[1:])

    def pick_own(self, value: Float[Array, "B L *T"]) -> Float[Array, "B M *T"]:
        """Each sample's own values for its decoded channels; a shared latent (L = 1) serves them all."""
        B, M = self.weight.shape
        if value.shape[1] == 1:
            return jnp.broadcast_to(value, (B, M, *value.shape[2:]))
        if self.channel is None:
            return value
        index = self.channel.reshape(B, M, *(1,) * (value.ndim - 2))
        return jnp.take_along_axis(value, index, axis=1)


class Decoded(eqx.Module):
    """The parameters of p(x | z_k, k) for each decoded channel."""

    location: Float[Array, "B M *S"]  # logits of a Bernoulli, mean of a Gaussian
    scale: Float[Array, "B M"] | None = None  # σ, where the output learns it


class Forward(eqx.Module):
    """One pass through the model: all that the terms of the objective may look at."""

    posterior: Posterior
    selection: Selection
    z: Float[Array, "B L D"]
    log_pi: Float[Array, " K"]
    kl_z: Float[
        Array, "B C"
    ]  # KL of each latent to its prior (C = L), or of the shared one under each channel (C = K)
    decoded_nll: Float[Array, "B M"] | None = None  # −log p(x | z_k, k); None when nothing asked for decoding
    view_log_responsibility: Float[Array, "B K"] | None = None
    class_logits: Float[Array, "B Y"] | None = None


class Codes(eqx.Module):
    """Where held-out samples lie: a draw from each posterior, and to whom the sample belongs."""

    responsibility: Float[np.ndarray, "N K"]
    z: Float[np.ndarray, "N L D"]

    def of(self, channel: int) -> tuple[Float[np.ndarray, "N D"], Float[np.ndarray, " N"]]:
        """The codes in one channel, and how much of each sample is its own."""
        return self.z[:, min(channel, self.z.shape[1] - 1)], self.responsibility[:, channel]


Happening = Literal["opened", "prolonged", "kept", "closed", "merged", "ended"]


class Event(Options):
    """One thing that happened after an epoch.

    `opened`: a channel began on trial. `prolonged`: it gets more time. `kept` and `closed`: how its trial ended.
    `merged`: it went into `parent`. `ended`: no more channels are to be opened, for this reason.
    """

    epoch: int
    what: Happening
    channel: int | None = None
    parent: int | None = None
    cut: str | None = None  # how the parent's codes were parted, where they were
    helped: bool | None = None
    reason: str | None = None
    scores: dict[str, float] = Field(default_factory=dict)
    # Share of the channel's mass by the channel that held it before
    sources: dict[int, float] = Field(default_factory=dict)


class Signals(eqx.Module):
    """What an epoch tells the host: the input of early stopping, the progress bar and the curriculum."""

    epoch: int  # epochs finished, from 1
    step: int
    train: dict[str, float]
    validation: dict[str, float]
    usage: Float[np.ndarray, " K"]  # mean responsibility on the validation samples
    active: Bool[np.ndarray, " K"]
    seconds: float
    # Mean of r_k (−log p(x | z_k, k) + KL_k): what each channel still costs.
    channel_loss: Float[np.ndarray, " K"]
    doubt: float = 0.0  # mean entropy of r on the validation samples, nats
    # When the curriculum asks: held-out codes, and the mean of r(x) r(x')ᵀ over held-out samples and their views.
    codes: Codes | None = None
    joint: Float[np.ndarray, "K K"] | None = None
    unlocked: int | None = None  # the channel that opened after this epoch
    kick_active: bool = False
    events: tuple[Event, ...] = ()  # what else happened then
    idle: bool = False  # early stopping had ended this replica before the epoch; it only keeps others company

"""The model: encode → route → decode.

y(x), μ_k(x), σ²_k(x) = encoder(x)          r = softmax(y over the open channels)
z_k ~ N(μ_k, σ²_k)                          s, channels to decode = routing(y)
p(x | z_k, k) = decoder(z_k, e_k)           for the channels to decode
"""

import dataclasses
import enum
from collections.abc import Callable
from typing import Literal

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key
from pydantic import Field, PositiveInt, model_validator

from rcmvae.errors import ConfigError
from rcmvae.nn import (
    AnyTrunk,
    Classifier,
    ClassifierHead,
    Decoder,
    DecoderOptions,
    DenseTrunk,
    Heads,
    PerChannel,
    Rows,
    Trunk,
    map_channels,
)
from rcmvae.options import Options
from rcmvae.priors import AnyPrior, Mixture, Prior
from rcmvae.routing import AnyRouting, Expectation, Routing, over_open, steered
from rcmvae.structs import Batch, Decoded, Forward, Posterior, RoutingContext, Selection


class Stage(enum.Enum):
    """How far a forward pass goes."""

    ROUTE = "route"  # the encoder and the routing: enough while no term looks at a reconstruction
    DECODE = "decode"


class ModelOptions(Options):
    """What the model is made of."""

    num_channels: PositiveInt = Field(default=10, description="K: how many channels there are, open or not.")
    latent_dim: PositiveInt = Field(default=2, description="D: the dimensions of each latent space.")
    layout: Literal["decentralized", "shared"] = Field(
        default="decentralized",
        description="A latent space for each channel (`decentralized`), or one that all of them share.",
    )
    embedding_dim: int = Field(
        default=32, ge=0, description="The dimensions of the channel embedding that conditioners read."
    )
    log_var_bounds: tuple[float, float] = Field(
        default=(-8.0, 4.0), description="Lowest and highest log-variance of a latent's posterior."
    )
    trunk: AnyTrunk = Field(
        default=DenseTrunk(),
        description="The network that turns a sample into the features that all heads read.",
    )
    decoder: DecoderOptions = Field(
        default=DecoderOptions(), description="From a latent to a density over samples."
    )
    prior: AnyPrior = Field(
        default=Mixture(), description="The distribution of latents and channels before a sample is seen."
    )
    routing: AnyRouting = Field(
        default=Expectation(),
        description="How the logits of a sample choose the channels that are decoded in training.",
    )
    classifier: ClassifierHead | None = Field(
        default=None,
        description="A head on the trunk that learns from labels, together with objective.classifier; none if null.",
    )

    @property
    def num_latents(self) -> int:
        """L: one latent per channel, or one that all channels share."""
        return self.num_channels if self.layout == "decentralized" else 1

    @model_validator(mode="after")
    def _parts_fit_together(self) -> "ModelOptions":
        if self.layout not in self.prior.layouts:
            raise ConfigError(
                f"model.prior is `{self.prior.kind_name()}` and model.layout is `{self.layout}`, but this prior "
                f"describes one latent that all channels share: set model.layout to `shared`, or model.prior to "
                f"`mixture`."
            )
        low, high = self.log_var_bounds
        if low >= high:
            raise ConfigError(
                f"model.log_var_bounds must be [low, high] with low < high, not [{low}, {high}]."
            )
        told_apart = self.decoder.backbone.tells_channels_apart or self.decoder.conditioner.needs_embedding
        if self.layout == "shared" and self.num_channels > 1 and not told_apart:
            raise ConfigError(
                f"model.layout is `shared`, and neither the backbone (`{self.decoder.backbone.kind_name()}`) nor the "
                f"conditioner (`{self.decoder.conditioner.kind_name()}`) tells the decoder which channel it draws: "
                f"every channel would be the same. Set model.decoder.backbone to `experts`, or a conditioner to `film`."
            )
        self.decoder.conditioner.check(self.embedding_dim)
        self.routing.check(self.num_channels)
        return self

    def build(self, shape: tuple[int, ...], num_classes: int, *, key: Key[Array, ""]) -> "Model":
        """A fresh model for samples of this shape."""
        trunk_key, heads_key, decoder_key, embedding_key, prior_key, classifier_key = jax.random.split(key, 6)
        K, L, D = self.num_channels, self.num_latents, self.latent_dim
        trunk = self.trunk.build(shape, key=trunk_key)
        classifier = None
        if self.classifier is not None:
            classifier = self.classifier.build(trunk.features, num_classes, key=classifier_key)
        return Model(
            trunk=trunk,
            heads=Heads.build(trunk.features, K, L, D, log_var_bounds=self.log_var_bounds, key=heads_key),
            embedding=jax.random.normal(embedding_key, (K, self.embedding_dim)),
            decoder=self.decoder.build(shape, D, K, self.embedding_dim, key=decoder_key),
            prior=self.prior.build(K, D, shape, prior_key),
            classifier=classifier,
            routing=self.routing,
        )


class Model(PerChannel):
    """A mixture VAE with K channels. All of its arrays are parameters."""

    trunk: Trunk
    heads: Heads
    embedding: Float[Array, "K E"]
    decoder: Decoder
    prior: Prior
    classifier: Classifier | None
    routing: Routing = eqx.field(static=True)

    def encode(self, x: Float[Array, "B *S"]) -> Posterior:
        """y(x), μ(x) and log σ²(x)."""
        return self.heads(self.features(x))

    def features(self, x: Float[Array, "B *S"]) -> Float[Array, "B F"]:
        """The trunk's features, in the precision of the weights."""
        return self.trunk(x.astype(self.embedding.dtype))

    def decode(self, z: Float[Array, "B L D"], selection: Selection) -> Decoded:
        """p(x | z_k, k) of the selected channels."""
        return self.decoder(selection.pick_own(z).astype(self.embedding.dtype), self.embedding, selection)

    def __call__(self, batch: Batch, context: RoutingContext, stage: Stage) -> Forward:
        """One pass over a batch, as far as `stage`."""
        h = self.features(batch.x)
        posterior = self.heads(h)
        selection = self.routing(posterior.logits, context)

        # z = μ + σ ε
        eps = jax.random.normal(context.keys.latent, posterior.mean.shape)
        z = posterior.mean + jnp.exp(0.5 * posterior.log_var) * eps

        nll = None
        if stage is Stage.DECODE:
            nll = self.decoder.nll(self.decode(z, selection), batch.x)

        log_view = None
        if batch.view is not None:
            log_view = self.log_responsibility(batch.view, context)

        class_logits = None
        if self.classifier is not None:
            class_logits = self.classifier(h, key=context.keys.dropout if context.stochastic else None)

        return Forward(
            posterior=posterior,
            selection=selection,
            z=z,
            log_pi=self.prior.log_pi(context.active),
            kl_z=self.prior.kl(posterior, self.encode, context.keys.prior),
            decoded_nll=nll,
            view_log_responsibility=log_view,
            class_logits=class_logits,
        )

    def in_precision(self, dtype: jnp.dtype) -> "Model":
        """The networks cast for computing; the prior keeps its float32 parameters."""
        networks = (self.trunk, self.heads, self.embedding, self.decoder, self.classifier)
        cast = jax.tree.map(lambda leaf: leaf.astype(dtype) if eqx.is_inexact_array(leaf) else leaf, networks)
        where = lambda m: (m.trunk, m.heads, m.embedding, m.decoder, m.classifier)  # noqa: E731
        return eqx.tree_at(where, self, cast, is_leaf=lambda node: node is None)

    def map_channels(self, change: Callable[[Rows], Rows]) -> "Model":
        return dataclasses.replace(
            self,
            heads=self.heads.map_channels(change),
            embedding=change(self.embedding),
            decoder=map_channels(self.decoder, change),
            prior=map_channels(self.prior, change),
        )

    def log_responsibility(self, x: Float[Array, "B *S"], context: RoutingContext) -> Float[Array, "B K"]:
        """Log r(x), without touching latents or decoder."""
        y = self.heads.logits(self.features(x)).astype(jnp.float32)
        return over_open(steered(y, context), context.active)

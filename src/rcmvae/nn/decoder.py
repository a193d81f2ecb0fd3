"""The decoder: a conditioner in a backbone under an output head, in any legal combination."""

import equinox as eqx
import jax
from jaxtyping import Array, Float, Key
from pydantic import Field

from rcmvae.nn.backbones import AnyBackbone, Backbone, ExpertsBackbone
from rcmvae.nn.conditioning import AnyConditioner, NoConditioner
from rcmvae.nn.outputs import AnyOutput, Bernoulli, Output
from rcmvae.options import Options
from rcmvae.structs import Decoded, Selection


class Decoder(eqx.Module):
    """p(x | z_k, k) for each decoded channel."""

    backbone: Backbone
    output: Output

    def __call__(
        self, z: Float[Array, "B M D"], embedding: Float[Array, "K E"], selection: Selection
    ) -> Decoded:
        return self.output.decode(self.backbone(z, embedding, selection))

    def nll(self, decoded: Decoded, x: Float[Array, "B *S"]) -> Float[Array, "B M"]:
        """−log p(x | z_k, k) in nats."""
        return self.output.nll(decoded, x)

    def mean(self, decoded: Decoded) -> Float[Array, "B M *S"]:
        """E[x | z_k, k]."""
        return self.output.mean(decoded)

    def sample(self, decoded: Decoded, key: Key[Array, ""]) -> Float[Array, "B M *S"]:
        """A draw from p(x | z_k, k)."""
        return self.output.sample(decoded, key)


class DecoderOptions(Options):
    """Which backbone, told by which conditioner, ending in which density."""

    backbone: AnyBackbone = Field(
        default=ExpertsBackbone(),
        description="The network from a latent to one number per entry of the sample.",
    )
    conditioner: AnyConditioner = Field(
        default=NoConditioner(),
        description="How the layers of the backbone are told which channel they draw.",
    )
    output: AnyOutput = Field(default=Bernoulli(), description="The density that these numbers stand for.")

    def check(self, embedding_dim: int, shape: tuple[int, ...]) -> None:
        """Refuse what cannot be built."""
        self.backbone.check(shape, self.conditioner)
        self.conditioner.check(embedding_dim)

    def build(
        self, shape: tuple[int, ...], D: int, K: int, embedding_dim: int, *, key: Key[Array, ""]
    ) -> Decoder:
        """A decoder for samples of `shape` from K channels of D latent dimensions."""
        self.check(embedding_dim, shape)
        backbone_key, output_key = jax.random.split(key)
        backbone = self.backbone.build(shape, D, K, self.conditioner, embedding_dim, key=backbone_key)
        return Decoder(backbone, self.output.build(backbone.summary_features, key=output_key))

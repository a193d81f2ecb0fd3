"""Conditioners: how a decoder layer is told which channel it is decoding."""

import dataclasses
from abc import abstractmethod
from typing import Annotated, ClassVar, Literal

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Key
from pydantic import Field, PositiveInt

from rcmvae.errors import ConfigError
from rcmvae.nn.ops import LINEAR_GAIN, Linear, normalise
from rcmvae.nn.timed import Timed
from rcmvae.options import OneOf, Options, by_kind
from rcmvae.schedules import AnySchedule, Schedule
from rcmvae.structs import Selection

Hidden = Float[Array, "B M *space C"]
Embedding = Float[Array, "K E"]
PerDecode = Float[Array, "N M *ones C"]


class Conditioner(eqx.Module):
    """Base of all conditioners: one per hidden layer of a decoder."""

    out_features: eqx.AbstractVar[int]

    @abstractmethod
    def __call__(
        self, h: Hidden, embedding: Embedding, selection: Selection
    ) -> Float[Array, "B M *space out"]: ...


class ConditionerOptions(Options):
    """Base of what a conditioner is configured with."""

    needs_embedding: ClassVar[bool] = True

    @abstractmethod
    def build(self, features: int, embedding_dim: int, *, key: Key[Array, ""]) -> Conditioner: ...

    def check_cells(self, cells: int) -> None:
        """Refuse a map of so few cells that nothing of it would be left."""

    def check(self, embedding_dim: int) -> None:
        """Refuse to read an embedding that is not there."""
        if self.needs_embedding and embedding_dim < 1:
            raise ConfigError(
                f"decoder.conditioner: `{self.kind_name()}` reads a channel embedding, but model.embedding_dim is "
                f"{embedding_dim}; give it at least one dimension or use the conditioner `none`."
            )


def picked(table: Float[Array, "K C"], selection: Selection, h: Float[Array, "B M *space F"]) -> PerDecode:
    """The decoded channels' rows of a table, with an axis of one for each space axis of `h`."""
    rows = selection.pick(table)
    return rows.reshape(*rows.shape[:2], *(1,) * (h.ndim - 3), rows.shape[-1])


class Modulation(eqx.Module):
    """γ and β of each channel, a linear map of its embedding."""

    project: Linear

    def __call__(self, h: Hidden, embedding: Embedding, selection: Selection) -> tuple[PerDecode, PerDecode]:
        gamma, beta = jnp.split(self.project(embedding), 2, axis=-1)
        return picked(gamma, selection, h), picked(beta, selection, h)


class CinLayer(Conditioner):
    """γ_c ⊙ (h − mean) / std + β_c."""

    modulation: Modulation
    out_features: int = eqx.field(static=True)

    def __call__(self, h: Hidden, embedding: Embedding, selection: Selection) -> Hidden:
        gamma, beta = self.modulation(h, embedding, selection)
        # an image is normalised feature by feature over its pixels, a vector over its features
        axes = tuple(range(2, h.ndim - 1)) or (2,)
        return gamma * normalise(h, axes) + beta


class Cin(ConditionerOptions):
    """Conditional instance norm: normalise, then modulate."""

    kind: Literal["cin"] = "cin"

    def check_cells(self, cells: int) -> None:
        if cells < 2:
            raise ConfigError(
                "decoder.conditioner: `cin` normalises each feature over the cells of a map, and images this small "
                "have a single one, so every feature would become 0; use `film` or `film_norm`."
            )

    def build(self, features: int, embedding_dim: int, *, key: Key[Array, ""]) -> CinLayer:
        project = Linear(embedding_dim, 2 * features, key=key, gain=LINEAR_GAIN)
        return CinLayer(modulation=Modulation(project), out_features=features)


class FilmLayer(Conditioner):
    """γ_c ⊙ h + β_c, with γ_c = 1 + a linear map of the embedding."""

    modulation: Modulation
    out_features: int = eqx.field(static=True)

    def __call__(self, h: Hidden, embedding: Embedding, selection: Selection) -> Hidden:
        gamma, beta = self.modulation(h, embedding, selection)
        return (1 + gamma) * h + beta


class Film(ConditionerOptions):
    """Feature-wise linear modulation without normalisation."""

    kind: Literal["film"] = "film"

    def build(self, features: int, embedding_dim: int, *, key: Key[Array, ""]) -> FilmLayer:
        # half the usual spread: γ stays mostly positive at the start
        project = Linear(embedding_dim, 2 * features, key=key, gain=0.5 * LINEAR_GAIN)
        return FilmLayer(modulation=Modulation(project), out_features=features)


class FilmNormLayer(Conditioner, Timed):
    """h + a (γ_c ⊙ norm(h) + β_c − h): the identity while the mix a is 0."""

    modulation: Modulation
    learned_mix: Float[Array, ""] | None  # either of these two says what a is
    schedule: Schedule | None = eqx.field(static=True)
    out_features: int = eqx.field(static=True)
    time: Float[Array, ""] | None = None

    def at(self, time: Float[Array, ""]) -> "FilmNormLayer":
        return dataclasses.replace(self, time=time)

    def __call__(self, h: Hidden, embedding: Embedding, selection: Selection) -> Hidden:
        gamma, beta = self.modulation(h, embedding, selection)
        normed = normalise(h, tuple(range(2, h.ndim)))
        return h + self._share().astype(h.dtype) * ((1 + gamma) * normed + beta - h)

    def _share(self) -> Float[Array, ""]:
        if self.schedule is None:
            assert self.learned_mix is not None
            return self.learned_mix
        return self.schedule(jnp.float32(self.schedule.settled()) if self.time is None else self.time)


class FilmNorm(ConditionerOptions):
    """Layer norm and FiLM behind a residual mix: trains where plain normalise-then-modulate collapses.

    `mix` is learned from 0, or a number or schedule; without a training time, a schedule has its last value.
    """

    kind: Literal["film_norm"] = "film_norm"
    mix: Literal["learned"] | AnySchedule = Field(
        default="learned",
        description="Share of the normalised and modulated signal: learned from 0, or a number or schedule.",
    )

    def build(self, features: int, embedding_dim: int, *, key: Key[Array, ""]) -> FilmNormLayer:
        project = Linear(embedding_dim, 2 * features, key=key, gain=0.0)  # γ = 1, β = 0 at the start
        schedule = self.mix if isinstance(self.mix, Schedule) else None
        return FilmNormLayer(
            modulation=Modulation(project),
            learned_mix=jnp.zeros(()) if schedule is None else None,
            schedule=schedule,
            out_features=features,
        )


class ConcatLayer(Conditioner):
    """[h, a linear map of the embedding]."""

    project: Linear
    out_features: int = eqx.field(static=True)

    def __call__(
        self, h: Hidden, embedding: Embedding, selection: Selection
    ) -> Float[Array, "B M *space out"]:
        rows = picked(self.project(embedding), selection, h).astype(h.dtype)
        return jnp.concatenate([h, jnp.broadcast_to(rows, (*h.shape[:-1], rows.shape[-1]))], axis=-1)


class Concat(ConditionerOptions):
    """The projected embedding as extra features."""

    kind: Literal["concat"] = "concat"
    features: PositiveInt = Field(default=32, description="How many features the embedding becomes.")

    def build(self, features: int, embedding_dim: int, *, key: Key[Array, ""]) -> ConcatLayer:
        project = Linear(embedding_dim, self.features, key=key, gain=LINEAR_GAIN)
        return ConcatLayer(project=project, out_features=features + self.features)


class IdentityLayer(Conditioner):
    """h as it is."""

    out_features: int = eqx.field(static=True)

    def __call__(self, h: Hidden, embedding: Embedding, selection: Selection) -> Hidden:
        return h


class NoConditioner(ConditionerOptions):
    """Nothing is told: channels differ by their latents alone, or by a backbone that knows them."""

    kind: Literal["none"] = "none"
    needs_embedding: ClassVar[bool] = False

    def build(self, features: int, embedding_dim: int, *, key: Key[Array, ""]) -> IdentityLayer:
        return IdentityLayer(out_features=features)


CONDITIONERS = by_kind(Cin, Film, FilmNorm, Concat, NoConditioner)

AnyConditioner = Annotated[ConditionerOptions, OneOf(CONDITIONERS)]

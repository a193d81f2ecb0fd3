"""Generate: what a channel looks like."""

import dataclasses
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Array, Float, Int, Key, Shaped

from rcmvae.diagnostics import painter, show_draws, show_means
from rcmvae.diagnostics.survey import Show
from rcmvae.errors import ConfigError, nearest
from rcmvae.inference.trained import Trained, Weights, refuse_closed

SHOWS = {"mean": show_means, "draw": show_draws}


def sample(
    run: Path | str,
    channel: int,
    number: int = 16,
    *,
    values: str = "mean",
    seed: int | None = None,
    noise: int = 0,
) -> Shaped[np.ndarray, "number *S"]:
    """Samples from a channel of a finished run, in the units of its data: z from the prior, x from the decoder.

    `values` says whether each is the `mean` of p(x | z) or a `draw` from it; `noise` is the seed of what is drawn.
    """
    return generate(Trained.open(run, seed), channel, number, values=values, noise=noise)


def generate(
    trained: Weights, channel: int, number: int, *, values: str = "mean", noise: int = 0
) -> Shaped[np.ndarray, "number *S"]:
    """The same of weights that are at hand."""
    refuse_closed(trained, channel)
    if number < 1:
        raise ConfigError(f"number is {number}, but it must be 1 or more.")
    return generated(trained, np.full(number, channel), values=values, noise=noise)


def generated(
    trained: Weights, channel: Int[np.ndarray, " N"], *, values: str = "mean", noise: int = 0
) -> Shaped[np.ndarray, "N *S"]:
    """A sample from each of these channels."""
    if values not in SHOWS:
        raise ConfigError(
            f"values is `{values}`, but it must be one of {', '.join(SHOWS)}.{nearest(values, SHOWS)}"
        )
    model, N = trained.plan.model(trained.state), len(channel)
    code_key, value_key = jax.random.split(jax.random.key(noise))
    shape = (N, trained.plan.num_channels, trained.config.model.latent_dim)
    z = np.asarray(model.prior.draw(shape, model.encode, code_key))[np.arange(N), channel]
    return drawn(trained, z, channel, SHOWS[values], value_key)


def drawn(
    trained: Weights,
    z: Float[np.ndarray, "N D"],
    channel: Int[np.ndarray, " N"],
    show: Show = show_means,
    key: Key[Array, ""] | None = None,
) -> Shaped[np.ndarray, "N *S"]:
    """What the decoder makes of codes in their channels, in the units of the data."""
    plan = dataclasses.replace(trained.plan, scaling=trained.card.scaling)
    return painter(plan, plan.model(trained.state), trained.card.dtype == "uint8", show, key)(z, channel)

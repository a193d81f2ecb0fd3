"""Generate: what a channel looks like."""

from pathlib import Path

import jax
import numpy as np
from jaxtyping import Shaped

from rcmvae.diagnostics import painter, show_draws, show_means
from rcmvae.errors import ConfigError, nearest
from rcmvae.inference.trained import Trained, refuse_closed

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
    trained: Trained, channel: int, number: int, *, values: str = "mean", noise: int = 0
) -> Shaped[np.ndarray, "number *S"]:
    """The same of a run that is open."""
    refuse_closed(trained, channel)
    if number < 1:
        raise ConfigError(f"number is {number}, but it must be 1 or more.")
    if values not in SHOWS:
        raise ConfigError(
            f"values is `{values}`, but it must be one of {', '.join(SHOWS)}.{nearest(values, SHOWS)}"
        )
    plan = trained.plan
    model = plan.model(trained.state)
    code_key, value_key = jax.random.split(jax.random.key(noise))
    z = model.prior.draw((number, plan.num_channels, trained.config.model.latent_dim), model.encode, code_key)
    paint = painter(plan, model, trained.card.dtype == "uint8", SHOWS[values], value_key)
    return paint(np.asarray(z[:, channel]), np.full(number, channel))

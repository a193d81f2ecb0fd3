"""Embed and predict: what a trained model says of any samples, in their order and in bounded memory."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TypeVar

import jax
import numpy as np
from jaxtyping import Float, Int, Shaped

from rcmvae.curriculum import group_responsibility
from rcmvae.data.arrays import Stored
from rcmvae.diagnostics.bundle import bound_of, cheapest
from rcmvae.errors import counted
from rcmvae.inference.programs import Program
from rcmvae.inference.samples import samples_of
from rcmvae.inference.trained import Trained, Weights
from rcmvae.labels import Names, by_doubt, uncertainty
from rcmvae.results import Cut

PART = 1 << 14  # most samples whose results are held at a time


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Prediction:
    """To which channel, and to which group of channels, each sample belongs, and what it is called."""

    channel: Int[np.ndarray, " N"]
    channel_probability: Float[np.ndarray, " N"]
    group: Int[np.ndarray, " N"]  # of the channel tree where it is cut
    group_probability: Float[np.ndarray, " N"]
    # Where the run has labels:
    label: Shaped[np.ndarray, " N"] | None = None  # the most probable one, by name
    label_probability: Float[np.ndarray, " N"] | None = None
    aleatoric: Float[np.ndarray, " N"] | None = None  # doubt in nats: channels that stand for several labels
    epistemic: Float[np.ndarray, " N"] | None = None  # doubt in nats: not knowing the channel
    outlier: Float[np.ndarray, " N"] | None = None  # 1 − max_c r_c max_y τ_cy

    def __len__(self) -> int:
        return len(self.channel)

    def __repr__(self) -> str:
        return f"{type(self).__name__} of {counted(len(self), 'sample')}: {', '.join(self.arrays())}"

    def columns(self) -> dict[str, Shaped[np.ndarray, " N"]]:
        """A table's columns: those of several dimensions have a number each."""
        flat: dict[str, np.ndarray] = {}
        for name, value in self.arrays().items():
            flat |= {name: value} if value.ndim == 1 else {
                f"{name}_{at}": column for at, column in enumerate(value.T)
            }  # fmt: skip
        return flat

    def arrays(self) -> dict[str, Shaped[np.ndarray, "N ..."]]:
        """The arrays as they are, those that are there."""
        every = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: value for name, value in every.items() if value is not None}


@dataclasses.dataclass(frozen=True, kw_only=True, repr=False)
class Embedding(Prediction):
    """Where each sample lies, and what it costs."""

    bound: Float[np.ndarray, " N"]  # −ELBO in nats: high for a sample unlike those of the training
    explained_by: Int[
        np.ndarray, " N"
    ]  # the channel in which it costs least; encoder and decoder disagree if another
    mean: Float[np.ndarray, "N D"]  # of the posterior in the sample's channel
    sd: Float[np.ndarray, "N D"]
    responsibility: Float[np.ndarray, "N K"]


Part = TypeVar("Part", bound=Prediction)


def embed(
    run: Path | str,
    x: Any,
    *,
    seed: int | None = None,
    num_groups: int | None = None,
    level: float | None = None,
) -> Embedding:
    """Responsibilities, channel, group, code and bound of each sample, by the weights of a finished run.

    `x` are samples as the run was trained on, a file or folder of them, or the name of a split of the run's own data.
    Groups are those that the channel tree proposes, or `num_groups` of them, or what merges up to a `level`.
    """
    trained = Trained.open(run, seed, cut=Cut(num_groups, level))
    return together([*embed_parts(trained, samples_of(trained, x))])


def predict(
    run: Path | str,
    x: Any,
    *,
    seed: int | None = None,
    num_groups: int | None = None,
    level: float | None = None,
) -> Prediction:
    """Channel and group of each sample with their probabilities, as `embed` has them; the decoder has no part in it."""
    trained = Trained.open(run, seed, cut=Cut(num_groups, level))
    return together([*predict_parts(trained, samples_of(trained, x))])


def embed_parts(trained: Weights, x: Stored) -> Iterator[Embedding]:
    """The embedding of some samples after the other."""
    log_pi, active = log_pi_of(trained), np.asarray(trained.state.active)
    for seen in in_parts(trained, x, trained.uses.look):
        channel = seen.responsibility.argmax(axis=1)
        own = np.arange(len(channel)), np.minimum(channel, seen.mean.shape[1] - 1)
        yield Embedding(
            **predicted(trained, seen.responsibility).arrays(),
            bound=bound_of(seen.responsibility, seen.nll, seen.kl, log_pi),
            explained_by=cheapest(seen.nll, seen.kl, log_pi, active),
            mean=seen.mean[own],
            sd=np.exp(0.5 * seen.log_var[own]),
            responsibility=seen.responsibility,
        )


def predict_parts(trained: Weights, x: Stored) -> Iterator[Prediction]:
    """The prediction of some samples after the other."""
    for r in in_parts(trained, x, trained.uses.membership):
        yield predicted(trained, r)


def membership(trained: Weights, x: Stored) -> Float[np.ndarray, "N K"]:
    """r(x) of all samples."""
    return np.concatenate([*in_parts(trained, x, trained.uses.membership)])


def places(trained: Weights, x: Stored) -> tuple[Float[np.ndarray, "N K"], Float[np.ndarray, "N D"]]:
    """r(x) of all samples, and the mean code of each in the channel that holds it."""
    parts = [*in_parts(trained, x, trained.uses.place)]
    return np.concatenate([part.responsibility for part in parts]), np.concatenate(
        [part.mean for part in parts]
    )


def costs(trained: Weights, x: Stored) -> Float[np.ndarray, " N"]:
    """−ELBO of each sample in nats, a mean over draws that neither its row nor other samples change."""
    log_pi = log_pi_of(trained)
    parts = in_parts(trained, x, trained.uses.cost)
    return np.concatenate([bound_of(part.responsibility, part.nll, part.kl, log_pi) for part in parts])


def log_pi_of(trained: Weights) -> Float[np.ndarray, " K"]:
    """Log π over the open channels."""
    return np.asarray(trained.plan.model(trained.state).prior.log_pi(trained.state.active))


def predicted(trained: Weights, r: Float[np.ndarray, "N K"]) -> Prediction:
    """The most probable channel and group of each sample, and its label where channels have names."""
    by_group = group_responsibility(r, trained.groups)
    return Prediction(
        channel=r.argmax(axis=1),
        channel_probability=r.max(axis=1),
        group=by_group.argmax(axis=1),
        group_probability=by_group.max(axis=1),
        **({} if trained.names is None else _called(trained.names, r)),
    )


def _called(names: Names, r: Float[np.ndarray, "N K"]) -> dict[str, Shaped[np.ndarray, " N"]]:
    doubt = uncertainty(names.tau, r)
    return {
        "label": names.predict(r),
        "label_probability": names.predict_proba(r).max(axis=1),
        "aleatoric": doubt.aleatoric,
        "epistemic": doubt.epistemic,
        "outlier": by_doubt(names.tau, r),
    }


def together(parts: list[Part]) -> Part:
    """Several parts as one."""
    names = parts[0].arrays()
    return type(parts[0])(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


def in_parts(trained: Weights, x: Stored, program: Program) -> Iterator[Any]:
    """What a program for one batch says of all samples. The last batch is filled up with its last sample."""
    N, B = len(x), trained.plan.options.batch_size
    batches = max(1, PART // B)
    held: list[Any] = []
    for number, first in enumerate(range(0, N, B)):
        rows = np.minimum(np.arange(first, first + B), N - 1)
        stored = trained.devices.put(x[rows])
        seen = program(trained.state, trained.card.scaling, np.int32(number), stored)
        held.append(jax.tree.map(lambda leaf, left=N - first: np.asarray(leaf)[:left], seen))
        if len(held) == batches or first + B >= N:
            yield jax.tree.map(lambda *leaves: np.concatenate(leaves), *held)
            held = []

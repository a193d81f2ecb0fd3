"""What a trained model says of a split: computed once, kept with the run, read by everything that shows it."""

import dataclasses
import os
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float, Int, Shaped, UInt64

from rcmvae.errors import RunError

FORMAT = 3
SURE = 0.9  # the largest responsibility from which on a sample is sure of its channel


@dataclasses.dataclass(frozen=True)
class Pictures:
    """A small set of samples and of what the decoder draws, in the units of the data, bytes where the data are."""

    example: Int[
        np.ndarray, " E"
    ]  # rows of the samples that are reconstructed, several of every used channel
    original: Shaped[np.ndarray, "E *S"]
    reconstruction: Shaped[
        np.ndarray, "E K *S"
    ]  # by each channel, from the mean code that it gives the sample
    drawn: Shaped[np.ndarray, "K P *S"]  # means of draws from each channel's prior
    plane: Int[np.ndarray, "K 2"]  # the two latent dimensions in which a channel's codes vary most
    extent: Float[np.ndarray, "K 2 2"]  # low and high of the grid in those
    manifold: Shaped[np.ndarray, "K G G *S"]  # decoded over that grid, laid out as in a plot
    thumbnail_of: Int[np.ndarray, " T"]  # rows of the samples that are kept as they are, a random part
    thumbnail: Shaped[np.ndarray, "T *S"]


@dataclasses.dataclass(frozen=True)
class Bundle:
    """All that metrics, figures and reports look at. Channels that are closed have responsibility 0."""

    data: str
    split: str
    seed: int
    epoch: int  # of the weights
    shape: tuple[int, ...]
    label_names: tuple[str, ...]
    columns: tuple[str, ...]  # what the values of a vector are called; empty where they have no names
    truth: Int[np.ndarray, " N"]  # −1 where nobody knows
    label: Int[np.ndarray, " N"]  # what training was told of it; −1 is nothing
    mark: UInt64[np.ndarray, " N"]  # of each sample, by its bytes
    active: Bool[np.ndarray, " K"]
    log_pi: Float[np.ndarray, " K"]
    responsibility: Float[np.ndarray, "N K"]
    nll: Float[np.ndarray, "N K"]  # −log p(x | z_k, k) at a draw z_k, nats
    kl: Float[np.ndarray, "N K"]  # KL(q(z | x, k) ‖ p(z | k)), nats
    mean: Float[np.ndarray, "N D"]  # of the posterior in the channel that holds the sample
    log_var: Float[np.ndarray, "N D"]
    hardness: Float[np.ndarray, " N"]  # the largest weight in a routing drawn as in training
    pictures: Pictures

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def channel(self) -> Int[np.ndarray, " N"]:
        """The channel that holds each sample."""
        return self.responsibility.argmax(axis=1)

    @property
    def usage(self) -> Float[np.ndarray, " K"]:
        """Mean responsibility."""
        return self.responsibility.mean(axis=0, dtype=float)

    @property
    def is_image(self) -> bool:
        return len(self.shape) == 3

    def bound(self) -> Float[np.ndarray, " N"]:
        """−ELBO of each sample in nats."""
        return bound_of(self.responsibility, self.nll, self.kl, self.log_pi)

    @property
    def explained_by(self) -> Int[np.ndarray, " N"]:
        """The channel in which each sample costs least: the decoder's own opinion of where it belongs."""
        return cheapest(self.nll, self.kl, self.log_pi, self.active)

    def save(self, path: Path) -> None:
        """Write everything to an .npz file, whole or not at all."""
        part = path.with_suffix(".part")
        with part.open("wb") as file:
            np.savez(file, allow_pickle=False, format=FORMAT, **_flat(self), **_flat(self.pictures))
        os.replace(part, path)

    @classmethod
    def load(cls, path: Path) -> "Bundle":
        """What `save` wrote; neither the model nor the data are needed."""
        if not path.is_file():
            raise RunError(f"{path} is not there: `rcmvae report RUN --split train` makes it anew.")
        if not zipfile.is_zipfile(path):
            raise RunError(
                f"{path} is damaged, it is no archive: `rcmvae report RUN --split train` makes it anew."
            )
        try:
            with np.load(path, allow_pickle=False) as file:
                stored = dict(file)
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise RunError(
                f"{path} is damaged ({error}): `rcmvae report RUN --split train` makes it anew."
            ) from error
        found = int(stored.pop("format", 0))
        if found != FORMAT:
            raise RunError(
                f"{path} has format {found}; this version reads {FORMAT}: "
                "`rcmvae report RUN --split train` makes it anew."
            )
        try:
            pictures = Pictures(**{field.name: stored[field.name] for field in dataclasses.fields(Pictures)})
            fields = {name: stored[name] for name in _names(cls)}
        except KeyError as error:
            raise RunError(
                f"{path} is damaged, {error} is missing: `rcmvae report RUN --split train` makes it anew."
            ) from error
        return cls(**_plain(fields), pictures=pictures)


def bound_of(
    r: Float[np.ndarray, "N K"],
    nll: Float[np.ndarray, "N K"],
    kl: Float[np.ndarray, "N K"],
    log_pi: Float[np.ndarray, " K"],
) -> Float[np.ndarray, " N"]:
    """Σ_k r_k (nll_k + KL_k) + KL(r ‖ π), nats."""
    log_r = np.log(np.where(r > 0, r, 1))
    terms = np.where(r > 0, nll + kl + log_r - log_pi, 0)
    return (r * terms).sum(axis=1, dtype=float)


def cheapest(
    nll: Float[np.ndarray, "N K"],
    kl: Float[np.ndarray, "N K"],
    log_pi: Float[np.ndarray, " K"],
    active: Bool[np.ndarray, " K"],
) -> Int[np.ndarray, " N"]:
    """argmin_k nll_k + KL_k − log π_k over the open channels."""
    return np.where(active, nll + kl - log_pi, np.inf).argmin(axis=1)


def _names(cls: type[Bundle]) -> list[str]:
    return [field.name for field in dataclasses.fields(cls) if field.name != "pictures"]


def _flat(part: Bundle | Pictures) -> dict[str, Any]:
    names = [field.name for field in dataclasses.fields(part) if field.name != "pictures"]
    return {name: np.asarray(getattr(part, name)) for name in names}


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    """Text, numbers and tuples as they were before NumPy held them."""
    scalars = {name: fields[name].item() for name in ("data", "split", "seed", "epoch")}
    tuples = {name: tuple(fields[name].tolist()) for name in ("shape", "label_names", "columns")}
    return fields | scalars | tuples

"""Which sample a person should name next: a score for each, one strategy per file, the highest first."""

from collections.abc import Callable

import numpy as np
from jaxtyping import Float

from rcmvae.labels.acquisition.bald import bald
from rcmvae.labels.acquisition.base import Pool as Pool
from rcmvae.labels.acquisition.chance import chance
from rcmvae.labels.acquisition.entropy import entropy
from rcmvae.labels.acquisition.margin import margin
from rcmvae.labels.acquisition.medoids import medoids
from rcmvae.labels.acquisition.strangeness import strangeness
from rcmvae.labels.acquisition.typicality import typicality

Acquisition = Callable[[Pool], Float[np.ndarray, " N"]]

ACQUISITIONS: dict[str, Acquisition] = {
    strategy.__name__: strategy
    for strategy in (medoids, bald, entropy, margin, typicality, strangeness, chance)
}

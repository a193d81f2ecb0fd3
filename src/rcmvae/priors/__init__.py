"""Priors on the latents and on the channels, one per file."""

from typing import Annotated

from rcmvae.options import OneOf, by_kind, leaves
from rcmvae.priors.base import Prior as Prior
from rcmvae.priors.base import PriorOptions as PriorOptions
from rcmvae.priors.base import gaussian_kl as gaussian_kl
from rcmvae.priors.base import log_normal as log_normal
from rcmvae.priors.geometric import Geometric as Geometric
from rcmvae.priors.mixture import Mixture as Mixture
from rcmvae.priors.standard import Standard as Standard
from rcmvae.priors.vamp import Vamp as Vamp

PRIORS = by_kind(*leaves(PriorOptions))
AnyPrior = Annotated[PriorOptions, OneOf(PRIORS)]

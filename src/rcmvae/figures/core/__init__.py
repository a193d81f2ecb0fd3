"""What any variational autoencoder shows."""

from rcmvae.figures.core.latent_space import latent_space as latent_space
from rcmvae.figures.core.loss_curves import loss_curves as loss_curves
from rcmvae.figures.core.reconstructions import reconstructions as reconstructions
from rcmvae.figures.core.samples import samples as samples

"""What a mixture of channels shows."""

from rcmvae.figures.mixture.channel import channel as channel
from rcmvae.figures.mixture.channel_kl import channel_kl as channel_kl
from rcmvae.figures.mixture.channel_latents_grid import channel_latents_grid as channel_latents_grid
from rcmvae.figures.mixture.channel_ownership import channel_ownership as channel_ownership
from rcmvae.figures.mixture.doubtful import doubtful as doubtful
from rcmvae.figures.mixture.evolution import evolution as evolution
from rcmvae.figures.mixture.latent_by_channel import latent_by_channel as latent_by_channel
from rcmvae.figures.mixture.manifolds import manifolds as manifolds
from rcmvae.figures.mixture.profiles import profiles as profiles
from rcmvae.figures.mixture.recon_by_channel import recon_by_channel as recon_by_channel
from rcmvae.figures.mixture.recon_selected import recon_selected as recon_selected
from rcmvae.figures.mixture.routing_hardness import routing_hardness as routing_hardness
from rcmvae.figures.mixture.tree import tree as tree

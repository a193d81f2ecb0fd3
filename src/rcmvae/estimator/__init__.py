"""The model as an estimator of scikit-learn: samples in, channels, labels, codes and densities out."""

from rcmvae.estimator.mixture_vae import MixtureVAE as MixtureVAE

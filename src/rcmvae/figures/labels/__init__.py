"""What labels say of channels, and how far that can be trusted."""

from rcmvae.figures.labels.calibration import calibration as calibration
from rcmvae.figures.labels.efficiency import efficiency as efficiency
from rcmvae.figures.labels.ood import ood as ood
from rcmvae.figures.labels.tau_matrix import tau_matrix as tau_matrix

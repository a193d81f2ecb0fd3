"""What growing shows."""

from rcmvae.figures.curriculum.k_active import k_active as k_active
from rcmvae.figures.curriculum.pot_tree import pot_tree as pot_tree

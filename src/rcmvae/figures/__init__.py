"""Figures: each one function in one file, from what is known of a run. No model, no data, no window."""

from rcmvae.figures import core as core
from rcmvae.figures import curriculum as curriculum
from rcmvae.figures import labels as labels
from rcmvae.figures import mixture as mixture
from rcmvae.figures.drawing import FIGURES as FIGURES
from rcmvae.figures.drawing import OF_CHANNELS as OF_CHANNELS
from rcmvae.figures.drawing import Drawing as Drawing
from rcmvae.figures.drawing import draw_all as draw_all
from rcmvae.figures.drawing import drawings as drawings

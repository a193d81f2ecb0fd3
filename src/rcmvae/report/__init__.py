"""REPORT.md and report.html: a run, to look at."""

from rcmvae.report.making import PAGE as PAGE
from rcmvae.report.making import forget as forget
from rcmvae.report.making import has_looked as has_looked
from rcmvae.report.making import look as look
from rcmvae.report.making import write as write

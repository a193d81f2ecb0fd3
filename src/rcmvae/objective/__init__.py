"""What is minimised: a sum of named terms, each one small pure function."""

from rcmvae.objective.bound import channel_cost as channel_cost
from rcmvae.objective.bound import negative_elbo as negative_elbo
from rcmvae.objective.objective import TERMS as TERMS
from rcmvae.objective.objective import Losses as Losses
from rcmvae.objective.objective import ObjectiveBase as ObjectiveBase
from rcmvae.objective.objective import ObjectiveOptions as ObjectiveOptions
from rcmvae.objective.term import Evidence as Evidence
from rcmvae.objective.term import Term as Term
from rcmvae.objective.usage import entropy as entropy
from rcmvae.objective.weights import is_weight as is_weight

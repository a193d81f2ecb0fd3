"""The objective: the only place that weighs and adds."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float
from pydantic import Field, create_model, model_validator

from rcmvae.data.views import View
from rcmvae.model import Stage
from rcmvae.objective import bound, consistency, simplex, supervised, usage, weights  # noqa: F401 — lists terms
from rcmvae.objective.term import Evidence, Term, by_name, weighted
from rcmvae.options import Options, first_line, leaves

# Every term of the families imported above. A family of its own takes one more name on that line.
TERMS = by_name(*leaves(Term))

# What `c_regularizer` stands for: the terms it brings in.
PRESETS: dict[str, dict[str, float]] = {
    "categorical": {"kl_c": 1.0},
    "logit_mog": {"logit_mog": 1.0},
    "both": {"kl_c": 1.0, "logit_mog": 1.0},
    "dirichlet": {"dirichlet": 1.0},
}
Preset = Literal["categorical", "logit_mog", "both", "dirichlet"]


def is_preset(value: Any) -> bool:
    """Whether `c_regularizer` may be this."""
    return isinstance(value, str) and value in PRESETS


def without_preset(objective: Mapping[str, Any]) -> dict[str, Any]:
    """An objective with the terms of its `c_regularizer` in place of that; what is no preset stays as it is.

    >>> without_preset({"c_regularizer": "both", "kl_c": 0.5})
    {'kl_c': 0.5, 'logit_mog': 1.0}
    """
    preset = objective.get("c_regularizer")
    if preset is not None and not is_preset(preset):
        return dict(objective)
    terms = {name: term for name, term in objective.items() if name != "c_regularizer"}
    return (PRESETS[preset] if preset else {}) | terms


class Losses(eqx.Module):
    """The weighted sum, and each term before its weight."""

    total: Float[Array, ""]
    terms: dict[str, Float[Array, ""]]


class ObjectiveBase(Options):
    """A sum of named terms. A term that is configured is summed and reported; one that is not, is not there."""

    @model_validator(mode="before")
    @classmethod
    def _expand(cls, value: Any) -> Any:
        """A bare number is a term's weight; `c_regularizer` fills in the terms of its preset."""
        if not isinstance(value, dict):
            return value
        value = without_preset(value)
        if "c_regularizer" in value:
            raise ValueError(
                f"`c_regularizer` is one of {', '.join(PRESETS)}, not {value['c_regularizer']!r}."
            )
        return {name: weighted(term) for name, term in value.items()}

    @property
    def terms(self) -> dict[str, Term]:
        """The configured terms by name."""
        return {name: term for name in TERMS if (term := getattr(self, name)) is not None}

    @property
    def views(self) -> Sequence[View]:
        """How the second look at each sample is made; none unless a term asks for one."""
        return tuple(view for term in self.terms.values() for view in term.second_look())

    @property
    def neighbours(self) -> int:
        """How many neighbours of each sample the views have to know."""
        return max((view.neighbours for view in self.views), default=0)

    @property
    def learners(self) -> Sequence[str]:
        """The names of the terms that learn from labels."""
        return [name for name, term in self.terms.items() if term.learns_from_labels]

    @property
    def counting(self) -> supervised.Tau | None:
        """The term for which labels are counted in channels, where there is one."""
        found = (term for term in self.terms.values() if isinstance(term, supervised.Tau))
        return next(found, None)

    def settled(self) -> float:
        """The time from which on every weight keeps its value, and epochs can be compared."""
        return max(term.weight.settled() for term in self.terms.values())

    def stage_at(self, times: Float[np.ndarray, " T"]) -> Stage:
        """How far the forward pass must go at these times: no decoder runs while nothing weighs its output."""
        needed = any(term.weight.is_on(times) for term in self.terms.values() if term.decodes)
        return Stage.DECODE if needed else Stage.ROUTE

    def __call__(self, evidence: Evidence, stage: Stage) -> Losses:
        """Σ over terms of weight · value."""
        terms = {
            name: value if value.ndim == 0 else evidence.batch.mean(value)
            for name, term in self.terms.items()
            if stage is Stage.DECODE or not term.decodes
            for value in [term(evidence)]
        }
        weight = evidence.context.term_weight
        total = sum((weight[name] * value for name, value in terms.items()), jnp.zeros(()))
        return Losses(total, terms)


_FIELDS: Any = {
    name: (term | None, Field(default=None, description=first_line(term))) for name, term in TERMS.items()
}
ObjectiveOptions = create_model(
    "ObjectiveOptions",
    __base__=ObjectiveBase,
    __module__=__name__,
    __doc__="The terms of the objective, each with its weight and its options.",
    **_FIELDS,
)

"""What a loss term is: a name, a weight, and a formula over one forward pass."""

import re
from abc import abstractmethod
from collections.abc import Iterator, Sequence
from typing import Any, ClassVar

import equinox as eqx
from jaxtyping import Array, Float
from pydantic import Field

from rcmvae.data.views import View
from rcmvae.model import Model
from rcmvae.options import Options, is_number
from rcmvae.priors import PriorOptions
from rcmvae.schedules import AnySchedule, Constant
from rcmvae.structs import Batch, Forward, RoutingContext


class Evidence(eqx.Module):
    """All that a term may look at."""

    model: Model
    batch: Batch
    forward: Forward
    context: RoutingContext


class Term(Options):
    """Base of all terms: nats, unweighted, per sample or for the batch as a whole.

    The objective multiplies by `weight` and adds; no term does so itself.
    """

    decodes: ClassVar[bool] = False  # whether the formula looks at reconstructions
    learns_from_labels: ClassVar[bool] = False  # and so has nothing to say without any
    may_be_rewarded: ClassVar[bool] = False  # by a negative weight: only a term that has a highest value

    weight: AnySchedule = Field(
        default=Constant(value=1.0), description="Factor in the objective: a number or a schedule."
    )

    def second_look(self) -> Sequence[View]:
        """How the second look is made that the formula compares with: the option `views`, where a term has it."""
        return ()

    def problems(self, prior: PriorOptions) -> Iterator[str]:
        """A sentence, beginning with the key, for each option that does not go with this prior."""
        yield from ()

    @abstractmethod
    def __call__(self, evidence: Evidence) -> Float[Array, " B"] | Float[Array, ""]: ...


def weighted(value: Any) -> Any:
    """A bare number stands for a term of that weight.

    >>> weighted(2), weighted({"form": "all"})
    ({'weight': 2}, {'form': 'all'})
    """
    return {"weight": value} if is_number(value) else value


def by_name(*classes: type[Term]) -> dict[str, type[Term]]:
    """List terms under their class name in snake case: `KlZ` is `kl_z`."""
    return {re.sub(r"(?<!^)(?=[A-Z])", "_", cls.__name__).lower(): cls for cls in classes}

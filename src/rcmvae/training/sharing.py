"""What is compiled for one plan serves every plan like it."""

import dataclasses
import functools
from collections.abc import Callable, Hashable
from typing import Concatenate, ParamSpec, TypeVar

import jax
import numpy as np

from rcmvae.training.state import Plan

KEPT = 8  # most programs of a kind that are kept

Rest = ParamSpec("Rest")
Program = TypeVar("Program")


@dataclasses.dataclass(frozen=True)
class Alike:
    """A plan that equals every other from which the same programs come."""

    plan: Plan = dataclasses.field(compare=False)
    key: Hashable

    @classmethod
    def of(cls, plan: Plan) -> "Alike":
        """Told by all that a program knows of a plan."""
        arrays, structure = jax.tree.flatten((plan.skeleton, plan.scaling))
        numbers = tuple((str(a.dtype), a.shape, np.asarray(a).tobytes()) for a in arrays)
        others = plan.num_channels, plan.objective, plan.options.alike, plan.curriculum, plan.num_train
        return cls(plan, (structure, numbers, others))


def once_per_plan(
    compiling: Callable[Concatenate[Plan, Rest], Program],
) -> Callable[Concatenate[Plan, Rest], Program]:
    """Let plans that are alike share what a function compiles of them."""

    @functools.lru_cache(maxsize=KEPT)
    def compiled(alike: Alike, *args: Rest.args, **kwargs: Rest.kwargs) -> Program:
        return compiling(alike.plan, *args, **kwargs)

    @functools.wraps(compiling)
    def shared(plan: Plan, *args: Rest.args, **kwargs: Rest.kwargs) -> Program:
        return compiled(Alike.of(plan), *args, **kwargs)

    return shared

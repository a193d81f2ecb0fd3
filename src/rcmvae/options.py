"""What every piece of configuration is made of: frozen, typed, closed to unknown keys.

A component's options class lives beside the component. A folder lists its components in one
`by_kind(...)` dict, and a field of type `Annotated[Base, OneOf(THAT_DICT)]` accepts any of them by name.
"""

import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, GetCoreSchemaHandler, NonNegativeFloat, PositiveInt
from pydantic_core import core_schema

AnyOptions = TypeVar("AnyOptions", bound="Options")
PLAIN_NAME = r"^[\w.-]+$"  # the pattern of a name that any file system takes


class Options(BaseModel):
    """Base of every configuration object: immutable, no unknown keys, no NaN, defaults validated too."""

    model_config: ClassVar[ConfigDict] = ConfigDict(
        extra="forbid", frozen=True, allow_inf_nan=False, validate_default=True
    )

    def __hash__(self) -> int:
        # By what a file would say of it: fields that are lists or mappings have no hash of their own.
        return hash((type(self), self.model_dump_json()))

    @classmethod
    def kind_name(cls) -> str:
        """What a configuration calls this class, where it is one of several kinds."""
        return cls.model_fields["kind"].default


def by_kind(*classes: type[AnyOptions]) -> dict[str, type[AnyOptions]]:
    """List components under the default of their `kind` field; a base that has none is nobody's choice."""
    return {cls.kind_name(): cls for cls in classes if "kind" in cls.model_fields}


def leaves(base: type[AnyOptions]) -> list[type[AnyOptions]]:
    """The concrete classes below `base` that are imported so far, in the order of their definition, families together.

    A folder's `__init__` imports its components, one line each, and lists them with `by_kind(*leaves(Base))`.
    """
    below = [leaf for cls in base.__subclasses__() for leaf in leaves(cls)]
    return below if inspect.isabstract(base) else [base, *below]


def first_line(cls: type[Options]) -> str:
    """What a class is, as the first line of its docstring says; formulas and examples come after.

    >>> first_line(Options)
    'Base of every configuration object: immutable, no unknown keys, no NaN, defaults validated too.'
    """
    return (cls.__doc__ or "").strip().partition("\n")[0]


def flattened(value: Any, path: str = "", *, wholes: bool = False) -> Iterator[tuple[str, Any]]:
    """Every value in nested mappings under its path, empty mappings among them.

    With `wholes`, a mapping that names its kind is a value.

    >>> dict(flattened({"model": {"num_channels": 3}, "tracking": []}))
    {'model.num_channels': 3, 'tracking': []}
    >>> dict(flattened({"curriculum": {"start": {"kind": "fresh"}}}, wholes=True))
    {'curriculum.start': {'kind': 'fresh'}}
    """
    if not isinstance(value, Mapping) or not value or (wholes and "kind" in value):
        yield path, value
        return
    for key, inner in value.items():
        yield from flattened(inner, f"{path}.{key}" if path else key, wholes=wholes)


def is_number(value: Any) -> bool:
    """Whether a value is a number, which `true` is not."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def spell_out(value: Any) -> Any:
    """A bare name stands for that kind with its defaults: `film` is `{kind: film}`."""
    return {"kind": value} if isinstance(value, str) else value


class Watching(Options):
    """Base of what waits for a validation value to improve."""

    monitor: str = Field(
        default="bound",
        description="The validation value that is watched: `bound`, `loss` or the name of a term; lower is better.",
    )
    patience: PositiveInt
    min_delta: NonNegativeFloat = Field(
        default=0.0, description="By how much a value has to be lower to count as an improvement."
    )


class OneOf:
    """Annotation: the field holds one of the registered options, told apart by `kind`."""

    def __init__(
        self, registry: Mapping[str, type[Options]], shorthand: Callable[[Any], Any] = spell_out
    ) -> None:
        self.registry = registry
        self.shorthand = shorthand

    def __get_pydantic_core_schema__(
        self, source: Any, handler: GetCoreSchemaHandler
    ) -> core_schema.CoreSchema:
        choices = {kind: handler.generate_schema(cls) for kind, cls in self.registry.items()}
        union = core_schema.tagged_union_schema(choices, discriminator="kind")
        return core_schema.no_info_before_validator_function(self.shorthand, union)

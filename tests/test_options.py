"""Registries, shorthands and refusals of everything that is configured."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import pytest
from pydantic import TypeAdapter

from rcmvae.errors import ConfigError, RcmvaeError, listed, nearest
from rcmvae.nn import BACKBONES, CONDITIONERS, OUTPUTS, TRUNKS
from rcmvae.options import OneOf, Options, by_kind, spell_out
from rcmvae.priors import PRIORS
from rcmvae.routing import ROUTINGS


class Fruit(Options):
    """What the registry holds."""


class Apple(Fruit):
    """A kind without needs."""

    kind: Literal["apple"] = "apple"
    weight: float = 0.2


class Pear(Fruit):
    """A kind that needs a number."""

    kind: Literal["pear"] = "pear"
    weight: float


FRUITS = by_kind(Apple, Pear)


class Basket(Options):
    fruit: Annotated[Fruit, OneOf(FRUITS)] = Apple()


REGISTRIES = {
    "trunks": TRUNKS,
    "backbones": BACKBONES,
    "conditioners": CONDITIONERS,
    "outputs": OUTPUTS,
    "priors": PRIORS,
    "routings": ROUTINGS,
}


def test_a_registry_lists_by_kind():
    assert list(FRUITS.items()) == [("apple", Apple), ("pear", Pear)]
    assert Pear.kind_name() == "pear"


def test_a_name_stands_for_the_kind_with_its_defaults():
    assert spell_out("apple") == {"kind": "apple"}
    assert Basket.model_validate({"fruit": "apple"}) == Basket(fruit=Apple())
    assert Basket.model_validate({"fruit": {"kind": "pear", "weight": 1}}).fruit == Pear(weight=1)
    assert Basket(fruit=Pear(weight=2)).fruit == Pear(weight=2)


def test_what_a_field_holds_is_written_in_full_and_read_back():
    basket = Basket(fruit=Pear(weight=3))
    assert basket.model_dump() == {"fruit": {"kind": "pear", "weight": 3.0}}
    assert Basket.model_validate_json(basket.model_dump_json()) == basket


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"fruit": "pear"}, "fruit.pear.weight"),
        ({"fruit": "plum"}, "'apple', 'pear'"),
        ({"fruit": {"weight": 1}}, "kind"),
        ({"fruit": {"kind": "apple", "colour": "red"}}, "fruit.apple.colour"),
        ({"fruit": {"kind": "apple", "weight": float("nan")}}, "finite"),
        ({"fruit": 3}, "fruit"),
        ({"fruits": "apple"}, "fruits"),
    ],
)
def test_what_does_not_belong_is_refused_with_its_path(given: Any, complaint: str):
    with pytest.raises(ValueError, match=complaint):
        Basket.model_validate(given)


def test_options_never_change_and_can_be_compared():
    apple = Apple()
    with pytest.raises(ValueError, match="frozen"):
        apple.weight = 1.0
    assert hash(apple) == hash(Apple())
    assert apple != Apple(weight=1)


def field_of(registry: Mapping[str, type[Options]]) -> TypeAdapter[Any]:
    """A field that takes any kind of this registry."""
    one_of = OneOf(registry)
    return TypeAdapter(Annotated[Options, one_of])


@pytest.mark.parametrize("name", REGISTRIES)
def test_every_registered_kind_has_defaults_survives_json_and_refuses_strangers(name: str):
    registry = REGISTRIES[name]
    for kind, cls in registry.items():
        field = field_of(registry)
        options = field.validate_python(kind)
        assert type(options) is cls
        assert cls.kind_name() == kind
        assert field.validate_json(field.dump_json(options)) == options
        assert hash(options) == hash(cls())
        assert cls.__doc__
        with pytest.raises(ValueError, match="Extra inputs"):
            field.validate_python({"kind": kind, "no_such_setting": 1})
    assert field_of(registry).json_schema()["discriminator"]["propertyName"] == "kind"


def test_a_hint_names_the_nearest_and_nothing_far():
    assert nearest("tempreature", ["temperature", "m"]) == " Did you mean 'temperature'?"
    assert nearest("xyz", ["temperature", "m"]) == ""
    assert listed(["b", "a"]) == "a, b"
    assert issubclass(ConfigError, RcmvaeError)
    assert issubclass(ConfigError, ValueError)


class Recipe(Options):
    """One whose fields have no hash."""

    steps: list[str] = []  # noqa: RUF012 — a default of a field, which pydantic copies
    amounts: dict[str, float] = {}  # noqa: RUF012


def test_options_can_be_looked_up_whatever_their_fields_are():
    def sweet(*steps: str) -> Any:  # pyright does not know that options are hashable
        return Recipe(steps=[*steps], amounts={"sugar": 0.5})

    known = {sweet("peel"): 1, sweet("peel", "cut"): 2}
    assert known[sweet("peel")] == 1
    assert known[sweet("peel", "cut")] == 2
    assert sweet("cut") not in known
    assert hash(sweet("peel")) != hash(sweet("cut"))

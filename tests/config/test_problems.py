"""Every problem is told at once, in sentences: where, what was given, what may be written, the nearest name."""

from pathlib import Path
from typing import Annotated, Any, Literal

import pytest
from pydantic import Field, PositiveFloat, PositiveInt, ValidationError, model_validator

from rcmvae.config import from_mapping
from rcmvae.config.places import Place
from rcmvae.config.problems import SENTENCES, Found, explain, lookalikes
from rcmvae.errors import ConfigError
from rcmvae.options import OneOf, Options, by_kind, is_number


class Plum(Options):
    kind: Literal["plum"] = "plum"
    stones: PositiveInt = 1


class Fig(Options):
    kind: Literal["fig"] = "fig"
    seeds: PositiveInt
    low: float = 0.0
    high: float = 1.0

    @model_validator(mode="after")
    def _ordered(self) -> "Fig":
        if self.low >= self.high:
            raise ValueError("low must be below high")
        if self.seeds > 100:
            raise ConfigError("So many seeds? Take fewer")
        return self


FRUITS = by_kind(Plum, Fig)
AnyFruit = Annotated[Options, OneOf(FRUITS)]


class Table(Options):
    legs: int = Field(default=4, ge=3, lt=9)
    width: PositiveFloat | None = None
    oiled: bool = False
    wood: Literal["oak", "beech"] = "oak"
    maker: str | None = Field(default=None, pattern=r"^\w+$")
    plan: Path = Path("plan")
    size: tuple[float, float] = (1.0, 2.0)
    drawers: tuple[PositiveInt, ...] = Field(default=(1,), min_length=1)
    bowl: AnyFruit = Plum()
    basket: tuple[AnyFruit, ...] = ()
    share: Literal["even"] | float = "even"


class Room(Options):
    table: Table = Table()
    doors: PositiveInt = 1

    @model_validator(mode="after")
    def _fits(self) -> "Room":
        if self.doors > 5:
            raise ConfigError("doors are 5 at most.")
        return self


LEGS = "a whole number of at least 3 and below 9."

# (what was given for `table`, the validation's name for the problem, the sentence)
CASES: list[tuple[dict[str, Any], str, str]] = [
    ({"legs": "x"}, "int_parsing", f"table.legs is `x`, but it must be {LEGS}"),
    ({"legs": None}, "int_type", f"table.legs is `null`, but it must be {LEGS}"),
    ({"legs": 3.5}, "int_from_float", f"table.legs is `3.5`, but it must be {LEGS}"),
    ({"legs": "9" * 5000}, "int_parsing_size", f"table.legs is `'{'9' * 58}…`, but it must be {LEGS}"),
    ({"legs": 2}, "greater_than_equal", f"table.legs is `2`, but it must be {LEGS}"),
    ({"legs": 9}, "less_than", f"table.legs is `9`, but it must be {LEGS}"),
    ({"width": 0}, "greater_than", "table.width is `0`, but it must be a number above 0, or null."),
    ({"width": "x"}, "float_parsing", "table.width is `x`, but it must be a number above 0, or null."),
    ({"width": []}, "float_type", "table.width is `[]`, but it must be a number above 0, or null."),
    ({"width": float("inf")}, "finite_number", "table.width is `.inf`, but it must be a number above 0, or null."),
    ({"oiled": "x"}, "bool_parsing", "table.oiled is `x`, but it must be true or false."),
    ({"oiled": []}, "bool_type", "table.oiled is `[]`, but it must be true or false."),
    ({"wood": "bech"}, "literal_error",
     "table.wood is `bech`, but it must be one of oak, beech. Did you mean 'beech'?"),
    ({"maker": 3}, "string_type", "table.maker is `3`, but it must be text, or null. Put it in quotes."),
    ({"maker": "a b"}, "string_pattern_mismatch", r"table.maker is `a b`, but it must be text that matches `^\w+$`."),
    ({"plan": 3}, "path_type", "table.plan is `3`, but it must be a path."),
    ({"size": 3}, "tuple_type", "table.size is `3`, but it must be a list of 2 entries, each a number."),
    ({"size": [1]}, "missing", "table.size is `[1]`, but it must be a list of 2 entries, each a number."),
    ({"size": [1, 2, 3]}, "too_long", "table.size is `[1, 2, 3]`, but it must be a list of 2 entries, each a number."),
    (
        {"drawers": []},
        "too_short",
        "table.drawers is `[]`, but it must be a list of at least 1, each a whole number above 0.",
    ),
    ({"drawers": [1, 0]}, "greater_than", "table.drawers[1] is `0`, but it must be a whole number above 0."),
    ({"bowl": "plumm"}, "union_tag_invalid",
     "table.bowl is `plumm`, but it must be one of fig, plum. Did you mean 'plum'?"),
    ({"bowl": {"stones": 1}}, "union_tag_not_found", "table.bowl has no `kind`: add one of fig, plum."),
    ({"bowl": 3}, "model_attributes_type", "table.bowl is `3`, but it must be one of fig, plum."),
    ({"bowl": "fig"}, "missing", "table.bowl.seeds is missing: it must be a whole number above 0."),
    (
        {"basket": ["plum", {"kind": "fig", "seeds": 0}]},
        "greater_than",
        "table.basket[1].seeds is `0`, but it must be a whole number above 0.",
    ),
    ({"bowl": {"kind": "fig", "seeds": 1, "low": 2}}, "value_error", "table.bowl.low must be below high."),
    ({"bowl": {"kind": "fig", "seeds": 101}}, "value_error", "table.bowl: So many seeds? Take fewer."),
    (
        {"bowl": {"kind": "plum", "seeds": 1}},
        "extra_forbidden",
        "table.bowl.seeds is not known. table.bowl of kind `plum` has the keys kind, stones. "
        "It belongs to the kind fig.",
    ),
    (
        {"doors": 2},
        "extra_forbidden",
        "table.doors is not known. table has the keys legs, width, oiled, wood, maker, plan, size, drawers, bowl, "
        "basket, share. Did you mean 'doors'?",
    ),
    ({"share": "evn"}, "literal_error",
     "table.share is `evn`, but it must be `even` or a number. Did you mean 'even'?"),
]  # fmt: skip


def told(raw: dict[str, Any]) -> tuple[set[str], list[str]]:
    with pytest.raises(ValidationError) as caught:
        Room.model_validate(raw)
    return {error["type"] for error in caught.value.errors()}, explain(Room, caught.value)


@pytest.mark.parametrize(("given", "problem", "sentence"), CASES, ids=[f"{p}-{[*g]}" for g, p, _ in CASES])
def test_each_problem_has_its_sentence(given: dict[str, Any], problem: str, sentence: str) -> None:
    problems, sentences = told({"table": given})
    assert problem in problems
    [only] = sentences
    assert only == sentence


def test_every_translation_is_tried() -> None:
    tried = {problem for given, _, _ in CASES for problem in told({"table": given})[0]}
    # What no bound in these options, but one of another package's fields, can bring up.
    assert set(SENTENCES) - tried - told({"table": 3})[0] == {"less_than_equal"}


def test_a_part_that_is_no_mapping() -> None:
    _, [sentence] = told({"table": 3})
    assert sentence.startswith("table is `3`, but it must be a mapping with keys of basket, bowl, drawers")


def test_sentences_about_the_whole_stay_as_they_are() -> None:
    assert told({"doors": 6})[1] == ["doors are 5 at most."]


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"legs": True}, f"table.legs is `true`, but it must be {LEGS}"),
        ({"legs": "4"}, f"table.legs is `'4'`, but it must be {LEGS}"),
        ({"width": "1e-3"}, "table.width is `'1e-3'`, but it must be a number above 0, or null."),
        ({"oiled": 1}, "table.oiled is `1`, but it must be true or false."),
        ({"oiled": "yes"}, "table.oiled is `'yes'`, but it must be true or false."),
        ({"share": "0.5"}, "table.share is `'0.5'`, but it must be `even` or a number."),
        ({"share": True}, "table.share is `true`, but it must be `even` or a number."),
        ({"drawers": [1, False]}, "table.drawers[1] is `false`, but it must be a whole number above 0."),
        ({"basket": [{"kind": "plum", "stones": "1"}]}, "table.basket[0].stones is `'1'`, but it must be"),
    ],
)
def test_nothing_is_taken_for_a_number_that_is_none(given: dict[str, Any], sentence: str) -> None:
    [found] = lookalikes(Found(Room, "", Place(Room)), {"table": given})
    assert found.startswith(sentence)


def test_numbers_and_words_in_their_places_are_fine() -> None:
    given = {
        "legs": 4,
        "width": None,
        "oiled": True,
        "share": "even",
        "maker": "1",
        "plan": "x",
        "bowl": {"kind": "plum"},
    }
    assert [*lookalikes(Found(Room, "", Place(Room)), {"table": given, "unknown": True})] == []
    assert is_number(1.5)
    assert not is_number(True)


def test_all_problems_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        from_mapping(
            {
                "num_channels": 3,
                "data": {"kind": "npy"},
                "model": {
                    "num_chanels": 3,
                    "latent_dim": 0,
                    "embedding_dim": True,
                    "prior": {"pi": "learned"},
                },
                "objective": {"kl_c": {"weight": {"kind": "cosine"}}, "confidence": "much"},
            }
        )
    lines = str(caught.value).splitlines()
    starts = (
        "num_channels is not known. The configuration has the keys data, model, objective, training, curriculum, run, "
        "tracking. "
        "Did you mean 'model.num_channels'?",
        "data.path is missing",
        "model.num_chanels is not known.",
        "model.latent_dim is `0`",
        "model.embedding_dim is `true`",
        "model.prior has no `kind`",
        "objective.kl_c.weight.start is missing",
        "objective.kl_c.weight.end is missing",
        "objective.kl_c.weight.epochs is missing",
        "objective.confidence is `much`, but it must be a number (its weight) or a mapping with keys of weight, "
        "or null.",
    )
    assert len(lines) == len(starts)
    for start in starts:
        assert any(line.startswith(start) for line in lines), start
    assert "Did you mean 'num_channels'?" in str(caught.value)


@pytest.mark.parametrize(
    ("raw", "sentence"),
    [
        ({"training.epochs": 1}, "training.epochs is a path, but a file has keys within keys: write "
                                 "`training: {epochs: 1}`."),
        ({"model": {"trunk.hidden": [3]}}, "model.trunk.hidden is a path, but a file has keys within keys: write "
                                           "`trunk: {hidden: [3]}`."),
        ({"epochs": 5}, "epochs is not known. The configuration has the keys data, model, objective, training, "
                        "curriculum, run, tracking. Did you mean 'training.epochs'?"),
        ({"seed": 5}, "seed is not known. The configuration has the keys data, model, objective, training, curriculum, "
                      "run, tracking. Did you mean 'data.seed' or 'training.seed'?"),
        ({"training": {"lr": 5}}, "training.lr is not known. training has the keys epochs, batch_size, labeled_share, "
                                  "learning_rate, weight_decay, clip_norm, precision, seed, seeds, devices, "
                                  "early_stopping, checkpoint. Did you mean 'learning_rate'?"),
        ({"run": {"name": "a b"}}, "run.name is `a b`, but it must be text of letters, digits, `_`, `-` and `.` "
                                   "alone, such as `first-try`."),
        ({"curriculum": "birth"}, "curriculum is `birth`, but it must be a mapping with keys of finish, helps, index, "
                                  "initial, kick, limit, merge_below, policy, prolong, start, stop_after, trial, "
                                  "or null. Did you mean `{policy: birth}`?"),
    ],
)  # fmt: skip
def test_what_newcomers_write_is_understood(raw: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        from_mapping(raw)
    assert str(caught.value) == sentence


def test_a_value_without_a_form_in_yaml_is_told_as_python_writes_it() -> None:
    with pytest.raises(ConfigError, match=r"^model\.num_channels is `<class 'object'>`, but it must be"):
        from_mapping({"model": {"num_channels": object}})


def test_component_sentences_come_under_their_path() -> None:
    for raw, sentence in {
        "data": ({"kind": "npy", "path": "x.csv"}, "data.path is x.csv"),
        "model": ({"decoder": {"backbone": "dense", "conditioner": "cin", "output": "bernoulli"}, "embedding_dim": 0},
                  "model.decoder.conditioner: `cin` reads a channel embedding"),
        "objective": ({"kl_c": {"weight": {"kind": "piecewise", "at": [2, 1], "values": [0, 1, 2]}}},
                      "objective.kl_c.weight: the epochs in `at` must increase"),
    }.items():  # fmt: skip
        with pytest.raises(ConfigError) as caught:
            from_mapping({raw: sentence[0]})
        assert str(caught.value).startswith(sentence[1])

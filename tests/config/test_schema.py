"""The schema accepts what a configuration may hold, and refuses what it may not."""

from pathlib import Path
from typing import Any

import jsonschema
import pytest

from benchmarks.common import VIEWS_GUIDE, lasting
from rcmvae.config import Config, dump_config, from_mapping, load_config
from rcmvae.config.schema import json_schema
from rcmvae.config.text import parse, read_mapping
from rcmvae.errors import ConfigError

SCHEMA = json_schema()
VALIDATOR = jsonschema.Draft202012Validator(SCHEMA)
RECIPES = sorted((Path(__file__).parents[2] / "configs").glob("*.yaml"))


def test_it_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(SCHEMA)
    assert SCHEMA["$schema"] == "https://json-schema.org/draft/2020-12/schema"


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.name)
def test_the_recipes_can_run_and_are_accepted(path: Path) -> None:
    VALIDATOR.validate(read_mapping(path))
    config = load_config(path)
    VALIDATOR.validate(parse(dump_config(config), path.name))
    VALIDATOR.validate(config.model_dump(mode="json"))


def test_there_are_recipes() -> None:
    assert RECIPES


@pytest.mark.parametrize(
    ("name", "base", "changes"),
    [
        ("mnist-100-labels", "mnist", ["data.num_labeled=100"]),
        ("mnist-10-labels", "mnist", ["data.num_labeled=10"]),
        ("mnist-quick", "mnist", [*lasting(10, 4, 5e-3), *VIEWS_GUIDE]),
    ],
)
def test_recipes_that_follow_another_differ_from_it_as_they_say(
    name: str, base: str, changes: list[str]
) -> None:
    configs = RECIPES[0].parent
    assert load_config(configs / f"{name}.yaml") == load_config(configs / f"{base}.yaml", changes)


@pytest.mark.parametrize(
    "raw",
    [
        {},
        {"data": "mnist", "model": {"trunk": "conv", "routing": "gumbel_softmax"}},
        {"model": {"routing": {"kind": "gumbel_softmax", "temperature": 2}}},
        {
            "model": {
                "routing": {
                    "kind": "gumbel_softmax",
                    "temperature": {"kind": "warmup", "epochs": 1, "then": 3},
                }
            }
        },
        {
            "objective": {
                "c_regularizer": "both",
                "kl_z": 1,
                "dirichlet": None,
                "consistency": {"views": ["jitter"]},
            }
        },
        {
            "training": {
                "learning_rate": {"kind": "warmup", "epochs": 1, "then": {"kind": "constant", "value": 1}}
            }
        },
    ],
)
def test_shorthands_are_accepted(raw: dict[str, Any]) -> None:
    VALIDATOR.validate(raw)


@pytest.mark.parametrize(
    "raw",
    [
        {"modle": {}},
        {"model": {"num_channels": 0}},
        {"model": {"num_channels": "ten"}},
        {"model": {"trunk": "dens"}},
        {"model": {"trunk": {"hidden": [3]}}},
        {"model": {"trunk": {"kind": "dense", "features": [3]}}},
        {"data": "npy"},
        {"data": {"kind": "npy"}},
        {"training": {"learning_rate": "linear"}},
        {"training": {"learning_rate": {"kind": "linear", "start": 1}}},
        {"objective": {"c_regularizer": "none"}},
        {"objective": {"kl_q": 1}},
        {"objective": {"kl_c": "much"}},
    ],
)
def test_it_refuses_what_the_validation_refuses(raw: dict[str, Any]) -> None:
    assert not VALIDATOR.is_valid(raw)
    with pytest.raises(ConfigError):
        from_mapping(raw)


def test_every_key_of_the_root_is_described() -> None:
    definitions = SCHEMA["$defs"]
    assert set(SCHEMA["properties"]) == set(Config.model_fields)
    for name in ("ModelOptions", "DenseTrunk", "TopM", "KlC", "Cosine", "Digits"):
        assert definitions[name]["description"].endswith((".", "…")), name
    assert definitions["KlC"]["description"] == "KL(r ‖ π) over the open channels."
    assert definitions["TrainingOptions"]["properties"]["seeds"]["description"]

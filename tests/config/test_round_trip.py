"""What a run writes down is exactly what ran."""

from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, Phase, given, settings

from rcmvae.config import Config, dump_config, from_mapping, load_config
from rcmvae.config.schema import json_schema
from rcmvae.config.text import parse
from rcmvae.curriculum import Curriculum
from tests.config.strategies import CONFIGS, options

VALIDATOR = jsonschema.Draft202012Validator(json_schema())


# Shrinking so large an example takes minutes and tells little.
@settings(
    max_examples=15,
    deadline=None,
    phases=[Phase.explicit, Phase.reuse, Phase.generate],
    suppress_health_check=[HealthCheck.too_slow],
)
@given(raw=CONFIGS)
def test_every_way_of_writing_a_configuration_gives_it_back(raw: dict[str, Any]) -> None:
    config = Config.model_validate(raw)
    readable, full = parse(dump_config(config), "text"), config.model_dump(mode="json")
    assert from_mapping(readable) == config
    assert from_mapping(full) == config
    assert Config.model_validate(readable) == config
    assert dump_config(from_mapping(readable)) == dump_config(config)
    for written in (readable, full):
        assert VALIDATOR.is_valid(written), next(iter(VALIDATOR.iter_errors(written))).message


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(curriculum=options(Curriculum))
def test_so_does_a_curriculum(curriculum: dict[str, Any]) -> None:
    asked = {"epochs": 10**8}, {"routing": "straight_through", "num_channels": 3}
    watched = {"reconstruction": 1, "logit_mog": 1}
    raw = {"training": asked[0], "model": asked[1], "objective": watched, "curriculum": curriculum}
    config = Config.model_validate(raw)
    readable, full = parse(dump_config(config), "text"), config.model_dump(mode="json")
    assert from_mapping(readable) == from_mapping(full) == config
    for written in (readable, full):
        assert VALIDATOR.is_valid(written), next(iter(VALIDATOR.iter_errors(written))).message


def test_a_file_gives_it_back(tmp_path) -> None:
    config = load_config(
        overrides=["model.prior={kind: mixture, pi: learned}", "training.learning_rate=1e-3"]
    )
    (tmp_path / "config.yaml").write_text(dump_config(config), encoding="utf-8")
    assert load_config(tmp_path / "config.yaml") == config
    assert load_config(str(tmp_path / "config.yaml")) == config


def test_nothing_stands_for_the_defaults(tmp_path) -> None:
    (tmp_path / "empty.yaml").write_text("# nothing yet\n", encoding="utf-8")
    assert load_config(tmp_path / "empty.yaml") == load_config() == Config()


def test_what_is_printed_says_things_once_and_shortly() -> None:
    text = dump_config(load_config(overrides=["objective.kl_z.form=all"]))
    assert "  conditioner: none\n" in text
    assert "  kl_c: 1.0\n" in text
    assert "    hidden: [512, 256]\n" in text
    assert "logit_mog" not in text  # a term that is not there
    assert "  kl_z:\n    weight: 1.0\n    guides: true\n    form: all\n" in text
    assert "  trunk:\n    kind: dense\n" in text  # the kind comes first
    assert "\n\nmodel:\n" in text


@pytest.mark.parametrize(
    ("shorthand", "meaning"),
    [
        ("categorical", {"kl_c"}),
        ("logit_mog", {"logit_mog"}),
        ("both", {"kl_c", "logit_mog"}),
        ("dirichlet", {"dirichlet"}),
    ],
)
def test_a_regularizer_preset_brings_in_its_terms(shorthand: str, meaning: set[str]) -> None:
    terms = from_mapping({"objective": {"c_regularizer": shorthand, "reconstruction": 1}}).objective.terms
    assert terms.keys() == meaning | {"reconstruction"}


def test_a_term_of_a_preset_can_still_be_given() -> None:
    terms = from_mapping({"objective": {"c_regularizer": "both", "kl_c": 0.25}}).objective.terms
    assert terms["kl_c"].weight.model_dump() == 0.25
    assert terms["logit_mog"].weight.model_dump() == 1.0

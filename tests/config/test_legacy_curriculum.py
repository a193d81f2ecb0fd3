"""The section `curriculum` of earlier, flat files: carried over key by key, or refused."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rcmvae.config import Config, from_mapping
from rcmvae.config.legacy import upgrade
from rcmvae.config.legacy_keys import FlatCurriculum, FlatKick, FlatUnlock
from rcmvae.curriculum import Curriculum, Kick, Plateau
from rcmvae.errors import ConfigError

Raw = dict[str, Any]
SOFT = {"use_straight_through_gumbel": False}
CATEGORICAL = {"c_regularizer": "categorical"}


def flat(section: Raw, model: Raw | None = None) -> Raw:
    return {"model": model or {}, "curriculum": {"enabled": True} | section}


def config_of(raw: Raw) -> Config:
    return from_mapping(upgrade(raw).config)


def grown(raw: Raw) -> Curriculum:
    curriculum = config_of(raw).curriculum
    assert curriculum is not None
    return curriculum


# (keys of the section, keys of the model, where they are now, what stands there)
PLACES: list[tuple[Raw, Raw, str, Any]] = [
    ({}, {}, "initial", 1),
    ({"k_active_init": 3}, {}, "initial", 3),
    ({}, {}, "limit", None),
    ({"k_active_max": 4}, {}, "limit", 4),
    ({"k_active_max": None}, {}, "limit", None),
    ({}, {}, "start.kind", "fresh"),
    ({}, {}, "start.soften", 1.0),
    ({}, {}, "index", "next"),
    ({}, {}, "merge_below", None),
    ({}, {}, "finish", {"epochs": 10, "rate": 1.0}),
    ({}, {"max_epochs": 5}, "finish", {"epochs": 3, "rate": 1.0}),
    ({"kick": {"epochs": 7}}, {"max_epochs": 9}, "finish.epochs", 1),
    ({}, {}, "policy", Plateau(monitor="loss").model_dump(mode="json")),
    ({"unlock": {"policy": "plateau"}}, {}, "policy.kind", "plateau"),
    ({"unlock": {"monitor": "reconstruction_loss"}}, {}, "policy.monitor", "reconstruction"),
    ({"unlock": {"monitor": "kl_loss"}}, {}, "policy.monitor", "kl_z"),
    ({"unlock": {"monitor": "kl_c"}}, {}, "policy.monitor", "loss"),
    ({"unlock": {"monitor": "kl_c"}}, CATEGORICAL, "policy.monitor", "kl_c"),
    ({"unlock": {"min_delta": 0.5}}, {}, "policy.min_delta", 0.5),
    ({"unlock": {"patience": 8}}, {}, "policy.patience", 8),
    ({"unlock": {"patience_epochs": 8}}, {}, "policy.patience", 8),
    ({"unlock": {"cooldown": 2}}, {}, "policy.cooldown", 2),
    ({"unlock": {"cooldown_epochs": 2}}, {}, "policy.cooldown", 2),
    ({}, {"num_components": 6}, "stop_after", 6),
    ({"unlock": {"stop_after": None}}, {"num_components": 6}, "stop_after", 6),
    ({"unlock": {"stop_after": 2}}, {}, "stop_after", 2),
    ({"unlock": {"max_failed": 2}}, {}, "stop_after", 2),
    ({}, {}, "trial", 1),
    ({"kick": {"epochs": 0}}, {}, "trial", 1),
    ({"kick": {"epochs": 5}}, {}, "trial", 5),
    ({}, {}, "kick.epochs", 1.0),
    ({"kick": {"epochs": 5}}, {}, "kick.epochs", 5.0),
    ({"kick": {"num_epochs": 5}}, {}, "kick.epochs", 5.0),
    ({"kick": {"temperature": 3}}, {}, "kick.temperature", 3.0),
    ({"kick": {"logit_bias": 2}}, {}, "kick.logit_bias", 2.0),
    ({"kick": {"straight_through": False}}, {}, "kick.straight_through", 0.0),
    ({"kick": {"straight_through": True}}, {}, "kick.straight_through", 1.0),
    ({"kick": {"straight_through": False}}, SOFT, "kick.straight_through", 1.0),
    ({"kick": {"straight_through": False}}, {"use_gumbel_softmax": False}, "kick.straight_through", 1.0),
    ({"kick": {"straight_through": False}}, {"top_m_gating": 2}, "kick.straight_through", 1.0),
    ({"kick": {"logit_mog_scale": 0.25}}, {}, "kick.logit_mog", 0.25),
    ({"kick": {"logit_mog_scale": 0.25}}, CATEGORICAL, "kick.logit_mog", 1.0),
]


def leaves(section: Raw) -> list[str]:
    """The dotted names of what a section gives."""
    inner = [f"{name}.{key}" for name in ("unlock", "kick") for key in section.get(name, {})]
    return [*(section.keys() - {"unlock", "kick"}), *inner]


@pytest.mark.parametrize(
    ("section", "model", "path", "value"), PLACES, ids=[f"{leaves(s)}-{p}" for s, _, p, _ in PLACES]
)
def test_each_key_has_its_place(section: Raw, model: Raw, path: str, value: Any) -> None:
    node: Any = grown(flat(section, model)).model_dump(mode="json")
    for key in path.split("."):
        node = node[key]
    assert node == value
    notes = upgrade(flat(section, model)).notes
    for key in leaves(section):
        assert any(f"curriculum.{key}=" in note.partition("→")[0] for note in notes), key


def test_every_key_is_tried() -> None:
    tried = {key for section, _, _, _ in PLACES for key in leaves(section)} | {"enabled", "unlock", "kick"}
    inner = [f"unlock.{key}" for key in FlatUnlock.model_fields]
    inner += [f"kick.{key}" for key in FlatKick.model_fields]
    assert tried == {*FlatCurriculum.model_fields, *inner}


def one_name_each(keys: type[FlatUnlock] | type[FlatKick], drawn: Raw) -> Raw:
    """Without the second name where both were drawn."""
    return {key: value for key, value in drawn.items() if keys.other_name.get(key) not in drawn}


COUNTS = st.integers(1, 6)
MONITORS = ["auto", "loss", "reconstruction_loss", "kl_loss", "kl_z", "kl_c", "classification_loss"]
UNLOCKS = st.fixed_dictionaries(
    {},
    optional={
        "policy": st.just("plateau"),
        "monitor": st.sampled_from(MONITORS),
        "min_delta": st.floats(0, 10),
        "patience": COUNTS,
        "patience_epochs": COUNTS,
        "cooldown": COUNTS,
        "cooldown_epochs": COUNTS,
        "stop_after": st.none() | COUNTS,
        "max_failed": st.none() | COUNTS,
    },
).map(lambda drawn: one_name_each(FlatUnlock, drawn))
KICKS = st.fixed_dictionaries(
    {},
    optional={
        "epochs": st.integers(0, 20),
        "num_epochs": st.integers(0, 20),
        "temperature": st.floats(0.1, 10),
        "logit_bias": st.floats(-5, 5),
        "straight_through": st.booleans(),
        "logit_mog_scale": st.floats(0, 1),
    },
).map(lambda drawn: one_name_each(FlatKick, drawn))
SECTIONS = st.fixed_dictionaries(
    {},
    optional={
        "enabled": st.booleans(),
        "k_active_init": COUNTS,
        "k_active_max": st.none() | COUNTS,
        "unlock": UNLOCKS,
        "kick": KICKS,
    },
)
MODELS = st.fixed_dictionaries(
    {"num_components": st.integers(2, 6), "max_epochs": st.integers(1, 30)},
    optional={
        "prior_type": st.sampled_from(["standard", "mixture", "vamp"]),
        "c_regularizer": st.sampled_from(["categorical", "logit_mog", "both"]),
        "use_gumbel_softmax": st.booleans(),
        "use_straight_through_gumbel": st.booleans(),
        "top_m_gating": st.integers(0, 2),
        "patience": COUNTS,
    },
)


@given(section=SECTIONS, model=MODELS)
@settings(max_examples=100)
def test_a_section_is_told_whole_and_runs_or_is_refused_in_its_own_words(section: Raw, model: Raw) -> None:
    raw = {"model": model, "curriculum": section}
    try:
        config, notes = upgrade(raw)
    except ConfigError as error:
        lines = str(error).splitlines()
        assert all(line.startswith(("curriculum.k_active_", "model.max_epochs")) for line in lines), lines
        return
    read = from_mapping(config)  # it is valid
    grows = section.get("enabled", False) and model.get("prior_type") != "standard"
    assert (read.curriculum is not None) is grows
    assert (read.training.early_stopping is None) is grows
    sources = " ".join(note.partition("→")[0] for note in notes)
    for key in leaves(section) if grows else section:
        assert f"curriculum.{key}=" in sources, key


def test_early_stopping_does_not_come_along_and_this_is_told() -> None:
    assert config_of(flat({})).training.early_stopping is None
    because = "→ training.early_stopping=null (growth ends by itself, so early stopping does not come along)"
    assert f"curriculum.enabled=true {because}" in upgrade(flat({})).notes
    given = {"patience": 9, "monitor_metric": "kl_z"}
    told = f"curriculum.enabled=true, patience=9, monitor_metric=kl_z {because}"
    assert told in upgrade(flat({}, given)).notes


def test_notes_tell_each_key_and_each_changed_default() -> None:
    section = {"k_active_max": 5, "unlock": {"patience_epochs": 4, "monitor": "kl_c"}, "kick": {}}
    notes = upgrade(flat(section)).notes
    assert "curriculum.k_active_max=5 → curriculum.limit=5" in notes
    assert "curriculum.unlock.patience_epochs=4 → curriculum.policy.patience=4" in notes
    reason = "(this file weighs no term that is `kl_c`)"
    assert f"curriculum.unlock.monitor=kl_c → curriculum.policy.monitor=loss {reason}" in notes
    assert "curriculum.kick={} → nothing: no other key of this file calls for it." in notes
    left_out = "left out, by its earlier default → curriculum"
    assert any(note.startswith(f"curriculum.unlock.policy {left_out}.policy.kind=plateau") for note in notes)
    assert any(note.startswith(f"curriculum.unlock.stop_after {left_out}.stop_after=10") for note in notes)
    assert not any("curriculum.initial" in note for note in notes)  # left out, and the same now
    assert not any("→ curriculum.kick" in note for note in notes)


def test_what_a_kick_of_no_epochs_was_to_change_is_dropped() -> None:
    section = {"kick": {"epochs": 0, "temperature": 3, "logit_bias": 2}}
    assert grown(flat(section)).kick == Kick(epochs=0)
    notes = upgrade(flat(section)).notes
    assert "curriculum.kick.temperature=3 → nothing: the kick lasted no epoch." in notes


@pytest.mark.parametrize(
    ("raw", "because"),
    [
        ({"curriculum": {"enabled": False, "unlock": {"any": 1}}}, "all channels are open from the start."),
        (
            flat({"unlock": {"any": 1}}, {"prior_type": "standard"}),
            "the earlier `standard` prior had no chan",
        ),
    ],
)
def test_what_never_grew_is_dropped_whatever_was_to_come(raw: Raw, because: str) -> None:
    config, notes = upgrade(raw)
    assert "curriculum" not in config
    assert any("curriculum.unlock={any: 1} → nothing: " + because in note for note in notes)
    assert from_mapping(config).training.early_stopping is not None


UNLOCK_KEYS = ", ".join(FlatUnlock.model_fields)
KICK_KEYS = ", ".join(FlatKick.model_fields)
REFUSED: list[tuple[Raw, str]] = [
    (
        flat({"unlock": {"patiance": 3}}),
        f"curriculum.unlock.patiance is not known. curriculum.unlock has the keys {UNLOCK_KEYS}. Did you mean "
        "'patience'?",
    ),
    (
        flat({"kick": {"num_epoch": 3}}),
        f"curriculum.kick.num_epoch is not known. curriculum.kick has the keys {KICK_KEYS}. Did you mean 'num_epochs'?",
    ),
    (
        flat({"unlock": {"patience": 3, "patience_epochs": 3}}),
        "curriculum.unlock.patience and patience_epochs are two names of one thing: give one of them.",
    ),
    (
        flat({"kick": {"epochs": 3, "num_epochs": 3}}),
        "curriculum.kick.epochs and num_epochs are two names of one thing: give one of them.",
    ),
    (
        flat({"unlock": {"policy": "normality"}}),
        "curriculum.unlock.policy is `normality`, but it must be `plateau`.",
    ),
    (
        flat({"unlock": {"monitor": "los"}}),
        "curriculum.unlock.monitor is `los`, but it must be one of auto, loss",
    ),
    (
        flat({"unlock": {"patience": 0}}),
        "curriculum.unlock.patience is `0`, but it must be a whole number above 0.",
    ),
    (
        flat({"kick": {"straight_through": 1}}),
        "curriculum.kick.straight_through is `1`, but it must be true or false.",
    ),
    (
        flat({"kick": {"logit_mog_scale": 2}}),
        "curriculum.kick.logit_mog_scale is `2`, but it must be a number of at least 0 and at most 1.",
    ),
    (flat({"unlock": 3}), "curriculum.unlock: it must be a mapping, but it is `3`."),
    (flat({"kick": None}), "curriculum.kick: it must be a mapping, but it is `null`."),
    (
        flat({"k_active_init": 12}),
        "curriculum.k_active_init is 12, but model.num_components allows only 10 channels.",
    ),
    (
        flat({"k_active_max": 12}),
        "curriculum.k_active_max is 12, but model.num_components allows only 10 channels.",
    ),
    (
        flat({"k_active_init": 3, "k_active_max": 2}),
        "curriculum.k_active_max is 2, but curriculum.k_active_init already opens 3 channels.",
    ),
    (
        flat({"kick": {"epochs": 4}}, {"max_epochs": 5}),
        "model.max_epochs is 5, but a new channel takes 4 (curriculum.kick.epochs, or 1), and an epoch goes before "
        "and one after it: make it at least 6.",
    ),
]


@pytest.mark.parametrize(("raw", "sentence"), REFUSED)
def test_what_cannot_be_carried_over_is_refused(raw: Raw, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        upgrade(raw)
    assert str(caught.value).startswith(sentence)


def test_all_that_is_wrong_is_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        upgrade(flat({"k_active_init": 12, "unlock": {"x": 1}, "kick": {"y": 1}}, {"use_contrastive": True}))
    starts = ["model.use_contrastive", "curriculum.k_active_init", "curriculum.unlock.x", "curriculum.kick.y"]
    assert [line.split(" ")[0] for line in str(caught.value).splitlines()] == starts

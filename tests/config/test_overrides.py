"""`a.b.c=value` on the command line."""

import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import pytest

from rcmvae.config import Config, from_mapping, load_config
from rcmvae.errors import ConfigError
from rcmvae.nn import DenseTrunk
from rcmvae.routing import GumbelSoftmax
from rcmvae.schedules import Constant, Linear


def value_at(config: Config, path: str) -> Any:
    node: Any = config.model_dump(mode="json")
    for key in path.split("."):
        node = node[key]
    return node


@pytest.mark.parametrize(
    ("override", "path", "value"),
    [
        ("model.num_channels=20", "model.num_channels", 20),
        ("training.weight_decay=1e-3", "training.weight_decay", 1e-3),
        ("training.clip_norm = 1", "training.clip_norm", 1.0),
        ("training.clip_norm=null", "training.clip_norm", None),
        ("run.name='1e-3'", "run.name", "1e-3"),
        ("run.directory=some where/else", "run.directory", "some where/else"),
        ("model.trunk.hidden=[64, 32]", "model.trunk", {"hidden": [64, 32], "norm": "layer", "kind": "dense"}),
        ("model.decoder.output=gaussian", "model.decoder.output", {"kind": "gaussian", "sigma": 0.1}),
        ("model.routing=gumbel_softmax", "model.routing.kind", "gumbel_softmax"),
        ("model.routing={kind: top_m, m: 3}", "model.routing.m", 3),
        ("training.learning_rate.then.end=1e-4", "training.learning_rate.then.end", 1e-4),
        ("training.early_stopping.patience=3", "training.early_stopping.monitor", "bound"),
        ("objective.kl_c.weight=2", "objective.kl_c", {"weight": 2.0}),
        ("objective.kl_c=2", "objective.kl_c", {"weight": 2.0}),
        ("objective.kl_c=null", "objective.kl_c", None),
        ("objective.logit_mog.sigma=2", "objective.logit_mog", {"weight": 1.0, "mean": 7.0, "sigma": 2.0}),
        ("objective.consistency.views=[jitter]", "objective.consistency.views",
         [{"scale": 0.1, "drop": 0.1, "kind": "jitter"}]),
    ],
)  # fmt: skip
def test_one_value_changes_and_the_rest_stays(override: str, path: str, value: Any) -> None:
    changed = load_config(overrides=[override])
    assert value_at(changed, path) == value
    section = path.partition(".")[0]
    assert changed.model_copy(update={section: getattr(Config(), section)}) == Config()


@pytest.mark.parametrize(
    ("raw", "override", "path", "value"),
    [
        ({"data": "mnist"}, "data.path=a/b", "data.path", "a/b"),
        ({"data": "mnist"}, "data.num_samples=1000", "data.kind", "mnist"),
        ({"objective": {"kl_c": 1.0}}, "objective.kl_c.weight=2", "objective.kl_c.weight", 2.0),
        ({"objective": {"kl_z": 1.0}}, "objective.kl_z.form=all", "objective.kl_z.weight", 1.0),
        ({"objective": {"kl_z": 1.0}}, "objective.kl_c=3", "objective.reconstruction", None),
        ({"model": {"trunk": "conv"}}, "model.trunk.out=64", "model.trunk.features", [32, 64, 128]),
        (
            {"training": {"learning_rate": 0.1}},
            "training.learning_rate.value=0.2",
            "training.learning_rate",
            0.2,
        ),
        ({"training": None}, "model.num_channels=3", "model.num_channels", 3),
    ],
)
def test_shorthands_are_spelled_out_before_they_are_changed(
    raw: dict[str, Any], override: str, path: str, value: Any
) -> None:
    if raw.get("training", raw) is None:
        with pytest.raises(ConfigError, match="training is `null`"):
            from_mapping(raw, [override])
        return
    assert value_at(from_mapping(raw, [override]), path) == value


def test_a_lone_comma_needs_no_quotes() -> None:
    """Which a shell would take away."""
    for text in (",", " ,", '","'):
        config = load_config(overrides=["data.kind=csv", "data.path=a.csv", f"data.decimal={text}"])
        assert value_at(config, "data.decimal") == ","
    bare = load_config(overrides=["data.kind=csv", "data.path=a.csv", "data.delimiter=,"])
    assert value_at(bare, "data.delimiter") == ","


@pytest.mark.parametrize(
    ("key", "given", "meant"),
    [("without", "id", ["id"]), ("features", "height, wing span", ["height", "wing span"])],
)
def test_names_without_brackets_are_told_with_them(key: str, given: str, meant: list[str]) -> None:
    table = ["data.kind=csv", "data.path=a.csv"]
    with pytest.raises(
        ConfigError, match=f"data.{key} is .*, but it must be a list, each entry text"
    ) as caught:
        load_config(overrides=[*table, f"data.{key}={given}"])
    said, _, proposed = str(caught.value).partition(" Write ")
    assert said.endswith("." if key == "without" else "or null.")
    [override] = shlex.split(proposed.removesuffix("."))
    assert override == f"data.{key}=[{', '.join(meant)}]"
    assert value_at(load_config(overrides=[*table, override]), f"data.{key}") == meant


def test_another_kind_starts_afresh_whatever_the_order() -> None:
    for overrides in (
        ["model.trunk.kind=conv", "model.trunk.out=64"],
        ["model.trunk.out=64", "model.trunk.kind=conv"],
        ["model.trunk.out=64", "model.trunk=conv"],
    ):
        trunk = value_at(load_config(overrides=overrides), "model.trunk")
        assert trunk == {"kind": "conv", "features": [32, 64, 128], "out": 64, "norm": "layer"}
    assert load_config(overrides=["model.trunk.kind=dense"]) == Config()


def test_the_last_of_two_equal_paths_wins() -> None:
    assert load_config(overrides=["training.seed=1", "training.seed=2"]).training.seed == 2


def test_a_constant_becomes_a_schedule() -> None:
    kind = ["kind=linear", "start=2", "end=0.5", "epochs=10"]
    settings = [f"model.routing.temperature.{setting}" for setting in kind]
    routing = load_config(overrides=["model.routing=gumbel_softmax", *settings]).model.routing
    assert routing == GumbelSoftmax(temperature=Linear(start=2, end=0.5, epochs=10))
    plain = load_config(overrides=["model.routing=gumbel_softmax"]).model.routing
    assert plain == GumbelSoftmax(temperature=Constant(value=1.0))


def test_a_preset_chooses_the_regularizers_of_the_channel() -> None:
    terms = load_config(
        overrides=["objective.c_regularizer=logit_mog", "objective.logit_mog.mean=5"]
    ).objective.terms
    assert {"kl_c", "logit_mog", "dirichlet"} & terms.keys() == {"logit_mog"}
    assert terms.keys() >= {"reconstruction", "consistency"}
    assert terms["logit_mog"].model_dump()["mean"] == 5
    kept = from_mapping({"objective": {"kl_c": 0.25}}, ["objective.c_regularizer=both"]).objective.terms
    assert kept["kl_c"].model_dump() == {"weight": 0.25}


@pytest.mark.parametrize(
    ("override", "sentence"),
    [
        ("model.num_channels", "`model.num_channels` is not an override: write the path of a key, `=` and its value, "
                               "such as model.num_channels=20."),
        ("=3", "`=3` is not an override"),
        ("model..x=3", "`model..x=3` is not an override"),
        ("model.num_chanels=3", "model.num_chanels is not known."),
        ("modle.num_channels=3", "modle is not known. The configuration has the keys data, model, objective, training, "
                                 "curriculum, run, tracking. Did you mean 'model'?"),
        ("num_channels=3", "num_channels is not known."),
        ("model.num_channels=[", "The value in `model.num_channels=[`, line 1, column 2: the text ends within a list"),
        ("run.name=", "`run.name=` has no value: write run.name=null if none is meant."),
        ("epochs=3", "epochs is not known. The configuration has the keys data, model, objective, training, "
                     "curriculum, run, tracking. Did you mean 'training.epochs'?"),
        ("model.num_channels=ten", "model.num_channels is `ten`, but it must be a whole number above 0."),
        ("training.epochs.x=3", "training.epochs.x has nothing to change: training.epochs is `20`, which has no keys."),
        ("objective.consistency.views.0.rotate=3", "objective.consistency.views.0.rotate points into a list: give all "
                                                   "of objective.consistency.views at once, as in "
                                                   "objective.consistency.views=[…]."),
        ("model.routing.m=3", "model.routing.m is not known. model.routing of kind `expectation` has the keys kind. "
                              "It belongs to the kind top_m."),
        ("objective.confidence={kind: linear}", "objective.confidence.kind is not known. objective.confidence has the "
                                                "keys weight. Did you mean 'objective.confidence.weight.kind'?"),
        ("objective.c_regularizer=bth", "objective: `c_regularizer` is one of categorical, logit_mog, both, dirichlet"),
        ("model.trunk=3", "model.trunk is `3`, but it must be one of conv, dense, patches."),
        ("model.trunk.kind=cnv", "model.trunk is `cnv`, but it must be one of conv, dense, patches. Did you mean 'co"),
    ],
)  # fmt: skip
def test_mistakes_are_told(override: str, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(overrides=[override])
    assert str(caught.value).startswith(sentence)


def test_a_kind_has_to_be_known_before_its_options() -> None:
    with pytest.raises(
        ConfigError, match=r"model.prior.pi needs to know what model.prior is: give model.prior.kind too"
    ):
        from_mapping({"model": {"prior": {"pi": "learned"}}}, ["model.prior.pi=uniform"])
    named = from_mapping({"model": {"prior": {"pi": "learned"}}}, ["model.prior.kind=mixture"])
    assert named == load_config(overrides=["model.prior={kind: mixture, pi: learned}"])


def test_all_mistakes_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(overrides=["a", "modle.x=1", "model.latent_dim=2", "model.y=1"])
    assert len(str(caught.value).splitlines()) == 3


def test_values_are_told_beside_keys_that_are_not_known() -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(
            overrides=["model.num_chanels=3", "training.epochs=x", "data.nothing.x=2", "training.seeds=0"]
        )
    told = [sentence.partition(" ")[0] for sentence in str(caught.value).splitlines()]
    assert told == ["model.num_chanels", "data.nothing", "training.epochs", "training.seeds"]


@pytest.mark.parametrize(
    ("path", "value", "text"),
    [
        ("model.num_channels", 4, "4"),
        ("model.trunk", {"kind": "dense", "hidden": [8]}, "{kind: dense, hidden: [8]}"),
        ("model.trunk", DenseTrunk(hidden=(8,)), "{kind: dense, hidden: [8]}"),
        ("objective.consistency.views", ("jitter",), "[jitter]"),
        ("training.learning_rate", Constant(value=0.5), "0.5"),
        ("run.directory", Path("a/b"), "a/b"),
        ("run.name", "1e3", "'1e3'"),
        ("run.name", None, "null"),
    ],
)
def test_overrides_may_be_a_mapping(path: str, value: Any, text: str) -> None:
    assert load_config(overrides={path: value}) == load_config(overrides=[f"{path}={text}"])


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        ("model.num_channels=20", "overrides is 'model.num_channels=20', but it must be a list such as"),
        ({"model.num_chanels": 4}, "model.num_chanels is not known."),
        ({"": 4}, "'' is not the path of a key, such as 'model.num_channels'."),
        ({"model": {"num_channels": object()}}, "model.num_channels is `<object object at"),
    ],
)
def test_mistakes_in_python_are_told(overrides: Any, sentence: str) -> None:
    with pytest.raises(ConfigError) as caught:
        load_config(overrides=overrides)
    assert str(caught.value).startswith(sentence)


def test_values_of_other_types_are_told_in_python() -> None:
    # Not checked at run time, as where the package is used.
    code = (
        "from rcmvae import ConfigError, load_config\n"
        "for args in [(None, 3), (None, [3]), (None, {3: 4}), ({'model.num_channels': 4},), (3,)]:\n"
        "    try:\n"
        "        load_config(*args)\n"
        "    except ConfigError as error:\n"
        "        print(error)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert [line.partition(",")[0] for line in done.stdout.splitlines()] == [
        "overrides is 3",
        "`3` is not an override: write the path of a key",
        "3 is not the path of a key",
        "A configuration is loaded from the path of a file",
        "A configuration is loaded from the path of a file",
    ]


def test_a_default_that_follows_another_value_follows_its_override() -> None:
    config = load_config(None, ["training.epochs=7"])
    assert config == load_config(None, ["training={epochs: 7}"])
    assert config.training.learning_rate.levels(7) == (0.0, 1.5e-3, 1.5e-4)
    assert float(config.training.learning_rate(jnp.asarray(7.0))) == pytest.approx(1.5e-4)

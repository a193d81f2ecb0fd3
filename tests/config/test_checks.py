"""What does not fit together is refused before any compute, in one sentence each."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rcmvae.config import Config, from_mapping, load_config
from rcmvae.data import ArraysSource, dataset_from_arrays
from rcmvae.errors import ConfigError
from rcmvae.schedules import Constant, Cosine, Exponential, Linear, Piecewise, Schedule, Warmup

CONFIGS = Path(__file__).parents[2] / "configs"
VAMP = {"prior": "vamp", "layout": "shared"}
GEOMETRIC = {"prior": "geometric", "layout": "shared"}
LEARNED = {"kind": "mixture", "pi": "learned"}
HEADED = {"classifier": {}}
LATE = {"kind": "piecewise", "at": [10, 20], "values": [0, 0.5, 1]}
LATE_ON = {"kind": "piecewise", "at": [15], "values": [0, 1]}

# (configuration, parts of the sentence that refuses it)
REFUSED: list[tuple[dict[str, Any], tuple[str, ...]]] = [
    ({"objective": {}}, ("objective has no term", "`reconstruction: 1`")),
    ({"objective": {"reconstruction": 0, "kl_z": 0}}, ("objective gives every term the weight 0",)),
    ({"model": {"num_channels": 0}}, ("model.num_channels is `0`", "above 0")),
    (
        {"model": {"num_channels": 3, "routing": {"kind": "top_m", "m": 3}}},
        ("model.routing.m is 3", "num_channels (3)"),
    ),
    (
        {"model": {"prior": "vamp"}},
        ("model.prior is `vamp`", "`decentralized`", "set model.layout to `shared`"),
    ),
    (
        {
            "model": {
                "embedding_dim": 0,
                "decoder": {"backbone": "dense", "conditioner": "cin", "output": "bernoulli"},
            }
        },
        ("model.decoder.conditioner: `cin` reads a channel embedding", "embedding_dim is 0", "`none`"),
    ),
    (
        {
            "model": {
                "layout": "shared",
                "decoder": {"backbone": "dense", "conditioner": "none", "output": "bernoulli"},
            },
        },
        ("model.layout is `shared`", "every channel would be the same"),
    ),
    (
        {"model": GEOMETRIC, "objective": {"reconstruction": 1, "kl_z": {"form": "all"}}},
        ("objective.kl_z.form is `all`", "`geometric`", "use `responsible`"),
    ),
    (
        {"objective": {"reconstruction": 1, "classifier": 1}},
        ("objective.classifier and model.classifier belong together",),
    ),
    ({"model": HEADED}, ("objective.classifier and model.classifier belong together",)),
    (
        {"data": {"kind": "digits", "num_labeled": 0}, "model": HEADED, "objective": {"classifier": 1}},
        ("objective.classifier learns from labels", "data.num_labeled is 0"),
    ),
    (
        {"data": {"kind": "digits", "num_labeled": 0}, "objective": {"reconstruction": 1, "tau": 1}},
        ("objective.tau learns from labels", "data.num_labeled is 0"),
    ),
    (
        {"training": {"labeled_share": 0.25}},
        ("training.labeled_share is 0.25, but no term learns from labels",),
    ),
    (
        {"objective": {"kl_c": 1, "dirichlet_pi": 1}},
        ("objective.dirichlet_pi acts on a learned π", "pi: learned"),
    ),
    (
        {"model": {"prior": LEARNED}, "objective": {"kl_z": 1}},
        ("model.prior.pi is `learned`", "objective.kl_c"),
    ),
    (
        {"training": {"early_stopping": {"monitor": "reconstructon"}}},
        (
            "training.early_stopping.monitor is `reconstructon`",
            "bound, confidence, consistency",
            "'reconstruction'?",
        ),
    ),
    (
        {"training": {"early_stopping": {"monitor": "logit_mog"}}},
        ("training.early_stopping.monitor is `logit_mog`, which this run does not compute",),
    ),
    (
        {"training": {"early_stopping": {"monitor": "usage_entropy"}}},
        ("monitor is `usage_entropy`", "weight of objective.usage_entropy is negative", "Monitor `bound`"),
    ),
    (
        {
            "data": {"kind": "digits", "num_labeled": 100},
            "model": HEADED,
            "objective": {"classifier": 1},
            "training": {"early_stopping": {"monitor": "classifier"}},
        },
        ("monitor is `classifier`", "data.num_labeled (100)", "no validation sample"),
    ),
    (
        {"curriculum": {"policy": {"kind": "plateau", "monitor": "bund"}}},
        ("curriculum.policy monitors `bund`", "does not compute", "Did you mean 'bound'?"),
    ),
    (
        {
            "curriculum": {"policy": {"kind": "birth", "when": {"kind": "plateau", "monitor": "confidence"}}},
            "objective": {"reconstruction": 1, "confidence": -1},
        },
        ("curriculum.policy monitors `confidence`", "weight of objective.confidence is negative"),
    ),
    (
        {
            "data": {"kind": "digits", "num_labeled": 100},
            "model": HEADED,
            "objective": {"classifier": 1},
            "curriculum": {"policy": {"kind": "plateau", "monitor": "classifier"}},
        },
        ("curriculum.policy monitors `classifier`", "data.num_labeled (100)", "no validation sample"),
    ),
    (
        {"objective": {"kl_c": 1, "reconstruction": {"weight": LATE}}, "training": {"epochs": 10}},
        (
            "objective.reconstruction.weight is 0 for the first 10 epochs",
            "training.epochs is 10",
            "Give training.epochs=11 or more",
            "from the start: objective.reconstruction.weight=0.5.",
        ),
    ),
    (
        {
            "objective": {"kl_z": {"weight": LATE}, "reconstruction": {"weight": LATE}},
            "training": {"epochs": 3},
        },
        (
            "objective.reconstruction.weight and objective.kl_z.weight are 0",
            "objective.reconstruction.weight=0.5 objective.kl_z.weight=0.5.",
        ),
    ),
    (
        {
            "objective": {
                "kl_c": 1,
                "reconstruction": {
                    "weight": {"kind": "linear", "start": 0, "end": 1, "epochs": 9, "begin": 6.5}
                },
            },
            "training": {"epochs": 6},
        },
        ("objective.reconstruction.weight is 0 for the first 6.5 epochs", "Give training.epochs=7 or more"),
    ),
    (
        {
            "objective": {"kl_c": 1, "reconstruction": {"weight": LATE}},
            "training": {"epochs": 100},
            "curriculum": {"start": "jitter", "stop_after": 2, "trial": 2, "finish": {"epochs": 3}},
        },
        (
            "objective.reconstruction.weight is 0 for the first 10 epochs",
            "training may be over after 10",
            "from the start: objective.reconstruction.weight=0.5.",
        ),
    ),
    ({"training": {"learning_rate": 0}}, ("training.learning_rate never rises above 0", "20 epochs")),
    (
        {"training": {"learning_rate": {"kind": "piecewise", "at": [20], "values": [0, 1]}}},
        ("training.learning_rate never rises above 0",),
    ),
    (
        {"training": {"learning_rate": {"kind": "linear", "start": 1, "end": -1, "epochs": 9}}},
        ("training.learning_rate falls to -1",),
    ),
    ({"training": {"learning_rate": float("nan")}}, ("training.learning_rate.value is `.nan`",)),
    ({"objective": {"kl_c": float("nan")}}, ("objective.kl_c.weight.value is `.nan`",)),
    (
        {"model": {"routing": {"kind": "gumbel_softmax", "temperature": 0}}},
        ("model.routing", "temperature must stay above 0"),
    ),
    (
        {
            "model": {
                "routing": {
                    "kind": "gumbel_softmax",
                    "temperature": {"kind": "warmup", "epochs": 2, "then": 1},
                }
            }
        },
        ("model.routing", "temperature must stay above 0"),
    ),
    (
        {"model": {"routing": {"kind": "straight_through", "straight_through": 1.5}}},
        ("model.routing.straight_through reaches 1.5", "from 0 to 1"),
    ),
    (
        {"objective": {"reconstruction": 1, "l1": -1}},
        ("objective.l1.weight reaches -1", "at 0 or above", "sense for confidence, usage_entropy."),
    ),
    (
        {
            "objective": {
                "reconstruction": {"weight": {"kind": "linear", "start": 1, "end": -0.5, "epochs": 9}}
            }
        },
        ("objective.reconstruction.weight reaches -0.5",),
    ),
    (
        {"model": {"num_channels": 5}, "curriculum": {"initial": 6}},
        ("curriculum.initial is 6, but model.num_channels allows only 5",),
    ),
    (
        {"model": {"num_channels": 5}, "curriculum": {"limit": 6}},
        ("curriculum.limit is 6, but model.num_channels allows only 5",),
    ),
    (
        {"training": {"epochs": 12}, "curriculum": {"trial": 2}},
        ("training.epochs is 12", "an epoch, a trial of 2 and a finish of 10 epochs", "take 13"),
    ),
    (
        {"training": {"early_stopping": {"monitor": "bound"}}, "curriculum": {}},
        ("training.early_stopping and curriculum would both decide",),
    ),
    (
        {"curriculum": {"kick": {"logit_mog": 0.5}}},
        ("curriculum.kick.logit_mog relaxes a term that objective does not have",),
    ),
    (
        {"model": {"routing": "gumbel_softmax"}, "curriculum": {"kick": {"straight_through": 0.5}}},
        (
            "curriculum.kick.straight_through has no hard choice to soften under this `gumbel_softmax` routing",
        ),
    ),
    (
        {"curriculum": {"kick": {"epochs": 0, "temperature": 2}}},
        ("curriculum.kick", "temperature would change nothing, because epochs is 0", "leave it out"),
    ),
    (
        {"curriculum": {"kick": {"epochs": 0, "temperature": 2, "logit_bias": 1}}},
        ("temperature and logit_bias would change nothing", "leave them out"),
    ),
    (
        {"training": {"epochs": 20}, "curriculum": {"policy": {"kind": "scheduled", "at": [3, 9, 10, 15]}}},
        (
            "curriculum.policy.at lists 10 and 15, but a channel can open after epoch 9 at the latest",
            "is 20,",
        ),
    ),
    (
        {
            "training": {"epochs": 20},
            "curriculum": {
                "trial": 2,
                "policy": {"kind": "birth", "when": {"kind": "scheduled", "every": 9}},
            },
        },
        (
            "curriculum.policy.when.every is 9, but a channel can open after epoch 8",
            "a trial of 2 and a finish",
        ),
    ),
    ({"objective": {"consistency": {"views": []}}}, ("objective.consistency.views is `[]`", "at least 1")),
    (
        {"data": {"kind": "digits", "num_samples": 300, "num_labeled": 400}},
        ("data.num_labeled is 400", "data.num_samples is 300"),
    ),
    (
        {"data": {"kind": "digits", "num_samples": 100}},
        ("training.batch_size is 256", "data.num_samples is 100"),
    ),
    ({"data": {"kind": "digits", "validation": 0}}, ("data.validation is 0",)),
    ({"data": {"kind": "digits", "validation": 1.5}}, ("data.validation: 1.5 is neither",)),
    ({"model": {"log_var_bounds": [4, -8]}}, ("model.log_var_bounds must be [low, high]",)),
]


@pytest.mark.parametrize(("raw", "parts"), REFUSED, ids=[parts[0][:50] for _, parts in REFUSED])
def test_what_does_not_fit_is_refused(raw: dict[str, Any], parts: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError) as caught:
        from_mapping(raw)
    [sentence] = str(caught.value).splitlines()
    for part in parts:
        assert part in sentence
    assert sentence[-1] in ".?"


def test_several_things_that_do_not_fit_are_told_at_once() -> None:
    with pytest.raises(ConfigError) as caught:
        from_mapping(
            {"objective": {}, "training": {"learning_rate": 0}, "data": {"kind": "digits", "validation": 0}}
        )
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize("name", ["digits", "mnist"])
def test_what_is_proposed_for_a_quick_look_works(name: str) -> None:
    recipe, few = CONFIGS / f"{name}.yaml", "training.epochs=3"
    with pytest.raises(
        ConfigError, match=r"^objective\.reconstruction\.weight, .* and .* are 0 for"
    ) as caught:
        load_config(recipe, [few])
    _, _, proposed = str(caught.value).removesuffix(".").partition("from the start: ")
    config = load_config(recipe, [few, *proposed.split()])
    assert all(term.weight.begins() == 0 for term in config.objective.terms.values())
    with pytest.raises(ConfigError, match="training may be over after 19"):
        load_config(recipe, ["curriculum={}", "training.epochs=30", "objective.kl_c.weight.at=[20]"])


@pytest.mark.parametrize(
    "raw",
    [
        {"model": VAMP},
        {"model": GEOMETRIC},
        {"model": {"num_channels": 1}},
        {"model": {"prior": LEARNED}},
        {"model": HEADED, "objective": {"classifier": 1}},
        {"training": {"early_stopping": {"monitor": "reconstruction"}}},
        {"training": {"learning_rate": {"kind": "warmup", "epochs": 1, "then": 1e-3}}},
        {"model": {"routing": {"kind": "straight_through", "decode": "one"}}},
        {"objective": {"reconstruction": 1, "usage_entropy": -1, "confidence": -1}},
        {"objective": {"kl_c": {"weight": {"kind": "piecewise", "at": [20], "values": [1, -1]}}}},
        {"objective": {"reconstruction": 0, "kl_c": 1}},
        {"objective": {"kl_c": {"weight": LATE}}, "training": {"epochs": 11}},
        {
            "objective": {"kl_c": {"weight": LATE}},
            "training": {"epochs": 100},
            "curriculum": {"stop_after": 3, "trial": 2, "finish": {"epochs": 5}},
        },
        *(
            {
                "objective": {"reconstruction": {"weight": LATE_ON}},
                "training": {"epochs": 200},
                "curriculum": {"policy": policy},
            }
            for policy in (
                {"kind": "scheduled", "every": 10},
                {"kind": "birth", "when": {"kind": "scheduled", "at": [40, 80, 189]}},
                {"kind": "scheduled", "every": 189},
                {"kind": "plateau", "patience": 20},
                {"kind": "normality", "cooldown": 30, "max_wait": None},
            )
        ),
    ],
)
def test_what_fits_is_taken(raw: dict[str, Any]) -> None:
    assert isinstance(from_mapping(raw), Config)


@pytest.mark.parametrize(
    ("schedule", "epochs", "expected"),
    [
        (Constant(value=2), 1, (2,)),
        (Linear(start=0, end=1, epochs=5), 1, (0, 1)),
        (Cosine(start=1, end=0, epochs=5, begin=3), 3, (1,)),
        (Exponential(start=1, end=0.1, epochs=5), 1, (1, 0.1)),
        (Piecewise(at=(1, 4), values=(0, 1, 2)), 4, (0, 1)),
        (Warmup(epochs=1, then=Linear(start=2, end=3, epochs=1)), 1, (0, 2, 3)),
    ],
)
def test_levels_are_what_a_schedule_comes_near(
    schedule: Schedule, epochs: float, expected: tuple[float, ...]
) -> None:
    assert schedule.levels(epochs) == expected
    reached = np.asarray(jax.vmap(schedule)(jnp.linspace(0, epochs, 50, endpoint=False)))
    assert min(expected) <= reached.min() + 1e-6
    assert reached.max() <= max(expected) + 1e-6


def images(n: int, label: bool = True) -> Any:
    x = np.random.default_rng(0).integers(0, 256, (n, 8, 8), dtype=np.uint8)
    return dataset_from_arrays(x, np.arange(n) % 3 if label else None, options=ArraysSource(test=0))


def vectors(n: int) -> Any:
    x = np.random.default_rng(0).normal(size=(n, 5)).astype(np.float32)
    return dataset_from_arrays(x, np.arange(n) % 3, options=ArraysSource(test=0, scaling="none"))


JITTERED = "objective.consistency.views=[jitter]"
NEIGHBOURS = "objective.consistency.views=[jitter,{kind: neighbours, number: 27}]"
REAL = ["model.decoder.output=gaussian", "training.batch_size=16", JITTERED]


@pytest.mark.parametrize(
    ("dataset", "overrides", "part"),
    [
        (images(100), [], "training.batch_size is 256, but there are only 90 training samples"),
        (vectors(100), ["training.batch_size=16", JITTERED], "model.decoder.output is `bernoulli`"),
        (
            vectors(100),
            ["model.decoder.output=gaussian", "training.batch_size=16"],
            "objective.consistency.views[0]: `warp` needs images",
        ),
        (
            vectors(30),
            ["model.decoder.output=gaussian", NEIGHBOURS, "training.batch_size=16"],
            "objective.consistency.views[1] asks for 27 neighbours, but each of the 27 training samples has 26 others",
        ),
        (vectors(100), [*REAL, "model.trunk=conv"], "model.trunk: `conv` reads images"),
        (vectors(100), [*REAL, "model.decoder.backbone=conv"], "model.decoder.backbone: `conv` draws images"),
        (
            images(100, label=False),
            ["training.batch_size=16", "model.classifier={}", "objective.classifier=1"],
            "objective.classifier learns from labels, but no training sample has one",
        ),
    ],
)
def test_what_the_data_cannot_serve_is_refused(dataset: Any, overrides: list[str], part: str) -> None:
    config = load_config(overrides=overrides)
    with pytest.raises(ConfigError) as caught:
        config.check_against(dataset)
    assert part in str(caught.value)


def test_everything_that_the_data_cannot_serve_is_told_at_once() -> None:
    config = load_config(
        overrides=[
            "model.trunk=conv",
            "model.decoder.conditioner=film",
            "model.decoder.backbone=conv",
            "objective.consistency.views=[jitter,warp]",
        ]
    )
    with pytest.raises(ConfigError) as caught:
        config.check_against(vectors(100))
    keys = [
        "model.trunk:",
        "model.decoder.backbone:",
        "objective.consistency.views[1]:",
        "model.decoder.output",
        "training.batch_size",
    ]
    sentences = str(caught.value).splitlines()
    assert [sentence.split()[0] for sentence in sentences] == keys


def test_the_conditioner_is_refused_under_its_full_key() -> None:
    small = dataset_from_arrays(np.zeros((40, 4, 4), np.uint8), options=ArraysSource(test=0))
    config = load_config(
        overrides=["model.decoder.backbone=conv", "model.decoder.conditioner=cin", "training.batch_size=16"]
    )
    with pytest.raises(ConfigError, match=r"^model\.decoder\.conditioner: `cin` normalises"):
        config.check_against(small)


def test_what_the_data_can_serve_is_taken() -> None:
    load_config(overrides=["training.batch_size=16"]).check_against(images(100))
    load_config(overrides=REAL).check_against(vectors(100))

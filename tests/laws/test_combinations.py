"""Conditioner × backbone × output × sample shape × layout × routing × trunk × prior: every legal combination trains."""

import itertools
from typing import Any
from unittest import mock

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from rcmvae.model import Model, ModelOptions, Stage
from rcmvae.nn import BACKBONES, CONDITIONERS, OUTPUTS, TRUNKS
from rcmvae.objective import Evidence, ObjectiveBase, ObjectiveOptions
from rcmvae.priors import PRIORS
from rcmvae.routing import ROUTINGS
from rcmvae.structs import Batch
from tests.helpers import assert_finite, batch, context, mask

SMALL: dict[str, dict[str, Any]] = {
    "conv": {"features": (6, 4)},
    "dense": {"hidden": (12,)},
    "experts": {"own": (8,), "hidden": (12,)},
    "concat": {"features": 3},
    "vamp": {"num_pseudo_inputs": 3},
}
SMALL_TRUNK: dict[str, dict[str, Any]] = {
    "conv": {"features": (3, 4), "out": 8},
    "patches": {"features": (3,), "out": 8},
    "dense": {"hidden": (12,)},
}
FACTORS: dict[str, list[Any]] = {
    "conditioner": list(CONDITIONERS),
    "backbone": list(BACKBONES),
    "output": list(OUTPUTS),
    "shape": [(13,), (8, 8, 1), (28, 28, 1), (17, 23, 3)],
    "layout": ["decentralized", "shared"],
    "routing": list(ROUTINGS),
    "trunk": list(TRUNKS),
    "prior": list(PRIORS),
}
K = 3
WEIGHTS = {"reconstruction": 1.0, "kl_z": 1.0, "kl_c": 1.0, "confidence": 0.1}
OBJECTIVE: ObjectiveBase = ObjectiveOptions.model_validate(WEIGHTS)


def options(choice: dict[str, Any]) -> ModelOptions:
    """The configuration of one combination, for a sample shape that its parts can read."""

    def part(name: str, small: dict[str, dict[str, Any]] = SMALL) -> dict[str, Any]:
        return {"kind": choice[name], **small.get(choice[name], {})}

    decoder = {name: part(name) for name in ("backbone", "conditioner", "output")}
    built = ModelOptions.model_validate(
        {
            "num_channels": K,
            "embedding_dim": 3,
            "layout": choice["layout"],
            "routing": choice["routing"],
            "trunk": part("trunk", SMALL_TRUNK),
            "prior": part("prior"),
            "decoder": decoder,
        }
    )
    built.trunk.check(choice["shape"])
    built.decoder.check(built.embedding_dim, choice["shape"])
    return built


def refusal(choice: dict[str, Any]) -> str | None:
    """What the configuration says against a combination, if anything."""
    try:
        options(choice)
    except ValueError as error:
        return str(error)
    return None


def should_be_legal(choice: dict[str, Any]) -> bool:
    """The rules in other words than the code's."""
    image = len(choice["shape"]) == 3
    if not image and (choice["backbone"] == "conv" or choice["trunk"] != "dense"):
        return False
    if choice["layout"] == "decentralized":
        return choice["prior"] in ("standard", "mixture")
    return choice["backbone"] == "experts" or choice["conditioner"] != "none"


def all_choices() -> list[dict[str, Any]]:
    return [dict(zip(FACTORS, values, strict=True)) for values in itertools.product(*FACTORS.values())]


def pairwise(choices: list[dict[str, Any]], seed: int = 0) -> list[dict[str, Any]]:
    """A few of them in which every pair of settings that occurs together at all still does."""
    names = list(FACTORS)
    index = np.asarray([[FACTORS[n].index(c[n]) for n in names] for c in choices])
    pairs = list(itertools.combinations(range(len(names)), 2))
    code = np.stack([index[:, i] * 100 + index[:, j] + 10_000 * p for p, (i, j) in enumerate(pairs)], axis=1)
    order = np.random.default_rng(seed).permutation(len(choices))
    code, open_pairs, chosen = code[order], set(code.ravel().tolist()), []
    while open_pairs:
        gain = np.isin(code, list(open_pairs)).sum(axis=1)
        best = int(gain.argmax())
        open_pairs -= set(code[best].tolist())
        chosen.append(choices[order[best]])
    return chosen


def test_what_is_refused_is_exactly_what_makes_no_sense():
    # layouts, priors, shapes and the decoder's parts decide; the other factors never do
    deciding = [c for c in all_choices() if c["output"] == "bernoulli" and c["routing"] == "expectation"]
    for choice in deciding:
        message = refusal(choice)
        assert (message is None) == should_be_legal(choice), (choice, message)
        assert message is None or len(message.split()) > 10, message


LEGAL = [c for c in all_choices() if should_be_legal(c)]
SAMPLE = pairwise(LEGAL)


def name_of(choice: dict[str, Any]) -> str:
    return "-".join("x".join(map(str, v)) if isinstance(v, tuple) else v for v in choice.values())


AT = context(mask(K, K), term_weight=WEIGHTS)


def build(choice: dict[str, Any]) -> Model:
    """A fresh model whose normal draws come from NumPy, which compiles nothing."""
    rng = np.random.default_rng(0)

    def normal(key: jax.Array, shape: tuple[int, ...]) -> jax.Array:
        return jnp.asarray(rng.normal(size=shape), jnp.float32)

    with mock.patch.object(jax.random, "normal", normal):
        return options(choice).build(choice["shape"], 3, key=jax.random.key(0))


def train(model: Model, samples: Batch, steps: int, rate: float) -> tuple[Model, np.ndarray, Model]:
    """The parameters after some steps of Adam on one batch, the loss at each, and each parameter's largest gradient."""
    params, static = eqx.partition(model, eqx.is_inexact_array)
    leaves, structure = jax.tree.flatten(params)
    ends = np.cumsum([leaf.size for leaf in leaves]).tolist()

    def restore(flat: Any) -> Model:
        parts = [
            flat[end - leaf.size : end].reshape(leaf.shape) for end, leaf in zip(ends, leaves, strict=True)
        ]
        return jax.tree.unflatten(structure, parts)

    def loss(flat: jax.Array, samples: Batch) -> jax.Array:
        model = eqx.combine(restore(flat), static)
        forward = model(samples, AT, Stage.DECODE)
        return OBJECTIVE(Evidence(model, samples, forward, AT), Stage.DECODE).total

    adam = optax.scale_by_adam()

    def step(flat: jax.Array, state: optax.OptState, samples: Batch) -> Any:
        value, gradient = jax.value_and_grad(loss)(flat, samples)
        direction, state = adam.update(gradient, state)
        return value, gradient, flat - rate * jnp.asarray(direction), state

    compiled = jax.jit(step)
    flat = jnp.asarray(np.concatenate([np.ravel(leaf) for leaf in leaves]))
    state, largest, losses = adam.init(flat), 0.0, []
    for _ in range(steps):
        value, gradient, flat, state = compiled(flat, state, samples)
        largest = np.maximum(largest, np.abs(gradient))
        losses.append(float(value))
    return restore(np.asarray(flat)), np.asarray(losses), restore(largest)


def never_learns(choice: dict[str, Any], path: str) -> bool:
    """Parameters that have nothing to learn from in this combination."""
    return path == ".embedding" and choice["conditioner"] == "none"


@pytest.mark.parametrize("choice", SAMPLE, ids=name_of)
def test_every_combination_learns(choice: dict[str, Any]):
    trained, losses, largest = train(build(choice), batch(choice["shape"], B=8), 25, 3e-3)
    assert_finite((losses, trained, largest))
    for path, gradient in jax.tree_util.tree_flatten_with_path(largest)[0]:
        name = jax.tree_util.keystr(path)
        learns = bool(np.any(np.asarray(gradient) > 0))
        assert learns != never_learns(choice, name), name
    assert losses[-5:].mean() < losses[0] - 0.01 * abs(losses[0]), losses

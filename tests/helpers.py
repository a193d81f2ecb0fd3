"""Small models, contexts and batches, and the comparisons that many tests make."""

import functools
from collections.abc import Iterable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, PyTree

from rcmvae.model import Model, ModelOptions
from rcmvae.nn import Bernoulli, DecoderOptions, DenseTrunk, ExpertsBackbone, Film
from rcmvae.options import Options
from rcmvae.structs import Batch, Keys, RoutingContext, Selection


def mask(K: int, count: int, seed: int = 0) -> Bool[Array, " K"]:
    """`count` random open channels among K."""
    chosen = np.random.default_rng(1000 * seed + count).permutation(K)[:count]
    return jnp.isin(jnp.arange(K), chosen)


@functools.cache
def keys(seed: int = 0) -> Keys:
    """The streams of one step; real keys even where a trace asks for them first."""
    with jax.ensure_compile_time_eval():
        return Keys.split(jax.random.key(seed))


def context(
    active: Bool[Array, " K"],
    *,
    time: float = 0.0,
    temperature: float = 1.0,
    straight_through: float = 1.0,
    logit_scale: float = 1.0,
    logit_bias: Float[Array, " K"] | None = None,
    term_weight: Mapping[str, float] | None = None,
    streams: Keys | None = None,
    stochastic: bool = True,
) -> RoutingContext:
    """The values of one step, all neutral unless given."""
    return RoutingContext(
        time=jnp.asarray(time, float),
        active=active,
        temperature=jnp.asarray(temperature, float),
        straight_through=jnp.asarray(straight_through, float),
        logit_scale=jnp.asarray(logit_scale, float),
        logit_bias=jnp.zeros(active.shape) if logit_bias is None else logit_bias,
        term_weight={name: jnp.asarray(weight, float) for name, weight in (term_weight or {}).items()},
        keys=keys() if streams is None else streams,
        stochastic=stochastic,
    )


def batch(
    shape: tuple[int, ...], B: int = 6, *, seed: int = 0, num_classes: int = 3, with_view: bool = False
) -> Batch:
    """Random samples in [0, 1]; every other one is labelled."""
    rng = np.random.default_rng(seed)
    x, view = rng.uniform(size=(2, B, *shape)).astype(np.float32)
    label = np.where(np.arange(B) % 2 == 0, rng.integers(0, num_classes, B), -1)
    return Batch(jnp.asarray(x), jnp.asarray(label), jnp.ones(B), jnp.asarray(view) if with_view else None)


def small_options(**changes: Any) -> ModelOptions:
    """A model of a few hundred parameters, in which every part is present."""
    settings: dict[str, Any] = {
        "num_channels": 4,
        "embedding_dim": 3,
        "trunk": DenseTrunk(hidden=(8,)),
        "decoder": DecoderOptions(
            backbone=ExpertsBackbone(own=(5,), hidden=(6,)), conditioner=Film(), output=Bernoulli()
        ),
    }
    return ModelOptions(**(settings | changes))


def small_model(shape: tuple[int, ...] = (7,), *, seed: int = 0, **changes: Any) -> Model:
    """A fresh small model for samples of this shape."""
    return small_options(**changes).build(shape, 3, key=jax.random.key(seed))


def kinds(
    registry: Mapping[str, type[Options]], variants: Mapping[str, Iterable[dict[str, Any]]]
) -> list[Any]:
    """One of each registered kind with its defaults, and the variants given for some of them."""
    return [
        cls.model_validate(settings)
        for kind, cls in registry.items()
        for settings in [{}, *variants.get(kind, ())]
    ]


def label(options: Options) -> str:
    """A short name for a test's parameter: the kind and whatever is not its default."""
    changed = options.model_dump(mode="json", exclude_defaults=True, exclude={"kind"})
    return "-".join([options.kind_name(), *(f"{name}={value}" for name, value in changed.items())])


def over_channels(selection: Selection) -> Float[Array, "B K"]:
    """The weights of a selection with a zero for every channel that is not decoded."""
    return jnp.sum(
        selection.weight[..., None] * selection.pick(jnp.eye(selection.responsibility.shape[-1])), axis=1
    )


def assert_close(actual: PyTree, expected: PyTree, *, rtol: float = 1e-5, atol: float = 1e-6) -> None:
    """The same tree of arrays, up to rounding."""
    actual_leaves, actual_shape = jax.tree.flatten(actual)
    expected_leaves, expected_shape = jax.tree.flatten(expected)
    assert actual_shape == expected_shape
    for a, b in zip(actual_leaves, expected_leaves, strict=True):
        np.testing.assert_allclose(np.asarray(a, np.float64), np.asarray(b, np.float64), rtol=rtol, atol=atol)


def assert_finite(tree: PyTree) -> None:
    """No NaN and no infinity anywhere."""
    for path, leaf in jax.tree_util.tree_flatten_with_path(tree)[0]:
        assert np.all(np.isfinite(leaf)), jax.tree_util.keystr(path)


def assert_mean(
    samples: Float[np.ndarray, "N *S"], expected: Any, *, z: float = 5.0, atol: float = 1e-6
) -> None:
    """The mean of these draws is the expected value, within z standard errors (and rounding)."""
    samples = np.asarray(samples, np.float64)
    error = np.abs(samples.mean(axis=0) - np.asarray(expected, np.float64))
    standard_error = samples.std(axis=0) / np.sqrt(len(samples))
    assert np.all(error <= z * standard_error + atol), np.max(error / (standard_error + atol))

"""How a channel begins and how one ends: nobody but parent and child notices a birth, nobody but the pair a merge."""

import functools
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from jaxtyping import PyTree
from pydantic import TypeAdapter

from rcmvae.curriculum import STARTS, AnyStart, Birthplace, Clusters, Fresh, Jitter, copied_moments, merged
from rcmvae.curriculum.start import with_logits
from rcmvae.model import Model
from rcmvae.nn import map_channels
from rcmvae.priors import Mixture
from rcmvae.routing import over_open
from rcmvae.training.optimizer import optimizer
from rcmvae.training.options import TrainingOptions
from tests.helpers import assert_close, batch, small_model

K, PARENT, CHILD = 4, 1, 3
BEFORE, AFTER = jnp.array([True, True, True, False]), jnp.array([True, True, True, True])
OTHERS = [0, 2]
X = batch((7,), B=40).x
QUIET = {"logit_jitter": 0.0, "jitter": 0.0}
LAYOUTS = ["decentralized", "shared"]
layouts = pytest.mark.parametrize("layout", LAYOUTS)


def lively(tree: PyTree, seed: int = 0) -> Any:
    """The same arrays with random numbers in them, so that none is 0 by its beginning."""
    rng = np.random.default_rng(seed)

    def fill(leaf: Any) -> Any:
        if not jnp.issubdtype(leaf.dtype, jnp.inexact):
            return leaf
        return jnp.asarray(rng.normal(size=leaf.shape), leaf.dtype)

    return jax.tree.map(fill, tree)


@functools.cache
def model_of(layout: str) -> Model:
    return lively(eqx.filter_eval_shape(lambda: small_model(layout=layout, prior=Mixture(pi="learned"))))


def birthplace(model: Model, seed: int = 0) -> Birthplace:
    """A plane somewhere through the parent's mean codes."""
    rng = np.random.default_rng(seed)
    axis = rng.normal(size=2)
    means = np.asarray(codes_of(model, PARENT)) @ axis
    return Birthplace(
        jnp.int32(CHILD), jnp.int32(PARENT), jnp.asarray(axis, jnp.float32), jnp.float32(np.median(means))
    )


def codes_of(model: Model, channel: int) -> jax.Array:
    mean = model.encode(X).mean
    return mean[:, channel if mean.shape[1] > 1 else 0]


def begun(model: Model, **settings: Any) -> Model:
    start = TypeAdapter(AnyStart).validate_python({"soften": 1.0, **settings})
    return start(model, birthplace(model), jax.random.key(0))


def logits(model: Model) -> np.ndarray:
    return np.asarray(model.encode(X).logits, float)


def responsibility(model: Model, active: jax.Array) -> np.ndarray:
    return np.asarray(jnp.exp(over_open(model.encode(X).logits, active)), float)


def rows_of(tree: PyTree, channel: int) -> list[jax.Array]:
    """A channel's row of every array that has one."""
    found: list[jax.Array] = []

    def note(rows: jax.Array) -> jax.Array:
        found.append(rows[channel])
        return rows

    map_channels(tree, note)
    return found


def without(tree: PyTree, *channels: int) -> Any:
    """The tree with 0 in these channels' rows: all that is not theirs."""
    return map_channels(tree, lambda rows: rows.at[jnp.array(channels)].set(0))


def logit_head(model: Model) -> tuple[jax.Array, jax.Array]:
    return model.heads.logits.weight, model.heads.logits.bias


def assert_same(a: PyTree, b: PyTree) -> None:
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        np.testing.assert_array_equal(x, y)


@layouts
def test_every_array_with_a_row_per_channel_is_known(layout: str):
    rows = rows_of(model_of(layout), 0)
    # logits (2), embedding, own layer (2), pi; and mean and log-variance (2 each) where the latents are private
    assert len(rows) == (10 if layout == "decentralized" else 6)
    zeros = sum(int((leaf == 0).sum()) for leaf in jax.tree.leaves(without(model_of(layout), 0)))
    assert zeros == sum(row.size for row in rows)


class TestBirth:
    @layouts
    @pytest.mark.parametrize("kind", ["jitter", "clusters"])
    def test_parent_and_child_share_what_was_the_parents(self, layout: str, kind: str):
        model = model_of(layout)
        was = responsibility(model, BEFORE)
        now = responsibility(begun(model, kind=kind, **QUIET), AFTER)
        if kind == "jitter":
            np.testing.assert_allclose(now[:, PARENT] + now[:, CHILD], was[:, PARENT], rtol=1e-4, atol=1e-6)
            np.testing.assert_allclose(now[:, OTHERS], was[:, OTHERS], rtol=1e-4, atol=1e-6)
            np.testing.assert_allclose(now[:, PARENT], now[:, CHILD], rtol=1e-4, atol=1e-6)
        else:  # log(e^(y + o/2) + e^(y − o/2)) − log 2 = y + log cosh(o/2) ≥ y
            assert (now[:, PARENT] + now[:, CHILD] >= was[:, PARENT] - 1e-5).all()

    @layouts
    @pytest.mark.parametrize("kind", ["jitter", "clusters"])
    def test_every_array_of_the_child_but_its_logit_is_its_parents(self, layout: str, kind: str):
        model = model_of(layout)
        after = begun(model, kind=kind, **QUIET)
        first_two_are_the_logit = 2
        pairs = zip(rows_of(after, CHILD), rows_of(model, PARENT), strict=True)
        for child, parent in list(pairs)[first_two_are_the_logit:]:
            np.testing.assert_array_equal(child, parent)

    @layouts
    @pytest.mark.parametrize("kind", ["jitter", "clusters"])
    def test_nothing_else_changes(self, layout: str, kind: str):
        """With jitter: the parent keeps all but its logit, the others keep everything."""
        model = model_of(layout)
        after = begun(model, kind=kind, logit_jitter=0.3, jitter=0.2)
        assert_same(without(after, PARENT, CHILD), without(model, PARENT, CHILD))
        for a, b in list(zip(rows_of(after, PARENT), rows_of(model, PARENT), strict=True))[2:]:
            np.testing.assert_array_equal(a, b)

    @layouts
    def test_the_logits_part_by_the_log_odds_of_the_plane(self, layout: str):
        model = model_of(layout)
        birth, after = birthplace(model), logits(begun(model, kind="clusters", **QUIET))
        odds = np.asarray(codes_of(model, PARENT), float) @ np.asarray(birth.axis, float) - float(
            birth.offset
        )
        np.testing.assert_allclose(after[:, CHILD] - after[:, PARENT], odds, rtol=1e-4, atol=1e-4)
        np.testing.assert_array_equal(after[:, OTHERS], logits(model)[:, OTHERS])
        both, old = np.logaddexp(after[:, CHILD], after[:, PARENT]), logits(model)[:, PARENT]
        assert (both >= old - 1e-4).all()
        np.testing.assert_allclose(both, old + np.log(np.cosh(odds / 2)), rtol=1e-4, atol=1e-4)

    @layouts
    def test_samples_go_to_the_side_of_the_plane_that_they_lie_on(self, layout: str):
        model = model_of(layout)
        birth, after = birthplace(model), logits(begun(model, kind="clusters", **QUIET))
        side = np.asarray(codes_of(model, PARENT)) @ np.asarray(birth.axis) > float(birth.offset)
        assert 5 < side.sum() < 35
        np.testing.assert_array_equal(after[:, CHILD] > after[:, PARENT], side)

    @pytest.mark.parametrize("kind", sorted(STARTS))
    def test_softening_scales_every_logit_and_nothing_else(self, kind: str):
        model = model_of("decentralized")
        hard, soft = (begun(model, kind=kind, soften=soften) for soften in (1.0, 0.25))
        np.testing.assert_allclose(logits(soft), 0.25 * logits(hard), rtol=1e-5, atol=1e-6)
        assert_same(with_logits(soft, *logit_head(hard)), hard)

    def test_fresh_leaves_the_weights_that_were_first_drawn(self):
        model = model_of("decentralized")
        assert not Fresh().copies
        assert_same(begun(model, kind="fresh"), model)

    @layouts
    def test_the_noise_is_as_large_as_told(self, layout: str):
        model, draws = model_of(layout), 400
        start = Jitter(logit_jitter=0.3, jitter=0.05, soften=1.0)
        keys, birth = jax.random.split(jax.random.key(1), draws), birthplace(model)

        @jax.jit
        @jax.vmap
        def born(key: jax.Array) -> tuple[Any, ...]:
            after = start(model, birth, key)
            return after.heads.logits.weight, after.heads.logits.bias, rows_of(after, CHILD)

        weight, bias, found = born(keys)
        noise = np.asarray(weight[:, :, CHILD] - weight[:, :, PARENT])
        column = np.asarray(model.heads.logits.weight[:, PARENT])
        rms = np.sqrt(np.mean(column**2))
        np.testing.assert_allclose(np.sqrt(np.mean(noise**2)), 0.3 * rms, rtol=5 / np.sqrt(2 * noise.size))
        assert abs(noise.mean()) < 5 * 0.3 * rms / np.sqrt(noise.size)
        np.testing.assert_array_equal(bias[:, CHILD], bias[:, PARENT])
        parents = [np.asarray(row) for row in rows_of(model, PARENT)]
        shaken = []
        for rows, parent in list(zip(found, parents, strict=True))[2:]:
            noise = np.asarray(rows, float) - parent
            rms = np.sqrt(np.mean(parent**2))
            # A root mean square of n normal numbers is off by its 1 / √(2 n)
            error = 5 / np.sqrt(2 * noise.size)
            np.testing.assert_allclose(np.sqrt(np.mean(noise**2)), 0.05 * rms, rtol=error)
            shaken.append((noise / (0.05 * rms)).reshape(draws, -1)[:, 0])
        correlation = np.corrcoef(shaken) - np.eye(len(shaken))
        assert np.abs(correlation).max() < 5 / np.sqrt(draws), "every array has noise of its own"

    def test_a_row_of_zeros_stays_zero(self):
        model = jax.tree.map(jnp.zeros_like, model_of("decentralized"))
        after = begun(model, kind="jitter", logit_jitter=0.5, jitter=0.5)
        assert all((row == 0).all() for row in rows_of(after, CHILD)[2:])

    def test_compiled_it_is_the_same(self):
        model = model_of("decentralized")
        birth, key, start = birthplace(model), jax.random.key(0), Clusters()
        assert_close(jax.jit(start.__call__)(model, birth, key), start(model, birth, key))


@layouts
@pytest.mark.parametrize("clip_norm", [None, 1.0])
def test_adams_averages_of_the_parent_become_the_childs_and_nothing_else_changes(
    layout: str, clip_norm: float | None
):
    params = eqx.filter(model_of(layout), eqx.is_inexact_array)
    chain = optimizer(TrainingOptions(weight_decay=0.1, clip_norm=clip_norm))
    state = lively(chain.init(params), 5)
    after = copied_moments(state, jnp.int32(CHILD), jnp.int32(PARENT))
    assert jax.tree.structure(after) == jax.tree.structure(state)
    models = [[*jax.tree.leaves(s, is_leaf=lambda n: isinstance(n, Model))] for s in (state, after)]
    averages = [(a, b) for a, b in zip(*models, strict=True) if isinstance(a, Model)]
    assert len(averages) == 2, "first and second moment"
    for old, new in averages:
        for child, parent in zip(rows_of(new, CHILD), rows_of(old, PARENT), strict=True):
            np.testing.assert_array_equal(child, parent)
        assert_same(without(new, CHILD), without(old, CHILD))
    counts = [optax.tree.get(s, "count") for s in (state, after)]
    np.testing.assert_array_equal(*counts)


class TestMerge:
    KEPT, CLOSED = 2, 0
    MASS = jnp.array([0.15, 0.3, 0.45, 0.1])

    def pair(self, model: Model) -> Model:
        return merged(model, jnp.int32(self.KEPT), jnp.int32(self.CLOSED), self.MASS)

    @layouts
    def test_the_kept_logit_never_passes_what_both_said(self, layout: str):
        model = model_of(layout)
        was, now = logits(model), logits(self.pair(model))
        both = np.logaddexp(was[:, self.KEPT], was[:, self.CLOSED])
        assert (now[:, self.KEPT] <= both + 1e-4).all()
        p, q = 0.75, 0.25
        bound = p * was[:, self.KEPT] + q * was[:, self.CLOSED] - p * np.log(p) - q * np.log(q)
        np.testing.assert_allclose(now[:, self.KEPT], bound, rtol=1e-4, atol=1e-4)

    def test_it_says_the_same_where_the_two_always_shared_alike(self):
        model = model_of("decentralized")
        head = model.heads.logits
        weight = head.weight.at[:, self.CLOSED].set(head.weight[:, self.KEPT])
        bias = head.bias.at[self.CLOSED].set(head.bias[self.KEPT] - jnp.log(3.0))
        model = with_logits(model, weight, bias)
        was, now = logits(model), logits(self.pair(model))
        both = np.logaddexp(was[:, self.KEPT], was[:, self.CLOSED])
        np.testing.assert_allclose(now[:, self.KEPT], both, rtol=1e-5, atol=1e-5)
        before = responsibility(model, AFTER)
        after = responsibility(self.pair(model), AFTER.at[self.CLOSED].set(False))
        np.testing.assert_allclose(
            after[:, self.KEPT], before[:, self.KEPT] + before[:, self.CLOSED], atol=1e-5
        )
        np.testing.assert_allclose(after[:, [1, 3]], before[:, [1, 3]], atol=1e-5)

    @layouts
    def test_nothing_but_the_kept_logit_changes(self, layout: str):
        model = model_of(layout)
        after = self.pair(model)
        assert_same(without(after, self.KEPT), without(model, self.KEPT))
        for a, b in list(zip(rows_of(after, self.KEPT), rows_of(model, self.KEPT), strict=True))[2:]:
            np.testing.assert_array_equal(a, b)

    def test_one_that_held_nothing_leaves_no_trace(self):
        model = model_of("decentralized")
        after = merged(model, jnp.int32(1), jnp.int32(2), jnp.array([0.5, 0.5, 0.0, 0.0]))
        assert_same(after, model)

    def test_a_birth_and_a_merge_undo_each_other(self):
        model = model_of("decentralized")
        mass = jnp.array([0.2, 0.3, 0.2, 0.3])
        again = merged(begun(model, kind="jitter", **QUIET), jnp.int32(PARENT), jnp.int32(CHILD), mass)
        np.testing.assert_allclose(
            responsibility(again, BEFORE), responsibility(model, BEFORE), rtol=1e-4, atol=1e-6
        )

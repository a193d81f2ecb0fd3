"""How a selection picks, and how a batch averages."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rcmvae.structs import Batch, Keys, Selection
from tests.helpers import assert_close

B, K = 4, 5
CHANNEL = np.asarray([[0, 3], [4, 1], [2, 2], [3, 0]])


def selection(channel: np.ndarray | None) -> Selection:
    r = jnp.full((B, K), 1 / K)
    M = K if channel is None else channel.shape[1]
    return Selection(
        r, jnp.log(r), jnp.full((B, M), 1 / M), None if channel is None else jnp.asarray(channel)
    )


@pytest.mark.parametrize("trailing", [(), (3,), (2, 3)])
def test_picking_rows_is_a_gather_forward_and_backward(trailing: tuple[int, ...]):
    rng = np.random.default_rng(0)
    table = jnp.asarray(rng.normal(size=(K, *trailing)), jnp.float32)
    cost = jnp.asarray(rng.normal(size=(B, 2, *trailing)), jnp.float32)
    picked = selection(CHANNEL).pick(table)
    np.testing.assert_array_equal(picked, np.asarray(table)[CHANNEL])
    gradient = jax.grad(lambda t: jnp.sum(selection(CHANNEL).pick(t) * cost))(table)
    expected = np.zeros(table.shape)
    for b in range(B):
        for m in range(2):
            expected[CHANNEL[b, m]] += cost[b, m]
    np.testing.assert_allclose(gradient, expected, rtol=1e-5, atol=1e-6)


def test_picking_when_all_are_decoded_gives_the_table_once():
    table = jnp.arange(10.0).reshape(K, 2)
    np.testing.assert_array_equal(selection(None).pick(table), table[None])


@pytest.mark.parametrize("trailing", [(), (2,)])
def test_picking_own_values_follows_each_sample(trailing: tuple[int, ...]):
    value = jnp.asarray(np.random.default_rng(0).normal(size=(B, K, *trailing)), jnp.float32)
    own = np.asarray(selection(CHANNEL).pick_own(value))
    for b in range(B):
        np.testing.assert_array_equal(own[b], np.asarray(value)[b, CHANNEL[b]])
    np.testing.assert_array_equal(selection(None).pick_own(value), value)


def test_a_shared_value_serves_every_decoded_channel():
    value = jnp.asarray(np.random.default_rng(0).normal(size=(B, 1, 2)), jnp.float32)
    for channel, M in ((CHANNEL, 2), (None, K)):
        np.testing.assert_array_equal(selection(channel).pick_own(value), np.repeat(value, M, axis=1))


def test_a_batch_averages_its_real_samples():
    value = jnp.asarray([1.0, 2.0, 6.0, 1e30])
    batch = Batch(jnp.zeros((4, 2)), jnp.zeros(4, int), jnp.asarray([1.0, 1.0, 1.0, 0.0]))
    np.testing.assert_allclose(batch.mean(value), 3)
    np.testing.assert_allclose(jax.grad(batch.mean)(value), [1 / 3, 1 / 3, 1 / 3, 0], rtol=1e-6)
    nobody = Batch(batch.x, batch.label, jnp.zeros(4))
    assert nobody.mean(value) == 0


def test_every_purpose_has_its_own_stream():
    streams = jax.tree.leaves(Keys.split(jax.random.key(0)))
    assert len({tuple(jax.random.key_data(k).tolist()) for k in streams}) == len(streams) == 5
    assert_close(
        jax.tree.map(jax.random.key_data, Keys.split(jax.random.key(3))),
        jax.tree.map(jax.random.key_data, Keys.split(jax.random.key(3))),
    )

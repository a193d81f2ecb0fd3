"""r(x) of a whole split, batch by batch, is r(x) of every sample."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rcmvae.model import Model
from rcmvae.training import compile_codes

from .small import bench, tiny


@eqx.filter_jit
def logits_of(model: Model, x: jax.Array) -> jax.Array:
    return model.encode(x).logits


@pytest.mark.parametrize("batch_size", [20, 32, 64])
@pytest.mark.parametrize("open_channels", [[1, 1, 1, 1], [1, 0, 1, 0]])
def test_batches_and_padding_leave_no_trace(batch_size: int, open_channels: list[int]) -> None:
    on = bench(tiny(batch_size=batch_size, seeds=2))
    plan, devices = on.setting.plan, on.setting.devices
    active = np.array([open_channels] * 2, bool)
    state = dataclasses.replace(on.setting.start, active=devices.put(active))
    found = np.stack([one.responsibility for one in compile_codes(plan, devices)(state, on.validation)])
    assert found.shape == (2, 60, 4)
    for replica in range(2):
        params = jax.tree.map(lambda leaf, at=replica: leaf[at], state.params)
        model = eqx.combine(params, plan.skeleton)
        logits = logits_of(model, plan.scaling(on.validation.x))
        masked = np.where(active[replica], np.asarray(logits, float), -np.inf)
        raised = np.exp(masked - masked.max(axis=1, keepdims=True))
        np.testing.assert_allclose(found[replica], raised / raised.sum(axis=1, keepdims=True), atol=1e-6)
    assert (found[:, :, ~active[0]] == 0).all()
    assert jnp.all(jnp.isfinite(found))

"""An estimator as arrays and plain values, and back."""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Shaped

from rcmvae.config.load import from_mapping
from rcmvae.curriculum import ChannelTree
from rcmvae.errors import RunError
from rcmvae.estimator.safetensors import Contents
from rcmvae.estimator.workshop import NAME, workshop_for
from rcmvae.inference import Weights
from rcmvae.run import DataCard
from rcmvae.training import Devices, TrainState


def packed(weights: Weights) -> Contents:
    """Weights as arrays and plain values."""
    told = {
        "config": weights.config.model_dump(mode="json"),
        "card": weights.card.to_json(),
        "tree": weights.tree.to_json(),
    }
    return Contents(_named(weights.state), told)


def unpacked(contents: Contents) -> Weights:
    """The weights that were packed; no program is compiled for it."""
    arrays, told = contents
    config, card = from_mapping(told["config"]), DataCard.from_json(told["card"])
    workshop = workshop_for(config, card)
    blank = jax.tree.map(lambda leaf: leaf[0], workshop.blank)
    expected = _named(blank)
    if _kinds(arrays) != _kinds(expected):
        odd = next(
            name for name in {**expected, **arrays} if _kinds(arrays).get(name) != _kinds(expected).get(name)
        )
        raise RunError(f"its weights are not those of the model that it describes, {odd} differs.")
    leaves = [jnp.asarray(arrays[name]) for name in expected]
    devices = Devices.take(1, config.training.batch_size)
    return Weights(
        name=NAME,
        config=config,
        card=card,
        devices=devices,
        uses=workshop.uses,
        state=devices.put(jax.tree.unflatten(jax.tree.structure(blank), leaves)),
        tree=ChannelTree.from_json(told["tree"]),
    )


def _named(state: TrainState) -> dict[str, Shaped[np.ndarray, "..."]]:
    """Every array under its path, in the order of the tree."""
    return {
        jax.tree_util.keystr(path)[1:]: np.asarray(leaf) for path, leaf in jax.tree.leaves_with_path(state)
    }


def _kinds(arrays: Mapping[str, np.ndarray]) -> dict[str, tuple[Any, ...]]:
    return {name: (array.shape, array.dtype) for name, array in arrays.items()}


def plain_classes(classes: Shaped[np.ndarray, " Y"]) -> dict[str, Any]:
    """Classes as JSON."""
    if not any(np.issubdtype(classes.dtype, one) for one in (np.number, np.bool_, np.str_)):
        raise RunError(f"Classes of type {classes.dtype} have no form in the file: teach numbers or texts.")
    return {"dtype": classes.dtype.str, "values": classes.tolist()}


def classes_from(told: Mapping[str, Any]) -> Shaped[np.ndarray, " Y"]:
    """The classes that `plain_classes` told."""
    return np.array(told["values"], dtype=told["dtype"])

"""AdamW as a gradient transformation of the model's arrays."""

import equinox as eqx
import jax
import optax
from jaxtyping import PyTree

from rcmvae.model import Model
from rcmvae.objective import is_weight
from rcmvae.training.options import TrainingOptions


def optimizer(options: TrainingOptions) -> optax.GradientTransformation:
    """Clipping, Adam's direction, decoupled weight decay on the weight matrices. The step size is applied later."""
    clip = optax.identity() if options.clip_norm is None else optax.clip_by_global_norm(options.clip_norm)
    decay = optax.add_decayed_weights(
        options.weight_decay,
        mask=lambda params: jax.tree_util.tree_map_with_path(lambda path, _: is_weight(path), params),
    )
    return optax.chain(clip, optax.scale_by_adam(), decay)


def update_scales(params: Model) -> PyTree[float]:
    """Factor on the learning rate of every array: 1, but for what a prior asks for its own."""
    scales = jax.tree.map(lambda _: 1.0, params)
    prior = jax.tree.map(lambda _: params.prior.update_scale, params.prior)
    return eqx.tree_at(lambda model: model.prior, scales, prior)

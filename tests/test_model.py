"""Encode, route, decode: shapes, determinism, precision and the symmetry between channels."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rcmvae.model import Model, ModelOptions, Stage
from rcmvae.nn import (
    ClassifierHead,
    ConvBackbone,
    ConvTrunk,
    DecoderOptions,
    DenseBackbone,
    ExpertsBackbone,
    Film,
    Heteroscedastic,
    NoConditioner,
)
from rcmvae.objective import negative_elbo
from rcmvae.priors import Geometric, Mixture, Vamp
from rcmvae.routing import Expectation, GumbelSoftmax, StraightThrough, TopM
from rcmvae.structs import Batch, Forward
from tests.helpers import assert_close, batch, context, keys, label, mask, small_model, small_options

B, K, D = 6, 4, 2


@eqx.filter_jit
def run(model: Model, samples: Batch, at: Any, stage: Stage = Stage.DECODE) -> Forward:
    return model(samples, at, stage)


@pytest.mark.parametrize("layout", ["decentralized", "shared"])
@pytest.mark.parametrize("routing", [Expectation(), StraightThrough(decode="one"), TopM(m=2)], ids=label)
def test_every_array_of_a_pass_has_its_shape(layout: str, routing: Any):
    model = small_model(layout=layout, routing=routing, classifier=ClassifierHead())
    forward = eqx.filter_eval_shape(model, batch((7,), with_view=True), context(mask(K, 3)), Stage.DECODE)
    L = K if layout == "decentralized" else 1
    M = {"expectation": K, "straight_through": 1, "top_m": 3}[routing.kind]
    assert forward.posterior.logits.shape == (B, K)
    assert forward.z.shape == forward.posterior.mean.shape == forward.posterior.log_var.shape == (B, L, D)
    assert forward.selection.responsibility.shape == (B, K)
    assert forward.selection.weight.shape == (B, M)
    assert forward.kl_z.shape == (B, L)
    assert forward.log_pi.shape == (K,)
    assert forward.decoded_nll is not None
    assert forward.decoded_nll.shape == (B, M)
    assert forward.view_log_responsibility is not None
    assert forward.view_log_responsibility.shape == (B, K)
    assert forward.class_logits is not None
    assert forward.class_logits.shape == (B, 3)


def test_a_prior_with_centres_gives_the_shared_latent_a_kl_under_each_channel():
    model = small_model(layout="shared", prior=Geometric())
    samples, at = batch((7,)), context(mask(K, 3))
    assert eqx.filter_eval_shape(model, samples, at, Stage.ROUTE).kl_z.shape == (B, K)
    vamp = small_model(layout="shared", prior=Vamp(num_pseudo_inputs=3))
    assert eqx.filter_eval_shape(vamp, samples, at, Stage.ROUTE).kl_z.shape == (B, 1)


def test_what_was_not_asked_for_is_not_there():
    forward = run(small_model(), batch((7,)), context(mask(K, 3)), Stage.ROUTE)
    assert forward.decoded_nll is None
    assert forward.view_log_responsibility is None
    assert forward.class_logits is None


def test_the_stage_changes_nothing_but_the_decoding():
    model, samples, at = small_model(), batch((7,)), context(mask(K, 3))
    routed, decoded = (run(model, samples, at, stage) for stage in Stage)
    assert_close(routed, eqx.tree_at(lambda f: f.decoded_nll, decoded, None))


def test_the_latent_is_the_mean_plus_scaled_noise():
    model, samples = small_model(), batch((7,))
    draws = [run(model, samples, context(mask(K, K), streams=keys(seed))) for seed in range(200)]
    posterior = draws[0].posterior
    noise = np.stack([d.z - posterior.mean for d in draws]) / np.exp(0.5 * np.asarray(posterior.log_var))
    np.testing.assert_allclose(noise.mean(), 0, atol=0.05)
    np.testing.assert_allclose(noise.std(), 1, atol=0.05)


def test_evaluation_draws_latents_and_nothing_else():
    model = small_model(routing=GumbelSoftmax(), classifier=ClassifierHead(hidden=(4,), dropout_rate=0.5))
    samples, streams = batch((7,)), keys(0)
    other = eqx.tree_at(lambda k: (k.routing, k.dropout), keys(1), (streams.routing, streams.dropout))
    first = context(mask(K, 3), stochastic=False, streams=streams)
    noisy = eqx.tree_at(lambda c: (c.keys.routing, c.keys.dropout), first, (keys(5).routing, keys(5).dropout))
    assert_close(run(model, samples, noisy), run(model, samples, first), rtol=0, atol=0)
    moved = run(model, samples, context(mask(K, 3), stochastic=False, streams=other))
    assert np.abs(moved.z - run(model, samples, first).z).max() > 0.1
    training = context(mask(K, 3), streams=streams)
    dropped = eqx.tree_at(lambda c: c.keys.dropout, training, keys(5).dropout)
    with_mask, with_other_mask = (run(model, samples, at).class_logits for at in (training, dropped))
    assert np.abs(np.subtract(with_mask, with_other_mask)).max() > 0.01  # pyright: ignore[reportCallIssue, reportArgumentType]


def test_log_responsibility_is_that_of_a_whole_pass():
    model, samples = small_model(), batch((7,), with_view=True)
    at = context(mask(K, 3), logit_bias=jnp.asarray([0.0, 1.0, -2.0, 0.5]))
    forward = run(model, samples, at)
    assert_close(model.log_responsibility(samples.x, at), forward.selection.log_responsibility, rtol=1e-4)
    assert samples.view is not None
    assert_close(model.log_responsibility(samples.view, at), forward.view_log_responsibility, rtol=1e-4)


def test_a_shared_latent_is_decoded_by_every_channel_in_its_own_way():
    model = small_model(layout="shared")
    forward = run(model, batch((7,)), context(mask(K, K)))
    decoded = model.decode(forward.z, forward.selection).location
    assert decoded.shape == (B, K, 7)
    assert np.all(np.abs(np.diff(decoded, axis=1)).max(axis=-1) > 1e-4)


def permuted(model: Model, order: np.ndarray) -> Model:
    """Channel i of the result is channel order[i] of the model."""
    latent = (order[:, None] * D + np.arange(D)).ravel()

    def columns(linear: Any, index: np.ndarray) -> Any:
        return eqx.tree_at(
            lambda m: (m.weight, m.bias), linear, (linear.weight[:, index], linear.bias[index])
        )

    heads, own = model.heads, model.decoder.backbone.own  # pyright: ignore[reportAttributeAccessIssue]
    return eqx.tree_at(
        lambda m: (m.heads.logits, m.heads.mean, m.heads.log_var, m.embedding, m.decoder.backbone.own),
        model,
        (
            columns(heads.logits, order),
            columns(heads.mean, latent),
            columns(heads.log_var, latent),
            model.embedding[order],
            tuple(
                eqx.tree_at(lambda o: (o.weight, o.bias), x, (x.weight[order], x.bias[order])) for x in own
            ),
        ),
    )


def test_renumbering_the_channels_renumbers_the_outputs():
    samples, order = batch((7,)), np.asarray([2, 0, 3, 1])
    # no noise in the latents, which is drawn by position
    model = small_model(log_var_bounds=(-60.0, 4.0))
    silent = eqx.tree_at(lambda m: m.heads.log_var.bias, model, jnp.full(K * D, -100.0))
    active = np.asarray(mask(K, 3))
    plain = run(silent, samples, context(jnp.asarray(active)))
    other = run(permuted(silent, order), samples, context(jnp.asarray(active[order])))
    assert_close(other.selection.responsibility, plain.selection.responsibility[:, order])
    assert_close(other.posterior.mean, plain.posterior.mean[:, order])
    assert_close(other.kl_z, plain.kl_z[:, order], rtol=1e-4)
    assert plain.decoded_nll is not None
    assert other.decoded_nll is not None
    assert_close(other.decoded_nll, plain.decoded_nll[:, order], rtol=1e-4)
    assert_close(negative_elbo(other), negative_elbo(plain), rtol=1e-4)
    assert np.ptp(np.asarray(plain.decoded_nll), axis=1).min() > 1e-3


def test_half_precision_stays_close_and_leaves_the_prior_alone():
    options = {"layout": "shared", "prior": Vamp(num_pseudo_inputs=3), "classifier": ClassifierHead()}
    model, samples, at = small_model(**options), batch((7,), with_view=True), context(mask(K, 3))
    half = model.in_precision(jnp.dtype(jnp.bfloat16))
    assert {leaf.dtype for leaf in jax.tree.leaves(half.prior)} == {jnp.dtype(jnp.float32)}
    networks = (half.trunk, half.heads, half.embedding, half.decoder, half.classifier)
    assert {leaf.dtype for leaf in jax.tree.leaves(networks)} == {jnp.dtype(jnp.bfloat16)}
    low, full = run(half, samples, at), run(model, samples, at)
    assert {leaf.dtype for leaf in jax.tree.leaves(low)} == {jnp.dtype(jnp.float32)}
    assert_close(low, full, rtol=0.05, atol=0.05)
    assert_close(model.in_precision(jnp.dtype(jnp.float32)), model, rtol=0, atol=0)


def test_half_precision_needs_no_classifier():
    half = small_model().in_precision(jnp.dtype(jnp.bfloat16))
    assert half.classifier is None
    assert half.embedding.dtype == jnp.bfloat16


def test_every_array_of_a_model_is_a_parameter():
    model = small_model(classifier=ClassifierHead(), prior=Mixture(pi="learned"))
    assert all(eqx.is_inexact_array(leaf) for leaf in jax.tree.leaves(model))


def test_the_same_key_builds_the_same_model():
    assert_close(small_model(seed=3), small_model(seed=3), rtol=0, atol=0)
    different = np.abs(small_model(seed=3).heads.logits.weight - small_model(seed=4).heads.logits.weight)
    assert different.max() > 0.1


def decoder(**parts: Any) -> DecoderOptions:
    return DecoderOptions(
        **(
            {
                "backbone": DenseBackbone(hidden=(6,)),
                "conditioner": NoConditioner(),
                "output": Heteroscedastic(),
            }
            | parts
        )
    )


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        (
            {"prior": Vamp()},
            r"model\.prior is `vamp` and model\.layout is `decentralized`.*set model\.layout",
        ),
        ({"prior": Geometric()}, r"model\.prior is `geometric`"),
        (
            {"log_var_bounds": (1.0, 1.0)},
            r"log_var_bounds must be \[low, high\] with low < high, not \[1\.0, 1\.0\]",
        ),
        ({"layout": "shared", "decoder": decoder()}, r"every channel would be the same.*`experts`"),
        ({"layout": "shared", "decoder": decoder(backbone=ConvBackbone())}, r"\(`conv`\).*\(`none`\)"),
        ({"embedding_dim": 0, "decoder": decoder(conditioner=Film())}, r"`film` reads a channel embedding"),
        ({"routing": TopM(m=4)}, r"model\.routing\.m is 4.*Use `expectation`"),
        ({"num_channels": 0}, "greater than 0"),
        ({"layout": "centralized"}, "'decentralized' or 'shared'"),
    ],
)
def test_what_cannot_be_built_is_refused_with_a_sentence(settings: dict[str, Any], complaint: str):
    with pytest.raises(ValueError, match=complaint):
        small_options(**settings)


def test_a_shape_that_a_part_cannot_read_is_refused_with_a_sentence():
    conv = decoder(backbone=ConvBackbone())
    with pytest.raises(ValueError, match=r"`conv` draws images.*use `dense` or `experts` for vectors"):
        small_options(decoder=conv).decoder.check(3, (13,))
    with pytest.raises(ValueError, match=r"`conv` reads images.*use `dense` for vectors"):
        ConvTrunk().check((13,))


def test_a_channel_may_go_without_an_embedding():
    model = small_model(embedding_dim=0, decoder=decoder(backbone=ExpertsBackbone(own=(5,), hidden=(6,))))
    assert model.embedding.shape == (K, 0)
    assert eqx.filter_eval_shape(model, batch((7,)), context(mask(K, 3)), Stage.DECODE).z.shape == (B, K, D)


def test_the_settings_survive_json():
    options = small_options(
        layout="shared", prior=Vamp(), classifier=ClassifierHead(hidden=(4,)), routing=TopM(m=2)
    )
    assert ModelOptions.model_validate_json(options.model_dump_json()) == options


def test_one_channel_is_an_ordinary_autoencoder():
    forward = run(small_model(num_channels=1), batch((7,)), context(mask(1, 1)))
    np.testing.assert_array_equal(forward.selection.responsibility, 1)
    assert forward.decoded_nll is not None
    assert_close(negative_elbo(forward), (forward.decoded_nll + forward.kl_z)[:, 0])

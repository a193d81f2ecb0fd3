"""Every term against a formula written independently, and laws that all terms keep."""

import math
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.special
import scipy.stats

from rcmvae import labels
from rcmvae.nn import ClassifierHead
from rcmvae.objective import TERMS, ObjectiveOptions, Term, is_weight, negative_elbo
from rcmvae.priors import Vamp, gaussian_kl
from tests.helpers import assert_close, assert_finite, small_model
from tests.objective.scene import MODEL, B, K, Plain, Y, scene, split, value_and_gradient, value_of

VARIANTS: dict[str, list[dict[str, Any]]] = {
    "kl_z": [{"form": "all"}, {"free_bits": 2.0}, {"form": "all", "free_bits": 1.5}],
    "logit_mog": [{"mean": 3.0, "sigma": 0.5}],
    "dirichlet": [{"alpha": 3.0}],
    "dirichlet_pi": [{"alpha": 0.5}],
    "usage_floor": [{"epsilon": 1.0}],
}
EVERY = [(name, cls.model_validate(v)) for name, cls in TERMS.items() for v in [{}, *VARIANTS.get(name, [])]]
NAMES = [f"{name}-{i}" for i, (name, _) in enumerate(EVERY)]
every_term = pytest.mark.parametrize(("name", "term"), EVERY, ids=NAMES)


def reconstruction(term: Any, s: Plain) -> Any:
    return np.mean([sum(r[k] * nll[k] for k in range(len(r))) for r, nll in zip(s.r, s.nll, strict=True)])


def kl_z(term: Any, s: Plain) -> Any:
    total = 0.0
    for r, kls in zip(s.r, s.kl, strict=True):
        for k in range(len(r)):
            kl = max(kls[k] if len(kls) > 1 else kls[0], term.free_bits)
            shared = term.form == "all" and s.kl.shape[1] == 1 and len(r) > 1
            total += r[k] * kl if term.form == "responsible" or shared else kl
    return total / len(s.r)


def kl_c(term: Any, s: Plain) -> Any:
    return np.mean([scipy.special.rel_entr(r, s.pi).sum() for r in s.r])


def logit_mog(term: Any, s: Plain) -> Any:
    A = len(s.open)
    each = []
    for y in s.y:
        corners = [
            scipy.stats.multivariate_normal.pdf(
                y, mean=term.mean * np.eye(A)[k], cov=term.sigma**2 * np.eye(A)
            )
            for k in range(A)
        ]
        each.append(-math.log(sum(corners) / A))
    return np.mean(each)


def dirichlet(term: Any, s: Plain) -> Any:
    return np.mean([-sum((term.alpha - 1) * math.log(p) for p in r) for r in s.r])


def dirichlet_pi(term: Any, s: Plain) -> Any:
    return -sum((term.alpha - 1) * math.log(p) for p in s.pi)


def usage(s: Plain) -> np.ndarray:
    return np.concatenate(s.looks).mean(axis=0)


def usage_entropy(term: Any, s: Plain) -> Any:
    return scipy.stats.entropy(usage(s))


def confidence(term: Any, s: Plain) -> Any:
    return np.mean([scipy.stats.entropy(r) for r in np.concatenate(s.looks)])


def usage_floor(term: Any, s: Plain) -> Any:
    return sum(max(0.0, term.epsilon / len(s.open) - u) for u in usage(s))


def consistency(term: Any, s: Plain) -> Any:
    assert s.r_view is not None
    pairs = zip(s.r, s.r_view, strict=True)
    return np.mean([(scipy.stats.entropy(a, b) + scipy.stats.entropy(b, a)) / 2 for a, b in pairs])


def classifier(term: Any, s: Plain) -> Any:
    labelled = [(p, y) for p, y in zip(s.class_p, s.label, strict=True) if y != -1]
    return np.mean([-math.log(p[y]) for p, y in labelled])


def tau(term: Any, s: Plain) -> Any:
    labelled = [(r, y) for r, y in zip(s.r, s.label, strict=True) if y != -1]
    return np.mean([-math.log(sum(r[c] * s.tau[c, y] for c in range(len(r)))) for r, y in labelled])


def l1(term: Any, s: Plain) -> Any:
    return sum(float(np.abs(w).sum()) for w in weight_matrices(MODEL))


def weight_matrices(model: Any) -> list[Any]:
    """Named one by one, for a model with a dense trunk and experts told by `film`."""
    backbone = model.decoder.backbone
    layers = [
        *model.trunk.layers,
        model.heads.logits,
        model.heads.mean,
        model.heads.log_var,
        backbone.shared.out,
    ]
    for layer in backbone.shared.layers:
        layers += [layer.linear, layer.condition.modulation.project]
    layers += [*backbone.own, *(layer.condition.modulation.project for layer in backbone.own)]
    return [layer.weight for layer in layers]


FORMULAS: dict[str, Callable[[Any, Plain], Any]] = {
    f.__name__: f
    for f in (
        reconstruction,
        kl_z,
        kl_c,
        logit_mog,
        dirichlet,
        dirichlet_pi,
        usage_entropy,
        confidence,
        usage_floor,
        consistency,
        classifier,
        tau,
        l1,
    )
}


def test_every_term_has_a_formula_here():
    assert set(FORMULAS) == set(TERMS)


@every_term
def test_the_value_is_the_formula(name: str, term: Term):
    with jax.enable_x64(True):
        for count in range(1, K + 1):
            for seed in (0, 1):
                s = scene(count, seed=seed)
                value, _ = value_and_gradient(term, s)
                np.testing.assert_allclose(value, FORMULAS[name](term, Plain(s)), rtol=1e-6, atol=1e-9)


@every_term
def test_single_precision_agrees(name: str, term: Term):
    for count in (1, 3):
        s = scene(count, seed=2)
        value, _ = value_and_gradient(term, s)
        np.testing.assert_allclose(value, FORMULAS[name](term, Plain(s)), rtol=1e-5, atol=1e-5)


@every_term
def test_the_gradient_is_that_of_finite_differences(name: str, term: Term):
    if name == "consistency":
        return  # holds one side constant on purpose; see below
    rng, step = np.random.default_rng(3), 1e-6
    with jax.enable_x64(True):
        for count in (1, 3, 4):
            s = scene(count, seed=1)
            gradient = jax.tree.leaves(value_and_gradient(term, s)[1])
            for _ in range(4):
                direction = jax.tree.map(lambda a: rng.normal(size=a.shape), split(s)[0])
                ahead, behind = (
                    value_and_gradient(
                        term, eqx.apply_updates(s, jax.tree.map(lambda d, h=h: h * d, direction))
                    )[0]
                    for h in (step, -step)
                )
                slope = sum(np.vdot(g, d) for g, d in zip(gradient, jax.tree.leaves(direction), strict=True))
                np.testing.assert_allclose((ahead - behind) / (2 * step), slope, rtol=1e-6, atol=1e-7)


@every_term
def test_closed_channels_cost_nothing_and_learn_nothing(name: str, term: Term):
    for count in range(1, K + 1):
        s = scene(count)
        closed = ~np.asarray(s.active)
        value, gradient = value_and_gradient(term, s)
        assert s.view_logits is not None
        loud = jnp.where(closed, 50.0, 0.0).reshape(1, K)
        other = eqx.tree_at(
            lambda t: (t.logits, t.view_logits, t.nll, t.kl_z, t.pi_logits),
            s,
            (s.logits + loud, s.view_logits + loud, s.nll + loud, s.kl_z + loud, s.pi_logits + loud[0]),
        )
        np.testing.assert_array_equal(value_and_gradient(term, other)[0], value)
        for array in ("logits", "view_logits", "nll", "kl_z"):
            assert np.all(np.asarray(getattr(gradient, array))[:, closed] == 0), array
        assert np.all(np.asarray(gradient.pi_logits)[closed] == 0)


@pytest.mark.parametrize("name", ["reconstruction", "kl_z"])
def test_the_routing_learns_nothing_from_a_term_that_does_not_guide_it(name: str):
    """And everything else as it does from one that does."""
    s = scene(3)
    value, gradient = value_and_gradient(TERMS[name].model_validate({}), s)
    same, unguided = value_and_gradient(TERMS[name].model_validate({"guides": False}), s)
    np.testing.assert_array_equal(same, value)
    assert np.abs(np.asarray(gradient.logits)).max() > 1e-3
    np.testing.assert_array_equal(np.asarray(unguided.logits), 0)
    for array in ("nll", "kl_z"):
        np.testing.assert_array_equal(
            np.asarray(getattr(unguided, array)), np.asarray(getattr(gradient, array))
        )


@every_term
def test_padding_changes_nothing(name: str, term: Term):
    s = scene(3)
    value, gradient = value_and_gradient(term, s)
    padding = np.asarray(s.weight) == 0

    def disturbed(rows: jax.Array) -> jax.Array:
        return jnp.where(padding.reshape(-1, 1), 7.0 - 2 * rows, rows)

    other = eqx.tree_at(
        lambda t: (t.logits, t.view_logits, t.nll, t.kl_z, t.class_logits),
        s,
        replace_fn=disturbed,
    )
    np.testing.assert_array_equal(value_and_gradient(term, other)[0], value)
    for array in ("logits", "view_logits", "nll", "kl_z", "class_logits"):
        assert np.all(np.asarray(getattr(gradient, array))[padding] == 0), array


@every_term
def test_finite_at_extremes(name: str, term: Term):
    base = scene(3)
    open_columns = np.flatnonzero(base.active)
    for scale in (0.0, 30.0, 1e4):
        s = eqx.tree_at(
            lambda t: (t.logits, t.view_logits, t.class_logits, t.pi_logits),
            base,
            replace_fn=lambda a, scale=scale: scale * jnp.sign(a),
        )
        assert_finite(value_and_gradient(term, s))
    # probabilities from normal through denormal to exactly zero
    for depth in np.linspace(80, 115, 15):
        low = jnp.zeros((B, K)).at[:, open_columns[0]].set(-depth)
        s = eqx.tree_at(lambda t: (t.logits, t.view_logits), base, (low, low))
        assert_finite(value_and_gradient(term, s))


@every_term
def test_no_real_sample_is_no_loss(name: str, term: Term):
    s = eqx.tree_at(lambda t: t.weight, scene(3), jnp.zeros(B))
    assert_finite(value_and_gradient(term, s))


@every_term
def test_the_value_is_per_sample_or_one_number(name: str, term: Term):
    assert term(scene().evidence()).shape in {(), (B,)}


def test_one_shared_latent_is_counted_once():
    s = scene(3, C=1)
    plain = Plain(s)
    for form in ("responsible", "all"):
        term = TERMS["kl_z"].model_validate({"form": form, "free_bits": 0.5})
        np.testing.assert_allclose(value_of(term, s), np.maximum(plain.kl, 0.5).mean(), rtol=1e-6)


def test_free_bits_give_no_gradient_below_and_all_of_it_above():
    term = TERMS["kl_z"].model_validate({"form": "all", "free_bits": 1.0})
    s = eqx.tree_at(lambda t: t.kl_z, scene(), jnp.asarray([[0.2, 5.0, 0.99, 1.01]] * B))
    gradient = value_and_gradient(term, s)[1].kl_z[0]
    np.testing.assert_allclose(gradient, [0, 0.25, 0, 0.25])


@pytest.mark.parametrize("name", ["usage_entropy", "usage_floor", "confidence"])
def test_without_a_view_only_the_samples_count(name: str):
    s = eqx.tree_at(lambda t: t.view_logits, scene(3), None)
    term = TERMS[name]()
    np.testing.assert_allclose(value_of(term, s), FORMULAS[name](term, Plain(s)), rtol=1e-5, atol=1e-6)
    assert abs(value_of(term, s) - value_of(term, scene(3))) > 1e-4


def test_consistency_pulls_as_the_symmetric_cross_entropy_does():
    s = scene(3)
    held = s.evidence().forward
    assert held.view_log_responsibility is not None
    r = jnp.exp(held.selection.log_responsibility), jnp.exp(held.view_log_responsibility)

    def cross_entropy(logits, view_logits):
        forward = (
            eqx.tree_at(lambda t: (t.logits, t.view_logits), s, (logits, view_logits)).evidence().forward
        )
        log_r, log_view = forward.selection.log_responsibility, forward.view_log_responsibility
        own = -jnp.sum(jnp.where(r[0] > 0, r[0] * log_view, 0.0), axis=-1)
        other = -jnp.sum(jnp.where(r[1] > 0, r[1] * log_r, 0.0), axis=-1)
        return s.evidence().batch.mean(0.5 * (own + other))

    expected = jax.grad(cross_entropy, argnums=(0, 1))(s.logits, s.view_logits)
    _, gradient = value_and_gradient(TERMS["consistency"](), s)
    assert_close((gradient.logits, gradient.view_logits), expected)
    assert np.abs(expected[0]).max() > 1e-2


def test_consistency_is_zero_exactly_where_the_looks_agree():
    s = scene(3)
    agreed = eqx.tree_at(lambda t: t.view_logits, s, s.logits)
    value, gradient = value_and_gradient(TERMS["consistency"](), agreed)
    assert value == 0
    np.testing.assert_allclose(gradient.logits, 0, atol=1e-7)
    nearly = eqx.tree_at(lambda t: t.view_logits, s, s.logits + jnp.asarray([[0.1, 0, 0, 0.2]]))
    assert value_of(TERMS["consistency"](), nearly) > 0


def test_mutual_information_is_bounded_by_the_number_of_channels():
    # H(mean r) − mean H(r) is largest where every sample is sure and all channels are used alike.
    sure = eqx.tree_at(
        lambda t: (t.logits, t.view_logits, t.weight),
        scene(),
        (
            100.0 * jnp.eye(K)[jnp.arange(B) % K],
            100.0 * jnp.eye(K)[jnp.arange(B) % K],
            jnp.asarray([1.0] * 4 + [0]),
        ),
    )
    information = value_of(TERMS["usage_entropy"](), sure) - value_of(TERMS["confidence"](), sure)
    np.testing.assert_allclose(information, math.log(K), rtol=1e-5)


def test_the_dirichlet_terms_differ_as_log_densities_do():
    for name, alpha in (("dirichlet", 0.9), ("dirichlet", 2.5)):
        term = TERMS[name].model_validate({"alpha": alpha})
        with jax.enable_x64(True):
            first, second = scene(3, seed=1), scene(3, seed=2)
            second = eqx.tree_at(lambda t: t.active, second, first.active)
            a, b = term(first.evidence()), term(second.evidence())
            law = scipy.stats.dirichlet(np.full(3, alpha))
            rows = zip(Plain(first).r, Plain(second).r, strict=True)
            expected = [law.logpdf(q / q.sum()) - law.logpdf(p / p.sum()) for p, q in rows]
            np.testing.assert_allclose((a - b)[:4], expected, rtol=1e-6)


def test_logit_mog_ignores_responsibilities_and_noise():
    # Raw logits: a constant added to all of them leaves r as it is, and costs.
    s = scene()
    raised = eqx.tree_at(lambda t: t.logits, s, s.logits + 3.0)
    assert_close(
        raised.evidence().forward.selection.responsibility, s.evidence().forward.selection.responsibility
    )
    assert value_of(TERMS["logit_mog"](), raised) != value_of(TERMS["logit_mog"](), s)


@pytest.mark.parametrize(("name", "learns"), [("classifier", "class_logits"), ("tau", "logits")])
def test_unlabelled_samples_teach_nothing(name: str, learns: str):
    s, term = scene(), TERMS[name]()
    gradient = np.asarray(getattr(value_and_gradient(term, s)[1], learns))
    unlabelled = (np.asarray(s.label) == -1) | (np.asarray(s.weight) == 0)
    assert np.all(gradient[unlabelled] == 0)
    assert np.all(np.abs(gradient[~unlabelled]).max(axis=1) > 0)
    nobody = eqx.tree_at(lambda t: t.label, s, jnp.full(B, -1))
    assert value_of(term, nobody) == 0


@pytest.mark.parametrize("smoothing", [None, 0.25])
def test_tables_of_the_term_are_those_that_are_counted_after_training(smoothing: float | None):
    rng = np.random.default_rng(0)
    r, label = rng.dirichlet(np.ones(K), 40), rng.integers(-1, Y, 40)
    after = labels.Tau.blank(K, Y, smoothing).taught(r, label)
    term = ObjectiveOptions.model_validate({"tau": {"smoothing": smoothing}}).counting
    assert term is not None
    np.testing.assert_allclose(term.table(jnp.asarray(after.counts)), after.table, rtol=1e-6)


def test_the_bound_is_the_brute_force_sum():
    for count in range(1, K + 1):
        s = scene(count)
        p = Plain(s)
        expected = [
            sum(
                r * (nll + kl) + r * math.log(r / pi)
                for r, nll, kl, pi in zip(rs, nlls, kls, p.pi, strict=True)
            )
            for rs, nlls, kls in zip(p.r, p.nll, p.kl, strict=True)
        ]
        np.testing.assert_allclose(negative_elbo(s.evidence().forward)[:4], expected, rtol=2e-5, atol=1e-5)


def test_the_bound_is_the_sum_of_its_three_terms():
    s = scene(3)
    evidence = s.evidence()
    parts = sum(TERMS[name]()(evidence) for name in ("reconstruction", "kl_z", "kl_c"))
    np.testing.assert_allclose(negative_elbo(evidence.forward), parts, rtol=1e-5)


@pytest.mark.parametrize("log_var", [-8.0, 4.0])
def test_the_bound_is_finite_at_the_bounds_of_the_posterior(log_var: float):
    def bound(mean, spread):
        s = eqx.tree_at(lambda t: t.kl_z, scene(), gaussian_kl(mean, spread))
        return jnp.sum(negative_elbo(s.evidence().forward))

    assert_finite(jax.value_and_grad(bound)(jnp.full((B, K, 2), 1e3), jnp.full((B, K, 2), log_var)))


def test_l1_and_weight_decay_see_the_weight_matrices_and_nothing_else():
    model = small_model(classifier=ClassifierHead(hidden=(4,)))
    assert model.classifier is not None
    gradient = jax.grad(lambda m: TERMS["l1"]()(scene().evidence(m)))(eqx.filter(model, eqx.is_inexact_array))
    leaves = jax.tree_util.tree_flatten_with_path(model)[0]
    slopes = jax.tree.leaves(gradient)
    expected = {
        id(w)
        for w in [*weight_matrices(model), model.classifier.layers[0].weight, model.classifier.out.weight]
    }
    for (path, leaf), slope in zip(leaves, slopes, strict=True):
        assert is_weight(path) == (id(leaf) in expected), jax.tree_util.keystr(path)
        np.testing.assert_array_equal(slope, np.sign(leaf) if is_weight(path) else np.zeros(leaf.shape))


def test_pseudo_inputs_are_no_weights():
    vamp = small_model(layout="shared", prior=Vamp(num_pseudo_inputs=2))
    paths = [path for path, leaf in jax.tree_util.tree_flatten_with_path(vamp.prior)[0]]
    assert len(paths) == 1
    assert not is_weight(paths[0])

"""Every metric against scikit-learn, SciPy, a loop or a case made by hand."""

import dataclasses
import itertools
import math
from typing import Any

import jax.numpy as jnp
import numpy as np
import pytest
import scipy.optimize
import scipy.stats
import sklearn.metrics

from rcmvae.curriculum import pot_tree
from rcmvae.data import Scaling
from rcmvae.diagnostics import METRICS, Absent, Grown, Subject, in_section
from rcmvae.diagnostics.clustering import Clustering
from rcmvae.labels import Names
from rcmvae.nn import Bernoulli, Gaussian
from rcmvae.objective import TERMS
from rcmvae.structs import Event
from tests.diagnostics.bundles import random_bundle

UNIT = Scaling(jnp.zeros(()), jnp.asarray(1 / 255))
OF_A_SPLIT = [key for key, metric in METRICS.items() if metric.section != "curriculum"]
GROUPS = np.array([0, 1, 0, -1])


def subject(*, groups: np.ndarray = GROUPS, closed: tuple[int, ...] = (3,), **changes: Any) -> Subject:
    fields = {field.name for field in dataclasses.fields(Subject)}
    mine = {name: changes.pop(name) for name in list(changes) if name in fields}
    made: dict[str, Any] = {"output": Gaussian(), "scaling": UNIT, "groups": groups}
    made["bundle"] = random_bundle(closed=closed, **changes)
    return Subject(**(made | mine))


def value(key: str, on: Subject | Grown | None) -> Any:
    return METRICS[key].compute(on)


def reason(key: str, on: Subject | Grown | None) -> str:
    found = value(key, on)
    assert isinstance(found, Absent), found
    return found.reason


def test_the_bound_and_its_parts_are_those_of_a_loop() -> None:
    on = subject()
    b = on.bundle
    parts = np.zeros((len(b), 3))
    for n, k in itertools.product(range(len(b)), (0, 1, 2)):
        r = float(b.responsibility[n, k])
        parts[n] += [r * b.nll[n, k], r * b.kl[n, k], r * (math.log(r) - b.log_pi[k])]
    for key, expected in zip(("reconstruction", "kl_latent", "kl_channel"), parts.mean(axis=0), strict=True):
        assert value(f"evidence/{key}", on) == pytest.approx(expected, rel=1e-5)
    assert value("losses/bound", on) == pytest.approx(parts.sum(axis=1).mean(), rel=1e-6)


def test_terms_are_told_as_they_were_measured() -> None:
    on = subject(terms={"kl_z": 3.5, "loss": 9.0})
    assert (value("losses/kl_z", on), value("losses/loss", on)) == (3.5, 9.0)
    assert reason("losses/kl_c", on) == "The objective has no kl_c."


def test_bits_of_bytes_under_a_density_are_those_of_the_grey_levels() -> None:
    """A normal density over grey levels, once in units of 1 and once in units of 255, costs the same bits."""
    rng = np.random.default_rng(0)
    stored = rng.integers(0, 256, (60, 6, 5, 1))
    expected = -scipy.stats.norm.logpdf(stored, 128, 0.1 * 255).sum(axis=(1, 2, 3)).mean() / math.log(2) / 30
    nll = -scipy.stats.norm.logpdf(stored / 255, 128 / 255, 0.1).sum(axis=(1, 2, 3))
    one = {"K": 1, "closed": (), "groups": np.zeros(1, int)}
    on = subject(nll=nll[:, None].astype(np.float32), kl=np.zeros((60, 1), np.float32), **one)
    assert value("evidence/bits_per_dimension", on) == pytest.approx(expected, rel=1e-5)


def test_bits_under_a_scaling_of_each_feature() -> None:
    scale = np.array([2.0, 0.25, 8.0])
    scaling = Scaling(jnp.zeros(3), jnp.asarray(scale, jnp.float32))
    on = subject(shape=(3,), scaling=scaling)
    bound = on.bundle.bound().mean()
    expected = (bound - np.log(scale).sum()) / 3 / math.log(2)
    assert value("evidence/bits_per_dimension", on) == pytest.approx(expected, rel=1e-5)


def test_bernoulli_counts_bits_of_black_and_white_alone() -> None:
    on = subject(output=Bernoulli())
    assert "no probability of a sample" in reason("evidence/bits_per_dimension", on)
    shown = dataclasses.replace(
        on.bundle.pictures, thumbnail=np.where(on.bundle.pictures.thumbnail > 99, 255, 0).astype(np.uint8)
    )
    binary = dataclasses.replace(on, bundle=dataclasses.replace(on.bundle, pictures=shown))
    # A fair coin for each of 30 pixels is one bit each.
    coin = np.full_like(on.bundle.nll, 30 * math.log(2))
    even = np.where(on.bundle.active, 1 / 3, 0) * np.ones((60, 1))
    fair = dataclasses.replace(binary.bundle, nll=coin, kl=0 * coin, responsibility=even.astype(np.float32))
    fair = dataclasses.replace(binary, bundle=fair)
    assert value("evidence/bits_per_dimension", fair) == pytest.approx(1, rel=1e-5)


def test_the_importance_weighted_bound_is_told_where_it_was_asked_for() -> None:
    assert "--importance" in reason("evidence/importance_weighted", subject())
    assert value("evidence/importance_weighted", subject(importance=3.0)) == 3.0


def test_routing_is_that_of_a_loop() -> None:
    on = subject()
    b = on.bundle
    r = b.responsibility.astype(float)
    assert value("routing/mean_max_soft", on) == pytest.approx(np.mean([max(row) for row in r]))
    assert value("routing/mean_max_selection", on) == pytest.approx(b.hardness.mean())
    assert value("routing/responsibility_entropy", on) == pytest.approx(scipy.stats.entropy(r, axis=1).mean())
    assert value("routing/active_channels_1pct", on) == 3
    agree = [np.argmin([b.nll[n, k] + b.kl[n, k] for k in range(3)]) == b.channel[n] for n in range(len(b))]
    assert 0 < np.mean(agree) < 1
    assert value("routing/generative_agreement", on) == pytest.approx(np.mean(agree))


def test_a_learned_prior_of_channels_counts_in_the_generative_choice() -> None:
    r = np.array([[0.9, 0.1]], np.float32)
    even = {
        "nll": np.array([[10.0, 9.0]], np.float32),
        "kl": np.ones((1, 2), np.float32),
        "responsibility": r,
    }
    shape = {"N": 1, "K": 2, "closed": (), "groups": np.arange(2)}
    for pi, agrees in (((0.5, 0.5), 0.0), ((0.9, 0.1), 1.0)):
        on = subject(**even, **shape, log_pi=np.log(pi).astype(np.float32))
        assert value("routing/generative_agreement", on) == agrees


def test_ownership_by_brute_force() -> None:
    on = subject(closed=())
    b = on.bundle
    table = np.array([b.responsibility[b.truth == y].mean(axis=0) for y in range(3)])
    best = max(
        np.mean([table[y, k] for y, k in enumerate(order)]) for order in itertools.permutations(range(4), 3)
    )
    assert value("routing/ownership_diagonal_mean", on) == pytest.approx(best)
    # With fewer channels than labels, a label without a channel is owned by none.
    one_hot = np.eye(2, dtype=np.float32)[[0, 1, 1]]
    few = subject(
        N=3, K=2, closed=(), groups=np.arange(2), responsibility=one_hot, truth=np.arange(3), nll=one_hot,
        kl=one_hot,
    )  # fmt: skip
    assert value("routing/ownership_diagonal_mean", few) == pytest.approx(2 / 3)


@pytest.mark.parametrize("section", ["clustering", "groups"])
def test_agreement_is_that_of_scikit_learn(section: str) -> None:
    on = subject(closed=())
    b = on.bundle
    r = b.responsibility.astype(float)
    index = {
        "clustering": r.argmax(axis=1),
        "groups": np.stack([r[:, 0] + r[:, 2], r[:, 1]], axis=1).argmax(axis=1),
    }[section]
    known = b.truth >= 0
    index, truth = index[known], b.truth[known]
    assert value(f"{section}/nmi", on) == pytest.approx(
        sklearn.metrics.normalized_mutual_info_score(truth, index)
    )
    assert value(f"{section}/ari", on) == pytest.approx(sklearn.metrics.adjusted_rand_score(truth, index))
    table = sklearn.metrics.cluster.contingency_matrix(truth, index)
    assert value(f"{section}/purity", on) == pytest.approx(table.max(axis=0).sum() / len(truth))
    rows, columns = scipy.optimize.linear_sum_assignment(-table)
    assert value(f"{section}/accuracy", on) == pytest.approx(table[rows, columns].sum() / len(truth))
    assert value("groups/count", on) == 2


def test_what_is_in_each_channel_is_that_of_a_loop() -> None:
    on = subject()
    b = on.bundle
    found = {name: value(f"channels/{name}", on) for name in ("samples", "usage", "kl", "label", "purity")}
    for k in range(3):
        held = [n for n in range(len(b)) if b.responsibility[n].argmax() == k]
        labels = [int(b.truth[n]) for n in held if b.truth[n] >= 0]
        commonest = max(sorted(set(labels)), key=labels.count)
        assert found["samples"][k] == len(held)
        assert found["usage"][k] == pytest.approx(b.responsibility[:, k].mean(dtype=float))
        assert found["kl"][k] == pytest.approx(
            np.average(b.kl[:, k], weights=b.responsibility[:, k]), rel=1e-5
        )
        assert (found["label"][k], found["purity"][k]) == (commonest, labels.count(commonest) / len(labels))
    assert found["samples"][3] == 0
    assert all(np.isnan(found[name][3]) for name in ("usage", "kl", "label", "purity"))


def test_names_are_judged_by_samples_that_were_not_counted() -> None:
    on = subject()
    b = on.bundle
    r = b.responsibility.astype(float)
    blank = Names.blank(GROUPS, b.label_names)
    names = blank.taught(r[:20], b.truth[:20], b.label_names, b.mark[:20])
    on = dataclasses.replace(on, names=dataclasses.replace(names, temperature=0.5))
    right, bins = [], {}
    for n in range(20, len(b)):
        if b.truth[n] >= 0:
            p = [sum(r[n, c] * names.tau.table[c, y] for c in range(4)) ** 2 for y in range(3)]
            correct = int(np.argmax(p) == b.truth[n])
            right.append(correct)
            bins.setdefault(math.ceil(max(p) / sum(p) * 15), []).append((max(p) / sum(p), correct))
    gaps = [len(each) * abs(np.mean(each, axis=0) @ [1, -1]) for each in bins.values()]
    assert value("tau/accuracy", on) == pytest.approx(np.mean(right))
    assert value("tau/ece", on) == pytest.approx(sum(gaps) / len(right))
    sure = r.mean(axis=0) @ [max(row) for row in names.tau.table]
    assert value("tau/certainty", on) == pytest.approx(sure)
    assert value("tau/counted", on) == (b.truth[:20] >= 0).sum()
    whole = dataclasses.replace(on, names=blank.taught(r, b.truth, b.label_names, b.mark))
    for name in ("accuracy", "ece"):
        assert "besides those that the names of channels come from" in reason(f"tau/{name}", whole)
        assert "rcmvae teach RUN DATA" in reason(f"tau/{name}", subject())


def test_the_curriculum_is_told_by_its_events() -> None:
    events = [
        Event(epoch=2, what="opened", channel=1, parent=0),
        Event(epoch=4, what="kept", channel=1),
        Event(epoch=4, what="opened", channel=2, parent=1),
        Event(epoch=6, what="closed", channel=2),
        Event(epoch=6, what="ended", reason="nothing helps"),
    ]
    on = Grown(events, pot_tree(1, events))
    assert [value(metric.key, on) for metric in in_section("curriculum")] == [1 + 1, 2, 6]
    going_on = Grown(events[:2], pot_tree(1, events[:2]))
    assert "still open" in reason("curriculum/ended", going_on)
    for metric in in_section("curriculum"):
        assert "no curriculum" in reason(metric.key, None)


def test_what_has_no_meaning_is_absent_with_its_reason() -> None:
    unlabelled = subject(truth=np.full(60, -1))
    told = {key for key in OF_A_SPLIT if isinstance(value(key, unlabelled), Absent)}
    by_labels = {"accuracy", "purity", "nmi", "ari", "garbage_channels", "label", "ownership_diagonal_mean"}
    for key in OF_A_SPLIT:
        section, _, name = key.partition("/")
        if section in {"clustering", "groups", "channels", "routing"}:
            assert (key in told) == (name in by_labels), key
    assert reason("clustering/nmi", unlabelled) == "No sample of the test split has a label."

    alone = subject(K=1, closed=(), groups=np.zeros(1, int))
    for metric in in_section("routing"):
        if metric.name != "active_channels_1pct":
            assert "no choice" in reason(metric.key, alone)


def test_every_metric_has_a_unit_a_direction_and_one_sentence() -> None:
    assert {f"losses/{name}" for name in TERMS} <= METRICS.keys()
    for section in ("clustering", "groups"):
        agreement = {field.name for field in dataclasses.fields(Clustering)}
        assert agreement <= {metric.name for metric in in_section(section)}
    for key, metric in METRICS.items():
        assert key == f"{metric.section}/{metric.name}"
        assert metric.meaning
        assert not metric.meaning.endswith(".")
        assert "\n" not in metric.meaning


def test_nothing_is_told_that_is_not_finite() -> None:
    on = subject()
    for key in OF_A_SPLIT:
        found = value(key, on)
        if isinstance(found, float):
            assert math.isfinite(found), key
        elif isinstance(found, np.ndarray):
            assert found.shape == (4,)
            assert np.isfinite(found[:3]).all(), key

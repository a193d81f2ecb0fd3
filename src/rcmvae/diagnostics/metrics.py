"""Every metric of a trained model, declared once. Summaries, tables, reports and docs/metrics.md read it from here.

What has no meaning for a run is `Absent`, with the reason.
"""

import math
from collections.abc import Callable

import numpy as np

from rcmvae.diagnostics.absent import Absent
from rcmvae.diagnostics.clustering import ownership
from rcmvae.diagnostics.metric import UNTAUGHT, Direction, Subject, Unit, Value, metric
from rcmvae.objective import TERMS
from rcmvae.options import first_line

USED = 0.01  # the share of samples from which on a channel counts as used


@metric("losses/bound", "nats", "down", "negative evidence bound: −log density of a sample, at most")
def _bound(subject: Subject) -> Value:
    return float(subject.bundle.bound().mean())


def _declare_term(name: str, better: Direction, meaning: str) -> None:
    @metric(f"losses/{name}", "nats", better, meaning)
    def _term(subject: Subject) -> Value:
        return subject.terms[name] if name in subject.terms else Absent(f"The objective has no {name}.")


_declare_term("loss", "down", "what was minimised: the weighted sum of the terms")
for _name, _cls in TERMS.items():
    _declare_term(_name, "none", first_line(_cls).rstrip("."))


@metric("evidence/reconstruction", "nats", "down", "the part of the bound for the sample given its code")
def _reconstruction(subject: Subject) -> Value:
    # Σ_k r_k · −log p(x | z_k, k)
    return subject.expected(subject.bundle.nll)


@metric("evidence/kl_latent", "nats", "none", "the part of the bound for the code within its channel")
def _kl_latent(subject: Subject) -> Value:
    # Σ_k r_k KL(q(z_k | x) ‖ p(z_k))
    return subject.expected(subject.bundle.kl)


@metric("evidence/kl_channel", "nats", "none", "the part of the bound for the choice of a channel")
def _kl_channel(subject: Subject) -> Value:
    # KL(r ‖ π)
    r = subject.bundle.responsibility
    return subject.expected(np.log(np.where(r > 0, r, 1)) - subject.bundle.log_pi)


@metric(
    "evidence/bits_per_dimension",
    "bits",
    "down",
    "the bound for each value of a sample as it is stored, so that scaling has no part in it",
)
def _bits_per_dimension(subject: Subject) -> Value:
    values = math.prod(subject.bundle.shape)
    why_not = subject.output.counts_no_bits(np.asarray(subject.scaling(subject.bundle.pictures.thumbnail)))
    if why_not is not None:
        return Absent(why_not)
    # p(stored) = p(scaled) · Π scale where p is a density; a probability needs no such factor
    stretch = float(np.mean(np.log2(subject.scaling.scale))) if subject.output.is_density else 0.0
    return float(subject.bundle.bound().mean()) / (values * math.log(2)) - stretch


@metric(
    "evidence/importance_weighted",
    "nats",
    "down",
    "a tighter bound, from many draws of every code (the sum over channels is exact)",
)
def _importance_weighted(subject: Subject) -> Value:
    if subject.importance is None:
        return Absent("It is computed when it is asked for: rcmvae evaluate RUN --importance 50.")
    return subject.importance


def _routed(compute: Callable[[Subject], Value]) -> Callable[[Subject], Value]:
    """The metric, where there is a choice between channels."""

    def where_there_is_a_choice(subject: Subject) -> Value:
        if subject.bundle.active.sum() < 2:
            return Absent("Only one channel is open: there is no choice between channels.")
        return compute(subject)

    return where_there_is_a_choice


@metric("routing/mean_max_soft", "share", "none", "mean largest responsibility: 1 is sure of every sample")
@_routed
def _mean_max_soft(subject: Subject) -> Value:
    return float(subject.bundle.responsibility.max(axis=1).mean(dtype=float))


@metric(
    "routing/mean_max_selection", "share", "none", "mean largest weight of a selection drawn as in training"
)
@_routed
def _mean_max_selection(subject: Subject) -> Value:
    return float(subject.bundle.hardness.mean(dtype=float))


@metric(
    "routing/responsibility_entropy",
    "nats",
    "none",
    "mean entropy of a sample's responsibilities: 0 is sure of every sample",
)
@_routed
def _responsibility_entropy(subject: Subject) -> Value:
    # H(r) = −Σ_k r_k log r_k
    r = subject.bundle.responsibility
    return subject.expected(-np.log(np.where(r > 0, r, 1)))


@metric("routing/active_channels_1pct", "count", "none", "channels with 1 % of the responsibility or more")
def _active_channels(subject: Subject) -> Value:
    return float((subject.bundle.usage >= USED).sum())


@metric(
    "routing/ownership_diagonal_mean",
    "share",
    "up",
    "mean responsibility of the channel that fits a label best, one channel per label, all labels alike",
)
@_routed
def _ownership_diagonal_mean(subject: Subject) -> Value:
    found = ownership(subject.bundle.responsibility, subject.bundle.truth)
    return subject.unlabelled if found is None else float(found)


@metric(
    "routing/generative_agreement",
    "share",
    "up",
    "share of samples in the channel that the decoder itself explains them by at the least cost",
)
@_routed
def _generative_agreement(subject: Subject) -> Value:
    bundle = subject.bundle
    return float((bundle.explained_by == bundle.channel).mean())


def _declare_agreement(section: str, part: str) -> None:
    def declare(name: str, unit: Unit, better: Direction, meaning: str) -> None:
        @metric(f"{section}/{name}", unit, better, meaning)
        def _agreement(subject: Subject) -> Value:
            found = subject.agreement[section]
            return subject.unlabelled if found is None else float(getattr(found, name))

    declare(
        "accuracy", "share", "up", f"share of samples where their label belongs, with one {part} per label"
    )
    declare("purity", "share", "up", f"share of samples with the commonest label of their {part}")
    declare("nmi", "share", "up", "information shared with the labels: 0 is none, 1 all")
    declare("ari", "share", "up", "pairs together or apart as in the labels: 0 is chance, 1 all")
    declare(
        "garbage_channels",
        "count",
        "down",
        f"{part}s with 1 % of the samples or more, and no label on 60 % of them",
    )


_declare_agreement("clustering", "channel")


@metric("groups/count", "count", "none", "groups into which the channel tree was cut")
def _group_count(subject: Subject) -> Value:
    return float(subject.groups.max() + 1)


_declare_agreement("groups", "group")


@metric(
    "tau/accuracy",
    "share",
    "up",
    "share of samples whose label is the most probable one, by the labels that were counted in channels",
)
def _tau_accuracy(subject: Subject) -> Value:
    found = subject.calibration
    return found if isinstance(found, Absent) else found.share_right


@metric("tau/certainty", "share", "none", "how sure channels are of their label: max_y τ, by responsibility")
def _tau_certainty(subject: Subject) -> Value:
    return UNTAUGHT if subject.names is None else subject.expected(subject.names.tau.certainty[None])


@metric(
    "tau/ece",
    "share",
    "down",
    "expected calibration error: how far confidence and accuracy are apart, in bins",
)
def _tau_ece(subject: Subject) -> Value:
    found = subject.calibration
    return found if isinstance(found, Absent) else found.ece


@metric("tau/counted", "count", "none", "labelled samples that the names of channels come from")
def _tau_counted(subject: Subject) -> Value:
    return UNTAUGHT if subject.names is None else float(len(subject.names))


@metric("channels/samples", "count", "none", "samples that the channel holds")
def _samples(subject: Subject) -> Value:
    return subject.contents.samples.astype(float)


@metric("channels/usage", "share", "none", "mean responsibility of the channel")
def _usage(subject: Subject) -> Value:
    return np.where(subject.bundle.active, subject.bundle.usage, np.nan)


@metric("channels/kl", "nats", "none", "mean KL of the channel's codes to their prior, by responsibility")
def _kl(subject: Subject) -> Value:
    # Σ_n r_nk KL_nk / Σ_n r_nk
    r = subject.bundle.responsibility.astype(float)
    mass = r.sum(axis=0)
    return np.divide(
        (r * subject.bundle.kl).sum(axis=0), mass, out=np.full(len(mass), np.nan), where=mass > 0
    )


@metric("channels/label", "index", "none", "commonest label of the channel's samples")
def _label(subject: Subject) -> Value:
    label = subject.contents.label
    return np.where(label < 0, np.nan, label) if subject.is_labelled else subject.unlabelled


@metric(
    "channels/purity", "share", "up", "share of the channel's labelled samples that have its commonest label"
)
def _purity(subject: Subject) -> Value:
    return subject.contents.purity if subject.is_labelled else subject.unlabelled

"""What the parts of a configuration ask of one another. Each check yields a sentence for each thing that cannot be."""

import dataclasses
from collections.abc import Callable, Iterator

from rcmvae.data import Source
from rcmvae.errors import listed, nearest
from rcmvae.model import ModelOptions
from rcmvae.objective import ObjectiveBase
from rcmvae.objective.bound import KlZ
from rcmvae.priors import Mixture
from rcmvae.routing import StraightThrough
from rcmvae.training.options import TrainingOptions


@dataclasses.dataclass(frozen=True)
class Parts:
    """The parts that have to agree."""

    data: Source
    model: ModelOptions
    objective: ObjectiveBase
    training: TrainingOptions

    @property
    def epochs(self) -> float:
        return float(self.training.epochs)


def there_is_something_to_minimise(parts: Parts) -> Iterator[str]:
    """At least one term counts at some time."""
    terms = parts.objective.terms
    if not terms:
        yield "objective has no term: there is nothing to minimise. Start with `reconstruction: 1`."
    elif all(set(term.weight.levels(parts.epochs)) == {0.0} for term in terms.values()):
        yield "objective gives every term the weight 0: there is nothing to minimise."


def the_classifier_is_trained(parts: Parts) -> Iterator[str]:
    """The head, its term and labels come together."""
    trained = "classifier" in parts.objective.terms
    if trained != (parts.model.classifier is not None):
        yield (
            "objective.classifier and model.classifier belong together: the term trains the head, so give both or "
            "neither."
        )
    if trained and parts.data.num_labeled == 0:
        yield (
            "objective.classifier learns from labels, but data.num_labeled is 0: keep a few labels, or leave the term "
            "and model.classifier out."
        )


def pi_is_trained(parts: Parts) -> Iterator[str]:
    """A learned π has a term to learn from, and a term on π has a π to act on."""
    learned = isinstance(parts.model.prior, Mixture) and parts.model.prior.pi == "learned"
    terms = parts.objective.terms
    if "dirichlet_pi" in terms and not learned:
        yield (
            "objective.dirichlet_pi acts on a learned π, and this prior has a fixed one: set model.prior to "
            "`{kind: mixture, pi: learned}`, or leave the term out."
        )
    if learned and not {"kl_c", "dirichlet_pi"} & terms.keys():
        yield (
            "model.prior.pi is `learned`, but no term looks at π: add objective.kl_c (or dirichlet_pi), or set it to "
            "`uniform`."
        )


def each_channel_keeps_its_centre(parts: Parts) -> Iterator[str]:
    """One latent is not pulled to several centres."""
    kl_z, prior = parts.objective.terms.get("kl_z"), parts.model.prior
    if isinstance(kl_z, KlZ) and kl_z.form == "all" and prior.kl_per_channel:
        yield (
            f"objective.kl_z.form is `all`, but under the `{prior.kind_name()}` prior one shared latent would be "
            f"pulled to every channel's centre at once: use `responsible`."
        )


def what_is_monitored_exists(parts: Parts) -> Iterator[str]:
    """Early stopping watches a value that is computed, and that training lowers."""
    if parts.training.early_stopping is None:
        return
    monitor, key = parts.training.early_stopping.monitor, "training.early_stopping.monitor"
    terms = parts.objective.terms
    monitored = ["bound", "loss", *terms]
    if monitor not in monitored:
        yield (
            f"{key} is `{monitor}`, which this run does not compute. It computes {listed(monitored)}."
            f"{nearest(monitor, monitored)}"
        )
    elif monitor in terms and any(value < 0 for value in terms[monitor].weight.levels(parts.epochs)):
        yield (
            f"{key} is `{monitor}`, and lower counts as better, but the weight of objective.{monitor} is negative: "
            f"training raises it. Monitor `bound` or `loss`."
        )
    elif monitor == "classifier" and parts.data.num_labeled is not None:
        yield (
            f"{key} is `classifier`, but with data.num_labeled ({parts.data.num_labeled}) no validation sample keeps "
            f"its label: monitor `bound` or `loss`."
        )


def the_learning_rate_moves_something(parts: Parts) -> Iterator[str]:
    """The learning rate is never negative, and not always 0."""
    rates = parts.training.learning_rate.levels(parts.epochs)
    if any(rate < 0 for rate in rates):
        yield f"training.learning_rate falls to {min(rates):g}: it must never be negative."
    elif rates and max(rates) == 0:
        yield (
            f"training.learning_rate never rises above 0 in the {parts.training.epochs} epochs of training.epochs: "
            f"nothing would be learned."
        )


def a_share_is_a_share(parts: Parts) -> Iterator[str]:
    """The share of the hard choice lies between none and all of it."""
    routing = parts.model.routing
    shares = routing.straight_through.levels(parts.epochs) if isinstance(routing, StraightThrough) else ()
    outside = [share for share in shares if not 0 <= share <= 1]
    if outside:
        yield f"model.routing.straight_through reaches {outside[0]:g}, but it is a share: keep it from 0 to 1."


def there_is_data_enough(parts: Parts) -> Iterator[str]:
    """What the data section leaves is enough to train and to validate on."""
    data, batch_size = parts.data, parts.training.batch_size
    if data.num_samples is not None and data.num_labeled is not None and data.num_labeled > data.num_samples:
        yield (
            f"data.num_labeled is {data.num_labeled}, but data.num_samples is {data.num_samples}: no more samples can "
            f"keep their label than there are."
        )
    if data.num_samples is not None and batch_size > data.num_samples:
        yield (
            f"training.batch_size is {batch_size}, but data.num_samples is {data.num_samples}: there would be no full "
            f"batch in an epoch."
        )
    if data.validation == 0:
        yield "data.validation is 0, but every epoch is judged on held-out samples: give a share, such as 0.1."


CHECKS: tuple[Callable[[Parts], Iterator[str]], ...] = (
    there_is_something_to_minimise,
    the_classifier_is_trained,
    pi_is_trained,
    each_channel_keeps_its_centre,
    what_is_monitored_exists,
    the_learning_rate_moves_something,
    a_share_is_a_share,
    there_is_data_enough,
)


def problems(parts: Parts) -> list[str]:
    """Everything that does not fit together."""
    return [sentence for check in CHECKS for sentence in check(parts)]

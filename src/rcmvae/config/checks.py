"""What the parts of a configuration ask of one another, and of the data: a sentence for each thing that cannot be."""

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from rcmvae.curriculum import Curriculum
from rcmvae.data import Dataset, Source
from rcmvae.errors import ConfigError, in_words, listed, nearest
from rcmvae.model import ModelOptions
from rcmvae.objective import TERMS, ObjectiveBase
from rcmvae.schedules import Constant
from rcmvae.training.options import RunOptions, TrainingOptions


@dataclasses.dataclass(frozen=True)
class Parts:
    """The parts that have to agree."""

    data: Source
    model: ModelOptions
    objective: ObjectiveBase
    training: TrainingOptions
    curriculum: Curriculum | None
    run: RunOptions

    @property
    def epochs(self) -> float:
        return float(self.training.epochs)


def there_is_something_to_minimise(parts: Parts) -> Iterator[str]:
    """At least one term counts at some time."""
    terms = parts.objective.terms
    if not terms:
        yield "objective has no term: there is nothing to minimise. Start with `reconstruction: 1`."
    elif all(term.weight.begins() == math.inf for term in terms.values()):
        yield "objective gives every term the weight 0: there is nothing to minimise."


def every_weight_has_its_time(parts: Parts) -> Iterator[str]:
    """A weight that is 0 at first becomes more while there is training left."""
    terms, end = parts.objective.terms, soonest_end(parts)
    waiting: dict[float, list[str]] = {}
    for name, term in terms.items():
        if end <= term.weight.begins() < math.inf:
            waiting.setdefault(term.weight.begins(), []).append(name)
    for begin, names in waiting.items():
        keys = [f"objective.{name}.weight" for name in names]
        first = (next(filter(None, terms[name].weight.levels())) for name in names)
        at_once = " ".join(f"{key}={value:g}" for key, value in zip(keys, first, strict=True))
        late = f"{in_words(keys)} {'is' if len(keys) == 1 else 'are'} 0 for the first {begin:g} epochs"
        if begin >= parts.training.epochs:
            yield (
                f"{late}, but training.epochs is {parts.training.epochs}: what is weighed would never be trained. Give "
                f"training.epochs={math.floor(begin) + 1} or more; or, for a quick look, weigh it from the start: "
                f"{at_once}."
            )
        else:
            yield (
                f"{late}, but with this curriculum training may be over after {end}: what is weighed might never be "
                f"trained. Weigh it from the start: {at_once}."
            )


def soonest_end(parts: Parts) -> int:
    """After how many epochs training may be over; early stopping waits for the weights."""
    curriculum, epochs = parts.curriculum, parts.training.epochs
    if curriculum is None:
        return epochs
    to_open = (curriculum.limit or parts.model.num_channels) - curriculum.initial
    return int(min(epochs, curriculum.soonest_end(max(to_open, 0))))


def the_classifier_is_trained(parts: Parts) -> Iterator[str]:
    """The head and its term come together."""
    if ("classifier" in parts.objective.terms) != (parts.model.classifier is not None):
        yield (
            "objective.classifier and model.classifier belong together: the term trains the head, so give both or "
            "neither."
        )


def labels_are_there_to_learn_from(parts: Parts) -> Iterator[str]:
    """Terms that learn from labels have some, and samples are drawn for their labels only where one learns."""
    learners = parts.objective.learners
    if learners and parts.data.num_labeled == 0:
        yield f"{_told(learners)}, but data.num_labeled is 0: keep a few labels, or leave that out."
    if parts.training.labeled_share is not None and not learners:
        yield (
            f"training.labeled_share is {parts.training.labeled_share:g}, but no term learns from labels: add "
            f"objective.tau, or leave it out."
        )


def _told(learners: Sequence[str]) -> str:
    return f"{listed(f'objective.{name}' for name in learners)} learn{'s' * (len(learners) == 1)} from labels"


def pi_is_trained(parts: Parts) -> Iterator[str]:
    """A learned π has a term to learn from, and a term on π has a π to act on."""
    learned = parts.model.prior.learns_pi
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


def the_terms_go_with_the_prior(parts: Parts) -> Iterator[str]:
    """As each term says."""
    for name, term in parts.objective.terms.items():
        yield from (f"objective.{name}.{problem}" for problem in term.problems(parts.model.prior))


def only_what_has_a_highest_value_is_rewarded(parts: Parts) -> Iterator[str]:
    """A negative weight raises its term, which most can be without end."""
    rewarded = listed(name for name, term in TERMS.items() if term.may_be_rewarded)
    for name, term in parts.objective.terms.items():
        lowest = min(term.weight.levels(parts.epochs))
        if lowest < 0 and not term.may_be_rewarded:
            yield (
                f"objective.{name}.weight reaches {lowest:g}, but training would raise this term without end: keep it "
                f"at 0 or above. A negative weight makes sense for {rewarded}."
            )


def what_is_monitored_exists(parts: Parts) -> Iterator[str]:
    """Early stopping and a curriculum watch values that are computed, and that training lowers."""
    stopping, curriculum = parts.training.early_stopping, parts.curriculum
    if stopping is not None:
        yield from _monitored(parts, stopping.monitor, "training.early_stopping.monitor is")
    if curriculum is not None:
        for name in curriculum.policy.watches:
            yield from _monitored(parts, name, "curriculum.policy monitors")


def _monitored(parts: Parts, monitor: str, told: str) -> Iterator[str]:
    terms = parts.objective.terms
    monitored = ["bound", "loss", *terms]
    if monitor not in monitored:
        yield (
            f"{told} `{monitor}`, which this run does not compute. It computes {listed(monitored)}."
            f"{nearest(monitor, monitored)}"
        )
    elif monitor in terms and any(value < 0 for value in terms[monitor].weight.levels(parts.epochs)):
        yield (
            f"{told} `{monitor}`, and lower counts as better, but the weight of objective.{monitor} is negative: "
            f"training raises it. Monitor `bound` or `loss`."
        )
    elif monitor in parts.objective.learners and parts.data.num_labeled is not None:
        yield (
            f"{told} `{monitor}`, but with data.num_labeled ({parts.data.num_labeled}) no validation sample keeps "
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


def the_routing_stays_within_bounds(parts: Parts) -> Iterator[str]:
    """As the routing says."""
    yield from (f"model.routing.{problem}" for problem in parts.model.routing.problems(parts.epochs))


def the_curriculum_fits(parts: Parts) -> Iterator[str]:
    """It grows within the channels and the epochs there are, and kicks only what is there."""
    curriculum = parts.curriculum
    if curriculum is None:
        return
    yield from curriculum.problems(parts.model.num_channels, parts.training.epochs)
    if parts.training.early_stopping is not None:
        yield (
            "training.early_stopping and curriculum would both decide when training ends: leave early stopping out; "
            "growth ends by itself, and curriculum.finish follows."
        )
    kick, unmoved = curriculum.kick, Constant(value=1.0)
    if kick.logit_mog != unmoved and "logit_mog" not in parts.objective.terms:
        yield "curriculum.kick.logit_mog relaxes a term that objective does not have: leave it out, or add the term."
    if kick.straight_through != unmoved and not parts.model.routing.can_be_softened:
        yield (
            f"curriculum.kick.straight_through has no hard choice to soften under this `"
            f"{parts.model.routing.kind_name()}` routing: leave it out."
        )


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
    every_weight_has_its_time,
    the_classifier_is_trained,
    labels_are_there_to_learn_from,
    pi_is_trained,
    the_terms_go_with_the_prior,
    only_what_has_a_highest_value_is_rewarded,
    what_is_monitored_exists,
    the_learning_rate_moves_something,
    the_routing_stays_within_bounds,
    the_curriculum_fits,
    there_is_data_enough,
)


def problems(parts: Parts) -> list[str]:
    """Everything that does not fit together."""
    return [sentence for check in CHECKS for sentence in check(parts)]


def _refused(path: str, check: Callable[..., None], *given: Any) -> Iterator[str]:
    """What a part says of the samples, under the path that the part cannot know."""
    try:
        check(*given)
    except ConfigError as error:
        yield f"{path}{error}"


def the_model_can_be_built(parts: Parts, dataset: Dataset) -> Iterator[str]:
    """Trunk and decoder read and draw samples of this shape."""
    model, shape = parts.model, dataset.shape
    yield from _refused("model.", model.trunk.check, shape)
    yield from _refused("model.", model.decoder.check, model.embedding_dim, shape)


def each_view_can_be_had(parts: Parts, dataset: Dataset) -> Iterator[str]:
    """The second looks are made of samples of this shape."""
    for name, term in parts.objective.terms.items():
        for i, view in enumerate(term.second_look()):
            yield from _refused(f"objective.{name}.views[{i}]: ", view.check, dataset.shape)


def there_are_neighbours(parts: Parts, dataset: Dataset) -> Iterator[str]:
    """Each training sample has so many."""
    N = len(dataset.train)
    for name, term in parts.objective.terms.items():
        for i, view in enumerate(term.second_look()):
            where = f"objective.{name}.views[{i}]"
            if 0 < N <= view.neighbours:
                yield (
                    f"{where} asks for {view.neighbours} neighbours, but each of the {N} training samples has "
                    f"{N - 1} others: give a number well below that."
                )


def the_output_describes_the_samples(parts: Parts, dataset: Dataset) -> Iterator[str]:
    """The likelihood is one of values such as these."""
    output = parts.model.decoder.output
    low, high = scaled_range(dataset)
    if output.requires_unit_range and not 0 <= low <= high <= 1:
        yield (
            f"model.decoder.output is `{output.kind_name()}`, which describes values in [0, 1], but the scaled samples "
            f"lie in [{low:.4g}, {high:.4g}]: use a `gaussian` output, or data.scaling `range`."
        )


def scaled_range(dataset: Dataset) -> tuple[float, float]:
    """The smallest and the largest value of all scaled samples; scaling keeps each feature's order."""
    parts = [arrays.x for arrays in dataset.splits.values() if len(arrays)]
    extremes = np.stack([extreme(axis=0) for x in parts for extreme in (x.min, x.max)])
    scaled = np.asarray(dataset.scaling(extremes))
    return float(scaled.min()), float(scaled.max())


def every_split_is_large_enough(parts: Parts, dataset: Dataset) -> Iterator[str]:
    """There is a batch to train on, and something to judge it by."""
    if len(dataset.train) < parts.training.batch_size:
        yield (
            f"training.batch_size is {parts.training.batch_size}, but there are only {len(dataset.train)} training "
            f"samples: there would be no full batch in an epoch."
        )
    if len(dataset.validation) == 0:
        yield "data.validation leaves no held-out sample, and every epoch is judged on them."
    shown = parts.run.report
    if shown and len(dataset.splits[shown]) == 0:
        yield (
            f"run.report is `{shown}`, but data.{shown} leaves no sample for it: show the train split, or nothing "
            f"with run.report=false."
        )


def some_samples_are_labelled(parts: Parts, dataset: Dataset) -> Iterator[str]:
    """What learns from labels learns from something."""
    learners = parts.objective.learners
    if learners and not np.any(dataset.train.label >= 0):
        yield f"{_told(learners)}, but no training sample has one: leave that out."


CHECKS_AGAINST_DATA: tuple[Callable[[Parts, Dataset], Iterator[str]], ...] = (
    the_model_can_be_built,
    each_view_can_be_had,
    there_are_neighbours,
    the_output_describes_the_samples,
    every_split_is_large_enough,
    some_samples_are_labelled,
)


def problems_with(parts: Parts, dataset: Dataset) -> list[str]:
    """Everything that cannot be done with this data."""
    return [sentence for check in CHECKS_AGAINST_DATA for sentence in check(parts, dataset)]

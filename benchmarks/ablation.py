"""Which parts of the recipe for images matter: each left out or replaced, each weight halved and doubled.

    python -m benchmarks.ablation [--first 100] [--seeds 3] [--cases recipe "no consistency" …]

The recipe is configs/mnist.yaml, cut short: 18,000 training images, 12 epochs, in the first four of which only the
routing learns; and the bound guides the routing, too, but for the case that says otherwise. Accuracy is that of the
best one-to-one matching on those training images, whose labels nothing else looks at; `sure` is the mean of the largest
responsibility, `agreement` the share of images whose channel is also the one that explains them best. Seeds are trained
in one program for each case, which is written as soon as it is done, beside the cases that were measured before. Needs
MNIST.
"""

from collections.abc import Iterator
from typing import Any

from benchmarks.common import BOUND, VIEWS_GUIDE, case_arguments, lasting, later, save, saved, show, trained
from rcmvae.config import load_config
from rcmvae.data.views.warp import Warp
from rcmvae.run import git_revision
from rcmvae.seeds import number

NAME, RECIPE = "ablation", "configs/mnist.yaml"
EPOCHS, ALONE, RATE = 12, 4, 3.5e-3
SHORT = ("data.num_samples=20000", "data.validation=0.1", *lasting(EPOCHS, ALONE, RATE))
WEIGHTS = {"consistency": 100, "usage_entropy": -100, "confidence": 50}  # of the routing terms
STRENGTHS = ("rotate", "shear", "log_scale", "shift", "elastic", "stroke")  # of the warp
ROUTING_ALONE = tuple(f"objective.{name}=null" for name in WEIGHTS)
COLUMNS = {
    "accuracy": ("clustering", "accuracy", "{:.1%}"),
    "NMI": ("clustering", "nmi", "{:.3f}"),
    "impure channels": ("clustering", "garbage_channels", "{:.1f}"),
    "sure": ("routing", "mean_max_soft", "{:.3f}"),
    "agreement": ("routing", "generative_agreement", "{:.1%}"),
    "bound": ("losses", "bound", "{:.1f}"),
}


def weighted(**weights: float) -> tuple[str, ...]:
    """Overrides for the weights of routing terms."""
    return tuple(f"objective.{name}.weight={weight}" for name, weight in weights.items())


def warped(factor: float) -> str:
    """The override for a warp so many times as strong."""
    keys = ", ".join(f"{name}: {getattr(Warp(), name) * factor}" for name in STRENGTHS)
    return f"objective.consistency={{weight: 100, views: [{{kind: warp, {keys}}}]}}"


def replaced() -> Iterator[tuple[str, tuple[str, ...]]]:
    """What is left out, or done in another way."""
    yield "recipe", ()
    yield "views alone guide", VIEWS_GUIDE
    for name in WEIGHTS:
        yield f"no {name}", (f"objective.{name}=null",)
    yield "no routing terms", ROUTING_ALONE
    yield "usage_floor for usage_entropy", ("objective.usage_entropy=null", "objective.usage_floor=100")
    yield "no epochs of routing alone", lasting(EPOCHS, 0, RATE)
    yield "trunk dense", ("model.trunk=dense",)
    yield "no bound", tuple(f"objective.{name}=null" for name in BOUND)
    yield "no kl_c", ("objective.kl_c=null",)
    yield "kl_z of all channels", (later("kl_z", ALONE, form="all"),)
    yield "with logit_mog", (later("logit_mog", ALONE),)
    yield "with dirichlet", (later("dirichlet", ALONE),)
    yield "routing expectation", ("model.routing=expectation",)
    yield "routing straight_through", ("model.routing=straight_through",)
    yield (
        "decoder shared, film_norm",
        (
            "model.decoder.backbone={kind: dense, hidden: [256, 256, 256]}",
            "model.decoder.conditioner=film_norm",
            "model.embedding_dim=32",
        ),
    )
    yield "views: neighbours", ("objective.consistency={weight: 100, views: [{kind: neighbours, share: 1}]}",)
    yield "views: neighbours, warp", ("objective.consistency={weight: 100, views: [neighbours, warp]}",)
    yield "views: jitter", ("objective.consistency={weight: 100, views: [jitter]}",)
    yield "constant learning rate", (f"training.learning_rate={RATE}",)


def scaled() -> Iterator[tuple[str, tuple[str, ...]]]:
    """Each weight and setting halved and doubled."""
    for factor, sign in ((0.5, "half"), (2, "twice")):
        for name, weight in WEIGHTS.items():
            yield f"{sign} {name}", weighted(**{name: weight * factor})
        yield (
            f"{sign} all routing terms",
            weighted(**{name: weight * factor for name, weight in WEIGHTS.items()}),
        )
        for name in BOUND:
            yield f"{sign} {name}", (later(name, ALONE, factor),)
        yield f"{sign} the warp", (warped(factor),)
        yield f"{sign} the learning rate", lasting(EPOCHS, ALONE, RATE * factor)
        yield f"{sign} the batch", (f"training.batch_size={round(256 * factor)}",)
        yield f"{sign} the epochs alone", lasting(EPOCHS, round(ALONE * factor), RATE)
        yield f"{sign} the latent dimensions", (f"model.latent_dim={round(2 * factor)}",)


CASES = {**dict(replaced()), **dict(scaled())}


def measure(name: str, first: int, seeds: int) -> dict[str, Any]:
    """All seeds of a case, in one program."""
    overrides = [*SHORT, *CASES[name], f"training.seed={first}", f"training.seeds={seeds}"]
    scores = trained(load_config(RECIPE, overrides)).scores("train")
    return {
        "case": name,
        "seeds": [*range(first, first + seeds)],
        "git_revision": git_revision(),
        **{told: scores[part][key] for told, (part, key, _) in COLUMNS.items()},
    }


def readable(row: dict[str, Any]) -> dict[str, Any]:
    """A line of the table."""
    return {"case": row["case"], **{told: number(row[told], form) for told, (*_, form) in COLUMNS.items()}}


def main() -> None:
    args = case_arguments(__doc__, CASES, seeds=3, first=100).parse_args()
    rows = {row["case"]: row for row in saved(args.results, NAME)}
    for case in args.cases:
        rows[case] = measure(case, args.first, args.seeds)
        print(readable(rows[case]), flush=True)
        save(args.results, NAME, [rows[name] for name in CASES if name in rows])
    title = f"MNIST, {EPOCHS} epochs of 18,000 training images, seeds {args.first} to {args.first + args.seeds - 1}"
    show(title, [readable(rows[case]) for case in args.cases])


if __name__ == "__main__":
    main()

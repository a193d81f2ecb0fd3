"""How the recipe for vectors was chosen: by tables that are drawn, and iris, beside k-means.

    python -m benchmarks.tables [--seeds 3] [--first 0] [--candidates neighbours relaxed …] [--cases 180x12 …]

Each row is one table and one seed, which decides both what is drawn and where training starts. All methods get the
scaled columns and the true number of kinds, and are scored by the best one-to-one matching on the samples that they
were fitted to. Tables of one shape and all seeds train in one program. No table that the recipe is reported on
(benchmarks/estimator.py) has a part in it.
"""

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float, Int
from sklearn.cluster import KMeans
from sklearn.datasets import load_iris, make_classification
from sklearn.preprocessing import scale

from benchmarks.common import case_arguments, matched, progress, report
from rcmvae.config import Config
from rcmvae.config.load import from_mapping
from rcmvae.data import Arrays, Scaling
from rcmvae.model import Stage
from rcmvae.recipes import VECTORS, Recipe, even_batch
from rcmvae.setting import parts_of, plan_of
from rcmvae.training import Devices, Pixels, compile_fresh, initial_states
from rcmvae.training.epoch import train_epoch
from rcmvae.training.state import Plan, TrainState

Table = tuple[Float[np.ndarray, "N F"], Int[np.ndarray, " N"]]
EVEN = replace(VECTORS, neighbours=0, spread=(100, 100))
NEAR = replace(EVEN, views=[{"kind": "neighbours", "number": 10, "share": 0.7}, *VECTORS.views])
CANDIDATES: dict[str, Recipe] = {
    "jitter": EVEN,
    "jitter, 65": replace(EVEN, spread=(65, 65)),
    "neighbours": NEAR,
    "neighbours, 65": replace(NEAR, spread=(65, 65)),
    "neighbours, 50": replace(NEAR, spread=(50, 50)),
    "relaxed": replace(NEAR, spread=(100, 50)),
    "recipe, 20 neighbours": replace(VECTORS, neighbours=20),
    "recipe": VECTORS,
}


def gaussians(
    seed: int,
    samples: int,
    features: int,
    sizes: Sequence[float],
    gap: float,
    *,
    shared: int = 0,
    own: float = 0.0,
    noise: int = 0,
    skew: float = 0.0,
    tails: int = 0,
) -> Table:
    """Kinds whose centres lie `gap` apart on average, in columns of units of their own.

    Some columns may be `noise` alone. `shared` factors move all columns at once, `own` says how much widths differ by
    direction and kind, `tails` are the degrees of freedom of a t distribution, `skew` the exponent of a log-normal one.
    """
    rng = np.random.default_rng(seed + 1000)
    told, num_kinds = features - noise, len(sizes)
    counts = np.floor(samples * np.asarray(sizes) / np.sum(sizes)).astype(int)
    counts[0] += samples - counts.sum()
    kind = rng.permutation(np.repeat(np.arange(num_kinds), counts))
    centre = rng.normal(size=(num_kinds, told))
    apart = np.linalg.norm(centre[:, None] - centre[None], axis=-1)
    centre *= gap / apart[np.triu_indices(num_kinds, 1)].mean()
    x = rng.normal(size=(samples, told))
    if tails:
        x /= np.sqrt(rng.chisquare(tails, size=(samples, 1)) / tails)
    if own:
        for k in range(num_kinds):
            turn = np.linalg.qr(rng.normal(size=(told, told)))[0]
            width = np.exp(own * rng.normal(size=told))
            size = np.exp(0.7 * own * rng.normal()) / np.sqrt(np.mean(width**2))
            x[kind == k] = (x[kind == k] * width * size) @ turn
    if shared:
        moved = rng.normal(size=(samples, shared)) @ rng.normal(size=(shared, told))
        x = np.sqrt(0.7) * x + np.sqrt(0.3 / shared) * moved
    x = np.hstack([x + centre[kind], rng.normal(size=(samples, noise))])
    if skew:
        x = np.exp(skew * x / x.std(axis=0))
    return x * np.exp(rng.normal(size=features)), kind


def sheets(seed: int, samples: int, features: int, num_kinds: int) -> Table:
    """Each kind is a bent sheet of three dimensions in many columns."""
    rng = np.random.default_rng(seed + 2000)
    kind = rng.permutation(np.repeat(np.arange(num_kinds), samples // num_kinds))
    place, x = rng.normal(size=(samples, 3)), np.empty((samples, features))
    out, common = rng.normal(size=(24, features)), rng.normal(size=(3, 24))
    for k in range(num_kinds):
        bend = 0.5 * common + 0.7 * rng.normal(size=(3, 24))
        x[kind == k] = np.tanh(0.6 * place[kind == k] @ bend + 0.75 * rng.normal(size=24)) @ out
    return x / x.std() + 0.3 * rng.normal(size=x.shape), kind


def corners(seed: int, samples: int, features: int, num_kinds: int, apart: float, telling: int) -> Table:
    """scikit-learn's own: a cluster on a corner for each kind, redundant columns, and noise."""
    found: Any = make_classification(
        samples,
        features,
        n_informative=telling,
        n_redundant=(features - telling) // 2,
        n_classes=num_kinds,
        n_clusters_per_class=1,
        class_sep=apart,
        flip_y=0,
        random_state=seed + 7,
    )
    return found


def iris(_: int) -> Table:
    found: Any = load_iris()
    return found.data, found.target


def drawn(
    samples: int, features: int, sizes: Sequence[float], gap: float, **others: Any
) -> Callable[[int], Table]:
    return lambda seed: gaussians(seed, samples, features, sizes, gap, **others)


TEN = (1, 1.2, 1.5, 1, 2, 1, 1.7, 1, 1, 1.3)
CASES: dict[str, dict[str, Callable[[int], Table]]] = {
    "180x12": {
        "1:1:1": drawn(180, 12, (1, 1, 1), 3.6),
        "2:1:1, shared factors": drawn(180, 12, (2, 1, 1), 4.2, shared=2),
        "1:1.3:1.6, own widths, noise": drawn(180, 12, (1, 1.3, 1.6), 4.0, own=0.5, noise=4),
        "1.5:1:1.2, skewed": drawn(180, 12, (1.5, 1, 1.2), 4.4, shared=1, skew=0.6),
        "corners": lambda seed: corners(seed, 180, 12, 3, 1.5, 4),
    },
    "560x24": {
        "1:1, shared factors": drawn(560, 24, (1, 1), 4.0, shared=3),
        "1:1.7, shared factors, skewed": drawn(560, 24, (1, 1.7), 5.0, shared=3, skew=0.6),
        "1.7:1, own widths, noise": drawn(560, 24, (1.7, 1), 4.0, own=0.5, noise=4),
        "1:2, heavy tails": drawn(560, 24, (1, 2), 4.4, shared=4, tails=4),
        "1:5": drawn(560, 24, (1, 5), 6.0, shared=3),
    },
    "1400x40": {
        "ten kinds, shared factors, noise": drawn(1400, 40, (1,) * 10, 5.5, shared=4, noise=8),
        "ten bent sheets": lambda seed: sheets(seed, 1400, 40, 10),
        "ten kinds up to 1:2, own widths": drawn(1400, 40, TEN, 4.6, own=0.5),
    },
    "600x8": {
        "1:1:2:2:3": drawn(600, 8, (1, 1, 2, 2, 3), 4.6),
        "five kinds, own widths": drawn(600, 8, (1,) * 5, 4.4, own=0.5),
        "five kinds up to 1:1.7, a shared factor": drawn(
            600, 8, (1, 1.3, 1.7, 1, 1.5), 5.4, shared=1, noise=1
        ),
        "corners": lambda seed: corners(seed, 600, 8, 5, 1.8, 5),
    },
    "150x4": {"iris": iris},
}


def configured(recipe: Recipe, x: Float[np.ndarray, "N F"], num_kinds: int, seeds: range) -> Config:
    """The recipe as the estimator would have it for such a table."""
    settings = recipe.settings(recipe.epochs(len(x)), len(x))
    settings["model"]["num_channels"] = num_kinds
    settings["training"] |= {
        "batch_size": even_batch(len(x), recipe.batch_size),
        "seed": seeds.start,
        "seeds": len(seeds),
        "devices": 1,
    }
    return from_mapping(settings)


def trained(
    recipe: Recipe, x: Float[np.ndarray, "T N F"], num_kinds: int, seeds: range
) -> Int[np.ndarray, "T N"]:
    """The channel of each sample. Tables, seed after seed for each case, train at once."""
    config = configured(recipe, x[0], num_kinds, seeds)
    devices = Devices.take(1, config.training.batch_size)
    fresh = compile_fresh(*parts_of(config), x.shape[2:], 0)
    state, skeleton = initial_states(fresh, config.training, lambda: x[0])
    state = jax.tree.map(lambda leaf: jnp.concatenate([leaf] * (len(x) // len(seeds))), state)
    plan = plan_of(config, skeleton, Scaling.identity(), x.shape[1])
    nothing = np.full(x.shape[1], -1, np.int32)
    each = [plan.on_device(Arrays(table, nothing, nothing), devices) for table in x]
    data = jax.tree.map(lambda *leaves: jnp.stack(leaves), *each)
    step = jax.vmap(functools.partial(train_epoch, plan, devices, Stage.DECODE))
    epoch = jax.jit(lambda state, data: step(state, data)[0], donate_argnums=0)
    for _ in range(config.training.epochs):
        state = epoch(state, data)
    return np.asarray(jax.jit(jax.vmap(functools.partial(channels, plan)))(state, data))


def channels(plan: Plan, state: TrainState, data: Pixels) -> Int[jax.Array, " N"]:
    return plan.model(state).encode(data.x).logits.argmax(axis=-1)


def measure(case: str, recipes: dict[str, Recipe], seeds: range) -> Iterator[dict[str, Any]]:
    """A row for each table and seed."""
    drawn = [(name, seed, *draw(seed)) for name, draw in CASES[case].items() for seed in seeds]
    x = np.stack([np.asarray(scale(table), np.float32) for _, _, table, _ in drawn])
    num_kinds = len(np.unique(drawn[0][3]))
    found = {name: trained(recipe, x, num_kinds, seeds) for name, recipe in recipes.items()}
    ten: Any = 10  # scikit-learn calls it a text
    for at, (name, seed, raw, kind) in enumerate(drawn):
        row: dict[str, Any] = {"shape": case, "table": name, "seed": seed}
        for method, table in {"k-means": x[at], "k-means, raw": raw}.items():
            by: Any = KMeans(num_kinds, n_init=ten, random_state=seed).fit_predict(table)
            row[method] = matched(by, kind)
        yield row | {method: matched(channel[at], kind) for method, channel in found.items()}


def summary(rows: Sequence[dict[str, Any]]) -> Iterator[str]:
    """For each method its mean over all tables, and how often it is behind k-means on the scaled columns."""
    methods = [*rows[0]][3:]
    tables = [*dict.fromkeys((row["shape"], row["table"]) for row in rows)]
    means = {
        method: np.array(
            [np.mean([row[method] for row in rows if (row["shape"], row["table"]) == one]) for one in tables]
        )
        for method in methods
    }
    for method, mean in means.items():
        lead = mean - means["k-means"]
        yield (
            f"{method}: {mean.mean():.1%} over {len(tables)} tables, behind k-means by a point or more on "
            f"{(lead <= -0.01).sum()}, at most by {max(0.0, -lead.min()):.1%}"
        )


def main() -> None:
    parser = case_arguments(__doc__, CASES, seeds=3, first=0)
    parser.add_argument("--candidates", nargs="+", choices=[*CANDIDATES], default=[*CANDIDATES])
    args = parser.parse_args()
    recipes, seeds = (
        {name: CANDIDATES[name] for name in args.candidates},
        range(args.first, args.first + args.seeds),
    )
    rows = [row for case in args.cases for row in progress(measure(case, recipes, seeds))]
    report(args.results, "tables", "Accuracy on tables that are drawn, and iris", rows, [*summary(rows)])


if __name__ == "__main__":
    main()

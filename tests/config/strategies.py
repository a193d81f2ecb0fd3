"""Random configurations, drawn from the options classes themselves: a new kind or term takes part by itself."""

from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from hypothesis import strategies as st

from rcmvae.config import Config
from rcmvae.config.places import Place
from rcmvae.curriculum import Curriculum, Kick, Normality, Plateau, Scheduled
from rcmvae.data import Csv, Npy, Parquet, Source
from rcmvae.data.tabular import Tabular
from rcmvae.model import ModelOptions
from rcmvae.nn import Heteroscedastic
from rcmvae.objective import TERMS, ObjectiveOptions
from rcmvae.options import Options, is_number
from rcmvae.priors import PRIORS
from rcmvae.routing import Relaxed, StraightThrough
from rcmvae.schedules import Piecewise, Ramp
from rcmvae.training.options import EarlyStopping, RunOptions, TrainingOptions

Raw = dict[str, Any]

# What no type tells: how a few texts have to look.
SPECIAL: dict[tuple[type[Options], str], st.SearchStrategy[Any]] = {
    (Npy, "path"): st.just("some where/x.npy"),
    (Npy, "x"): st.just("x"),
    (Npy, "y"): st.none(),
    (Npy, "x_test"): st.none(),
    (Npy, "y_test"): st.none(),
    (Tabular, "features"): st.none() | st.just(["a", "b"]),
    (Tabular, "label_column"): st.none() | st.just("y"),
    (Tabular, "without"): st.just([]),  # beside features
    (Csv, "delimiter"): st.none() | st.sampled_from([";", "\t", ":"]),
    (Parquet, "image_column"): st.none(),
    (Tabular, "shape"): st.none() | st.just([4, 4]),
    (Parquet, "resize"): st.none(),
    (Parquet, "color"): st.none(),
    (Source, "validation"): st.floats(1e-6, 0.9),
    (Source, "test"): st.floats(0, 0.9) | st.integers(0, 100),
    (Source, "num_labeled"): st.none(),
    (Heteroscedastic, "sigma_min"): st.floats(1e-6, 0.1),
    (Heteroscedastic, "sigma_max"): st.floats(0.11, 10),
    (Ramp, "begin"): st.floats(0, 0.9),  # a weight has to begin before training ends
    (Piecewise, "at"): st.just([0.1, 0.901]),
    (Piecewise, "values"): st.lists(st.floats(-1e30, 1e30), min_size=3, max_size=3),
    (Relaxed, "temperature"): st.floats(1e-3, 1e3),
    (StraightThrough, "straight_through"): st.just(1.0),
    (EarlyStopping, "monitor"): st.sampled_from(["bound", "loss"]),
    (
        Config,
        "curriculum",
    ): st.none(),  # it and early stopping exclude each other; on its own it has its own test
    (Curriculum, "limit"): st.none(),
    (Curriculum, "initial"): st.integers(1, 2),
    (Kick, "epochs"): st.floats(1e-3, 1),
    (Kick, "temperature"): st.floats(1e-3, 1e3),
    (Kick, "straight_through"): st.floats(0, 1),
    (Kick, "logit_mog"): st.floats(0, 1),
    (Plateau, "monitor"): st.sampled_from(["bound", "loss"]),
    (Normality, "max_wait"): st.none(),
    (Scheduled, "at"): st.just([2, 5]),
    (Scheduled, "every"): st.none(),
    (RunOptions, "name"): st.none() | st.from_regex(r"[A-Za-z0-9_.-]{1,12}", fullmatch=True),
    (ModelOptions, "num_channels"): st.integers(2, 50),
    (ModelOptions, "embedding_dim"): st.integers(1, 64),
    (ModelOptions, "log_var_bounds"): st.tuples(st.floats(-1e9, -1e-9), st.floats(0, 1e9)).map(list),
    (ModelOptions, "classifier"): st.none(),
    (TrainingOptions, "learning_rate"): st.floats(1e-9, 10),
    (TrainingOptions, "batch_size"): st.just(1),
    (TrainingOptions, "labeled_share"): st.none(),  # unless some term learns from labels
    (ObjectiveOptions, "reconstruction"): st.just({"weight": 1.0}),
    (ObjectiveOptions, "kl_c"): st.just({"weight": 0.1}),
    (ObjectiveOptions, "dirichlet_pi"): st.none(),
    (ObjectiveOptions, "classifier"): st.none(),
}


def numbers(kind: type, metadata: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    """Numbers within the bounds of a field."""
    names = {Gt: "gt", Ge: "ge", Lt: "lt", Le: "le"}
    given: Raw = {names[type(m)]: getattr(m, names[type(m)]) for m in metadata if type(m) in names}
    lowest, highest = given.get("gt", given.get("ge")), given.get("lt", given.get("le"))
    if kind is int:
        low = -(10**6) if lowest is None else int(lowest) + ("gt" in given)
        return st.integers(low, 10**6 if highest is None else int(highest))
    low, high = -1e30 if lowest is None else float(lowest), 1e30 if highest is None else float(highest)
    return st.floats(low, high, exclude_min="gt" in given, exclude_max="lt" in given)


def values(place: Place, depth: int = 2) -> st.SearchStrategy[Any]:
    """Plain values that one place takes."""
    alternatives = [_values(member, depth) for member in place.members]
    return st.one_of(*alternatives, *([st.none()] if place.takes_null else []))


def _values(place: Place, depth: int) -> st.SearchStrategy[Any]:
    if place.one_of is not None:
        choices = place.one_of.registry
        if place.takes_number and depth <= 0:  # a schedule within a schedule within a schedule is enough
            return numbers(float, ())
        kinds = [st.tuples(st.just(kind), options(cls, depth - 1)) for kind, cls in choices.items()]
        return st.one_of(kinds).map(lambda drawn: {"kind": drawn[0]} | drawn[1])
    if place.options is not None:
        return options(place.options, depth)
    if get_origin(place.annotation) is Literal:
        return st.sampled_from(get_args(place.annotation))
    if get_origin(place.annotation) is tuple:
        args = get_args(place.annotation)
        entries = values(Place.of(args[0]), depth)
        fewest, most = (1, 3) if args[-1] is Ellipsis else (len(args), len(args))
        return st.lists(entries, min_size=fewest, max_size=most)
    paths = st.text("abcé ~.:#'-/", min_size=1).map(lambda text: str(Path(text)))
    plain = {bool: st.booleans(), str: st.text(max_size=8), Path: paths}
    return plain[place.annotation] if place.annotation in plain else numbers(place.annotation, place.metadata)


def options(cls: type[Options], depth: int = 2) -> st.SearchStrategy[Raw]:
    """Plain values of one options class."""
    places = {name: Place.of_field(field) for name, field in cls.model_fields.items() if name != "kind"}
    return st.fixed_dictionaries(
        {name: _values_of(cls, name, place, depth) for name, place in places.items()}
    )


def _values_of(cls: type[Options], name: str, place: Place, depth: int) -> st.SearchStrategy[Any]:
    special = [SPECIAL[base, name] for base in cls.__mro__ if (base, name) in SPECIAL]
    return special[0] if special else values(place, depth)


def _fitting(raw: Raw) -> Raw:
    """The parts of a model that depend on one another, made to agree."""
    model, prior, routing = raw["model"], raw["model"]["prior"], raw["model"]["routing"]
    layouts = PRIORS[prior["kind"]].layouts
    shared = model["layout"] not in layouts or model["layout"] == "shared"
    model = model | {"layout": layouts[-1]} if shared else model
    if shared:
        model["decoder"] = model["decoder"] | {"conditioner": {"kind": "film"}}
    if routing["kind"] == "top_m":
        model["routing"] = routing | {"m": 1 + routing["m"] % (model["num_channels"] - 1)}
    kl_z = raw["objective"]["kl_z"]
    if isinstance(kl_z, dict) and kl_z.get("form") == "all":
        raw = raw | {"objective": raw["objective"] | {"kl_z": kl_z | {"guides": True}}}
    if prior["kind"] == "geometric" and raw["objective"]["kl_z"] is not None:
        raw = raw | {"objective": raw["objective"] | {"kl_z": {"weight": 1.0}}}
    objective = {name: _lifted(name, term) for name, term in raw["objective"].items()}
    return raw | {"model": model, "objective": objective}


def _lifted(name: str, term: Raw | None) -> Raw | None:
    """A term with its weight above 0, unless it may be rewarded."""
    if term is None or TERMS[name].may_be_rewarded:
        return term
    return term | {"weight": _magnitude(term["weight"])}


def _magnitude(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _magnitude(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_magnitude(inner) for inner in value]
    return abs(value) if is_number(value) else value


# Built once: no code of the package runs while examples are drawn.
CONFIGS: st.SearchStrategy[Raw] = options(Config).map(_fitting)

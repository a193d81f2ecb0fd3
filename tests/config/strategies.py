"""Random configurations, drawn from the options classes themselves: a new kind or term takes part by itself."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from hypothesis import reject
from hypothesis import strategies as st
from pydantic import ValidationError

from rcmvae.config import Config
from rcmvae.config.places import Place
from rcmvae.data import Npy
from rcmvae.options import Options
from rcmvae.priors import PRIORS
from rcmvae.training.options import EarlyStopping, RunOptions

Raw = dict[str, Any]

# What no type tells: how a few texts have to look.
SPECIAL: dict[tuple[type[Options], str], st.SearchStrategy[Any]] = {
    (Npy, "path"): st.just("some where/x.npy"),
    (Npy, "x"): st.just("x"),
    (Npy, "y"): st.none(),
    (Npy, "x_test"): st.none(),
    (Npy, "y_test"): st.none(),
    (EarlyStopping, "monitor"): st.sampled_from(["bound", "loss"]),
    (RunOptions, "name"): st.none() | st.from_regex(r"[A-Za-z0-9_.-]{1,12}", fullmatch=True),
}


def numbers(kind: type, metadata: tuple[Any, ...]) -> st.SearchStrategy[Any]:
    """Numbers within the bounds of a field."""
    lowest = next((m.gt if isinstance(m, Gt) else m.ge for m in metadata if isinstance(m, Gt | Ge)), None)
    highest = next((m.lt if isinstance(m, Lt) else m.le for m in metadata if isinstance(m, Lt | Le)), None)
    open_below = any(isinstance(m, Gt) for m in metadata)
    if kind is int:
        low = -(10**6) if lowest is None else int(lowest) + open_below
        return st.integers(low, 10**6 if highest is None else int(highest))
    bounds: Raw = {"exclude_min": open_below, "exclude_max": any(isinstance(m, Lt) for m in metadata)}
    low, high = -1e30 if lowest is None else float(lowest), 1e30 if highest is None else float(highest)
    return st.floats(low, high, **bounds)


def values(place: Place, depth: int = 2) -> st.SearchStrategy[Any]:
    """Plain values that one place takes."""
    alternatives = [_values(member, depth) for member in place.members]
    return st.one_of(*alternatives, *([st.none()] if place.takes_null else []))


def _values(place: Place, depth: int) -> st.SearchStrategy[Any]:
    if place.one_of is not None:
        choices = place.one_of.registry
        if place.takes_number and depth <= 0:  # a schedule within a schedule within a schedule is enough
            return numbers(float, ())
        return st.sampled_from(sorted(choices)).flatmap(
            lambda kind: options(choices[kind], depth - 1).map(lambda raw: {"kind": kind} | raw)
        )
    if place.options is not None:
        return options(place.options, depth)
    if get_origin(place.annotation) is Literal:
        return st.sampled_from(get_args(place.annotation))
    if get_origin(place.annotation) is tuple:
        args = get_args(place.annotation)
        entries = values(Place.of(args[0]), depth)
        size = {"min_size": 1, "max_size": 3} if args[-1] is Ellipsis else {"min_size": len(args), "max_size": len(args)}
        return st.lists(entries, **size)
    if place.annotation in (int, float):
        return numbers(place.annotation, place.metadata)
    if place.annotation is Path:
        return st.text("abcé ~.:#'-/", min_size=1).map(lambda text: str(Path(text)))
    return {bool: st.booleans(), str: st.text(max_size=8)}[place.annotation]


def options(cls: type[Options], depth: int = 2) -> st.SearchStrategy[Raw]:
    """Plain values of one options class, all of them legal in themselves."""
    fields = {
        name: SPECIAL.get((cls, name), values(Place.of_field(field), depth))
        for name, field in cls.model_fields.items()
        if name != "kind"
    }
    return st.fixed_dictionaries(fields).filter(lambda raw: _is_legal(cls, raw))


def _is_legal(cls: type[Options], raw: Mapping[str, Any]) -> bool:
    try:
        cls.model_validate(raw)
    except ValidationError:
        return False
    return True


def fields(*path: type[Options] | str) -> st.SearchStrategy[Any]:
    """Values for the key of a class."""
    cls, name = path
    assert isinstance(cls, type)
    return values(Place.of_field(cls.model_fields[str(name)]))


@st.composite
def models(draw: st.DrawFn) -> Raw:
    """Models whose parts fit together."""
    options_of = type(Config().model)
    raw: Raw = {name: draw(fields(options_of, name)) for name in ("trunk", "prior", "routing", "latent_dim")}
    raw["decoder"] = draw(fields(options_of, "decoder"))
    raw["num_channels"] = draw(st.integers(2, 50))
    raw["embedding_dim"] = draw(st.integers(1, 64))
    raw["layout"] = draw(st.sampled_from(PRIORS[raw["prior"]["kind"]].layouts))
    raw["log_var_bounds"] = sorted(draw(st.lists(numbers(float, ()), min_size=2, max_size=2, unique=True)))
    if raw["layout"] == "shared":
        raw["decoder"]["conditioner"] = {"kind": "film"}
    if raw["routing"]["kind"] == "top_m":
        raw["routing"]["m"] = draw(st.integers(1, raw["num_channels"] - 1))
    raw["routing"]["temperature"] = draw(st.floats(1e-3, 1e3))
    if raw["routing"]["kind"] == "straight_through":
        raw["routing"]["straight_through"] = 1.0
    return raw


@st.composite
def configs(draw: st.DrawFn) -> Config:
    """Whole configurations that can run."""
    raw = {"data": draw(fields(Config, "data")), "model": draw(models()), "run": draw(fields(Config, "run"))}
    raw["training"] = draw(fields(Config, "training"))
    raw["objective"] = {"reconstruction": 1.0} | draw(fields(Config, "objective"))
    raw["objective"]["dirichlet_pi"] = raw["objective"]["classifier"] = None
    raw["training"]["learning_rate"] = draw(st.floats(1e-6, 1.0))
    raw["training"]["batch_size"] = 1
    raw["data"] |= {"num_labeled": None, "validation": draw(st.floats(1e-6, 0.9))}
    try:
        return Config.model_validate(raw)
    except ValidationError:
        reject()

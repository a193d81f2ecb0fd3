"""The words of a command line that say what to train: a configuration or data, and changes to it."""

import inspect
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated

import typer

from rcmvae.errors import ConfigError, closest

# So that a word like `--epochs` gets here, and an answer that knows what it stands for.
SETTINGS = {"ignore_unknown_options": True}

SHOWN = 3  # of the settings that a word may stand for
ALIKE = 0.8  # how like a name a word must be to be taken for it, 1 where they are the same

File = Annotated[
    str | None,
    typer.Argument(
        metavar="[CONFIG | DATA]",
        help="A configuration file; or data, by name (mnist) or path (images/), for which one is made; the defaults "
        "without either.",
        show_default=False,
    ),
]
Overrides = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[KEY=VALUE]...", help="Values on top: model.num_channels=20.", show_default=False
    ),
]


def options_of(command: Callable[..., None]) -> list[str]:
    """How the options of such a command are written."""
    words = {"config", "overrides"}
    return [
        f"--{name.replace('_', '-')}" for name in inspect.signature(command).parameters if name not in words
    ]


def arrange(
    config: str | None, overrides: list[str] | None, options: Sequence[str] = ()
) -> tuple[str | None, list[str]]:
    """The file or the data, which may be left out, and the overrides; what looks like an option is none of `options`.

    >>> arrange("quick.yaml", ["training.epochs=5"]), arrange("training.epochs=5", None)
    (('quick.yaml', ['training.epochs=5']), (None, ['training.epochs=5']))
    """
    words = [*([] if config is None else [config]), *(overrides or [])]
    for place, word in enumerate(words):
        if word.startswith("-"):
            raise ConfigError(_no_option(words[place:], options))
    if config is None or "=" not in config or Path(config).exists():
        return config, overrides or []
    return None, words


def _no_option(words: Sequence[str], options: Sequence[str]) -> str:
    """What to write instead of the first word: the setting of that name, or of the nearest, or the nearest option.

    >>> _no_option(["--num-channels=5"], [])
    "There is no option '--num-channels'. Settings are written KEY=VALUE: model.num_channels=5."
    >>> _no_option(["--batch-sizes", "64", "name=it"], ["--name"])
    "There is no option '--batch-sizes'. Did you mean training.batch_size=64?"
    >>> _no_option(["--quite"], ["--quiet"])
    "There is no option '--quite'. Did you mean '--quiet'?"
    >>> _no_option(["--force"], ["--quiet"])
    "There is no option '--force'. See --help."
    """
    from rcmvae.config import Config  # noqa: PLC0415
    from rcmvae.config.places import highest, last, paths_in  # noqa: PLC0415

    option, _, value = words[0].partition("=")
    value = value or next((word for word in words[1:2] if "=" not in word and word[:1] != "-"), "VALUE")
    told = f"There is no option '{option}'."
    paths = paths_in(Config)
    keys = {path: [path] for path in paths} if "." in option else {}
    if not keys:
        keys = {name: highest(name, Config) for name in {*map(last, paths)}}

    def settings(key: str) -> str:
        meant = [f"{path}={value}" for path in keys[key]]
        others = f", or {len(meant) - SHOWN} others" if len(meant) > SHOWN else ""
        return f"{' or '.join(meant[:SHOWN])}{others}"

    key = option.lstrip("-").replace("-", "_")
    if key in keys:
        return f"{told} Settings are written KEY=VALUE: {settings(key)}."
    named = {name.lstrip("-").replace("-", "_"): name for name in (*options, "--help")}
    match = closest(key, [*named, *keys], ALIKE)
    if match is None:
        return f"{told} See --help."
    meant = f"'{named[match]}'" if match in named else settings(match)
    return f"{told} Did you mean {meant}?"


def tell(notes: tuple[str, ...]) -> None:
    """Say how an earlier file was understood, beside the output and not in it."""
    for note in notes:
        print(f"note: {note}", file=sys.stderr)  # noqa: T201

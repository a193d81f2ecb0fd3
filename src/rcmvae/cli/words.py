"""The words of a command line that say what to train: a configuration or data, and changes to it."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from rcmvae.errors import ConfigError

# So that a word like `--epochs` gets here, and an answer that knows what it stands for.
SETTINGS = {"ignore_unknown_options": True}

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


def arrange(config: str | None, overrides: list[str] | None) -> tuple[str | None, list[str]]:
    """The file or the data, which may be left out, and the overrides; what looks like an option is none.

    >>> arrange("quick.yaml", ["training.epochs=5"]), arrange("training.epochs=5", None)
    (('quick.yaml', ['training.epochs=5']), (None, ['training.epochs=5']))
    """
    words = [*([] if config is None else [config]), *(overrides or [])]
    for place, word in enumerate(words):
        if word.startswith("-"):
            raise ConfigError(_no_option(words[place:]))
    if config is None or "=" not in config or Path(config).exists():
        return config, overrides or []
    return None, words


def _no_option(words: Sequence[str]) -> str:
    """What to write instead of the first word, where there is a setting of that name.

    >>> _no_option(["--num-channels=5"])
    "There is no option '--num-channels'. Settings are written KEY=VALUE: model.num_channels=5."
    >>> _no_option(["--batch-size", "64", "name=it"])
    "There is no option '--batch-size'. Settings are written KEY=VALUE: training.batch_size=64."
    >>> _no_option(["--quite"])
    "There is no option '--quite'. See --help."
    """
    from rcmvae.config import Config  # noqa: PLC0415
    from rcmvae.config.places import highest  # noqa: PLC0415

    option, _, value = words[0].partition("=")
    value = value or next((word for word in words[1:2] if "=" not in word and word[:1] != "-"), "VALUE")
    key = option.lstrip("-").replace("-", "_")
    paths = [key] if "." in key else highest(key, Config) if option.startswith("--") else []
    told = f"There is no option '{option}'."
    if not paths:
        return f"{told} See --help."
    return f"{told} Settings are written KEY=VALUE: {' or '.join(f'{path}={value}' for path in paths)}."


def tell(notes: tuple[str, ...]) -> None:
    """Say how an earlier file was understood, beside the output and not in it."""
    for note in notes:
        print(f"note: {note}", file=sys.stderr)  # noqa: T201

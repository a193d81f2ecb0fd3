"""What the commands that use a trained model have in common."""

from pathlib import Path
from typing import Annotated, Any

import typer

from rcmvae.cli.values import height, whole
from rcmvae.errors import ConfigError

Run = Annotated[Path, typer.Argument(metavar="RUN", help="A finished run's directory.", show_default=False)]
Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="Samples: a .npy, .npz, .parquet or .csv file, a folder of images, or train, validation or test.",
        show_default=False,
    ),
]
Options = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[KEY=VALUE]...",
        help="How the file is read, as under `data` in a configuration: x=pixels, or resize=[28,28].",
        show_default=False,
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Which of the seeds that the run trained.",
        show_default="best_seed of summary.json",
    ),
]
Force = Annotated[bool, typer.Option("--force", help="Write over a file that is there already.")]
Keep = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN",
        help="A column of DATA to write beside what was found, such as an id; may be given several times.",
        show_default=False,
    ),
]
Groups = Annotated[
    str | None,
    typer.Option(
        metavar="N", help="Cut the channel tree into so many groups.", show_default="as it proposes"
    ),
]
Level = Annotated[
    str | None,
    typer.Option(metavar="HEIGHT", help="Cut the channel tree at this height instead.", show_default=False),
]


def cut(groups: str | None, level: str | None) -> dict[str, Any]:
    """What the two options say, as keywords; not both of them."""
    if groups is not None and level is not None:
        raise ConfigError("--groups and --level are two ways to cut the channel tree: give one of them.")
    return {"num_groups": whole("--groups", groups, least=1), "level": height("--level", level)}

"""What the commands that use a trained model have in common."""

from pathlib import Path
from typing import Annotated

import typer

Run = Annotated[Path, typer.Argument(metavar="RUN", help="A finished run's directory.", show_default=False)]
Data = Annotated[
    str,
    typer.Argument(
        metavar="DATA",
        help="Samples: a .npy, .npz or .parquet file, a folder of images, or train, validation or test.",
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

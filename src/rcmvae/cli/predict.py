"""`rcmvae predict`."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from rcmvae.cli import startup, using


def predict(
    run: using.Run,
    data: using.Data,
    options: using.Options = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="A .parquet, .csv or .npz to write; printed as CSV if left out.",
            show_default=False,
        ),
    ] = None,
    keep: using.Keep = None,
    seed: using.Seed = None,
    groups: using.Groups = None,
    level: using.Level = None,
    force: using.Force = False,
) -> None:
    """Say which channel, and which group of channels, each sample belongs to, and how probable that is."""
    cut = using.cut(groups, level)
    from rcmvae.inference.writing import TABLES, refuse_file, write_csv, write_table  # noqa: PLC0415

    if output is not None:
        refuse_file(output, [*TABLES], force=force)
    console = startup.start()
    from rcmvae.cli.outcome import say  # noqa: PLC0415
    from rcmvae.errors import counted  # noqa: PLC0415
    from rcmvae.inference import Trained, beside, predict_parts, samples_of  # noqa: PLC0415
    from rcmvae.results import Cut  # noqa: PLC0415

    trained = Trained.open(run, seed, cut=Cut(**cut))
    known = beside(trained, data, options or (), keep or ())
    x = samples_of(trained, data, options or ())
    if output is None:
        write_csv(sys.stdout, predict_parts(trained, x), known)
        return
    write_table(output, predict_parts(trained, x), known)
    say(console, f"{counted(len(x), 'sample')} written to {output}{trained.whose}")

"""`rcmvae embed`."""

from pathlib import Path
from typing import Annotated

import typer

from rcmvae.cli import startup, using


def embed(
    run: using.Run,
    data: using.Data,
    options: using.Options = None,
    output: Annotated[
        Path,
        typer.Option(
            "--output", "-o", metavar="FILE", help="A .parquet, .csv or .npz to write.", show_default=False
        ),
    ] = ...,  # pyright: ignore[reportArgumentType]
    keep: using.Keep = None,
    seed: using.Seed = None,
    groups: using.Groups = None,
    level: using.Level = None,
    force: using.Force = False,
) -> None:
    """Write where each sample lies: channel, group, code, responsibilities, and what it costs in nats.

    The training data are not needed. A sample that costs much more than others
    is unlike those that the run was trained on.
    """
    cut = using.cut(groups, level)
    from rcmvae.inference.writing import TABLES, refuse_file, write_table  # noqa: PLC0415

    refuse_file(output, [*TABLES], force=force)
    console = startup.start()
    from rcmvae.cli.outcome import say  # noqa: PLC0415
    from rcmvae.errors import counted  # noqa: PLC0415
    from rcmvae.inference import Trained, beside, embed_parts, samples_of  # noqa: PLC0415
    from rcmvae.results import Cut  # noqa: PLC0415

    trained = Trained.open(run, seed, cut=Cut(**cut))
    known = beside(trained, data, options or (), keep or ())
    x = samples_of(trained, data, options or ())
    write_table(output, embed_parts(trained, x), known)
    say(console, f"{counted(len(x), 'sample')} written to {output}{trained.whose}")

"""`rcmvae data`."""

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Look at data: list, fetch, info.")


@app.command("list")
def list_sources() -> None:
    """List where data can come from."""
    from rich.console import Console  # noqa: PLC0415
    from rich.table import Table  # noqa: PLC0415

    from rcmvae.data.catalogue import catalogue  # noqa: PLC0415

    table = Table("kind", "what it is", "ready", box=None, pad_edge=False)
    for source in catalogue():
        table.add_row(source.kind, source.summary, "yes" if source.at_hand else "to fetch")
    Console().print(table)


@app.command()
def fetch(
    kind: Annotated[str, typer.Argument(help="Which data, such as mnist.", show_default=False)],
) -> None:
    """Download and verify data now, so that later runs need no network."""
    from rcmvae.data.catalogue import fetch as fetch_files  # noqa: PLC0415

    typer.echo(f"{kind} is in {fetch_files(kind)}")


@app.command()
def info(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="[KIND | CONFIG | PATH]",
            help="What to describe: a kind that `rcmvae data list` names, a file or folder of samples, or the data of "
            "a configuration file.",
        ),
    ] = "digits",
    options: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[KEY=VALUE]...",
            help="Options of that kind: num_samples=1000, or path=x.npy.",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Load data as a run would, and describe them: `rcmvae data info x.npy`, or `npy path=x.npy`."""
    from rcmvae.config import load_source  # noqa: PLC0415
    from rcmvae.config.load import CONFIG_SUFFIXES  # noqa: PLC0415
    from rcmvae.config.text import render  # noqa: PLC0415
    from rcmvae.data import load  # noqa: PLC0415
    from rcmvae.data.catalogue import info as describe  # noqa: PLC0415
    from rcmvae.experiment import _told_of  # noqa: PLC0415 — the very sentence that training begins with
    from rcmvae.recipes import how_to_read  # noqa: PLC0415

    by_path = (Path(kind).exists() or "." in kind) and not kind.endswith(CONFIG_SUFFIXES)
    named, given = how_to_read(kind, options or []) if by_path else (kind, options or [])
    dataset = load(load_source(named, given))
    typer.echo(render(describe(dataset)), nl=False)
    if dataset.columns:
        typer.echo(_told_of(dataset, labelled=bool(dataset.num_classes)), err=True)

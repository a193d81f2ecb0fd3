"""`rcmvae config`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from rcmvae.cli.train import File, Overrides, arrange, tell

app = typer.Typer(no_args_is_help=True, help="Look at configurations: show, validate, schema, upgrade.")


@app.command()
def show(config: File = None, overrides: Overrides = None) -> None:
    """Print a configuration with every default filled in."""
    from rcmvae.config import dump_config, load_with_notes  # noqa: PLC0415

    loaded = load_with_notes(*arrange(config, overrides))
    tell(loaded.notes)
    typer.echo(dump_config(loaded.config), nl=False)


@app.command()
def validate(config: File = None, overrides: Overrides = None) -> None:
    """Say whether a configuration can run, and everything that is wrong with it if not."""
    from rcmvae.config import load_with_notes  # noqa: PLC0415

    path, changes = arrange(config, overrides)
    _, notes = load_with_notes(path, changes)
    tell(notes)
    typer.echo(f"{path or 'The default configuration'} is valid.")


@app.command()
def schema() -> None:
    """Print the JSON schema of configurations, for editors."""
    from rcmvae.config.schema import json_schema  # noqa: PLC0415

    typer.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))


@app.command()
def upgrade(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG", help="The file to rewrite.", show_default=False)
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Where to write it; printed if left out.", show_default=False),
    ] = None,
) -> None:
    """Rewrite an earlier, flat configuration file as it is written now."""
    from rcmvae.config import dump_config, load_with_notes  # noqa: PLC0415

    loaded = load_with_notes(config)
    tell(loaded.notes)
    text = dump_config(loaded.config)
    if output is None:
        typer.echo(text, nl=False)
    else:
        output.write_text(text, encoding="utf-8")
        typer.echo(f"Written to {output}")

"""`rcmvae config`."""

import json
from pathlib import Path
from typing import Annotated

import typer

from rcmvae.cli import startup
from rcmvae.cli.words import SETTINGS, File, Overrides, arrange, tell
from rcmvae.errors import ConfigError, raise_all

app = typer.Typer(
    no_args_is_help=True, help="Look at configurations: show, validate, reference, schema, upgrade."
)


@app.command(context_settings=SETTINGS)
def show(config: File = None, overrides: Overrides = None) -> None:
    """Print a configuration with every default filled in."""
    from rcmvae.config import dump_config, load_with_notes  # noqa: PLC0415

    loaded = load_with_notes(*arrange(config, overrides))
    tell(loaded.notes)
    typer.echo(dump_config(loaded.config), nl=False)


@app.command(context_settings=SETTINGS)
def validate(config: File = None, overrides: Overrides = None) -> None:
    """Say whether a configuration can run here, with its data and devices, and all that is wrong if not."""
    from rcmvae.config import load_with_notes  # noqa: PLC0415
    from rcmvae.config.preflight import preflight  # noqa: PLC0415

    path, changes = arrange(config, overrides)
    loaded = load_with_notes(path, changes)
    startup.start()
    found = preflight(loaded.config)
    tell((*loaded.notes, *found.notes))
    raise_all(found.problems)
    typer.echo(f"{path or 'The default configuration'} is valid.")


@app.command()
def schema() -> None:
    """Print the JSON schema of configurations, for editors."""
    from rcmvae.config.schema import json_schema  # noqa: PLC0415

    typer.echo(json.dumps(json_schema(), indent=2, ensure_ascii=False))


@app.command()
def reference() -> None:
    """Print every key with its type, default and meaning, as Markdown."""
    from rcmvae.config.reference import reference as page  # noqa: PLC0415

    typer.echo(page(), nl=False)


@app.command()
def upgrade(
    config: Annotated[
        Path, typer.Argument(metavar="CONFIG", help="The file to rewrite.", show_default=False)
    ],
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Where to write it; printed if left out.", show_default=False),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Write over a file that is there already.")] = False,
) -> None:
    """Rewrite an earlier, flat configuration file as it is written now."""
    from rcmvae.config import dump_config, load_with_notes  # noqa: PLC0415

    if output is not None and output.exists() and not force:
        raise ConfigError(f"{output} exists already: name another file, or write over it with --force.")

    loaded = load_with_notes(config)
    tell(loaded.notes)
    text = dump_config(loaded.config)
    if output is None:
        typer.echo(text, nl=False)
    else:
        try:
            output.write_text(text, encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"{output} cannot be written: {error.strerror}.") from error
        typer.echo(f"Written to {output}")

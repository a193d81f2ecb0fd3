"""`rcmvae train`."""

import json
from typing import Annotated

import typer

from rcmvae.cli import startup
from rcmvae.cli.interruption import IN_FORCE
from rcmvae.cli.words import File, Overrides, arrange, options_of, tell

# For who has not said what should learn, nor from what.
PLAIN = (
    "neither a file nor data are named, so all settings are plain defaults, which suit no data in particular; "
    "`rcmvae train {data}` takes those that suit such samples."
)


def train(
    config: File = None,
    overrides: Overrides = None,
    name: Annotated[
        str | None, typer.Option(help="What the run directory is called.", show_default=False)
    ] = None,
    validate_only: Annotated[
        bool,
        typer.Option(
            "--validate-only",
            help="Print what would run, and stop. `rcmvae config validate` checks a file against its data, too.",
        ),
    ] = False,
    quiet: startup.Quiet = False,
    coordinator: startup.Coordinator = None,
    processes: startup.Processes = None,
    process_id: startup.ProcessId = None,
) -> None:
    """Train a model, and leave a run directory with everything that was made.

    `rcmvae train mnist`, `rcmvae train images/` or `rcmvae train table.parquet`
    take settings that suit such samples; `--validate-only` prints them. With
    neither data nor a file, settings are plain defaults, as a start for a
    configuration of your own.
    """
    from rcmvae.config import dump_config, load_with_notes  # noqa: PLC0415
    from rcmvae.config.load import CONFIG_SUFFIXES  # noqa: PLC0415

    word, changes = arrange(config, overrides, options_of(train))
    if name is not None:
        changes.append(f"run.name={json.dumps(name)}")
    # A file is refused before processes meet; data are looked at after that.
    loaded = load_with_notes(word, changes) if word is None or word.endswith(CONFIG_SUFFIXES) else None
    console = None if validate_only else startup.start(coordinator, processes, process_id)
    if loaded is None:
        from rcmvae.recipes import made_for  # noqa: PLC0415

        assert word is not None
        (chosen, dataset), notes = made_for(word, changes), ()
    else:
        (chosen, notes), dataset = loaded, None
        if word is None and not any(change.startswith(("model", "objective")) for change in changes):
            notes += (PLAIN.format(data=getattr(chosen.data, "path", None) or chosen.data.kind_name()),)
    if console is None:
        tell(notes)
        typer.echo(dump_config(chosen), nl=False)
        return

    from rcmvae.cli.outcome import headline, show  # noqa: PLC0415
    from rcmvae.experiment import train as run_training  # noqa: PLC0415

    if not console.quiet and not quiet:
        tell(notes)
    run = run_training(chosen, dataset, console=None if quiet else console, interruption=IN_FORCE.get())
    (headline if quiet else show)(run, console)

"""`rcmvae resume`."""

from typing import Annotated

import typer

from rcmvae.cli import startup
from rcmvae.cli.interruption import IN_FORCE
from rcmvae.cli.values import whole
from rcmvae.errors import ConfigError

LATEST = "latest"


def resume(
    run: Annotated[
        str,
        typer.Argument(
            metavar="[RUN]", help="A run directory; of those under runs/, the latest that can go on."
        ),
    ] = LATEST,
    epochs: Annotated[
        str | None,
        typer.Option(metavar="N", help="Train until this many epochs instead.", show_default=False),
    ] = None,
    quiet: startup.Quiet = False,
    coordinator: startup.Coordinator = None,
    processes: startup.Processes = None,
    process_id: startup.ProcessId = None,
) -> None:
    """Go on with a run from its last checkpoint, exactly as it would have gone on."""
    until = whole("--epochs", epochs, least=1)
    if run == LATEST and coordinator is not None:
        raise ConfigError(
            "Several processes do not look for the latest run each: name the one to go on with."
        )
    console = startup.start(coordinator, processes, process_id)
    from rcmvae.cli.outcome import headline, say, show  # noqa: PLC0415
    from rcmvae.experiment import resume as run_resume  # noqa: PLC0415
    from rcmvae.run import RunDirectory  # noqa: PLC0415

    path = RunDirectory.latest().path if run == LATEST else run
    if run == LATEST and not quiet:
        say(console, f"Going on with {path}.")
    watching = None if quiet else console
    resumed = run_resume(path, epochs=until, console=watching, interruption=IN_FORCE.get())
    (headline if quiet else show)(resumed, console)

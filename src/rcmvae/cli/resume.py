"""`rcmvae resume`."""

from pathlib import Path
from typing import Annotated

import typer

from rcmvae.cli import startup
from rcmvae.cli.interruption import IN_FORCE

Run = Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.", show_default=False)]


def resume(
    run: Run,
    epochs: Annotated[
        int | None, typer.Option(min=1, help="Train until this many epochs instead.", show_default=False)
    ] = None,
    coordinator: startup.Coordinator = None,
    processes: startup.Processes = None,
    process_id: startup.ProcessId = None,
) -> None:
    """Go on with a run from its last checkpoint, exactly as it would have gone on."""
    console = startup.start(coordinator, processes, process_id)
    from rcmvae.cli.outcome import show  # noqa: PLC0415
    from rcmvae.experiment import resume as run_resume  # noqa: PLC0415

    show(run_resume(run, epochs=epochs, console=console, interruption=IN_FORCE.get()), console)

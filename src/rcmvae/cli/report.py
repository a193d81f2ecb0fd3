"""`rcmvae report`."""

from pathlib import Path
from typing import Annotated, Any

import typer

from rcmvae.cli import startup
from rcmvae.cli.values import one_of, whole
from rcmvae.splits import SPLITS


def report(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.", show_default=False)],
    split: Annotated[
        str | None,
        typer.Option(
            metavar="|".join(SPLITS), help="Look anew, and at these samples.", show_default="as kept"
        ),
    ] = None,
    seed: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help="Which seed's pictures to show.",
            show_default="best_seed of summary.json",
        ),
    ] = None,
    coordinator: startup.Coordinator = None,
    processes: startup.Processes = None,
    process_id: startup.ProcessId = None,
) -> None:
    """Make the figures and the report of a finished run anew.

    What the run looked at when it finished is kept with it, and shown again;
    with --split, the model looks anew.
    """
    chosen: Any = None if split is None else one_of("--split", split, SPLITS)
    shown = whole("--seed", seed, least=0)
    console = startup.start(coordinator, processes, process_id)
    from rcmvae.cli.outcome import say  # noqa: PLC0415
    from rcmvae.experiment import make_report  # noqa: PLC0415
    from rcmvae.findings import place_of  # noqa: PLC0415
    from rcmvae.run import RunDirectory  # noqa: PLC0415

    page = make_report(run, chosen, seed=shown)
    summary, at = place_of(RunDirectory.find(run), shown)
    several = len(summary["seeds"]) > 1
    say(console, f"Written to {page}" + f", with the pictures of seed {summary['seeds'][at]}" * several)

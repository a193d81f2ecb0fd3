"""`rcmvae evaluate`."""

from typing import Annotated, Literal

import typer

from rcmvae.cli import startup
from rcmvae.cli.resume import Run


def evaluate(
    run: Run,
    split: Annotated[
        Literal["train", "validation", "test"], typer.Option(help="Which samples to judge the model on.")
    ] = "test",
    groups: Annotated[
        int | None,
        typer.Option(help="Cut the channel tree into so many groups.", min=1, show_default="as it proposes"),
    ] = None,
    level: Annotated[
        float | None,
        typer.Option(help="Cut the channel tree at this height instead.", min=0, show_default=False),
    ] = None,
    coordinator: startup.Coordinator = None,
    processes: startup.Processes = None,
    process_id: startup.ProcessId = None,
) -> None:
    """Measure a trained model on a split, and write the numbers into its run directory."""
    console = startup.start(coordinator, processes, process_id)
    from rcmvae.cli.outcome import table  # noqa: PLC0415
    from rcmvae.experiment import evaluate as run_evaluation  # noqa: PLC0415

    console.print(table(run_evaluation(run, split, num_groups=groups, level=level)))
    console.print(f"Written to {run / f'evaluation-{split}.json'}", highlight=False, soft_wrap=True)

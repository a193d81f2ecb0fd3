"""What every command that computes does first, and the terminal that it talks to."""

import logging
from typing import Annotated

import typer
from rich.console import Console

from rcmvae.errors import ConfigError

Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Say only where the run is and the numbers that sum it up.")
]
Coordinator = Annotated[
    str | None,
    typer.Option(
        metavar="HOST:PORT", help="Where the first of several processes listens.", show_default=False
    ),
]
Processes = Annotated[
    int | None, typer.Option(min=1, help="How many processes take part.", show_default=False)
]
ProcessId = Annotated[
    int | None, typer.Option(min=0, help="Which of them this is, from 0.", show_default=False)
]


def start(
    coordinator: str | None = None, processes: int | None = None, process_id: int | None = None
) -> Console:
    """Set JAX up, join the other processes if there are any, and give the terminal to the first of them."""
    cluster = (coordinator, processes, process_id)
    if any(option is not None for option in cluster) and None in cluster:
        raise ConfigError(
            "--coordinator, --processes and --process-id belong together: give all three to every process, or none."
        )
    if processes is not None and process_id is not None and process_id >= processes:
        raise ConfigError(
            f"--process-id is {process_id}, but with --processes {processes} the last one is {processes - 1}."
        )

    for name in ("absl", "orbax", "jax"):
        logging.getLogger(name).setLevel(logging.ERROR)
    import jax  # noqa: PLC0415

    jax.config.update("jax_numpy_rank_promotion", "raise")
    if coordinator is None:
        return Console()
    # Before anything asks which devices there are.
    jax.distributed.initialize(coordinator, processes, process_id)
    return Console(quiet=jax.process_index() != 0)

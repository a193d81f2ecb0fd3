"""The command line. JAX is imported inside the commands, so that help and mistakes are answered at once."""

import sys
import warnings
from importlib import metadata
from typing import Annotated

import typer

from rcmvae.cli import config, data
from rcmvae.cli.compare import compare
from rcmvae.cli.embed import embed
from rcmvae.cli.evaluate import evaluate
from rcmvae.cli.interruption import CommandInterruption
from rcmvae.cli.predict import predict
from rcmvae.cli.report import report
from rcmvae.cli.resume import resume
from rcmvae.cli.sample import sample
from rcmvae.cli.teach import teach
from rcmvae.cli.train import train
from rcmvae.cli.words import SETTINGS
from rcmvae.errors import Interrupted, NonFiniteError, RcmvaeError

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(context_settings=SETTINGS)(train)
app.command()(resume)
app.command()(evaluate)
app.command()(report)
app.command()(compare)
app.command()(embed)
app.command()(predict)
app.command()(sample)
app.command()(teach)
app.add_typer(config.app, name="config")
app.add_typer(data.app, name="data")


def _say_version(wanted: bool) -> bool:
    if wanted:
        typer.echo(f"rcmvae {metadata.version('rcmvae')}")
        raise typer.Exit
    return wanted


@app.callback()
def _rcmvae(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_say_version, is_eager=True, help="Say the version, and stop."),
    ] = False,
) -> None:
    """Sort unlabelled images or vectors into channels, look at them, name them, and generate from them."""


def main() -> None:
    """Run a command; what goes wrong on purpose is told in a sentence and an exit status."""
    warnings.formatwarning = _plainly
    try:
        with CommandInterruption():
            app()
    except RcmvaeError as error:
        for line in str(error).splitlines():
            typer.echo(f"rcmvae: {line}", err=True)
        sys.exit(exit_status(error))


def _plainly(message: Warning | str, *where: object, **more: object) -> str:
    r"""A warning as a sentence, as everything is told here: in which file it was raised helps nobody.

    >>> _plainly(UserWarning("8 samples are few."), UserWarning, "experiment.py", 171)
    'rcmvae: 8 samples are few.\n'
    """
    return f"rcmvae: {message}\n"


def exit_status(error: RcmvaeError) -> int:
    """128 + signal for an interruption, 1 where training failed, 2 for what was asked and cannot be done."""
    if isinstance(error, NonFiniteError):
        return 1
    return error.exit_status if isinstance(error, Interrupted) else 2

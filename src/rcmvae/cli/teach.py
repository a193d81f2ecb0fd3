"""`rcmvae teach`."""

from typing import Annotated

import typer

from rcmvae.cli import startup, using
from rcmvae.cli.values import whole


def teach(
    run: using.Run,
    data: using.Data,
    options: using.Options = None,
    number: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help="Count only so many of the labelled samples, of all classes in proportion.",
            show_default="all of them",
        ),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Forget what was counted before.")] = False,
) -> None:
    """Say what channels are called: count labelled samples in them. Nothing is trained.

    predict, embed and evaluate then tell of labels as well. A label that the
    run has never seen is as good as any other.
    """
    few = whole("--number", number, least=1)
    console = startup.start()
    from rcmvae.cli import tables  # noqa: PLC0415
    from rcmvae.cli.outcome import say  # noqa: PLC0415
    from rcmvae.errors import counted  # noqa: PLC0415
    from rcmvae.inference import Trained  # noqa: PLC0415
    from rcmvae.inference import teach as count  # noqa: PLC0415
    from rcmvae.naming import FILE  # noqa: PLC0415

    names = count(run, data, number=few, fresh=fresh, options=options or ())
    trained = Trained.open(run)
    assert trained.names is not None, "they were just kept"
    seed = trained.seed if len(names) > 1 else None
    console.print(tables.names(trained.names, trained.state.active.tolist(), seed))
    say(console, f"{counted(len(trained.names), 'labelled sample')} counted in all; kept in {run / FILE}")

"""`rcmvae compare`."""

from pathlib import Path
from typing import Annotated

import typer

from rcmvae.cli import startup
from rcmvae.errors import RunError


def compare(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN RUN...", help="Finished runs.", show_default=False)
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", help="Write a page with the curves as well: compare.html.", show_default=False
        ),
    ] = None,
) -> None:
    """Put runs side by side: what was configured differently, and what came out."""
    console = startup.start()
    from rcmvae.cli import tables  # noqa: PLC0415
    from rcmvae.cli.outcome import say  # noqa: PLC0415
    from rcmvae.report import compare as side_by_side  # noqa: PLC0415
    from rcmvae.run import RunDirectory  # noqa: PLC0415

    found = side_by_side.compare([RunDirectory.find(run) for run in runs])
    if found.differences.rows:
        console.print(tables.plain(found.differences))
    else:
        say(console, side_by_side.ALIKE)
    is_wide = console.width >= tables.WIDE
    console.print(tables.plain(found.metrics, meanings=is_wide))
    if not is_wide:
        say(console, tables.NO_ROOM)
    if output is not None:
        try:
            output.write_text(side_by_side.page(found), encoding="utf-8")
        except OSError as error:
            raise RunError(f"{output} cannot be written: {error.strerror}.") from error
        say(console, f"Written to {output}")

"""`rcmvae sample`."""

from pathlib import Path
from typing import Annotated

import typer

from rcmvae.cli import startup, using


def sample(
    run: using.Run,
    channel: Annotated[
        int, typer.Option(metavar="K", help="Which channel is to generate, from 0.", show_default=False)
    ] = ...,  # pyright: ignore[reportArgumentType]
    number: Annotated[int, typer.Option(metavar="N", help="How many samples.")] = 16,
    output: Annotated[
        Path, typer.Option("--output", "-o", metavar="FILE", help="A .png of images, or an .npz.")
    ] = Path("samples.png"),
    draws: Annotated[
        bool, typer.Option("--draws", help="Draw the values too, in place of their means given the code.")
    ] = False,
    noise: Annotated[int, typer.Option(metavar="N", help="The seed of what is drawn.", min=0)] = 0,
    seed: using.Seed = None,
    force: using.Force = False,
) -> None:
    """Generate from one channel of a trained model: codes from its prior, decoded."""
    from rcmvae.inference.writing import SAMPLES, refuse_file, write_samples  # noqa: PLC0415

    refuse_file(output, [*SAMPLES], force=force)
    console = startup.start()
    from rcmvae.cli.outcome import say  # noqa: PLC0415
    from rcmvae.errors import counted  # noqa: PLC0415
    from rcmvae.inference import Trained, generate, refuse_closed, refuse_picture  # noqa: PLC0415

    trained = Trained.open(run, seed)
    refuse_closed(trained, channel)
    if output.suffix == ".png":
        refuse_picture(trained.card.shape)
    x = generate(trained, channel, number, values="draw" if draws else "mean", noise=noise)
    write_samples(output, x)
    say(console, f"{counted(len(x), 'sample')} of channel {channel} written to {output}{trained.whose}")

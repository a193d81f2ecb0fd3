"""`rcmvae evaluate`."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from rcmvae.cli import startup, using
from rcmvae.cli.values import one_of, whole
from rcmvae.errors import ConfigError, listed
from rcmvae.splits import SPLITS

if TYPE_CHECKING:
    from rich.console import Console

Samples = Annotated[
    str | None,
    typer.Option(
        metavar="DATA",
        help="Judge the model on these in place of a split: a .npy, .npz, .parquet or .csv file, or a folder of "
        "images, with labels where there are any.",
        show_default=False,
    ),
]
Outliers = Annotated[
    str | None,
    typer.Option(
        metavar="DATA",
        help="Say too how well samples of another kind are told from these: a .npy, .npz, .parquet or .csv file, a "
        "folder of images, or the name of other data such as fashion_mnist.",
        show_default=False,
    ),
]

Reading = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[KEY=VALUE]...",
        help="How the file or folder of --on or --ood is read: x=pixels, or resize=[28,28].",
        show_default=False,
    ),
]
Importance = Annotated[
    str | None,
    typer.Option(
        metavar="DRAWS",
        help="Measure the importance-weighted bound too, with so many draws of each code: 50.",
        show_default=False,
    ),
]


def evaluate(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="A run directory.", show_default=False)],
    options: Reading = None,
    split: Annotated[
        str | None,
        typer.Option(
            metavar="|".join(SPLITS), help="Which samples to judge the model on.", show_default="test"
        ),
    ] = None,
    on: Samples = None,
    groups: using.Groups = None,
    level: using.Level = None,
    importance: Importance = None,
    ood: Outliers = None,
    coordinator: startup.Coordinator = None,
    processes: startup.Processes = None,
    process_id: startup.ProcessId = None,
) -> None:
    """Measure a trained model on a split or on other samples, and write the numbers into its run directory.

    Losses are in nats per sample, and lower is better; for gaussian outputs
    they may be below 0, since a density may exceed 1. With labels, it is told
    how well channels, and groups of channels, agree with them: accuracy with
    one channel per label, purity, normalised mutual information (nmi) and
    adjusted Rand index (ari), each 1 at best.
    """
    cut = using.cut(groups, level)
    if on is not None and (split is not None or ood is not None):
        other = "--split" if split is not None else "--ood"
        raise ConfigError(f"--on names samples that are of no split, and goes without {other}.")
    if options and on is None and ood is None:
        raise ConfigError(f"{options[0]} says how other samples are read: name those with --on or --ood.")
    chosen = None if split is None else one_of("--split", split, SPLITS)
    draws = whole("--importance", importance, least=1)
    console = startup.start(coordinator, processes, process_id)
    from rcmvae.evaluation import evaluate as run_evaluation  # noqa: PLC0415

    scores = run_evaluation(run, chosen, **cut, samples=on, options=options or (), importance=draws, ood=ood)
    _show(console, run, scores, cut, ood)


def _show(
    console: "Console", run: Path, scores: Mapping[str, Any], cut: Mapping[str, Any], ood: str | None
) -> None:
    """What came out, and where it is written."""
    from rcmvae.cli import tables  # noqa: PLC0415
    from rcmvae.cli.outcome import say  # noqa: PLC0415
    from rcmvae.findings import best_place  # noqa: PLC0415
    from rcmvae.novelty import novelty_file  # noqa: PLC0415
    from rcmvae.report.measures import DENSITIES  # noqa: PLC0415
    from rcmvae.results import Cut  # noqa: PLC0415
    from rcmvae.run import RunDirectory  # noqa: PLC0415

    directory = RunDirectory.find(run)
    at = best_place(directory.read_json("summary.json")) if directory.is_finished else 0
    is_wide = console.width >= tables.WIDE
    console.print(tables.measures(scores, meanings=is_wide))
    if not is_wide:
        say(console, tables.NO_ROOM, "")
    console.print(tables.groups(scores, at))
    if scores.get("unknown_labels"):
        unknown = listed(scores["unknown_labels"])
        say(
            console,
            f"No channel has the name of a label that the run does not know, so those count as wrong: {unknown}.",
        )
    if scores["losses"]["bound"]["mean"] < 0:
        say(console, DENSITIES)
    say(console, f"Written to {run / scores.get('file', Cut(**cut).file_of(scores['split']))}")
    if ood is not None:
        console.print(tables.novelty(scores["ood"], meanings=is_wide))
        say(
            console,
            f"Doubt is {scores['ood']['doubt']}.",
            f"Written to {run / novelty_file(scores['split'], ood)}",
        )

"""How a report is made: look at the samples once, keep what there is to see, and write it down."""

from pathlib import Path

import jax

from rcmvae.diagnostics import survey
from rcmvae.errors import RunError
from rcmvae.findings import bundle_file, gather
from rcmvae.report.channels import channels_of
from rcmvae.report.story import tell
from rcmvae.results import seeds_of
from rcmvae.run import RunDirectory
from rcmvae.setting import Setting
from rcmvae.splits import SplitName
from rcmvae.training import Checkpoint, Devices

PAGE = "report.html"


def look(run: RunDirectory, setting: Setting, found: Checkpoint, split: SplitName) -> None:
    """Survey a split with the weights of every seed, and keep what there is to see with the run."""
    if len(setting.dataset.splits[split]) == 0:
        raise RunError(f"The data have no {split} split: data.{split} leaves no sample for it.")
    chosen = found.arrays.chosen
    for replica, (seed, epoch) in enumerate(zip(seeds_of(setting), found.chosen_epochs, strict=True)):
        state = jax.tree.map(lambda leaf, at=replica: leaf[at], chosen)
        bundle = survey(setting.plan, setting.devices, state, setting.dataset, split, epoch=epoch)
        if run.is_lead:
            path = run.path / bundle_file(seed)
            path.parent.mkdir(exist_ok=True)
            bundle.save(path)


def forget(run: RunDirectory) -> None:
    """Remove what was seen with weights that are about to change."""
    if run.is_lead:
        for path in sorted((run.path / bundle_file(0)).parent.glob("*.npz")):
            path.unlink()


def has_looked(run: RunDirectory) -> bool:
    """Whether all that reports show of a finished run is kept with it."""
    seeds = run.read_json("summary.json").get("seeds", [])
    return bool(seeds) and all((run.path / bundle_file(seed)).is_file() for seed in seeds)


def write(run: RunDirectory, seed: int | None = None) -> Path:
    """Write REPORT.md and report.html with their figures, and say where; of several processes, only the lead writes."""
    from rcmvae.figures import draw_all  # noqa: PLC0415 — slow to import, as are the next
    from rcmvae.report.markdown import markdown  # noqa: PLC0415
    from rcmvae.report.page import page as html  # noqa: PLC0415

    if run.is_lead:
        findings = gather(run, seed)
        channels = channels_of(findings.bundle, findings.groups)
        story = tell(findings, channels)
        figures = draw_all(findings, run.path / "figures")
        run.write("REPORT.md", markdown(findings, story, channels, figures))
        run.write(PAGE, html(findings, story, channels, figures))
    Devices.meet()
    return run.path / PAGE

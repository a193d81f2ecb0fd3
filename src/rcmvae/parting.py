"""What is said of a run when it is left, and how it goes on."""

from pathlib import Path

from rcmvae.config import Config
from rcmvae.run import RunDirectory, Ways
from rcmvae.training import History, Outcome, last_saved


def last_words(run: RunDirectory, config: Config, outcome: Outcome) -> str:
    """What to say from when the summary is written."""
    if outcome.signal_number is not None:
        return f"Stopped after epoch {outcome.checkpoint.epoch}, and saved. {way_on_from(run.path, config)}"
    if config.run.report:
        return f"{run.path} is complete, but its report is not. {report_with(run.path, config)}"
    return complete(run)


def complete(run: RunDirectory) -> str:
    """That nothing is missing."""
    return f"{run.path} is complete."


def left(run: RunDirectory, config: Config, history: History | None = None) -> str:
    """Note that the run was left as it stands, and say what that is."""
    saved = last_saved(run.checkpoints)
    run.write_json("summary.json", {"status": "interrupted", "epochs": saved or 0})
    if saved is None:
        return f"Stopped before anything was trained: {run.path} holds nothing to go on from."
    trained = max(saved, history.rows[-1]["epoch"] if history is not None and history.rows else 0)
    way_on = way_on_from(run.path, config)
    if trained == 0:
        return f"Stopped before anything was trained. {way_on}"
    if trained == saved:
        return f"Stopped after epoch {saved}, which is saved. {way_on}"
    lost = f"after epoch {saved} " if saved else ""
    return f"Stopped at once: what was trained {lost}is not saved. {way_on}"


def report_with(path: Path, config: Config) -> str:
    """How the report is made where it is missing."""
    return f"Make the report with: {Ways(path, config).report}"


def way_on_from(path: Path, config: Config) -> str:
    """How the training goes on."""
    return f"Go on with: {Ways(path, config).on}"

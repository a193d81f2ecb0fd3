"""A run that has trained, brought together with its data again."""

from typing import Any

from rcmvae.data import ArraysSource
from rcmvae.errors import RunError
from rcmvae.parting import way_on_from
from rcmvae.run import RunDirectory, Ways
from rcmvae.setting import Setting
from rcmvae.training import Checkpoint, Checkpoints, begin


def reopen(run: RunDirectory, dataset: Any, epochs: int | None = None) -> Setting:
    """What the run was trained with, on the same data or not at all; `epochs` moves its end."""
    config, card = run.config, run.card
    run.refuse_edits(config)
    if dataset is None and isinstance(config.data, ArraysSource):
        raise RunError(
            f"{run.path} was trained on arrays handed over in Python, and does not keep them: it is evaluated and goes "
            f"on only there, with {Ways(run.path, config).with_data}."
        )
    if epochs is not None:
        training = config.training.model_copy(update={"epochs": epochs})
        config = config.model_copy(update={"training": training})
    setting = Setting.prepare(config, dataset)
    if setting.dataset.fingerprint != card.fingerprint:
        raise RunError(
            f"{run.path} was trained on other data: `{card.name}` had fingerprint {card.fingerprint[:12]}, and "
            f"what data now points to has {setting.dataset.fingerprint[:12]}."
        )
    return setting


def last_of(run: RunDirectory, setting: Setting) -> Checkpoint:
    """The last checkpoint, of a run that has trained anything."""
    with Checkpoints(run.checkpoints, setting.config.training.checkpoint) as checkpoints:
        found = checkpoints.restore(begin(setting.plan, setting.start))
    if found.epoch == 0:
        raise RunError(
            f"{run.path} has nothing to evaluate: no trained epoch is saved. {way_on_from(run.path, setting.config)}"
        )
    return found

"""The whole training state on disk, written so that a kill at any moment leaves the last complete one."""

import dataclasses
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np
import orbax.checkpoint as ocp
from jaxtyping import Bool

from rcmvae.curriculum import Growth
from rcmvae.errors import RunError
from rcmvae.model import Model
from rcmvae.training.early_stopping import Patience
from rcmvae.training.options import CheckpointOptions
from rcmvae.training.state import TrainState

SEAL = "sha256.json"


class Arrays(eqx.Module):
    """The arrays of a checkpoint."""

    state: TrainState
    best: Model | None  # the best weights so far, when early stopping may restore them
    before: TrainState | None = (
        None  # as it was before the last channel opened, when a curriculum may go back
    )

    @property
    def chosen(self) -> TrainState:
        """The state with the weights to use: the best ones under early stopping, else the last."""
        return self.state if self.best is None else dataclasses.replace(self.state, params=self.best)


@dataclasses.dataclass(frozen=True)
class Checkpoint:
    """All that a run needs to go on as if it had never stopped."""

    epoch: int
    arrays: Arrays
    patience: Patience
    seconds: float
    growth: tuple[Growth, ...] = ()  # every replica's, when there is a curriculum

    @property
    def finished(self) -> Bool[np.ndarray, " R"]:
        """Which replicas have nothing more to learn."""
        over = [growth.over is not None and self.epoch >= growth.over for growth in self.growth]
        return self.patience.stopped | np.array(over or [False])

    @property
    def chosen_epochs(self) -> list[int]:
        """The epoch after which each replica had the weights that `arrays.chosen` holds."""
        over = [growth.over or self.epoch for growth in self.growth] or [self.epoch] * len(self.patience.best)
        return [
            int(best) or min(last, self.epoch)
            for best, last in zip(self.patience.best_epoch, over, strict=True)
        ]


def last_saved(directory: Path) -> int | None:
    """The epoch of the last complete checkpoint in a directory; one that is still written has another name."""
    epochs = (int(path.name) for path in directory.glob("*") if path.name.isdecimal())
    return max(epochs, default=None)


class Checkpoints:
    """A directory of checkpoints named by epoch. Each appears whole, by a rename, or not at all."""

    def __init__(self, directory: Path, options: CheckpointOptions) -> None:
        self.directory = directory
        settings = ocp.CheckpointManagerOptions(
            max_to_keep=options.keep, enable_async_checkpointing=False, create=True
        )
        self.manager = ocp.CheckpointManager(os.path.abspath(directory), options=settings)

    def save(self, checkpoint: Checkpoint) -> None:
        """Write a checkpoint; the oldest beyond the number to keep goes once this one is complete."""
        named, _ = _named(checkpoint.arrays)
        rest = {
            "patience": checkpoint.patience.to_json(),
            "seconds": checkpoint.seconds,
            "growth": [growth.to_json() for growth in checkpoint.growth],
            "arrays": _described(named),
        }
        items = ocp.args.Composite(
            arrays=ocp.args.StandardSave(named),  # pyright: ignore[reportCallIssue]
            rest=ocp.args.JsonSave(rest),  # pyright: ignore[reportCallIssue]
        )
        self.manager.save(checkpoint.epoch, args=items)
        if jax.process_index() == 0:
            self._seal(checkpoint.epoch)

    def restore(self, like: Checkpoint) -> Checkpoint:
        """The last complete checkpoint of a run that began like this one."""
        epoch = self.manager.latest_step()
        if epoch is None:
            raise RunError(
                f"{self.directory} holds no complete checkpoint: the run ended before it wrote one."
            )
        self._refuse_damaged(epoch)
        named, empty = _named(like.arrays)
        try:
            rest: Any = self._read(epoch, rest=ocp.args.JsonRestore())["rest"]  # pyright: ignore[reportCallIssue]
            patience, seconds = Patience.from_json(rest["patience"]), float(rest["seconds"])
            pairs = zip(like.growth, rest["growth"], strict=True)
            growth = tuple(first.from_json(saved) for first, saved in pairs)
            self._refuse_other_model(epoch, rest["arrays"], _described(named))
            abstract = jax.tree.map(ocp.utils.to_shape_dtype_struct, named)
            arrays = self._read(epoch, arrays=ocp.args.StandardRestore(abstract))["arrays"]  # pyright: ignore[reportCallIssue]
        except (ValueError, TypeError, OSError, KeyError) as error:
            told = str(error).splitlines() or [type(error).__name__]
            raise RunError(self._unusable(epoch, f"is damaged: {told[0]}")) from error
        leaves = [leaf for _, leaf in sorted((arrays | empty).items())]
        arrays = jax.tree.unflatten(jax.tree.structure(like.arrays), leaves)
        return Checkpoint(epoch, arrays, patience, seconds, growth)

    def _read(self, epoch: int, **items: Any) -> Any:
        return self.manager.restore(epoch, args=ocp.args.Composite(**items))

    def _refuse_other_model(self, epoch: int, there: dict[str, str], here: dict[str, str]) -> None:
        differing = sorted(name for name in {*there, *here} if there.get(name) != here.get(name))
        if differing:
            name = differing[0]
            raise RunError(
                f"{self.directory / str(epoch)} was written for another model: {name[5:]} is "
                f"{there.get(name, 'missing')} there and {here.get(name, 'missing')} in this configuration."
            )

    def _unusable(self, epoch: int, why: str) -> str:
        earlier = [step for step in self.manager.all_steps() if step < epoch]
        way_out = f" Remove it to go on from epoch {max(earlier)}." if earlier else ""
        return f"{self.directory / str(epoch)} {why}.{way_out}"

    def _seal(self, epoch: int) -> None:
        """Note what was written: nothing in the stored arrays themselves tells of a changed byte."""
        path = self.directory / str(epoch) / SEAL
        part = path.with_suffix(".part")
        part.write_text(json.dumps(_digests(path.parent)), encoding="utf-8")
        os.replace(part, path)

    def _refuse_damaged(self, epoch: int) -> None:
        seal = self.directory / str(epoch) / SEAL
        if not seal.exists():  # a kill came between the two: the checkpoint is complete all the same
            return
        try:
            noted = json.loads(seal.read_text(encoding="utf-8"))
        except ValueError as error:
            raise RunError(self._unusable(epoch, f"is damaged: {SEAL} cannot be read")) from error
        found = _digests(seal.parent)
        changed = sorted(name for name in {*noted, *found} if noted.get(name) != found.get(name))
        if changed:
            raise RunError(self._unusable(epoch, f"is damaged: {changed[0]} is not as it was written"))

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *_: object) -> None:
        self.manager.close()


def _digests(directory: Path) -> dict[str, str]:
    """SHA-256 of every file of a checkpoint."""
    digests = {}
    for path in sorted(directory.rglob("*")):
        if path.is_file() and path.stem != Path(SEAL).stem:
            with path.open("rb") as file:
                digests[str(path.relative_to(directory))] = hashlib.file_digest(file, "sha256").hexdigest()
    return digests


def _described(named: dict[str, jax.Array]) -> dict[str, str]:
    """Type and shape of every array, as one reads them: `float32[2,16]`."""
    return {name: f"{leaf.dtype}[{','.join(map(str, leaf.shape))}]" for name, leaf in named.items()}


def _named(arrays: Arrays) -> tuple[dict[str, jax.Array], dict[str, jax.Array]]:
    """The arrays under names that are readable and sort in order, and those without elements apart.

    A checkpoint is legible without this package's classes; what has no elements cannot be stored, and need not be.
    """
    leaves, _ = jax.tree_util.tree_flatten_with_path(arrays)
    named = {f"{i:05d}{jax.tree_util.keystr(path)}": leaf for i, (path, leaf) in enumerate(leaves)}
    empty = {name: leaf for name, leaf in named.items() if leaf.size == 0}
    return {name: leaf for name, leaf in named.items() if leaf.size}, empty

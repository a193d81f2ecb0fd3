"""The whole training state on disk, written so that a kill at any moment leaves the last complete one."""

import dataclasses
import os
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import orbax.checkpoint as ocp

from rcmvae.errors import RunError
from rcmvae.model import Model
from rcmvae.training.early_stopping import Patience
from rcmvae.training.options import CheckpointOptions
from rcmvae.training.state import TrainState


class Arrays(eqx.Module):
    """The arrays of a checkpoint."""

    state: TrainState
    best: Model | None  # the best weights so far, when early stopping may restore them

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
        rest = {"patience": checkpoint.patience.to_json(), "seconds": checkpoint.seconds}
        named, _ = _named(checkpoint.arrays)
        items = ocp.args.Composite(
            arrays=ocp.args.StandardSave(named),  # pyright: ignore[reportCallIssue]
            rest=ocp.args.JsonSave(rest),  # pyright: ignore[reportCallIssue]
        )
        self.manager.save(checkpoint.epoch, args=items)

    def restore(self, like: Arrays) -> Checkpoint:
        """The last complete checkpoint, with arrays shaped and placed like those given."""
        epoch = self.manager.latest_step()
        if epoch is None:
            raise RunError(
                f"{self.directory} holds no complete checkpoint: the run ended before it wrote one."
            )
        named, empty = _named(like)
        abstract = jax.tree.map(ocp.utils.to_shape_dtype_struct, named)
        items = ocp.args.Composite(
            arrays=ocp.args.StandardRestore(abstract),  # pyright: ignore[reportCallIssue]
            rest=ocp.args.JsonRestore(),  # pyright: ignore[reportCallIssue]
        )
        try:
            found: Any = self.manager.restore(epoch, args=items)
            rest = found["rest"]
            patience, seconds = Patience.from_json(rest["patience"]), float(rest["seconds"])
        except (ValueError, TypeError, OSError, KeyError) as error:
            raise RunError(self._damaged(epoch, error)) from error
        leaves = [leaf for _, leaf in sorted((found["arrays"] | empty).items())]
        return Checkpoint(epoch, jax.tree.unflatten(jax.tree.structure(like), leaves), patience, seconds)

    def _damaged(self, epoch: int, error: Exception) -> str:
        earlier = [step for step in self.manager.all_steps() if step < epoch]
        way_out = f" Remove it to go on from epoch {max(earlier)}." if earlier else ""
        told = str(error).splitlines() or [type(error).__name__]
        return (
            f"{self.directory / str(epoch)} is damaged, or was written for another model: {told[0]}.{way_out}"
        )

    def __enter__(self) -> "Checkpoints":
        return self

    def __exit__(self, *_: object) -> None:
        self.manager.close()


def _named(arrays: Arrays) -> tuple[dict[str, jax.Array], dict[str, jax.Array]]:
    """The arrays under names that are readable and sort in order, and those without elements apart.

    A checkpoint is legible without this package's classes; what has no elements cannot be stored, and need not be.
    """
    leaves, _ = jax.tree_util.tree_flatten_with_path(arrays)
    named = {f"{i:05d}{jax.tree_util.keystr(path)}": leaf for i, (path, leaf) in enumerate(leaves)}
    empty = {name: leaf for name, leaf in named.items() if leaf.size == 0}
    return {name: leaf for name, leaf in named.items() if leaf.size}, empty

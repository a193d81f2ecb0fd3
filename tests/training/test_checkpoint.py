"""Checkpoints come back bit for bit, and a damaged one is told in a sentence."""

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
import pytest

from rcmvae.errors import RunError
from rcmvae.training import Arrays, Checkpoint, Checkpoints, begin
from rcmvae.training.checkpoint import SEAL
from rcmvae.training.early_stopping import Patience
from rcmvae.training.options import CheckpointOptions

from .small import bench, same_bits, tiny


@pytest.fixture(scope="module")
def checkpoint() -> Checkpoint:
    """Nothing in it is zero or round, and one array has no elements."""
    setting = bench(tiny(early_stopping={}, seeds=2)).setting
    start = begin(setting.plan, setting.start)
    draw = np.random.default_rng(0)
    arrays = jax.tree.map(lambda leaf: (draw.normal(size=leaf.shape) * 100).astype(leaf.dtype), start.arrays)
    arrays = setting.devices.put(arrays)
    assert any(leaf.size == 0 for leaf in jax.tree.leaves(arrays)), "the embedding has no dimension here"
    patience = Patience(np.array([0.1, 1 / 3]), np.array([4, 2]), np.array([False, True]))
    return Checkpoint(5, arrays, patience, 12.3456789)


@pytest.fixture(scope="module")
def written(checkpoint: Checkpoint, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("run") / "checkpoints"
    with Checkpoints(path, CheckpointOptions(keep=2)) as checkpoints:
        for epoch in (3, 4, 5):
            checkpoints.save(dataclasses.replace(checkpoint, epoch=epoch))
    return path


def restore(path: Path, like: Arrays) -> Checkpoint:
    first = Checkpoint(0, like, Patience.init(2), 0.0)
    with Checkpoints(path, CheckpointOptions()) as checkpoints:
        return checkpoints.restore(first)


def test_what_is_written_is_what_is_read(written: Path, checkpoint: Checkpoint) -> None:
    blank = jax.tree.map(lambda leaf: jax.device_put(np.zeros_like(leaf), leaf.sharding), checkpoint.arrays)
    found = restore(written, blank)
    assert (found.epoch, found.seconds) == (5, 12.3456789)
    assert same_bits(found.arrays, checkpoint.arrays)
    assert same_bits(dataclasses.asdict(found.patience), dataclasses.asdict(checkpoint.patience))
    kinds = [(leaf.dtype, leaf.sharding) for leaf in jax.tree.leaves(checkpoint.arrays)]
    assert [(leaf.dtype, leaf.sharding) for leaf in jax.tree.leaves(found.arrays)] == kinds


def test_the_oldest_goes(written: Path) -> None:
    assert sorted(path.name for path in written.iterdir()) == ["4", "5"]


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 8
    path.write_bytes(content)


@pytest.mark.parametrize("harm", [truncate, flip_a_bit, Path.unlink])
@pytest.mark.parametrize(
    "pattern", ["arrays/_METADATA", "arrays/manifest.ocdbt", "arrays/**/d/*", "rest/metadata", SEAL]
)
def test_damage_is_told_with_the_way_out(
    written: Path, checkpoint: Checkpoint, tmp_path: Path, pattern: str, harm: Callable[[Path], None]
) -> None:
    copy = tmp_path / "checkpoints"
    shutil.copytree(written, copy)
    found = [path for path in (copy / "5").glob(pattern) if path.is_file()]
    assert found, [str(path.relative_to(copy)) for path in copy.rglob("*")]
    for path in found:
        harm(path)
    if (
        harm is Path.unlink and pattern == SEAL
    ):  # it is written last: a kill may leave a checkpoint without it
        assert restore(copy, checkpoint.arrays).epoch == 5
        return
    with pytest.raises(RunError, match=r"checkpoints/5 is damaged.* Remove it to go on from epoch 4\.$"):
        restore(copy, checkpoint.arrays)
    shutil.rmtree(copy / "5")
    assert restore(copy, checkpoint.arrays).epoch == 4


def test_a_directory_without_a_complete_checkpoint_is_told(tmp_path: Path, checkpoint: Checkpoint) -> None:
    with pytest.raises(RunError, match="holds no complete checkpoint"):
        restore(tmp_path / "checkpoints", checkpoint.arrays)


@pytest.mark.parametrize(
    "changes", [{"model": {"num_channels": 3}}, {"model": {"trunk": {"kind": "dense", "hidden": [16, 16]}}}]
)
def test_the_weights_of_another_model_are_refused(written: Path, changes: dict) -> None:
    setting = bench(tiny(changes, early_stopping={}, seeds=2)).setting
    with pytest.raises(RunError, match=r"5 was written for another model: \S+ is \S+ there and \S+ in this"):
        restore(written, begin(setting.plan, setting.start).arrays)


def test_what_a_kill_left_half_written_is_not_taken_for_a_checkpoint(
    written: Path, checkpoint: Checkpoint, tmp_path: Path
) -> None:
    copy = tmp_path / "checkpoints"
    shutil.copytree(written, copy)
    half = copy / "6.orbax-checkpoint-tmp"
    shutil.copytree(copy / "5", half)
    shutil.rmtree(half / "arrays" / "d")
    with Checkpoints(copy, CheckpointOptions(keep=2)) as checkpoints:
        assert checkpoints.restore(checkpoint).epoch == 5
        checkpoints.save(dataclasses.replace(checkpoint, epoch=6))
        assert checkpoints.restore(checkpoint).epoch == 6

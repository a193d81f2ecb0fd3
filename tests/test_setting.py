"""Which samples tell how well channels are told apart."""

import dataclasses

import numpy as np
import pytest

from rcmvae.curriculum import channel_tree
from rcmvae.curriculum.grow import FREE
from rcmvae.data import Arrays, Dataset
from rcmvae.results import channel_trees
from rcmvae.setting import ENOUGH, TOGETHER, Setting, told_apart_by
from rcmvae.training import compile_joint

from .training.small import digits, tiny


def counted(train: int, held_out: int) -> Dataset:
    """Samples that are numbers: those held out come after those trained on."""

    def split(first: int, number: int) -> Arrays:
        x = np.arange(first, first + number, dtype=np.float32)[:, None]
        label = np.arange(first, first + number, dtype=np.int32)
        return Arrays(x, label, label)

    return dataclasses.replace(digits(), train=split(0, train), validation=split(train, held_out))


def test_enough_held_out_samples_do_so_alone() -> None:
    dataset = counted(5000, ENOUGH)
    assert told_apart_by(dataset) is dataset.validation


@pytest.mark.parametrize(("train", "held_out"), [(20, 3), (10_000, ENOUGH - 1), (4000, 200)])
def test_a_few_are_joined_by_samples_that_are_trained_on(train: int, held_out: int) -> None:
    found = told_apart_by(counted(train, held_out))
    assert len(found) == min(TOGETHER, train + held_out)
    assert len(np.unique(found.x)) == len(found)  # none counts twice
    assert {*range(train, train + held_out)} <= {*found.x[:, 0].astype(int)}
    np.testing.assert_array_equal(found.x[:, 0], found.label)
    np.testing.assert_array_equal(found.label, found.truth)


def test_trees_are_made_from_them() -> None:
    setting = Setting.prepare(tiny(), digits())
    nothing = Arrays(*(getattr(digits().train, name)[:0] for name in ("x", "label", "truth")))
    alone = dataclasses.replace(setting, dataset=dataclasses.replace(digits(), train=nothing))
    (tree,), (fewer,) = channel_trees(setting, setting.start), channel_trees(alone, setting.start)
    assert tree.heights.tolist() != fewer.heights.tolist()
    joint = compile_joint(setting.plan, setting.devices)(
        setting.start, setting.on_device(told_apart_by(digits()))
    )
    assert tree.heights.tolist() == channel_tree(joint[0], smallest=FREE).heights.tolist()

"""A label that was never seen gets a channel of its own, and nothing else changes."""

import dataclasses
import functools
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from rcmvae import MixtureVAE
from rcmvae.errors import ConfigError, DataError
from rcmvae.inference import membership
from rcmvae.nn import map_channels
from tests.estimator.small import SMALL, blobs, small

X, KIND = blobs(120)
NAMES = np.array(["ant", "bee", "cow"])[KIND]
AT_HOME = KIND < 3


def strangers(count: int = 6, seed: int = 1) -> np.ndarray:
    """A kind of points that no blob is like."""
    return np.array([-5.0, -5.0, -5.0]) + np.random.default_rng(seed).normal(size=(count, 3))


@functools.cache
def named() -> MixtureVAE:
    return small().fit(X, np.where(np.arange(len(X)) < 30, NAMES, ""))


def mine() -> Any:
    """One of one's own."""
    import copy

    return copy.deepcopy(named())


@pytest.mark.parametrize("known", [None, X])
def test_a_new_kind_is_known_from_its_first_examples_and_the_others_stay_known(known: Any) -> None:
    model = mine()
    later, kind = blobs(300, seed=5)
    before = np.mean(model.predict(later) == np.array(["ant", "bee", "cow"])[kind])
    assert before > 0.9
    model.claim(strangers(), ["yak"] * 6, known)
    assert model.claimed_ == {"yak": [3]}
    assert model.classes_.tolist() == ["ant", "bee", "cow", "yak"]
    assert np.mean(model.predict(later) == np.array(["ant", "bee", "cow"])[kind]) >= before - 0.02
    assert np.mean(model.predict(strangers(200, seed=9)) == "yak") > 0.9
    # The newcomer has a latent and a decoder of its own.
    assert np.abs(model.reconstruct(strangers(50, seed=9)).mean(axis=0) + 5).max() < 1.5


@pytest.mark.parametrize("count", [6, 1])
def test_examples_have_each_other_as_neighbours(count: int) -> None:
    looks = {"consistency": {"weight": 10, "views": [{"kind": "neighbours", "share": 1}, "jitter"]}}
    config = SMALL | {"objective": SMALL["objective"] | looks}
    model = small(config=config, epochs=30).fit(X, np.where(np.arange(len(X)) < 30, NAMES, ""))
    model.claim(strangers(count), ["yak"] * count, X)
    assert np.mean(model.predict(strangers(200, seed=9)) == "yak") > 0.9


def test_other_channels_keep_their_proportions_and_all_of_their_weights() -> None:
    model, was = mine(), named()
    r = membership(was._weights, model._accepted(X))
    model.claim(strangers(), ["yak"] * 6, X)
    now = membership(model._weights, model._accepted(X))
    np.testing.assert_allclose(now[:, :3], r * (1 - now[:, 3:]), rtol=1e-4, atol=1e-6)
    first = map_channels(model._weights.state.params, lambda rows: rows[:3])
    jax.tree.map(
        np.testing.assert_array_equal, jax.tree.leaves(first), jax.tree.leaves(was._weights.state.params)
    )


def test_a_free_channel_is_taken_before_one_is_added() -> None:
    model = mine()
    weights = model._weights
    # Channel 2 is closed, and the tree knows nothing of it.
    tree = dataclasses.replace(
        weights.tree, channels=(0, 1), merges=(weights.tree.merges[0]._replace(kept=0, closed=1),)
    )
    state = dataclasses.replace(weights.state, active=weights.state.active.at[2].set(False))
    model._weights = dataclasses.replace(weights, state=state, tree=tree)
    tau = model._taught.tau
    counts = np.where(np.arange(3)[:, None] < 2, tau.counts, 0)
    model._taught = model._taught._replace(
        tau=dataclasses.replace(tau, counts=counts, groups=np.array([0, 1, -1]))
    )
    model.claim(strangers(), ["yak"] * 6, X, channels=2)
    assert model.claimed_ == {"yak": [2, 3]}
    assert model.active_.tolist() == [True] * 4
    # They are one family, beside all others.
    groups = model.channel_tree_.cut()
    assert groups[2] == groups[3]
    assert groups[2] not in groups[:2]


def test_a_label_whose_channel_has_no_name_yet_needs_no_other() -> None:
    model = small().fit(X, np.where((np.arange(len(X)) < 30) & (KIND != 2), NAMES, ""))
    weights = model._weights
    model.claim(X[KIND == 2][:3], ["cow"] * 3)
    (channel,) = model.claimed_["cow"]
    assert model._weights is weights
    assert np.mean(model.predict(X) == NAMES) > 0.9
    assert channel == np.bincount(model.labels_[KIND == 2]).argmax()


def test_it_is_saved_and_trained_further_like_any_other(tmp_path: Path) -> None:
    model = mine().claim(strangers(), ["yak"] * 6, X)
    model.save(tmp_path / "grown.safetensors")
    again = MixtureVAE.load(tmp_path / "grown.safetensors")
    assert again.claimed_ == model.claimed_ == {"yak": [3]}
    more = np.concatenate([X, strangers(40, seed=3)])
    np.testing.assert_array_equal(again.predict_proba(more), model.predict_proba(more))
    again.partial_fit(more)
    assert again.predict_proba(more).shape == (len(more), 4)
    assert np.mean(again.predict(strangers(50, seed=4)) == "yak") > 0.9
    assert again.fit(X).claimed_ == {}
    assert len(again.active_) == 3


def test_a_channel_that_has_a_name_is_not_free_however_little_it_holds() -> None:
    model = mine().claim(strangers(), ["yak"] * 6, X)
    model.partial_fit(X)  # none of them is a yak
    before = np.mean(model.predict(strangers(50, seed=4)) == "yak")
    model.claim(-strangers(), ["emu"] * 6, X)
    assert model.claimed_ == {"emu": [4]}
    assert np.mean(model.predict(strangers(50, seed=4)) == "yak") > before - 0.1 > 0.3
    assert np.mean(model.predict(-strangers(50, seed=4)) == "emu") > 0.9


def test_several_labels_at_once_and_equal_examples() -> None:
    model = mine()
    both = np.concatenate([strangers(), -strangers()[:1].repeat(3, axis=0)])
    model.claim(both, ["yak"] * 6 + ["emu"] * 3, X, channels=2)
    # Three emus that are one and the same need no more than one channel.
    assert sorted(len(found) for found in model.claimed_.values()) == [1, 2]
    assert len(model.claimed_["emu"]) == 1
    assert np.mean(model.predict(strangers(50, seed=4)) == "yak") > 0.9
    assert np.mean(model.predict(X) == NAMES) > 0.9


def test_examples_of_the_new_kind_among_the_known_are_left_out() -> None:
    model, other = mine(), mine()
    model.claim(strangers(), ["yak"] * 6, X)
    other.claim(strangers(), ["yak"] * 6, np.concatenate([X, strangers()]))
    np.testing.assert_array_equal(model.predict_proba(X), other.predict_proba(X))


def test_the_temperature_is_of_all_labels_and_not_of_the_new_one() -> None:
    model = small().fit(X, np.where(np.arange(len(X)) < 60, NAMES, ""))
    assert model._taught.fitted.samples > 40
    before = model._taught.fitted
    model.claim(strangers(30), ["yak"] * 30, X)
    assert model._taught.fitted == before


def test_images_of_bytes_may_be_claimed_too() -> None:
    rng = np.random.default_rng(0)
    rows = np.kron(np.array([[0, 1, 0, 1], [0, 0, 1, 1]]), np.ones((20, 4))) * 160  # stripes of two kinds
    noise = rng.integers(0, 60, (40, 16))
    x = (rows[:, :16] + noise).astype(np.uint8)
    tiny = {"trunk": {"hidden": [16]}, "decoder": {"backbone": {"own": [8], "hidden": []}}}
    model = small(num_channels=2, image_shape=(4, 4), epochs=100, learning_rate=None, config={"model": tiny})
    model.fit(x, np.repeat(["a", "b"], 20))
    new = (noise[:5] + 180).astype(np.uint8)
    model.claim(new, ["c"] * 5, x)
    assert model.claimed_ == {"c": [2]}
    assert (model.predict((noise[5:] + 180).astype(np.uint8)) == "c").mean() > 0.9


@pytest.mark.parametrize(
    ("channels", "sentence"),
    [
        (0, "channels is 0, but the label 'yak', of which 6 samples are given, may claim 1 to 3"),
        (4, "may claim 1 to 3"),
        (1.5, "channels is 1.5"),
    ],
)
def test_what_cannot_be_claimed_is_told_and_changes_nothing(channels: Any, sentence: str) -> None:
    model = mine()
    with pytest.raises(ConfigError, match=sentence):
        model.claim(strangers(), ["yak"] * 6, channels=channels)
    with pytest.raises(ConfigError, match="of which 1 sample is given, may claim one channel"):
        model.claim(strangers(1), ["yak"], channels=2)
    with pytest.raises(DataError, match="X has 6 samples, but y has 5 labels"):
        model.claim(strangers(), ["yak"] * 5)
    np.testing.assert_array_equal(model.predict_proba(X), named().predict_proba(X))


def test_centres_that_depend_on_the_number_of_channels_cannot_make_room() -> None:
    shared = {"model": {**SMALL["model"], "layout": "shared", "prior": "geometric"}}
    model = small(epochs=2, config={**SMALL, **shared}).fit(X, NAMES)
    with pytest.raises(ConfigError, match="with the prior `geometric` none can be added"):
        model.claim(strangers(), ["yak"] * 6)

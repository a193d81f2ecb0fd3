"""What is saved is found again, and nothing else is taken for it."""

import json
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from rcmvae import MixtureVAE
from rcmvae.errors import ConfigError, RunError
from rcmvae.estimator import safetensors
from rcmvae.estimator.safetensors import Contents
from tests.estimator.small import blobs, small

X, KIND = blobs()


@pytest.fixture(scope="module")
def model() -> MixtureVAE:
    return small().fit(X, np.where(KIND == 0, "nought", ""))


@pytest.fixture
def path(model: MixtureVAE, tmp_path: Path) -> Path:
    model.save(tmp_path / "model.safetensors")
    return tmp_path / "model.safetensors"


def same(one: MixtureVAE, other: MixtureVAE) -> None:
    assert one.get_params() == other.get_params()
    for name in ("labels_", "classes_", "tau_", "active_"):
        np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    assert one.channel_tree_ == other.channel_tree_
    assert (one.n_iter_, one.n_features_in_) == (other.n_iter_, other.n_features_in_)
    for ours, theirs in zip(one.history_, other.history_, strict=True):
        assert ours | {"seconds": 0} == theirs | {"seconds": 0}
    for method in ("predict", "predict_proba", "transform", "score_samples", "reconstruct"):
        np.testing.assert_array_equal(getattr(one, method)(X), getattr(other, method)(X))


def test_a_file_holds_all_of_it(model: MixtureVAE, path: Path) -> None:
    again = MixtureVAE.load(path)
    same(again, model)
    # It even goes on as if it had never been away.
    here = pickle.loads(pickle.dumps(model))
    same(here, model)
    same(again.partial_fit(X), here.partial_fit(X))
    assert again.classes_.dtype == model.classes_.dtype
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_names_of_columns_and_images_are_kept(model: MixtureVAE, tmp_path: Path) -> None:
    image: Any = pickle.loads(pickle.dumps(model))
    image.set_params(image_shape=(1, 3))
    image.feature_names_in_ = np.array(["a", "b", "c"], object)
    image.save(tmp_path / "a")
    again = MixtureVAE.load(str(tmp_path / "a"))
    assert again.image_shape == (1, 3)
    assert again.feature_names_in_.tolist() == ["a", "b", "c"]


def test_an_unfitted_estimator_is_pickled_as_it_is() -> None:
    assert pickle.loads(pickle.dumps(small())).get_params() == small().get_params()


def rewritten(path: Path, **texts: Any) -> None:
    """The same file with other texts in its header."""
    whole = path.read_bytes()
    (length,) = struct.unpack("<Q", whole[:8])
    head = json.loads(whole[8 : 8 + length])
    head["__metadata__"] |= texts
    new = json.dumps(head).encode()
    path.write_bytes(struct.pack("<Q", len(new)) + new + whole[8 + length :])


def test_a_damaged_file_is_refused(path: Path) -> None:
    whole = path.read_bytes()
    (length,) = struct.unpack("<Q", whole[:8])
    for size in (0, 5, 8, 8 + length // 2, 8 + length, len(whole) - 1):
        path.write_bytes(whole[:size])
        with pytest.raises(RunError, match=r"model\.safetensors .*cut short"):
            MixtureVAE.load(path)
    for at in range(9, len(whole), len(whole) // 40):
        flipped = bytearray(whole)
        flipped[at] ^= 0x10
        path.write_bytes(flipped)
        with pytest.raises(RunError, match=r"model\.safetensors"):
            MixtureVAE.load(path)


def test_a_foreign_or_newer_file_is_refused(path: Path, tmp_path: Path) -> None:
    with pytest.raises(RunError, match="is not there"):
        MixtureVAE.load(tmp_path / "none")
    (tmp_path / "text").write_text("a few words that are no model at all")
    with pytest.raises(RunError, match="was not written by MixtureVAE"):
        MixtureVAE.load(tmp_path / "text")
    with (tmp_path / "a.pkl").open("wb") as file:
        pickle.dump({"a": 1}, file)
    with pytest.raises(RunError, match="was not written by MixtureVAE"):
        MixtureVAE.load(tmp_path / "a.pkl")
    rewritten(path, version="2")
    with pytest.raises(RunError, match="written by a newer version of rcmvae: it has format 2"):
        MixtureVAE.load(path)
    rewritten(path, writer="another")
    with pytest.raises(RunError, match="holds arrays, but it was not written by MixtureVAE"):
        MixtureVAE.load(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays, told: arrays.pop("labels_"),
        lambda arrays, told: told.pop("card"),
        lambda arrays, told: told["config"]["model"].update(num_channels=4),
        lambda arrays, told: told["config"]["model"].update(num_channels="many"),
        lambda arrays, told: arrays.update(step=np.zeros(3, np.int32)),
        lambda arrays, told: told["estimator"]["params"].update(colour=1),
    ],
)
def test_contents_that_do_not_fit_are_refused(path: Path, change: Any) -> None:
    """Whole, sealed, and still no estimator."""
    contents = safetensors.read(path)
    change(contents.arrays, contents.told)
    safetensors.write(path, contents)
    with pytest.raises(RunError, match=r"model\.safetensors holds no estimator that can be used here"):
        MixtureVAE.load(path)


def test_arrays_of_every_type_come_back(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    types = {code: (100 * draw.normal(size=(3, 2))).astype(name) for code, name in safetensors.TYPES.items()}
    arrays = types | {"none": np.zeros((0, 4), np.float32), "one": np.array(3, np.float32)}
    safetensors.write(tmp_path / "a", Contents(arrays, {"b": [1, "ü"]}))
    found = safetensors.read(tmp_path / "a")
    assert found.told == {"b": [1, "ü"]}
    for name, array in arrays.items():
        assert found.arrays[name].dtype == array.dtype
        np.testing.assert_array_equal(found.arrays[name], array)


def test_what_a_file_cannot_hold_is_told(model: MixtureVAE, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere"):
        model.save(tmp_path / "nowhere" / "a")
    drawn = small(epochs=1, random_state=np.random.RandomState(0)).fit(X)
    with pytest.raises(ConfigError, match=r"random_state is a RandomState, .*set_params\(random_state=0\)"):
        drawn.save(tmp_path / "a")
    assert not any(tmp_path.glob("a*"))

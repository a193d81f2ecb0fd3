import dataclasses
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from rcmvae.data import SOURCES, AnySource, ArraysSource, Dataset, Digits, dataset_from_arrays, load
from rcmvae.errors import ConfigError, DataError


@pytest.mark.parametrize("kind", ["npy", "parquet", "image_folder", "mnist"])
def test_the_home_of_somebody_unknown_is_told(kind: str) -> None:
    source = TypeAdapter(AnySource).validate_python({"kind": kind, "path": "~nobody-at-all/x.npy"})
    with pytest.raises(DataError, match=r"^~nobody-at-all/x\.npy begins with a home directory that"):
        load(source)


def numbered(N: int, classes: int = 4) -> tuple[np.ndarray, np.ndarray]:
    """Samples that carry their own number, so that splits can be traced back."""
    return np.arange(N, dtype=np.float32).reshape(N, 1), np.arange(N) % classes


def rows(dataset: Dataset) -> dict[str, np.ndarray]:
    return {name: arrays.x[:, 0].astype(int) for name, arrays in dataset.splits.items()}


@settings(max_examples=40, deadline=None)
@given(
    N=st.integers(30, 120),
    validation=st.one_of(st.integers(0, 9), st.floats(0, 0.3)),
    test=st.one_of(st.integers(0, 9), st.floats(0, 0.3)),
    seed=st.integers(0, 99),
)
def test_splits_are_disjoint_and_complete(N: int, validation: float, test: float, seed: int) -> None:
    x, label = numbered(N)
    dataset = dataset_from_arrays(
        x, label, options=ArraysSource(validation=validation, test=test, seed=seed, scaling="none")
    )
    parts = rows(dataset)
    np.testing.assert_array_equal(np.sort(np.concatenate(list(parts.values()))), np.arange(N))
    for name, arrays in dataset.splits.items():
        np.testing.assert_array_equal(arrays.truth, parts[name] % 4)
        np.testing.assert_array_equal(arrays.label, arrays.truth)


def test_counts_and_shares() -> None:
    x, label = numbered(1000)
    dataset = dataset_from_arrays(x, label, options=ArraysSource(test=200, validation=0.25, num_samples=400))
    assert [len(part) for part in dataset.splits.values()] == [300, 100, 200]
    for part in dataset.splits.values():
        assert np.ptp(np.bincount(part.truth)) == 0


def test_an_imbalance_leaves_the_test_part_alone_and_reaches_training_and_validation_alike() -> None:
    x, label = numbered(4000)
    given = ArraysSource(test=400, validation=0.25, imbalance=8)
    parts = dataset_from_arrays(x, label, options=given)
    counts = {name: np.bincount(part.truth) for name, part in parts.splits.items()}
    assert counts["test"].tolist() == [100] * 4
    assert (counts["train"] + counts["validation"]).tolist() == [900, 450, 225, round(900 / 8)]
    np.testing.assert_allclose(counts["train"] / (counts["train"] + counts["validation"]), 0.75, atol=0.01)
    drawn = [np.concatenate([part.x[:, 0] for part in parts.splits.values()])]
    assert len(np.unique(drawn)) == sum(len(part) for part in parts.splits.values())
    with pytest.raises(ConfigError, match=r"data\.imbalance is 8, but 10 of the 4000 samples have no label"):
        dataset_from_arrays(
            x, np.where(np.arange(4000) < 10, -1, label), options=ArraysSource(test=0, imbalance=8)
        )


def test_a_source_with_its_own_test_part_keeps_it_whole() -> None:
    x, label = numbered(100)
    dataset = dataset_from_arrays(
        x,
        label,
        x_test=x[:7] + 500,
        label_test=label[:7],
        options=ArraysSource(test=0.5, num_samples=40, scaling="none"),
    )
    assert [len(part) for part in dataset.splits.values()] == [36, 4, 7]
    assert rows(dataset)["test"].tolist() == list(range(500, 507))


def test_options_do_not_disturb_each_others_choices() -> None:
    x, label = numbered(200)

    def parts(**options: Any) -> dict[str, list[int]]:
        dataset = dataset_from_arrays(x, label, options=ArraysSource(scaling="none", **options))
        return {name: found.tolist() for name, found in rows(dataset).items()}

    assert parts() == parts(num_labeled=20)
    assert parts()["test"] == parts(validation=0.3)["test"] == parts(num_samples=50)["test"]
    assert parts() != parts(seed=1)


def test_few_labels() -> None:
    x, label = numbered(200)
    dataset = dataset_from_arrays(x, label, options=ArraysSource(num_labeled=8))
    train = dataset.train
    assert np.bincount(train.label[train.label >= 0]).tolist() == [2, 2, 2, 2]
    assert (train.truth >= 0).all()
    assert ((train.label == train.truth) | (train.label == -1)).all()
    for held_out in (dataset.validation, dataset.test):
        assert (held_out.label == -1).all()
        assert (held_out.truth >= 0).all()


def test_no_labels() -> None:
    x, _ = numbered(50)
    dataset = dataset_from_arrays(x)
    assert dataset.num_classes == 0
    assert dataset.label_names == ()
    assert (dataset.train.truth == -1).all()
    some = dataset_from_arrays(*numbered(50), options=ArraysSource(num_labeled=0))
    assert (some.train.label == -1).all()
    assert some.num_classes == 4


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"num_samples": 91}, "data.num_samples is 91, but there are 90 samples besides the test part"),
        ({"num_labeled": 82}, "data.num_labeled is 82, but 81 of the 81 training samples have a label"),
        ({"validation": 90}, "data.validation is 90, which takes 90 of 90 samples and leaves none"),
        ({"test": 100}, "data.test is 100, which takes 100 of 100 samples and leaves none"),
        ({"validation": 0.999}, "data.validation is 0.999, which takes 90 of 90"),
    ],
)
def test_wishes_that_the_data_cannot_grant(options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        dataset_from_arrays(*numbered(100), options=ArraysSource(**options))


def test_only_labelled_samples_can_keep_a_label() -> None:
    x, label = numbered(100)
    label[10:] = -1
    with pytest.raises(ConfigError, match="num_labeled is 50, but 8 of the 81 training samples have a label"):
        dataset_from_arrays(x, label, options=ArraysSource(num_labeled=50))


@pytest.mark.parametrize("field", ["validation", "test"])
@pytest.mark.parametrize("value", [-1, 1.0, 1.5, -0.1])
def test_parts_are_counts_or_shares(field: str, value: float) -> None:
    with pytest.raises(ValidationError, match=f"{value} is neither a number of samples"):
        ArraysSource.model_validate({field: value})


def test_scaling_is_fitted_to_the_training_split_alone() -> None:
    x, label = numbered(100)
    dataset = dataset_from_arrays(x, label)
    np.testing.assert_allclose(dataset.scaling.shift, dataset.train.x.mean(0), rtol=1e-6)
    np.testing.assert_allclose(dataset.scaling.scale, 1 / dataset.train.x.std(0), rtol=1e-5)


def test_images_of_floats_are_looked_at_in_every_split() -> None:
    x = np.zeros((20, 3, 3), np.float32)
    x_test = x[:5] + 2
    with pytest.raises(DataError, match="between 0 and 1; these lie between 0 and 2"):
        dataset_from_arrays(x, x_test=x_test)


def test_shape_and_names() -> None:
    dataset = dataset_from_arrays(np.zeros((20, 6, 5), np.uint8), ["cat", "ant"] * 10)
    assert dataset.shape == (6, 5, 1)
    assert dataset.train.x.shape[1:] == (6, 5, 1)
    assert dataset.label_names == ("ant", "cat")
    assert dataset_from_arrays(np.zeros((20, 6))).shape == (6,)
    assert dataset.name == "arrays"


def test_fingerprint_is_that_of_the_content() -> None:
    x, label = numbered(60)
    names = np.asarray(["a", "b", "c", "d"])[label]
    same = dataset_from_arrays(x, names).fingerprint
    assert len(same) == 64
    assert dataset_from_arrays(np.asfortranarray(x).copy(), names.tolist()).fingerprint == same

    moved = x.copy()
    moved[17] += 1
    relabelled = names.copy()
    relabelled[17] = "a"
    others = [
        dataset_from_arrays(moved, names),
        dataset_from_arrays(x, relabelled),
        dataset_from_arrays(x, np.char.upper(names)),
        dataset_from_arrays(x.reshape(60, 1, 1) / 60, names),
        dataset_from_arrays(x, names, options=ArraysSource(seed=1)),
        dataset_from_arrays(x, names, options=ArraysSource(num_labeled=9)),
        dataset_from_arrays(x, names, options=ArraysSource(validation=0.2)),
    ]
    assert len({same, *(other.fingerprint for other in others)}) == 8


def test_a_data_set_cannot_be_changed_by_accident() -> None:
    dataset = dataset_from_arrays(*numbered(30))
    with pytest.raises(dataclasses.FrozenInstanceError):
        dataset.name = "other"  # pyright: ignore[reportAttributeAccessIssue]


def test_digits() -> None:
    dataset = load(Digits())
    assert [len(part) for part in dataset.splits.values()] == [1455, 162, 180]
    assert dataset.shape == (8, 8, 1)
    assert dataset.label_names == tuple("0123456789")
    assert dataset.train.x.dtype == np.uint8
    assert sorted(np.unique(dataset.train.x).tolist()) == [round(level * 255 / 16) for level in range(17)]
    scaled = np.asarray(dataset.scaling(dataset.train.x))
    assert (scaled.min(), scaled.max()) == (0, 1)


def test_arrays_have_to_come_from_python() -> None:
    with pytest.raises(ConfigError, match="pass them to the Python call"):
        load(ArraysSource())


def test_sources_by_name() -> None:
    assert set(SOURCES) == {
        "digits",
        "mnist",
        "fashion_mnist",
        "npy",
        "image_folder",
        "parquet",
        "csv",
        "arrays",
    }
    adapter: TypeAdapter[Any] = TypeAdapter(AnySource)
    assert adapter.validate_python("digits") == Digits()
    chosen = adapter.validate_python({"kind": "npy", "path": "a.npz", "num_labeled": 5})
    assert adapter.validate_python(chosen.model_dump(mode="json")) == chosen


def test_importing_loads_no_library_that_only_one_source_needs() -> None:
    program = (
        "import sys, rcmvae.data.catalogue\n"
        "print(*[m for m in ('sklearn', 'pyarrow', 'pooch', 'PIL', 'requests') if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert found.stdout.strip() == ""

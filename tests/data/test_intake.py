from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcmvae.data.intake import as_stored, encode, take_in
from rcmvae.errors import DataError


@pytest.mark.parametrize(
    ("given", "dtype"),
    [
        (np.zeros((2, 3), np.uint8), np.uint8),
        (np.zeros((2, 3), np.float64), np.float32),
        (np.zeros((2, 3), np.float16), np.float32),
        (np.zeros((2, 3), ">f4"), np.float32),
        (np.zeros((2, 3), np.int64), np.float32),
        (np.zeros((2, 3), bool), np.float32),
        ([[1, 2, 3], [4, 5, 6]], np.float32),
    ],
)
def test_types(given: Any, dtype: type) -> None:
    x = as_stored(given, "x")
    assert x.dtype == dtype
    assert x.shape == (2, 3)


def test_what_is_stored_already_is_not_copied() -> None:
    for dtype in (np.uint8, np.float32):
        x = np.zeros((5, 4, 3), dtype)
        stored = as_stored(x, "x")
        assert stored.shape == (5, 4, 3, 1)
        assert np.shares_memory(stored, x)


@pytest.mark.parametrize(
    ("x", "sentence"),
    [
        (np.zeros(5), r"shape \(5,\); they need to be \[N, F\]"),
        (np.zeros((1, 1, 1, 1, 1)), r"shape \(1, 1, 1, 1, 1\)"),
        (np.zeros((0, 3)), r"shape \(0, 3\): there is nothing in it"),
        (np.zeros((3, 0)), r"shape \(3, 0\): there is nothing in it"),
        (np.zeros((2, 3), "m8[s]"), "of type timedelta64.*; they need to be numbers"),
        (np.zeros((2, 3), complex), "of type complex128; they need to be numbers"),
        (np.asarray([["a"]]), "of type <U1; they need to be numbers"),
        ([[1, 2], [3, 4], [5]], r"sample 2 has the shape \(1,\), sample 0 the shape \(2,\)"),
        ([[[1], [2, 3]], [[1], [2]]], r"sample 1 has the shape \(2, 1\), sample 0 rows of several lengths"),
        ([[1.0, 2.0], [np.nan, 0.0], [np.inf, 0.0]], "Sample 1 of x has nan at feature 0.*2 of 3 samples"),
        ([[1.0, 1e300]], "Sample 0 of x has 1e.300 at feature 1"),
        (np.full((2, 2, 2), -np.inf), r"Sample 0 of x has -inf at position \(0, 0\)"),
    ],
)
def test_refused_samples(x: Any, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        take_in(x, where="x")


@pytest.mark.parametrize(
    ("label", "codes", "names"),
    [
        ([3, 1, 3], [1, 0, 1], ("1", "3")),
        ([10, 9, -1], [1, 0, -1], ("9", "10")),
        (["10", "9", ""], [0, 1, -1], ("10", "9")),
        ([2.0, np.nan, 1.0], [1, -1, 0], ("1", "2")),
        (np.asarray([2.0, -1.0, 1.0]), [1, -1, 0], ("1", "2")),
        ([None, "a", "b"], [-1, 0, 1], ("a", "b")),
        ([True, False, True], [1, 0, 1], ("False", "True")),
        (np.asarray([7, 7, 7], np.uint8), [0, 0, 0], ("7",)),
        (np.asarray([np.int64(4), np.str_("").item() or None, 2], object), [1, -1, 0], ("2", "4")),
        (None, [-1, -1, -1], ()),
        ([-1, -1, -1], [-1, -1, -1], ()),
    ],
)
def test_labels(label: Any, codes: list[int], names: tuple[str, ...]) -> None:
    raw = take_in(np.zeros((3, 2)), label, where="x")
    assert raw.train.label.tolist() == codes
    assert raw.train.label.dtype == np.int32
    assert raw.label_names == names


@pytest.mark.parametrize(
    ("label", "sentence"),
    [
        ([1, 2], "x has 3 samples but 2 labels"),
        ([0, 1, 0.37], "The label of sample 2 of x is 0.37; a label is a whole number or a text"),
        ([0, 1, b"cat"], "The label of sample 2 of x is b'cat'"),
        ([0, np.inf, 1], "The label of sample 1 of x is inf"),
        ([1, "1", 1], r"mix numbers \(such as 1\) and texts \(such as '1'\)"),
        (np.eye(3), r"labels of x have shape \(3, 3\)"),
    ],
)
def test_refused_labels(label: Any, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        take_in(np.zeros((3, 2)), label, where="x")


@given(st.lists(st.one_of(st.none(), st.integers(0, 2**70))))
def test_names_give_every_label_back(labels: list[int | None]) -> None:
    codes, names = encode(labels)
    assert [None if code < 0 else int(names[code]) for code in codes] == labels
    assert sorted(set(codes[codes >= 0].tolist())) == list(range(len(names)))


def test_train_and_test_share_one_list_of_classes() -> None:
    raw = take_in(np.zeros((2, 1)), ["b", "d"], np.zeros((2, 1)), ["a", "d"], where="x")
    assert raw.label_names == ("a", "b", "d")
    assert raw.test is not None
    assert raw.train.label.tolist() + raw.test.label.tolist() == [1, 2, 0, 2]


@pytest.mark.parametrize(
    ("x_test", "label_test", "sentence"),
    [
        (np.zeros((2, 5)), None, r"samples of x have shape \(3,\), those of the test part of x \(5,\)"),
        (np.zeros((2, 3), np.uint8), None, "samples of x are float32, those of the test part of x uint8"),
        (np.zeros((2, 3)), [1], "the test part of x has 2 samples but 1 labels"),
        (None, [1, 2], "labels for the test part of x, but no samples"),
    ],
)
def test_refused_test_parts(x_test: Any, label_test: Any, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        take_in(np.zeros((2, 3)), None, x_test, label_test, where="x")


def test_columns_of_a_data_frame_that_are_no_numbers_are_named() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"age": [1.0, 2.0], "country": ["DE", "FR"], "on": [True, False]})
    x = as_stored(frame[["age", "on"]], "x")  # which pandas brings together as objects
    np.testing.assert_array_equal(x, np.array([[1, 1], [2, 0]], np.float32))
    with pytest.raises(DataError, match=r"need to be numbers\. No numbers are in country: choose the other"):
        as_stored(frame, "x")

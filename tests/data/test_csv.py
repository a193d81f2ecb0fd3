"""Tables of text: what their columns hold is read off the whole file, and what is no table is told in a sentence."""

import shlex
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pydantic import ValidationError

from rcmvae.data import Csv, Parquet, load
from rcmvae.data.catalogue import readers_of
from rcmvae.errors import DataError
from rcmvae.recipes import made_for

BIRDS = "height,species,weight\n1.5,gentoo,3\n2,adelie,4\n2.5,,5\n"


@pytest.fixture
def write(tmp_path: Path) -> Any:
    def write(text: str | bytes, name: str = "birds.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(text if isinstance(text, bytes) else text.encode())
        return path

    return write


def test_numeric_columns_are_samples_and_empty_labels_are_none(write: Any) -> None:
    raw = Csv(path=write(BIRDS), label_column="species").read()
    np.testing.assert_array_equal(raw.train.x, np.array([[1.5, 3], [2, 4], [2.5, 5]], np.float32))
    assert raw.columns == ("height", "weight")
    assert raw.label_names == ("adelie", "gentoo")
    assert raw.train.label.tolist() == [1, 0, -1]


def test_columns_may_be_chosen_and_folded_and_tested_on_others(write: Any) -> None:
    more = write("weight,height,extra\n7,6,0\n", "more.csv")
    raw = Csv(path=write(BIRDS), features=("weight", "height"), test_path=more, shape=(1, 2)).read()
    np.testing.assert_array_equal(raw.train.x[..., 0], [[[3, 1.5]], [[4, 2]], [[5, 2.5]]])
    assert raw.test is not None
    np.testing.assert_array_equal(raw.test.x[..., 0], [[[7, 6]]])


@pytest.mark.parametrize(
    ("name", "between", "options"),
    [("a.csv", ",", {}), ("a.tsv", "\t", {}), ("a.csv", ";", {"delimiter": ";"}), ("a.tsv", ",", {"delimiter": ","})],
)  # fmt: skip
def test_what_stands_between_columns(write: Any, name: str, between: str, options: dict[str, Any]) -> None:
    text = BIRDS.replace(",", between)
    raw = Csv.model_validate({"path": write(text, name), "label_column": "species", **options}).read()
    assert raw.columns == ("height", "weight")


def test_a_number_with_a_fraction_may_come_late(write: Any) -> None:
    """PyArrow by itself goes by the first megabyte of a file."""
    rows = ["1"] * 700_000 + ["1.5"]
    x = Csv(path=write("a\n" + "\n".join(rows) + "\n")).read().train.x
    assert (len(x), x[0, 0], x[-1, 0]) == (700_001, 1, 1.5)


def test_row_numbers_of_a_data_frame_are_no_feature(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame({"a": [1.0, 2.0, 4.0], "b": [3, 4, 5]})
    table.to_csv(tmp_path / "frame.csv")
    assert (tmp_path / "frame.csv").read_text().startswith(",a,b\n0,")
    raw = Csv(path=tmp_path / "frame.csv").read()
    assert raw.columns == ("a", "b")
    np.testing.assert_array_equal(raw.train.x, table.to_numpy(np.float32))


def test_it_is_the_table_that_the_same_columns_make_in_parquet(write: Any, tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    path = write(BIRDS)
    pandas.read_csv(path).to_parquet(tmp_path / "birds.parquet")
    ours = load(Csv(path=path, label_column="species", test=0, validation=1))
    theirs = load(Parquet(path=tmp_path / "birds.parquet", label_column="species", test=0, validation=1))
    assert ours.fingerprint == theirs.fingerprint
    assert ours.columns == theirs.columns


def test_columns_that_are_called_by_their_number_are_columns(write: Any) -> None:
    assert Csv(path=write("0,1,2\n5,6,7\n")).read().columns == ("0", "1", "2")
    assert Csv(path=write("height,2019,2020\n5,6,7\n")).read().columns == ("height", "2019", "2020")
    assert Csv(path=write("inf,a,nan\n5,6,7\n")).read().columns == ("inf", "a", "nan")


def test_columns_may_be_left_out(write: Any) -> None:
    path = write("id,a,note\n1,5,x\n2,6,7\n")
    assert Csv(path=path, without=("id",)).read().columns == ("a",)
    stray = write("a,note\n" + "1,2\n" * 19 + "1,x\n")
    assert Csv(path=stray, without=("note",)).read().columns == ("a",)
    assert Csv(path=stray, label_column="note").read().columns == ("a",)
    with pytest.raises(ValidationError, match="features and without exclude each other"):
        Csv(path=path, features=("a",), without=("id",))


def test_words_that_stand_for_nothing_are_no_labels(write: Any) -> None:
    raw = Csv(path=write("a,k\n1,x\n2,NA\n3,\n4,null\n"), label_column="k").read()
    assert raw.label_names == ("x",)
    assert raw.train.label.tolist() == [0, -1, -1, -1]


def test_numbers_may_have_a_comma(write: Any) -> None:
    path = write("a;b\n1,5;2\n2,25;3\n")
    x = Csv(path=path, delimiter=";", decimal=",").read().train.x
    np.testing.assert_array_equal(x, [[1.5, 2], [2.25, 3]])


def test_trailing_commas_make_no_columns(write: Any) -> None:
    assert Csv(path=write("a,b,,\n1,2,,\n")).read().columns == ("a", "b")


@pytest.mark.parametrize("between", [";", "\t", "|"])
def test_what_is_proposed_for_another_delimiter_works(write: Any, between: str) -> None:
    rows = "\n".join(f"{i}{between}{i * i % 11}" for i in range(60))
    path = str(write(f"a{between}b\n{rows}\n"))
    with pytest.raises(DataError, match="has a single column") as caught:
        made_for(path)
    _, _, proposed = str(caught.value).partition("say so: ")
    (option,) = shlex.split(proposed.removesuffix("."))
    assert made_for(path, [option]).dataset.columns == ("a", "b")


def test_a_path_is_enough(write: Any) -> None:
    rows = "\n".join(f"{i % 7},{i * i % 11},{i % 5}" for i in range(80))
    config, dataset = made_for(str(write(f"a,b,c\n{rows}\n")))
    assert config.data.kind_name() == "csv"
    assert dataset.columns == ("a", "b", "c")
    assert readers_of(Path("x.tsv")) == [Csv]


@pytest.mark.parametrize(
    ("text", "options", "sentence"),
    [
        ("a,b\n1,2\n", {"delimiter": ";"}, r"single column, 'a,b'\. If \",\" stands between"),
        ("5.1,3.5\n4.9,3\n", {}, r"a line that holds numbers \(5\.1, 3\.5\), but the first line has to name"),
        ("5.1,3.5,setosa\n4.9,3,setosa\n", {}, r"begins with a line that holds numbers \(5\.1, 3\.5\)"),
        ("nan,3.5,setosa\n4.9,3,setosa\n", {}, r"begins with a line that holds numbers"),
        ("5,0,0,0\n4,0,0,1\n", {}, r"begins with a line that holds numbers \(5, 0, 0\)"),
        ("a;b\n1,5;2,5\n", {"delimiter": ";"}, r"no numeric column\. If its .*'data\.decimal=\",\"'"),
        ("a,é\n1,2\n".encode("latin-1"), {}, r"cannot be read as CSV: its first line is no text in UTF-8"),
        ("a,b\n1,2\n3,\n", {}, r"row 1 of 'b' is empty, as are 1 of 2 rows"),
        ("a,b\n1,2\n3,x\n", {"features": ["a", "b"]}, "column 'b' is of type string; a feature is a number"),
        ("a\n" + "1\n" * 19 + "n/a?\n", {}, r"row 19 of 'a' is 'n/a\?', but 19 of 20 .*'data\.without=\[.a.\]'"),
        ("a\n" + "1\n" * 19 + "x\n", {"features": ["a"]}, "row 19 of 'a' is 'x', but 19 of 20 values"),
        ("a,b\n1,2\n", {"without": ["c"]}, r"has no column 'c'; it has a, b\."),
        ("a,b\n1,2\n3\n", {}, r"birds\.csv cannot be read as CSV \(.*Expected 2 columns, got 1"),
        ("a,a\n1,2\n", {}, r"has the column 'a' twice"),
        ("a,b\n", {}, "has no rows"),
        ("", {}, r"cannot be read as CSV \(Empty CSV file"),
        ("n,k\nx,y\n", {}, r"has no numeric column besides the label; it has k, n\."),
        ("a\n1\n", {"label_column": "b"}, r"no column 'b'; it has a\. Labels are in label_column=NAME;"),
        (b"a,b\n1,\xff\xfe\n", {"label_column": "b"}, r"label of sample 0 .* a text \(in UTF-8\)"),
    ],
)  # fmt: skip
def test_refusals(write: Any, text: str | bytes, options: dict[str, Any], sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        Csv.model_validate({"path": write(text), **options}).read()


def test_what_is_not_there_and_what_cannot_be_asked_for(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent\.csv does not exist"):
        Csv(path=tmp_path / "absent.csv").read()
    with pytest.raises(DataError, match="cannot be read as CSV"):
        Csv(path=tmp_path).read()
    for delimiter in ("", "::", "\n", "§"):
        with pytest.raises(
            ValidationError, match="cannot stand between columns: give one character, such as ;"
        ):
            Csv(path=tmp_path / "a.csv", delimiter=delimiter)
    with pytest.raises(ValidationError, match="label_column a is among"):
        Csv(path=tmp_path / "a.csv", features=("a",), label_column="a")

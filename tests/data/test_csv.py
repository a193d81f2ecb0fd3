"""Tables of text: what their columns hold is read off the whole file, and what is no table is told in a sentence."""

import re
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


def test_columns_without_a_name_that_count_rows_or_are_empty_are_passed_over(write: Any) -> None:
    for text in (",a,,\n0,5,,\n1,6,,\n", ",a\n1,5\n2,6\n", "a,\n5,0\n6,1\n"):
        assert Csv(path=write(text)).read().columns == ("a",)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("a,b,\n1,2,5.5\n3,4,6\n", "column 3 from the left has no name, but holds values such as 5.5"),
        (",a,b\n7,1,2\n3,3,4\n", "column 1 from the left has no name, but holds values such as 7"),
        ("a,,b\n1,,2\n3,x,4\n", "column 2 from the left has no name, but holds values such as 'x'"),
    ],
)
def test_columns_without_a_name_do_not_vanish(write: Any, text: str, told: str) -> None:
    path = write(text)
    with pytest.raises(DataError, match=told) as caught:
        Csv(path=path).read()
    _, _, proposed = str(caught.value).partition("without it: ")
    assert shlex.split(proposed.removesuffix(".")) == ['data.without=[""]']
    assert Csv(path=path, without=("",)).read().columns == ("a", "b")
    assert Csv(path=path, features=("b",)).read().columns == ("b",)
    with pytest.raises(DataError, match="has no column ''"):
        Csv(path=write("a\n1\n", "named.csv"), without=("",)).read()


@pytest.mark.parametrize("between", [";", ","])
def test_numbers_with_a_comma_are_not_left_out_as_texts(write: Any, between: str) -> None:
    quote = '"' if between == "," else ""
    rows = [between.join([f"{i}", f"{quote}{i % 7},{i % 11}4{quote}", f"{i}"]) for i in range(60)]
    rows.append(f"60{between}5{between}60")
    path = str(write("\n".join([f"id{between}height{between}width", *rows]) + "\n"))
    options = [f"data.delimiter={between}"]
    with pytest.raises(DataError, match=r"row 0 of 'height' is '0,04', a text, not a number\. If") as caught:
        made_for(path, options)
    decimal, without = re.findall(r"'(data\.[^']*)'", str(caught.value))
    assert made_for(path, [*options, decimal]).dataset.columns == ("id", "height", "width")
    assert made_for(path, [*options, without]).dataset.columns == ("id", "width")
    with pytest.raises(DataError, match=r"take it out of data\.features"):
        Csv(path=Path(path), delimiter=between, features=("height",)).read()
    Csv(path=Path(path), delimiter=between, label_column="height").read()


def test_commas_between_thousands_stand_before_no_fraction(write: Any) -> None:
    for values in (["1,234.5", "7,100"], ["1,234", "7,100"], ["1,234", "12"], ["a, b", "c, d"]):
        rows = [f'{i},"{value}"' for i, value in enumerate(values * 5)]
        assert Csv(path=write("\n".join(["a,b", *rows]))).read().columns == ("a",)


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
        (b"a,b\n1,x\n2,\n3,b\xeata\n4,\xff\n", {"label_column": "b"},
         r"birds\.csv: the label of row 2 is b'b\\xeata', no text in UTF-8\. Save the file as UTF-8"),
        ("a,b,c\n1,,3\n,,4\n2,5,6\n", {}, r"row 1 of 'a' is empty\. Of 3 rows, 1 has no 'a' and 2 have no 'b'\. Fill"),
        (",".join("abcdefgh") + "\n" + ",1" * 7 + "\n1" + ",1" * 7 + "\n1" + "," * 7 + "\n", {},
         r"row 0 of 'a' is empty\. Of 3 rows, 1 has no 'a', .* 1 has no 'e' and 3 more columns have gaps\."),
        ("width,wing\n1,2\n", {"features": ["widths", "width"]}, r"no column 'widths'; it has width, wing\.$"),
        ("width,wing\n1,2\n", {"features": ["wingg", "width"]}, r"no column 'wingg'.* Did you mean 'wing'\?"),
        ("width,wing\n1,2\n", {"label_column": "widt", "features": ["width"]}, r"no column 'widt'; .* wing\. Labels"),
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

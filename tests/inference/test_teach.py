"""Labels after the fact, against counting them all at once."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.stats import entropy

from rcmvae import experiment, naming
from rcmvae.data import Dataset, Digits, load
from rcmvae.errors import ConfigError, DataError, RunError
from rcmvae.evaluation import evaluate
from rcmvae.inference import Trained, embed, predict, teach
from rcmvae.inference.samples import labelled_samples_of
from rcmvae.labels import Names
from rcmvae.run import RunDirectory
from tests.inference.conftest import vectors_of
from tests.inference.test_apply import saved
from tests.training.small import DATA, digits

OF_LABELS = {"label", "label_probability", "aleatoric", "epistemic", "outlier"}


def copied(run: RunDirectory, folder: Path) -> Path:
    shutil.copytree(run.path, folder / "copy")
    return folder / "copy"


def kept(path: Path) -> list[Names]:
    found = naming.kept(RunDirectory.find(path))
    assert found is not None
    return found


def same_counts(one: list[Names], other: list[Names], atol: float = 1e-4) -> None:
    assert len(one) == len(other)
    for mine, theirs in zip(one, other, strict=True):
        assert mine.labels == theirs.labels
        assert {*zip(mine.mark, mine.label, strict=True)} == {*zip(theirs.mark, theirs.label, strict=True)}
        np.testing.assert_allclose(mine.tau.counts, theirs.tau.counts, atol=atol)


def few(number: int) -> Dataset:
    return load(Digits.model_validate(DATA | {"num_labeled": number}))


def test_taught_in_parts_is_as_if_counted_at_once(images: RunDirectory, tmp_path: Path) -> None:
    path, train = copied(images, tmp_path), digits().train
    whole = kept(path)
    teach(path, train.x[:100], train.label[:100], fresh=True)
    teach(path, train.x[50:], train.label[50:])  # some of them again
    same_counts(kept(path), whole)
    same_counts(teach(path, "train"), whole, 2e-4)
    # Each sample that is taught is judged by the others.
    assert all(names.held_out >= 20 for names in kept(path))


def test_so_many_of_a_split_are_those_that_the_data_would_keep(images: RunDirectory, tmp_path: Path) -> None:
    path, train = copied(images, tmp_path), few(20).train
    by_number = teach(path, "train", number=20, fresh=True)
    same_counts(by_number, teach(path, train.x, train.label, fresh=True))
    assert len(by_number[0]) == 20


def test_every_form_of_data_teaches_the_same(images: RunDirectory, tmp_path: Path) -> None:
    x, label = digits().test.x[:12], np.arange(12) % 3
    saved(tmp_path, x)
    np.save(tmp_path / "y.npy", label)
    np.savez(tmp_path / "named.npz", x=x, kind=label)
    for y in range(3):
        (tmp_path / "images" / f"{y}").mkdir()
    for at, y in enumerate(label):
        (tmp_path / "images" / f"{at:03}.png").rename(tmp_path / "images" / str(y) / f"{at:03}.png")
    trained = Trained.open(images.path)
    for name, options in (
        ("x.npy", [f"labels={tmp_path}/y.npy"]),
        ("named.npz", ["y=kind"]),
        ("images", []),
    ):
        found = labelled_samples_of(trained, tmp_path / name, None, options)
        told = {(image.tobytes(), found.labels[y]) for image, y in zip(found.x, found.label, strict=True)}
        assert told == {(image.tobytes(), str(y)) for image, y in zip(x, label, strict=True)}, name


def test_what_was_scored_under_other_names_is_taken_back(images: RunDirectory, tmp_path: Path) -> None:
    path, train = copied(images, tmp_path), digits().train
    run = RunDirectory.find(path)
    before = run.read_json("summary.json")
    run.write_json("evaluation-test-ood-old.json", {})
    teach(path, train.x[:9], train.label[:9], fresh=True)
    after = run.read_json("summary.json")
    assert "tau" in before["test"]
    assert after["test"]["tau"] == {}
    assert "Score it again with: rcmvae evaluate" in after["test"]["absent"]["tau/accuracy"]
    assert after["test"]["clustering"] == before["test"]["clustering"]
    assert not [*path.glob("*-ood-*")]


def test_scored_again_the_report_tells_what_the_new_names_are_worth(
    images: RunDirectory, coarse: None, tmp_path: Path
) -> None:
    path, train = copied(images, tmp_path), digits().train
    before = RunDirectory.find(path).read_json("summary.json")
    teach(path, train.x[:60], train.label[:60], fresh=True)
    evaluate(path, "train", digits())
    assert RunDirectory.find(path).read_json("summary.json")["test"]["tau"] == {}, "that is another split"
    scored = evaluate(path, "test", digits(), num_groups=2)
    after = RunDirectory.find(path).read_json("summary.json")
    assert after["test"]["tau"] == scored["tau"]
    assert after["test"]["tau"]["counted"]["mean"] == 60
    assert not any(key.startswith("tau/") for key in after["test"]["absent"])
    assert after["test"]["groups"] == before["test"]["groups"], "whatever the cut"
    page = experiment.make_report(path, "train", digits()).with_name("REPORT.md").read_text("utf-8")
    assert "Accuracy, with channels named by 60 labels" in page


@pytest.mark.parametrize("content", ["{", "{}", '{"label_names": ["a"], "counted": {}}'])
def test_damaged_counts_are_told_and_can_be_counted_anew(
    images: RunDirectory, tmp_path: Path, content: str
) -> None:
    path, train = copied(images, tmp_path), digits().train
    (path / "labels.json").write_text(content, encoding="utf-8")
    with pytest.raises(RunError, match=r"is damaged.* Count anew with: rcmvae teach .* DATA --fresh"):
        predict(path, train.x[:3])
    teach(path, train.x[:9], train.label[:9], fresh=True)
    assert predict(path, train.x[:3]).label is not None


def test_a_new_label_is_as_good_as_any_other(images: RunDirectory, tmp_path: Path) -> None:
    path = copied(images, tmp_path)
    x = digits().test.x[:1]
    (names, _) = teach(path, x, ["eleven"], fresh=True)
    assert names.labels == (*map(str, range(10)), "eleven")
    assert predict(path, x).arrays()["label"].tolist() == ["eleven"]
    # What is said last of a sample counts.
    teach(path, x, [3])
    assert predict(path, x).arrays()["label"].tolist() == ["3"]
    assert len(kept(path)[0]) == 1


def test_a_run_without_labels_learns_its_first(vectors: RunDirectory, tmp_path: Path) -> None:
    path, x = copied(vectors, tmp_path), vectors_of(40, seed=3)
    assert not OF_LABELS & predict(path, x).columns().keys()
    kind = np.where(x.mean(axis=1) > 3, "high", "low")
    (names,) = teach(path, x, kind)
    assert names.labels == ("high", "low")
    found = predict(path, x)
    assert found.columns().keys() >= OF_LABELS
    assert {*found.arrays()["label"]} <= {"high", "low"}


def test_what_is_said_of_labels_is_that_of_a_loop(images: RunDirectory) -> None:
    found = embed(images.path, digits().test.x[:30], seed=1)
    names = kept(images.path)[1]
    tau, r = names.tau.table, found.responsibility.astype(float)
    columns = found.columns()
    for n in range(30):
        p = np.array([sum(r[n, c] * tau[c, y] for c in range(4)) for y in range(10)])
        tempered = p ** (1 / names.temperature)
        assert columns["label"][n] == str(p.argmax())
        assert columns["label_probability"][n] == pytest.approx(tempered.max() / tempered.sum())
        spread = sum(r[n, c] * entropy(tau[c]) for c in range(4))
        assert columns["aleatoric"][n] == pytest.approx(spread)
        assert columns["aleatoric"][n] + columns["epistemic"][n] == pytest.approx(entropy(p))
        assert columns["outlier"][n] == pytest.approx(1 - max(r[n, c] * tau[c].max() for c in range(4)))


@pytest.mark.parametrize(
    ("given", "kind", "sentence"),
    [
        ({"x": digits().test.x[:2]}, DataError, "No sample of x has a label: .* given as y in Python"),
        ({"x": digits().test.x[:2], "y": [1]}, DataError, "x has 2 samples but 1 labels"),
        ({"x": digits().test.x[:2], "y": [1, "a"]}, DataError, "Labels mix numbers .* and texts"),
        ({"x": "test", "y": [1]}, ConfigError, "y belongs to samples that are given in Python; test has labels"),
        ({"x": "test", "number": 999}, ConfigError, "number is 999, but 180 samples of test have a label"),
        ({"x": np.zeros((2, 9), np.uint8), "y": [1, 2]}, DataError, "A sample of x has the shape 9"),
        ({"x": "tset"}, DataError, "Did you mean 'test'"),
    ],
    ids=str,
)  # fmt: skip
def test_what_cannot_be_taught_is_told_and_changes_nothing(
    images: RunDirectory, given: dict[str, Any], kind: type[Exception], sentence: str
) -> None:
    before = (images.path / naming.FILE).read_bytes()
    with pytest.raises(kind, match=sentence):
        teach(images.path, **given)
    assert (images.path / naming.FILE).read_bytes() == before

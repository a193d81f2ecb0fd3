"""What the estimator does with samples and labels."""

import dataclasses
import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.metrics import adjusted_rand_score
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from rcmvae import MixtureVAE
from rcmvae.data.intake import as_labels
from rcmvae.errors import ConfigError, DataError, RunError
from rcmvae.estimator import workshop
from rcmvae.estimator.classes import read_labels
from rcmvae.inference import embed_parts
from rcmvae.labels import Tau
from tests.estimator.small import SMALL, blobs, small

X, KIND = blobs()


@functools.cache
def fitted() -> MixtureVAE:
    """Never taught anything; who changes it takes a copy."""
    return small().fit(X)


def copied() -> Any:
    """A fitted estimator of one's own."""
    import copy

    return copy.deepcopy(fitted())


def test_kinds_are_found() -> None:
    model = fitted()
    assert adjusted_rand_score(KIND, model.labels_) > 0.9
    np.testing.assert_array_equal(model.predict(X), model.labels_)
    assert (model.classes_ == np.arange(3)).all()
    assert model.tau_ is None
    assert model.n_iter_ == len(model.history_) == 150
    assert model.history_[-1]["validation/bound"] < model.history_[0]["validation/bound"]
    assert model.active_.tolist() == [True] * 3
    assert model.channel_tree_.num_channels == 3


def test_responsibilities_and_codes() -> None:
    model = fitted()
    r, found = model.predict_proba(X), model.transform(X)
    np.testing.assert_allclose(r.sum(axis=1), 1, rtol=1e-5)
    np.testing.assert_allclose(found[:, :3], r, rtol=1e-5, atol=1e-6)
    (embedding,) = embed_parts(model._weights, X.astype(np.float32))
    np.testing.assert_allclose(found[:, 3:], embedding.mean, rtol=1e-5, atol=1e-5)
    assert model.get_feature_names_out().tolist() == [*(f"responsibility{k}" for k in range(3)), "code0"]
    with pytest.raises(ValueError, match=r"should have length equal to number of features \(3\), got 1"):
        model.get_feature_names_out(["a"])


def test_a_score_is_the_bound_of_the_sample_alone() -> None:
    model = fitted()
    score = model.score_samples(X)
    (embedding,) = embed_parts(model._weights, X.astype(np.float32))
    # One draw of each code, and the mean of a few.
    assert np.mean(score + embedding.bound) == pytest.approx(0, abs=0.2)
    np.testing.assert_allclose(model.score_samples(X[::-1])[::-1], score, rtol=1e-5)
    assert model.score(X) == pytest.approx(score.mean())
    assert model.score_samples(X + 30).max() < score.min()


def test_one_seed_gives_one_result_and_another_does_not_compile_anew() -> None:
    first = fitted().predict_proba(X)
    before = workshop._opened.cache_info().misses
    np.testing.assert_array_equal(small().fit(X).predict_proba(X), first)
    np.testing.assert_array_equal(small(random_state=np.int64(0)).fit(X).predict_proba(X), first)
    other = small(random_state=1).fit(2 * X + 3).predict_proba(X)
    assert not np.array_equal(other, first)
    assert workshop._opened.cache_info().misses == before
    assert small(random_state=None)._seed() != small(random_state=None)._seed()


def test_of_several_starts_the_one_of_least_loss_is_kept() -> None:
    alone = [small(random_state=seed, epochs=20).fit(X) for seed in range(4)]
    losses = [model.history_[-1]["validation/loss"] for model in alone]
    assert np.ptp(losses) > 0.1
    best = int(np.argmin(losses))
    assert best != 0, "else the first would do"
    chosen = small(random_state=0, epochs=20, n_init=4).fit(X)
    assert chosen.history_ == [
        {**row, **_times(chosen.history_[n])} for n, row in enumerate(alone[best].history_)
    ]
    np.testing.assert_array_equal(chosen.predict_proba(X), alone[best].predict_proba(X))
    ours, theirs = (model.partial_fit(X).predict_proba(X) for model in (chosen, alone[best]))
    np.testing.assert_array_equal(ours, theirs)


def _times(row: dict[str, Any]) -> dict[str, Any]:
    """What a clock has measured."""
    return {name: value for name, value in row.items() if "second" in name}


def test_the_unit_of_a_column_does_not_matter() -> None:
    units = np.array([1e-3, 1.0, 1e4])
    model = small().fit(X * units + 7)
    np.testing.assert_allclose(model.predict_proba(X * units + 7), fitted().predict_proba(X), atol=1e-3)
    assert model.score(X * units + 7) == pytest.approx(fitted().score(X), abs=1e-2)
    back = (model.reconstruct(X * units + 7) - 7) / units
    np.testing.assert_allclose(back, fitted().reconstruct(X), atol=1e-2)


@pytest.mark.parametrize(
    "names", [np.array([7, 3, 5]), np.array(["rye", "oat", "bran"]), np.array([0.0, 2.0, 1.0])], ids=str
)
def test_a_few_labels_name_the_channels(names: np.ndarray) -> None:
    model = copied().teach(X[:6], names[KIND[:6]])
    assert model.classes_.tolist() == sorted(names.tolist())
    assert np.mean(model.predict(X) == names[KIND]) > 0.95
    assert model.predict_proba(X).shape == (60, 3)
    np.testing.assert_allclose(model.tau_.sum(axis=1), 1)
    np.testing.assert_array_equal(model.labels_, fitted().labels_)
    alike: Any = small().fit(
        X, np.where(np.arange(60) < 6, names[KIND], "" if names.dtype.kind == "U" else -1)
    )
    np.testing.assert_allclose(alike.tau_, model.tau_, rtol=1e-5)
    np.testing.assert_array_equal(alike.fit_predict(X), fitted().labels_)


def test_labels_that_come_later_are_added() -> None:
    model = copied()
    first, second = KIND[:30] < 2, KIND[:30] == 2
    model.teach(X[:30][first], np.array(["b", "c"])[KIND[:30][first]])
    assert model.classes_.tolist() == ["b", "c"]
    model.teach(X[:30][second], ["apple"] * second.sum())
    assert model.classes_.tolist() == ["b", "c", "apple"]
    assert np.mean(model.predict(X) == np.array(["b", "c", "apple"])[KIND]) > 0.95
    model.teach(X[:3], [None, "", np.nan])  # nothing
    with pytest.raises(DataError, match=r"y has the label .*3.*, but labels taught before are such as 'b'"):
        model.teach(X[:1], [3])


@pytest.mark.parametrize(
    ("y", "sentence"),
    [
        ([1, 2], "X has 60 samples, but y has 2 labels"),
        (np.linspace(0, 1, 60), "y has the label 0.01.*: numbers that stand for classes are whole"),
        (["a", 1] * 30, r"y mixes numbers \(such as 1\) and texts \(such as 'a'\)"),
        (np.zeros((60, 2)), r"y has the shape \(60, 2\)"),
        ([object()] * 60, "which cannot be sorted"),
    ],
    ids=["too few", "shares", "mixed", "a table", "things"],
)
def test_labels_that_are_none_are_refused(y: Any, sentence: str) -> None:
    with pytest.raises(DataError, match=sentence):
        small(epochs=10**9).fit(X, y)
    with pytest.raises(DataError, match=sentence):
        copied().teach(X, y)


def test_channels_without_labels_are_called_what_their_family_is(tmp_path: Path) -> None:
    model = small(num_channels=6).fit(X)
    groups = model.channel_tree_.cut()
    assert len({*groups[groups >= 0]}) < len(np.unique(model.labels_)), "some channels share a group"
    model.teach(X[:3], KIND[:3])  # a label of each kind
    assert np.mean(model.predict(X) == KIND) > 0.8
    assert model.tau_ is not None
    alone = Tau.blank(6, 3).taught(model.transform(X[:3])[:, :6], KIND[:3])
    np.testing.assert_allclose(model.tau_, dataclasses.replace(alone, groups=groups).table, rtol=1e-5)
    model.save(tmp_path / "model.safetensors")
    again = MixtureVAE.load(tmp_path / "model.safetensors").teach(X[:3], KIND[:3])
    np.testing.assert_array_equal(again.predict_proba(X), model.teach(X[:3], KIND[:3]).predict_proba(X))


def test_what_is_missing_in_pandas_is_no_label() -> None:
    pandas = pytest.importorskip("pandas")
    texts = pandas.Series(["a", pandas.NA, "", "b"], dtype="string")
    numbers = pandas.Series([3, pandas.NA, -1, 5], dtype="Int64")
    for y in (texts, numbers, np.array([1, np.float32("nan"), None, 2], object)):
        assert read_labels(y, 4).place.tolist() == [0, -1, -1, 1]
        assert [label is None for label in as_labels(y, 4, "y")] == [False, True, True, False]


def test_training_goes_on() -> None:
    model = copied()
    more, kind = blobs(45, seed=1)
    model.partial_fit(more, kind)
    assert model.n_iter_ == len(model.history_) == 165
    assert len(model.labels_) == 45
    assert np.mean(model.predict(X) == KIND) > 0.95
    assert not np.array_equal(model.transform(X), fitted().transform(X))
    before = workshop._opened.cache_info().misses
    assert model.partial_fit(blobs(45, seed=2)[0]).n_iter_ == 180
    assert workshop._opened.cache_info().misses == before
    with pytest.raises(ConfigError, match="were changed since it was fitted"):
        model.set_params(num_channels=4).partial_fit(X)
    with pytest.raises(ConfigError, match=r"training\.epochs is `-1`"):
        model.set_params(num_channels=3, epochs=-1).partial_fit(X)
    np.testing.assert_array_equal(small().partial_fit(X).predict_proba(X), fitted().predict_proba(X))


def test_weights_learn_from_labels_where_they_are_asked_to(tmp_path: Path) -> None:
    learning = SMALL | {"objective": SMALL["objective"] | {"tau": 5}, "training": {"labeled_share": 0.2}}
    few = np.where(np.arange(60) < 12, KIND, -1)
    model = small(config=learning, epochs=30).fit(X, few)
    assert {"train/tau", "validation/tau"} <= {*model.history_[0]}
    # Without labels to learn from, or with another objective, training goes on all the same.
    for config, y in ((learning, None), (learning, few), (SMALL, few), (learning, few)):
        model.set_params(config=config).partial_fit(X, y)
        assert ("train/tau" in model.history_[-1]) == (config is learning and y is not None)
        model.save(tmp_path / "model.safetensors")
        again = MixtureVAE.load(tmp_path / "model.safetensors")
        np.testing.assert_array_equal(again.predict_proba(X), model.predict_proba(X))


def test_samples_come_from_their_channel() -> None:
    model = fitted()
    x, channel = model.sample(300, random_state=0)
    assert x.shape == (300, 3)
    assert set(channel) == {0, 1, 2}
    means = [x[channel == k].mean(axis=0) for k in range(3)]
    centres = np.array([X[model.labels_ == k].mean(axis=0) for k in range(3)])
    assert [int(np.square(centres - mean).sum(axis=1).argmin()) for mean in means] == [0, 1, 2]
    again, _ = model.sample(300, random_state=0)
    np.testing.assert_array_equal(again, x)
    one, channel = model.sample(5, channel=2)
    assert (channel == 2).all()
    assert one.shape == (5, 3)
    assert model.sample()[0].shape == (1, 3)
    drawn, _ = model.sample(300, 0, values="draw", random_state=0)
    assert drawn.std() > model.sample(300, 0, random_state=0)[0].std()


def test_samples_that_cannot_be_had_are_told() -> None:
    cases: tuple[tuple[dict[str, Any], str], ...] = (
        ({"channel": 3}, "channel is 3, but this MixtureVAE has channels 0 to 2"),
        ({"n_samples": 0}, "n_samples is 0, but it must be 1 or more"),
        ({"values": "draws"}, "Did you mean 'draw'"),
    )
    for given, sentence in cases:
        with pytest.raises((ConfigError, RunError), match=sentence):
            fitted().sample(**given)


def test_reconstructions_are_in_the_units_of_the_samples() -> None:
    error = np.square(fitted().reconstruct(X) - X).mean()
    assert error < 0.5 * X.var()


def test_few_samples_and_columns_that_say_nothing() -> None:
    x = np.hstack([X[:20], np.full((20, 1), 3.0)])
    model = small(epochs=3, batch_size=500).fit(x)
    assert model._weights.config.training.batch_size == 20
    assert np.isfinite(model.transform(x)).all()
    assert np.isfinite(model.score_samples(x + 1)).all()
    assert small(epochs=2).fit(X[:2, :1]).labels_.shape == (2,)


def test_images_are_rows_of_numbers() -> None:
    rng = np.random.default_rng(0)
    x = rng.integers(0, 256, (30, 24)).astype(np.uint8)
    tiny = {"model.trunk.hidden": [4], "model.decoder.backbone.own": [4], "model.decoder.backbone.hidden": []}
    still = {"objective.consistency": None}
    model = small(image_shape=(6, 4), epochs=2, learning_rate=None, config=tiny | still).fit(x)
    assert model.reconstruct(x).dtype == np.uint8
    assert model.reconstruct(x).shape == model.sample(30)[0].shape == (30, 24)
    with pytest.raises(
        DataError, match="The samples of X are float32, but this MixtureVAE was trained on uint8"
    ):
        model.predict(x / 255)
    colours = small(image_shape=(2, 4, 3), epochs=2, learning_rate=None, config=tiny | still)
    colours.fit(x.astype(float) - 7)  # any range
    assert colours.sample(2)[0].min() >= -7
    with pytest.raises(DataError, match=r"lie in .* describes values in \[0, 1\]"):
        colours.predict(x.astype(float) + 1000)


def test_neighbours_are_those_of_the_samples_at_hand() -> None:
    looks = {"consistency": {"weight": 10, "views": [{"kind": "neighbours", "number": 4, "share": 1}]}}
    config = SMALL | {"objective": SMALL["objective"] | looks}
    model = small(config=config).fit(X)
    assert adjusted_rand_score(KIND, model.labels_) > 0.9
    before = workshop._opened.cache_info().misses
    np.testing.assert_array_equal(small(config=config).fit(X).predict_proba(X), model.predict_proba(X))
    # Other samples have other neighbours, in the same programs.
    other, kind = blobs(60, seed=5)
    other, kind = other[::-1], kind[::-1]
    assert adjusted_rand_score(kind, small(config=config).fit(other).labels_) > 0.9
    assert workshop._opened.cache_info().misses == before
    model.partial_fit(*blobs(45, seed=1))
    assert np.mean(model.predict(X) == KIND) > 0.95
    with pytest.raises(ConfigError, match="asks for 4 neighbours, but each of the 4 training samples has 3"):
        small(config=config).fit(X[:4])


def test_channels_may_grow() -> None:
    growing = {"initial": 1, "trial": 2, "finish": {"epochs": 2}, "policy": {"kind": "scheduled", "every": 2}}
    config = SMALL | {"curriculum": growing, "data.validation": 12}
    model = small(config=config, epochs=10).fit(X)
    assert 1 <= model.active_.sum() <= 3
    assert [row["k_active"] for row in model.history_][:2] == [1, 1]
    assert model._weights.card.splits == {"train": 48, "validation": 12, "test": 0}
    more = model.partial_fit(X)
    assert more._weights.config.curriculum is None


def test_tables_with_names(capsys: pytest.CaptureFixture[str]) -> None:
    pandas = pytest.importorskip("pandas")
    table = pandas.DataFrame(X, columns=["a", "b", "c"])
    model = small(verbose=1).fit(table).set_output(transform="pandas")
    assert "epoch 150/150" in capsys.readouterr().out
    assert model.feature_names_in_.tolist() == ["a", "b", "c"]
    assert model.transform(table).columns.tolist() == model.get_feature_names_out().tolist()
    np.testing.assert_array_equal(model.labels_, fitted().labels_)
    with pytest.raises(ValueError, match="feature names"):
        model.predict(table[["c", "b", "a"]])


def test_in_a_pipeline_and_in_a_search() -> None:
    steps = make_pipeline(StandardScaler(), small())
    assert adjusted_rand_score(KIND, steps.fit_predict(X)) > 0.9
    search: Any = GridSearchCV(small(epochs=10), {"random_state": [0, 1]}, cv=2).fit(X)
    assert search.best_score_ == search.cv_results_["mean_test_score"].max()
    best: Any = clone(search.best_estimator_)
    params = best.get_params()
    assert params["config"] == SMALL
    assert params["epochs"] == 10


def test_a_signal_is_nobodys_business_but_pythons(monkeypatch: pytest.MonkeyPatch) -> None:
    import signal

    model, before, heard = copied(), signal.getsignal(signal.SIGINT), []

    def note(*_: Any) -> Any:
        heard.append(signal.getsignal(signal.SIGINT))
        raise KeyboardInterrupt

    monkeypatch.setattr("rcmvae.estimator.listening.row_of", note)
    with pytest.raises(KeyboardInterrupt):
        model.fit(X + 1)
    assert heard == [before]
    np.testing.assert_array_equal(model.predict_proba(X), fitted().predict_proba(X))


def test_nothing_is_told_before_it_is_fitted() -> None:
    model = small()
    for method in ("predict", "transform", "score_samples", "reconstruct"):
        with pytest.raises(NotFittedError):
            getattr(model, method)(X)
    with pytest.raises(NotFittedError):
        model.sample()
    with pytest.raises(NotFittedError):
        model.save("nowhere.safetensors")

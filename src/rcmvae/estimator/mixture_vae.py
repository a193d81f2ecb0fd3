"""The estimator."""

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Float, Int, Shaped
from sklearn.base import BaseEstimator, ClusterMixin, TransformerMixin
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from rcmvae.config import Config
from rcmvae.data.arrays import Stored
from rcmvae.data.intake import as_stored
from rcmvae.errors import ConfigError, DataError, RunError
from rcmvae.estimator import safetensors
from rcmvae.estimator.claiming import claimed_by_labels
from rcmvae.estimator.classes import Labels, Taught, nothing_taught, numbered, read_labels
from rcmvae.estimator.listening import listeners_of
from rcmvae.estimator.packing import classes_from, packed, plain_classes, unpacked
from rcmvae.estimator.safetensors import Contents
from rcmvae.estimator.settings import configured, plain, sample_shape, sized, starts, with_channels
from rcmvae.estimator.workshop import prepared, train, train_on
from rcmvae.inference import Weights, costs, drawn, generated, log_pi_of, membership, places
from rcmvae.inference.trained import refuse_closed
from rcmvae.labels import Tau
from rcmvae.labels.calibration import Fitted
from rcmvae.training.history import Row

MORE = 0.1  # of the epochs of `fit`, for each later call of `partial_fit`


class MixtureVAE(TransformerMixin, ClusterMixin, BaseEstimator):
    """Clusters, codes and densities of unlabelled samples, which a few labels can name.

    Rows of X are vectors, or images of `image_shape` laid flat. What is left open comes from a recipe for such
    samples, with epochs for their number; a number as `learning_rate` stays constant. `config` holds values of the
    configuration (docs/configuration.md), nested or under dotted keys, and is applied last.

    >>> x = np.repeat([[0.0, 0.0], [4.0, 4.0]], 20, axis=0) + np.random.default_rng(0).normal(size=(40, 2))
    >>> model = MixtureVAE(num_channels=2, epochs=40, random_state=0).fit(x)
    >>> len(set(model.labels_[:20])), len(set(model.labels_[20:]))
    (1, 1)
    >>> model.teach(x[[0, -1]], ["low", "high"]).predict(x[[1, 2, -2]]).tolist()
    ['low', 'low', 'high']
    """

    n_features_in_: int
    feature_names_in_: Shaped[np.ndarray, " F"]

    def __init__(
        self,
        num_channels: Any = 10,
        latent_dim: Any = 2,
        *,
        image_shape: Any = None,
        epochs: Any = None,
        batch_size: Any = None,
        learning_rate: Any = None,
        random_state: Any = None,
        n_init: Any = 1,
        config: Any = None,
        verbose: Any = 0,
    ) -> None:
        self.num_channels = num_channels
        self.latent_dim = latent_dim
        self.image_shape = image_shape
        self.epochs = epochs
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.random_state = random_state
        self.n_init = n_init
        self.config = config
        self.verbose = verbose

    def fit(self, X: Any, y: Any = None) -> "MixtureVAE":
        """Train anew. Labels in `y` (−1 is none) name what was found; terms that learn from labels learn from them.

        Of `n_init` trainings, each with a seed of its own, the one with the least loss is kept; no label has a part in
        that unless a term learns from labels.
        """
        x = self._samples(X)
        labels, seed = read_labels(y, len(x)), self._seed()
        configs = [self._configured(x, seed + n) for n in range(starts(self.n_init))]
        weights, history, _ = min(
            (self._trained(config, x, labels) for config in configs), key=lambda one: one[-1]
        )
        self._added = 0
        return self._take(weights, history, x, nothing_taught(weights.config.model.num_channels), labels)

    def _trained(self, config: Config, x: Stored, labels: Labels) -> tuple[Weights, list[Row], float]:
        """Fresh weights, their history, and their loss."""
        config, dataset = prepared(self.get_params(deep=False), config, x, labels.place)
        history: list[Row] = []
        with ExitStack() as stack:
            listeners = listeners_of(stack, history, config.training.epochs, config, x, self.verbose)
            weights, loss = train(config, dataset, listeners)
        return weights, history, loss

    def fit_predict(self, X: Any, y: Any = None, **kwargs: Any) -> Shaped[np.ndarray, " N"]:
        """The same as `fit(X, y).predict(X)`."""
        return self.fit(X, y, **kwargs).predict(X)

    def partial_fit(self, X: Any, y: Any = None) -> "MixtureVAE":
        """Go on from the present weights, on these samples alone; the first call is `fit`.

        Later calls train for a tenth of the epochs that `fit` takes for so many samples, at the learning rate with
        which it ends. Channels stay as they are: a curriculum and early stopping have no part in it.
        """
        if not self.__sklearn_is_fitted__():
            return self.fit(X, y)
        x, before = self._accepted(X), self._weights
        labels = read_labels(y, len(x))
        config = self._configured(x, before.config.training.seed)
        config = with_channels(sized(self.get_params(deep=False), config, len(x)), self._added)
        epochs = max(1, round(MORE * config.training.epochs))
        history: list[Row] = [*self.history_]
        with ExitStack() as stack:
            listeners = listeners_of(stack, history, len(history) + epochs, config, x, self.verbose)
            weights = train_on(before, config, x, numbered(self._taught.classes, labels), epochs, listeners)
        return self._take(weights, history, x, self._taught, labels)

    def teach(self, X: Any, y: Any) -> "MixtureVAE":
        """Let labels name channels, by counting: no weight changes. Labels never seen before are added."""
        x = self._accepted(X)
        r, labels = membership(self._weights, x), read_labels(y, len(x))
        self._name(self._taught.further(r, labels).calibrated(r, labels))
        return self

    def claim(self, X: Any, y: Any, known: Any = None, *, channels: Any = 1) -> "MixtureVAE":
        """Let labels never seen before have channels of their own, and count all labels as `teach` does.

        A new label whose samples lie mostly in channels that have no name yet names those. Any other claims so many
        free `channels`, and where none is free some are added; they learn from its samples, and nothing else changes.
        `known` are samples of the kinds that were there before, with or without a label, and of no other: those the new
        channels leave alone. Where there are none at hand, the model imagines some. `claimed_` tells the channels of
        each new label.
        """
        x, weights = self._accepted(X), self._weights
        there = None if known is None else self._accepted(known)
        labels = read_labels(y, len(x))
        claimed, taught, found = claimed_by_labels(weights, self._taught, x, labels, there, channels)
        self._added += claimed.plan.num_channels - weights.plan.num_channels
        self.claimed_ = found
        self._show(claimed, self.history_)
        self._name(taught)
        return self

    def predict(self, X: Any) -> Shaped[np.ndarray, " N"]:
        """The most probable label where labels were taught, else the most probable channel."""
        best = self.predict_proba(X).argmax(axis=1)
        return self.classes_[best]

    def predict_proba(self, X: Any) -> Float[np.ndarray, "N Y"]:
        """p(y | x) of each label in `classes_`, or the responsibility of each channel where none was taught."""
        x = self._accepted(X)
        r = membership(self._weights, x)
        return r if self.tau_ is None else self._taught.predict_proba(r)

    def transform(self, X: Any) -> Float[np.ndarray, "N C"]:
        """The responsibility of each channel, then the mean code in the sample's own channel."""
        x = self._accepted(X)
        return np.hstack(places(self._weights, x))

    def get_feature_names_out(self, input_features: Any = None) -> Shaped[np.ndarray, " C"]:
        """The names of what `transform` gives: responsibility0, …, code0, …."""
        check_is_fitted(self)
        if input_features is not None and len(input_features) != self.n_features_in_:
            raise DataError(
                f"input_features should have length equal to number of features ({self.n_features_in_}), "
                f"got {len(input_features)}."
            )
        model = self._weights.config.model
        names = [f"responsibility{k}" for k in range(model.num_channels)]
        return np.array([*names, *(f"code{d}" for d in range(model.latent_dim))], object)

    def score_samples(self, X: Any) -> Float[np.ndarray, " N"]:
        """The evidence bound of each sample in nats: low for a sample unlike those of the training.

        It is that of the scaled numbers, a mean over a few draws of the code that the sample's numbers decide.
        """
        x = self._accepted(X)
        return -costs(self._weights, x)

    def score(self, X: Any, y: Any = None) -> float:
        """The mean of `score_samples`; labels have no part in it."""
        return float(self.score_samples(X).mean())

    def sample(
        self,
        n_samples: int = 1,
        channel: int | None = None,
        *,
        values: str = "mean",
        random_state: Any = None,
    ) -> tuple[Shaped[np.ndarray, "N F"], Int[np.ndarray, " N"]]:
        """New samples and their channels: of this channel, or of channels drawn from the prior.

        `values` says whether each is the `mean` of p(x | z) or a `draw` from it; without a `random_state`, the
        estimator's own counts.
        """
        check_is_fitted(self)
        weights = self._weights
        if not isinstance(n_samples, int | np.integer) or n_samples < 1:
            raise ConfigError(f"n_samples is {n_samples!r}, but it must be 1 or more.")
        rng = check_random_state(self.random_state if random_state is None else random_state)
        if channel is None:
            pi = np.exp(log_pi_of(weights).astype(float))
            channels = rng.choice(len(pi), size=n_samples, p=pi / pi.sum())
        else:
            refuse_closed(weights, channel)
            channels = np.full(n_samples, channel)
        found = generated(weights, channels, values=values, noise=int(rng.randint(2**31 - 1)))
        return found.reshape(n_samples, -1), channels

    def reconstruct(self, X: Any) -> Shaped[np.ndarray, "N F"]:
        """What is left of each sample after its own channel and the mean code in it, in the units of X."""
        x = self._accepted(X)
        r, z = places(self._weights, x)
        return drawn(self._weights, z, r.argmax(axis=1)).reshape(len(x), -1)

    def save(self, path: Path | str) -> None:
        """Write everything to one file of the safetensors format, whole or not at all."""
        check_is_fitted(self)
        if isinstance(self.random_state, np.random.RandomState):
            raise ConfigError(
                "random_state is a RandomState, which a file cannot hold: set_params(random_state=0) first, or any "
                "other number."
            )
        arrays, told = packed(self._weights)
        classes, tau, fitted = self._taught
        about = {
            "params": plain(self.get_params(deep=False)),
            "features": self.n_features_in_,
            "names": self.feature_names_in_.tolist() if "feature_names_in_" in vars(self) else None,
            "classes": plain_classes(classes),
            "fitted": fitted,
            "added": self._added,
            "claimed": [[label, channels] for label, channels in self.claimed_.items()],
            "history": self.history_,
        }
        own = {"labels_": self.labels_, "counts": tau.counts}
        safetensors.write(Path(path), Contents({**arrays, **own}, {**told, "estimator": about}))

    @classmethod
    def load(cls, path: Path | str) -> "MixtureVAE":
        """The estimator that `save` wrote; nothing in the file is run."""
        path = Path(path)
        arrays, told = safetensors.read(path)
        try:
            about = told["estimator"]
            params = about["params"]
            if params["image_shape"] is not None:
                params["image_shape"] = tuple(params["image_shape"])
            model = cls(**params)
            model.labels_, counts = arrays.pop("labels_"), arrays.pop("counts")
            model.n_features_in_ = about["features"]
            if about["names"] is not None:
                model.feature_names_in_ = np.array(about["names"], object)
            classes = classes_from(about["classes"])
            weights = unpacked(Contents(arrays, told))
            model._show(weights, about["history"])
            tau = Tau(counts, 1 / max(len(classes), 1), weights.groups)
            model._name(Taught(classes, tau, Fitted(*about["fitted"])))
            model._added, model.claimed_ = about["added"], dict(about["claimed"])
        except (KeyError, TypeError, ValueError, RunError) as error:
            raise safetensors.damaged(path, error) from error
        return model

    def _show(self, weights: Weights, history: list[Row]) -> None:
        """What is seen of weights from outside."""
        self._weights = weights
        self.history_ = history
        self.n_iter_ = len(history)
        self.active_ = np.asarray(weights.state.active)
        self.channel_tree_ = weights.tree

    def _take(
        self, weights: Weights, history: list[Row], x: Stored, taught: Taught, labels: Labels
    ) -> "MixtureVAE":
        """Have these weights from now on, which were trained on these samples."""
        r = membership(weights, x)
        self._show(weights, history)
        self.labels_ = r.argmax(axis=1)
        self._name(taught.within(weights.groups).further(r, labels).calibrated(r, labels))
        self.claimed_ = {}
        return self

    def _name(self, taught: Taught) -> None:
        self._taught = taught
        named = len(taught.classes) > 0
        self.classes_ = taught.classes if named else np.arange(self._weights.plan.num_channels)
        self.tau_ = taught.tau.table if named else None

    def _samples(self, X: Any) -> Stored:
        """X as it is stored, when it is seen for the first time."""
        kinds: Any = np.float32 if self.image_shape is None else [np.float32, np.uint8]
        rows: Any = validate_data(self, X, dtype=kinds, ensure_min_samples=2)
        return as_stored(rows.reshape(len(rows), *sample_shape(self.image_shape, rows.shape[1])), "X")

    def _accepted(self, X: Any) -> Stored:
        """The same of later samples, which have to be as those of the training."""
        check_is_fitted(self)
        card = self._weights.card
        kinds: Any = np.float32 if card.dtype == "float32" else [np.float32, np.uint8]
        rows: Any = validate_data(self, X, dtype=kinds, reset=False)
        return self._weights.accept(as_stored(rows.reshape(len(rows), *card.shape), "X"), "X")

    def _configured(self, x: Stored, seed: int) -> Config:
        return configured(self.get_params(deep=False), x.shape[1:], x.dtype == np.uint8, len(x), seed)

    def _seed(self) -> int:
        given = self.random_state
        if isinstance(given, int | np.integer):
            return int(given)
        return check_random_state(given).randint(2**31 - 1)

    def __sklearn_is_fitted__(self) -> bool:
        return "_weights" in vars(self)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        assert tags.transformer_tags is not None
        tags.transformer_tags.preserves_dtype = ["float32"]
        return tags

    def __getstate__(self) -> dict[str, Any]:
        state: Any = super().__getstate__()
        state = dict(state)
        if "_weights" in state:
            state["_weights"] = packed(state["_weights"])
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        weights = state.get("_weights")
        super().__setstate__(state if weights is None else {**state, "_weights": unpacked(weights)})

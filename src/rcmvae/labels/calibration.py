"""Probabilities that can be taken at their word: one temperature, fitted on labelled samples that were held out."""

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from jaxtyping import Float, Int
from scipy.special import logsumexp

from rcmvae.errors import DataError
from rcmvae.labels.tau import Tau

COLDEST, HOTTEST = 0.02, 50.0
DEVIATION = 0.5
FEWEST, ENOUGH = 20, 2000  # labelled samples that a temperature is fitted on


class Reliability(NamedTuple):
    """How often predictions of about the same confidence are right; bins without a sample have NaN."""

    edges: Float[np.ndarray, " E"]
    confidence: Float[np.ndarray, " B"]  # mean within each bin
    accuracy: Float[np.ndarray, " B"]
    samples: Int[np.ndarray, " B"]

    def to_json(self) -> dict[str, list[Any]]:
        """As plain lists; a bin without a sample has null."""
        lists = {name: getattr(self, name).tolist() for name in self._fields}
        return {
            name: [None if math.isnan(value) else value for value in told] for name, told in lists.items()
        }

    @classmethod
    def from_json(cls, told: Mapping[str, Any]) -> "Reliability":
        """What `to_json` wrote."""
        edges, confidence, accuracy = (np.array(told[name], float) for name in cls._fields[:3])
        return cls(edges, confidence, accuracy, np.array(told["samples"], int))

    @property
    def share_right(self) -> float:
        """Accuracy over all bins."""
        used = self.samples > 0
        return float(self.samples[used] @ self.accuracy[used] / self.samples.sum())

    @property
    def ece(self) -> float:
        """Expected calibration error: the mean gap between confidence and accuracy, by samples."""
        used = self.samples > 0
        gap = np.abs(self.confidence[used] - self.accuracy[used])
        return float(self.samples[used] @ gap / self.samples.sum())


def reliability(p: Float[np.ndarray, "N Y"], label: Int[np.ndarray, " N"], bins: int = 15) -> Reliability:
    """Confidence against accuracy, in bins of equal width; −1 is left out.

    >>> p = np.array([[0.9, 0.1], [0.9, 0.1], [0.2, 0.8]])
    >>> round(reliability(p, np.array([0, 1, 1]), bins=10).ece, 4)
    0.3333
    """
    p, label = _labelled(p, label)
    confidence, right = p.max(axis=1), p.argmax(axis=1) == label
    edges = np.linspace(0, 1, bins + 1)
    place = np.clip(np.searchsorted(edges, confidence, side="left") - 1, 0, bins - 1)
    count = np.bincount(place, minlength=bins)
    with np.errstate(invalid="ignore"):
        mean, accuracy = (np.bincount(place, value, minlength=bins) / count for value in (confidence, right))
    return Reliability(edges, mean, accuracy, count)


def tempered(p: Float[np.ndarray, "N Y"], temperature: float) -> Float[np.ndarray, "N Y"]:
    """p^(1/T), made to sum to 1 again: flatter for T > 1, sharper below.

    >>> tempered(np.array([[0.8, 0.2]]), 0.5).round(4).tolist()
    [[0.9412, 0.0588]]
    """
    log_p = np.log(np.maximum(p, np.finfo(float).tiny)) / temperature
    return np.exp(log_p - logsumexp(log_p, axis=1, keepdims=True))


def fit_temperature(p: Float[np.ndarray, "N Y"], label: Int[np.ndarray, " N"]) -> float:
    """The temperature under which the labels are most probable; the most probable label stays the same.

    Before any label speaks, log T is normal with a deviation of ½: a few that are all right are no proof of certainty.
    """
    from scipy.optimize import minimize_scalar  # noqa: PLC0415 — slow to import

    p, label = _labelled(p, label)
    log_p = np.log(np.maximum(p, np.finfo(float).tiny))
    rows = np.arange(len(label))

    def cost(log_temperature: float) -> float:
        scaled = log_p / np.exp(log_temperature)
        unlikely = np.sum(logsumexp(scaled, axis=1) - scaled[rows, label])
        return float(unlikely + 0.5 * (log_temperature / DEVIATION) ** 2)

    best = minimize_scalar(cost, bounds=(np.log(COLDEST), np.log(HOTTEST)), method="bounded")
    return float(np.exp(best.x))


class Fitted(NamedTuple):
    """A temperature, and how many samples it was fitted on; 1 where there are none."""

    temperature: float = 1.0
    samples: int = 0

    def unless(self, other: "Fitted | None") -> "Fitted":
        """The same, unless another was fitted on at least as many."""
        return self if other is None or other.samples < self.samples else other


def left_out_temperature(
    tau: Tau, r: Float[np.ndarray, "N K"], label: Int[np.ndarray, " N"]
) -> Fitted | None:
    """The temperature that samples which were counted ask for, each judged by the others.

    None where too few others have labels. A random part of many samples is enough.
    """
    if len(r) < FEWEST:
        return None
    rows = np.random.default_rng(0).permutation(len(r))[:ENOUGH]
    p, told = tau.left_out(r[rows], label[rows])
    if told.sum() < FEWEST:
        return None
    return Fitted(fit_temperature(p[told], label[rows][told]), int(told.sum()))


def _labelled(
    p: Float[np.ndarray, "N Y"], label: Int[np.ndarray, " N"]
) -> tuple[Float[np.ndarray, "n Y"], Int[np.ndarray, " n"]]:
    known = label >= 0
    if not known.any():
        raise DataError("No sample is labelled: there is nothing to compare probabilities with.")
    return p[known], label[known]

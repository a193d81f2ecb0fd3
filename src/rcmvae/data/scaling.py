"""From stored numbers to what the model sees: an affine map, fitted before training."""

import math
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Float32, UInt8

from rcmvae.errors import DataError, RunError

ScalingKind = Literal["auto", "none", "unit", "standard", "range"]

Numbers = (
    UInt8[Array, "B *S"] | Float[Array, "B *S"] | UInt8[np.ndarray, "B *S"] | Float[np.ndarray, "B *S"]
)  # fmt: skip
Host = UInt8[np.ndarray, "N *S"] | Float32[np.ndarray, "N *S"]
Others = tuple[np.ndarray, ...]
Affine = tuple[np.ndarray, np.ndarray]

_CHUNK = 1 << 22  # numbers that are turned into float64 at a time


class Scaling(eqx.Module):
    """(x − shift) · scale, with one shift and scale for everything or one per entry of the last axis.

    The last axis is the features of a vector and the colours of an image.

    >>> scaling = Scaling(jnp.asarray([1.0, 0.0]), jnp.asarray([2.0, 0.5]))
    >>> scaling(np.asarray([[3.0, 4.0]])).tolist()
    [[4.0, 2.0]]
    """

    shift: Float[Array, "*F"]
    scale: Float[Array, "*F"]

    def __call__(self, x: Numbers) -> Float[Array, "B *S"]:
        """What the model sees of stored samples, float32."""
        return (jnp.asarray(x, jnp.float32) - _aligned(self.shift, x.ndim)) * _aligned(self.scale, x.ndim)

    @classmethod
    def identity(cls) -> "Scaling":
        """For samples that are scaled already."""
        return cls(jnp.zeros(()), jnp.ones(()))

    def inverse(self, scaled: Numbers) -> Float[Array, "B *S"]:
        """Back to the units of the stored samples, as floats."""
        return jnp.asarray(scaled, jnp.float32) / _aligned(self.scale, scaled.ndim) + _aligned(
            self.shift, scaled.ndim
        )

    def as_dict(self) -> dict[str, Any]:
        """Plain numbers for JSON; `from_dict` restores every bit."""
        return {"shift": np.asarray(self.shift).tolist(), "scale": np.asarray(self.scale).tolist()}

    @classmethod
    def from_dict(cls, stored: Mapping[str, Any]) -> "Scaling":
        """The scaling that `as_dict` wrote.

        >>> Scaling.from_dict(Scaling(jnp.asarray(0.1), jnp.asarray(2.0)).as_dict()).shift
        Array(0.1, dtype=float32)
        """
        if set(stored) != {"shift", "scale"}:
            raise RunError(f"A stored scaling has the keys {sorted(stored)}; it needs scale and shift.")
        shift, scale = (np.asarray(stored[name], np.float32) for name in ("shift", "scale"))
        if shift.shape != scale.shape:
            raise RunError(
                f"A stored scaling has a shift of shape {shift.shape} and a scale of {scale.shape}."
            )
        return cls(jnp.asarray(shift), jnp.asarray(scale))


def _aligned(per_feature: Float[Array, "*F"], ndim: int) -> Float[Array, "..."]:
    return per_feature.reshape((1,) * (ndim - per_feature.ndim) + per_feature.shape)


def fit_scaling(kind: ScalingKind, train: Host, *held_out: np.ndarray) -> Scaling:
    """Fit one kind of scaling to the training split; the others are looked at for what it cannot take, or their range.

    >>> fit_scaling("range", np.asarray([[2.0], [6.0]], np.float32)).as_dict()
    {'shift': [2.0], 'scale': [0.25]}
    """
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        shift, scale = (np.asarray(a, np.float32) for a in _FITS[kind](train, held_out))
    usable = np.isfinite(shift) & np.isfinite(scale) & (scale > 0)
    if not usable.all():
        raise DataError(
            f"Feature {int(np.argmin(usable))} varies so little or so much that float32 cannot hold its "
            f"{kind} scaling. Leave it out, or rescale it before handing it over."
        )
    return Scaling(jnp.asarray(shift), jnp.asarray(scale))


def _auto(train: Host, held_out: Others) -> Affine:
    """Bytes to [0, 1]; vectors of floats to mean 0 and variance 1; images of floats as they are."""
    if train.dtype == np.uint8:
        return _unit(train, held_out)
    if train.ndim == 2:
        return _standard(train, held_out)
    _refuse_outside(train, held_out, 1, "data.scaling: auto takes images of floats as they are")
    return _none(train, held_out)


def _none(train: Host, held_out: Others) -> Affine:
    return np.zeros(()), np.ones(())


def _unit(train: Host, held_out: Others) -> Affine:
    _refuse_outside(train, held_out, 255, "data.scaling: unit divides by 255")
    return np.zeros(()), np.asarray(1 / 255)


def _standard(train: Host, held_out: Others) -> Affine:
    columns = train.reshape(-1, train.shape[-1])
    # mean = Σ x / n;  variance = Σ (x − mean)² / n
    mean = np.sum([chunk.sum(axis=0) for chunk in _chunks(columns)], axis=0) / len(columns)
    squares = [np.square(chunk - mean).sum(axis=0) for chunk in _chunks(columns)]
    variance = np.sum(squares, axis=0) / len(columns)
    constant = columns.min(axis=0) == columns.max(axis=0)
    return mean, 1 / np.sqrt(np.where(constant, 1.0, variance))


def _range(train: Host, held_out: Others) -> Affine:
    splits = [part.reshape(-1, part.shape[-1]) for part in (train, *held_out) if len(part)]
    low = np.min([part.min(axis=0) for part in splits], axis=0).astype(np.float32)
    high = np.max([part.max(axis=0) for part in splits], axis=0).astype(np.float32)
    span = np.where(high == low, np.float32(1), high - low)
    scale = 1 / span
    # rounding must not carry the largest value past 1
    too_far = np.isfinite(scale) & (span * scale > 1)
    return low, np.where(too_far, np.nextafter(scale, np.float32(0)), scale)


_FITS: dict[ScalingKind, Callable[[Host, Others], Affine]] = {
    "auto": _auto,
    "none": _none,
    "unit": _unit,
    "standard": _standard,
    "range": _range,
}


def _refuse_outside(train: Host, held_out: Others, top: int, rule: str) -> None:
    parts = [part for part in (train, *held_out) if part.size and part.dtype != np.uint8]
    low = min((float(part.min()) for part in parts), default=0)
    high = max((float(part.max()) for part in parts), default=0)
    if low >= 0 and high <= top:
        return
    bytes_like = low >= 0 and high <= 255
    other = "unit (divides by 255)" if bytes_like else "range (brings the smallest to 0, the largest to 1)"
    raise DataError(
        f"{rule}, so the numbers have to lie between 0 and {top}; these lie between {low:g} and {high:g}. "
        f"Ask for data.scaling: {other}, standard (mean 0, variance 1) or none."
    )


def _chunks(columns: np.ndarray) -> Iterator[np.ndarray]:
    rows = max(1, _CHUNK // columns.shape[1])
    for part in range(math.ceil(len(columns) / rows)):
        yield columns[part * rows : (part + 1) * rows].astype(np.float64)

"""From stored numbers to what the model sees: an affine map, fitted on the training split alone."""

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


def fit_scaling(kind: ScalingKind, train: Host) -> Scaling:
    """Fit one kind of scaling to the training split. `auto` is taken to be settled by `check_scaling`.

    >>> fit_scaling("range", np.asarray([[2.0], [6.0]], np.float32)).as_dict()
    {'shift': [2.0], 'scale': [0.25]}
    """
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        shift, scale = (np.asarray(a, np.float32) for a in _FITS[kind](train))
    usable = np.isfinite(shift) & np.isfinite(scale) & (scale > 0)
    if not usable.all():
        raise DataError(
            f"Feature {int(np.argmin(usable))} varies so little or so much that float32 cannot hold its "
            f"{kind} scaling. Leave it out, or rescale it before handing it over."
        )
    return Scaling(jnp.asarray(shift), jnp.asarray(scale))


def check_scaling(kind: ScalingKind, *parts: np.ndarray) -> ScalingKind:
    """Settle `auto`, and refuse a scaling that does not suit the numbers in any of the parts.

    >>> check_scaling("auto", np.zeros((5, 3), np.float32))
    'standard'
    """
    settled = _automatic(parts) if kind == "auto" else kind
    if settled in _TOP:
        _refuse_outside(parts, _TOP[settled], f"data.scaling: {settled} divides by {_TOP[settled]}")
    return settled


def _automatic(parts: tuple[np.ndarray, ...]) -> ScalingKind:
    """Bytes to [0, 1]; vectors of floats to mean 0 and variance 1; images of floats as they are."""
    if parts[0].dtype == np.uint8:
        return "unit"
    if parts[0].ndim == 2:
        return "standard"
    _refuse_outside(parts, 1, "data.scaling: auto takes images of floats as they are")
    return "none"


def _refuse_outside(parts: tuple[np.ndarray, ...], top: int, rule: str) -> None:
    if all(x.dtype == np.uint8 for x in parts):
        return
    low, high = min(float(x.min()) for x in parts), max(float(x.max()) for x in parts)
    if low >= 0 and high <= top:
        return
    bytes_like = low >= 0 and high <= 255
    other = "unit (divides by 255)" if bytes_like else "range (brings the smallest to 0, the largest to 1)"
    raise DataError(
        f"{rule}, so the numbers have to lie between 0 and {top}; these lie between {low:g} and {high:g}. "
        f"Ask for data.scaling: {other}, standard (mean 0, variance 1) or none."
    )


def _none(train: Host) -> Affine:
    return np.zeros(()), np.ones(())


def _unit(train: Host) -> Affine:
    return np.zeros(()), np.asarray(1 / 255)


def _standard(train: Host) -> Affine:
    columns = train.reshape(-1, train.shape[-1])
    # mean = Σ x / n;  variance = Σ (x − mean)² / n
    mean = np.sum([chunk.sum(axis=0) for chunk in _chunks(columns)], axis=0) / len(columns)
    squares = [np.square(chunk - mean).sum(axis=0) for chunk in _chunks(columns)]
    variance = np.sum(squares, axis=0) / len(columns)
    constant = columns.min(axis=0) == columns.max(axis=0)
    return mean, 1 / np.sqrt(np.where(constant, 1.0, variance))


def _range(train: Host) -> Affine:
    columns = train.reshape(-1, train.shape[-1])
    low, high = (edge(columns, axis=0).astype(np.float32) for edge in (np.min, np.max))
    span = np.where(high == low, np.float32(1), high - low)
    scale = 1 / span
    # rounding must not carry the largest value past 1
    too_far = np.isfinite(scale) & (span * scale > 1)
    return low, np.where(too_far, np.nextafter(scale, np.float32(0)), scale)


def _chunks(columns: np.ndarray) -> Iterator[np.ndarray]:
    rows = max(1, _CHUNK // columns.shape[1])
    for part in range(math.ceil(len(columns) / rows)):
        yield columns[part * rows : (part + 1) * rows].astype(np.float64)


_TOP = {"unit": 255}

_FITS: dict[str, Callable[[Host], Affine]] = {
    "none": _none,
    "unit": _unit,
    "standard": _standard,
    "range": _range,
}

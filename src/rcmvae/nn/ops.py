"""The few operations every network here is made of, each shaped as a matrix product over the last axis."""

import functools
import math

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

NORM_EPS = 1e-5
HE_GAIN = math.sqrt(2.0)  # keeps the variance through a rectifier
LINEAR_GAIN = 1.0  # keeps the variance through a layer that nothing follows


def along_last(vector: Float[Array, " C"], ndim: int) -> Float[Array, "*ones C"]:
    """A per-feature vector with leading axes of one, ready to meet an array of `ndim` axes.

    >>> along_last(jnp.ones(3), 4).shape
    (1, 1, 1, 3)
    """
    return vector.reshape((1,) * (ndim - 1) + vector.shape)


def leaky_relu(x: Float[Array, "*S"]) -> Float[Array, "*S"]:
    """max(x, 0.1 x).

    >>> leaky_relu(jnp.asarray([-2.0, 3.0])).tolist()
    [-0.20000000298023224, 3.0]
    """
    return jnp.where(x > 0, x, 0.1 * x)


@jax.custom_vjp
def product(x: Float[Array, "*lead n_in"], weight: Float[Array, "n_in n_out"]) -> Float[Array, "*lead n_out"]:
    """The product x W, whose gradient for W is asked for as xᵀ g.

    Left to itself, differentiation asks for (gᵀ x)ᵀ, and a CPU then copies the large g into another order first.
    """
    return x @ weight


def _product_forward(x, weight):
    return x @ weight, (x, weight)


def _product_backward(residual, g):
    x, weight = residual
    rows, slopes = x.reshape(-1, x.shape[-1]), g.reshape(-1, g.shape[-1])
    return g @ weight.T, jax.lax.dot_general(rows, slopes, (((0,), (0,)), ((), ())))


product.defvjp(_product_forward, _product_backward)


class Linear(eqx.Module):
    """x W + b on the last axis, in the dtype of the weights.

    >>> layer = Linear(3, 5, key=jax.random.key(0))
    >>> layer(jnp.ones((2, 7, 3))).shape
    (2, 7, 5)
    """

    weight: Float[Array, "n_in n_out"]
    bias: Float[Array, " n_out"]

    def __init__(self, n_in: int, n_out: int, *, key: Key[Array, ""], gain: float = HE_GAIN) -> None:
        # W ~ N(0, gain² / n_in)
        self.weight = jax.random.normal(key, (n_in, n_out)) * (gain / math.sqrt(max(n_in, 1)))
        self.bias = jnp.zeros(n_out)

    def __call__(self, x: Float[Array, "*lead n_in"]) -> Float[Array, "*lead n_out"]:
        y = product(x.astype(self.weight.dtype), self.weight)
        return y + along_last(self.bias, y.ndim)


def normalise(x: Float[Array, "*S"], axes: tuple[int, ...]) -> Float[Array, "*S"]:
    """(x − mean) / sqrt(variance + ε) over `axes`; float32 inside, the dtype of `x` outside."""
    wide = x.astype(jnp.float32)
    centred = wide - jnp.mean(wide, axes, keepdims=True)
    variance = jnp.mean(jnp.square(centred), axes, keepdims=True)
    return (centred * jax.lax.rsqrt(variance + NORM_EPS)).astype(x.dtype)


def layer_norm(
    x: Float[Array, "*lead C"], gain: Float[Array, " C"], *, trailing: int = 1
) -> Float[Array, "*lead C"]:
    """Normalise over the last `trailing` axes, then multiply each feature by its gain."""
    axes = tuple(range(x.ndim - trailing, x.ndim))
    return normalise(x, axes) * along_last(gain, x.ndim).astype(x.dtype)


def space_to_depth(x: Float[Array, "*lead H W C"], block: int = 2) -> Float[Array, "*lead h w features"]:
    """Each block of pixels becomes one cell's features, ordered (row, column, C); zeros fill odd sizes.

    >>> space_to_depth(jnp.ones((2, 5, 6, 3))).shape
    (2, 3, 3, 12)
    """
    *lead, H, W, C = x.shape
    h, w = -(-H // block), -(-W // block)
    padding = [(0, 0)] * len(lead) + [(0, h * block - H), (0, w * block - W), (0, 0)]
    nested = jnp.pad(x, padding).reshape(*lead, h, block, w, block, C)
    return jnp.moveaxis(nested, -4, -3).reshape(*lead, h, w, block * block * C)


def depth_to_space(
    x: Float[Array, "*lead h w features"], shape: tuple[int, int, int], block: int = 2
) -> Float[Array, "*lead H W C"]:
    """The inverse of `space_to_depth`, cropped to `shape` = (H, W, C).

    >>> depth_to_space(jnp.ones((2, 3, 3, 12)), (5, 6, 3)).shape
    (2, 5, 6, 3)
    """
    *lead, h, w, _ = x.shape
    H, W, C = shape
    nested = jnp.moveaxis(x.reshape(*lead, h, w, block, block, C), -3, -4)
    return nested.reshape(*lead, h * block, w * block, C)[..., :H, :W, :]


def overlapping(x: Float[Array, "*lead H W C"]) -> Float[Array, "*lead H+1 W+1 4*C"]:
    """Each 2 × 2 cells that touch become one cell's features, ordered (row, column, C); zeros lie around the image.

    A product with these is a convolution of kernel 2 and stride 1; after `space_to_depth` with a block of b, one of
    kernel 2b and stride b.

    >>> overlapping(jnp.ones((2, 3, 4, 5))).shape
    (2, 4, 5, 20)
    """
    *lead, H, W, _ = x.shape
    padded = jnp.pad(x, [(0, 0)] * len(lead) + [(1, 1), (1, 1), (0, 0)])
    corners = [padded[..., i : i + H + 1, j : j + W + 1, :] for i in (0, 1) for j in (0, 1)]
    return jnp.concatenate(corners, axis=-1)


def conv3x3_by_patches(
    x: Float[Array, "*lead H W C"], weight: Float[Array, "3 3 C F"]
) -> Float[Array, "*lead H W F"]:
    """One product of the kernel with the nine shifts of the image side by side."""
    *lead, H, W, C = x.shape
    padded = jnp.pad(x, [(0, 0)] * len(lead) + [(1, 1), (1, 1), (0, 0)])
    shifts = [padded[..., i : i + H, j : j + W, :] for i in range(3) for j in range(3)]
    return product(jnp.concatenate(shifts, axis=-1), weight.reshape(9 * C, -1))


def conv3x3_native(
    x: Float[Array, "*lead H W C"], weight: Float[Array, "3 3 C F"]
) -> Float[Array, "*lead H W F"]:
    """The accelerator's own convolution."""
    images = x.reshape(-1, *x.shape[-3:])
    y = jax.lax.conv_general_dilated(
        images, weight, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
    )
    return y.reshape(*x.shape[:-1], -1)


def conv3x3(x: Float[Array, "*lead H W C"], weight: Float[Array, "3 3 C F"]) -> Float[Array, "*lead H W F"]:
    """A 3×3 correlation with stride 1 and zeros around.

    >>> conv3x3(jnp.ones((1, 4, 4, 2)), jnp.ones((3, 3, 2, 5)))[0, 0, 0].tolist()
    [8.0, 8.0, 8.0, 8.0, 8.0]
    """
    # XLA's convolution on a CPU is some forty times slower than products once it sits in a loop
    by_backend = conv3x3_by_patches if jax.default_backend() == "cpu" else conv3x3_native
    return by_backend(x, weight)


class Conv3x3(eqx.Module):
    """A 3×3 stage with bias, on channels-last images of any leading axes."""

    weight: Float[Array, "3 3 C F"]
    bias: Float[Array, " F"]

    def __init__(self, n_in: int, n_out: int, *, key: Key[Array, ""]) -> None:
        # W ~ N(0, 2 / (9 C))
        self.weight = jax.random.normal(key, (3, 3, n_in, n_out)) * (HE_GAIN / math.sqrt(9 * n_in))
        self.bias = jnp.zeros(n_out)

    def __call__(self, x: Float[Array, "*lead H W C"]) -> Float[Array, "*lead H W F"]:
        y = conv3x3(x.astype(self.weight.dtype), self.weight)
        return y + along_last(self.bias, y.ndim)


@functools.partial(jax.custom_vjp, nondiff_argnums=(1, 2))
def clip_returning(x: Float[Array, "*S"], low: float, high: float) -> Float[Array, "*S"]:
    """Clip, but a gradient that would bring the value back inside still passes.

    With the plain clip's zero gradient, a value that once left the interval could never return.
    """
    return jnp.clip(x, low, high)


def _clip_forward(x, low, high):
    return jnp.clip(x, low, high), x


def _clip_backward(low, high, x, g):
    # a descent step moves against g, so g < 0 raises x and g > 0 lowers it
    leaves = ((x > high) & (g < 0)) | ((x < low) & (g > 0))
    return (jnp.where(leaves, 0, g),)


clip_returning.defvjp(_clip_forward, _clip_backward)

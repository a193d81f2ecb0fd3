"""One forward pass made of free arrays, so that a term can be compared with a formula for any of them."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from rcmvae.model import Model
from rcmvae.objective import Evidence, Term
from rcmvae.priors import Mixture
from rcmvae.routing import Expectation, over_open
from rcmvae.structs import Batch, Forward, Posterior
from tests.helpers import context, mask, small_model

B, K, Y = 5, 4, 3
MODEL = small_model()  # for evidence whose terms look at no model


class Scene(eqx.Module):
    """What terms are functions of. Everything but the last line can be differentiated."""

    logits: Float[Array, "B K"]
    kl_z: Float[Array, "B C"]
    nll: Float[Array, "B K"]
    view_logits: Float[Array, "B K"] | None
    class_logits: Float[Array, "B Y"]
    pi_logits: Float[Array, " K"]
    active: Bool[Array, " K"]
    label: Int[Array, " B"]
    weight: Float[Array, " B"]
    tau: Float[Array, "K Y"]

    def evidence(self, model: Model | None = None) -> Evidence:
        """The same as a model would leave behind, routed by the expectation."""
        at = dataclasses.replace(context(self.active), tau=self.tau)
        prior = Mixture(pi="learned").build(K, 2, (1,), jax.random.key(0))
        prior = dataclasses.replace(prior, pi_logits=self.pi_logits)
        latent = jnp.zeros((self.logits.shape[0], self.kl_z.shape[1], 2), self.logits.dtype)
        view = self.view_logits
        forward = Forward(
            posterior=Posterior(self.logits, latent, latent),
            selection=Expectation()(self.logits, at),
            z=latent,
            log_pi=prior.log_pi(self.active),
            kl_z=self.kl_z,
            decoded_nll=self.nll,
            view_log_responsibility=None if view is None else over_open(view, self.active),
            class_logits=self.class_logits,
        )
        batch = Batch(x=latent[:, 0], label=self.label, weight=self.weight)
        return Evidence(MODEL if model is None else model, batch, forward, at)


def scene(count: int = K, *, seed: int = 0, scale: float = 1.0, C: int = K) -> Scene:
    """Random numbers everywhere, `count` open channels, one padding row, every other sample labelled."""
    rng = np.random.default_rng(seed)

    def normal(*shape: int) -> Array:
        return jnp.asarray(scale * rng.normal(size=shape), float)

    return Scene(
        logits=normal(B, K),
        kl_z=jnp.abs(normal(B, C)) * 3,
        nll=normal(B, K) * 10,
        view_logits=normal(B, K),
        class_logits=normal(B, Y),
        pi_logits=normal(K),
        active=mask(K, count, seed),
        label=jnp.asarray([0, -1, 2, -1, 1]),
        weight=jnp.asarray([1.0, 1.0, 1.0, 1.0, 0.0]),
        tau=jnp.asarray(rng.dirichlet(np.full(Y, 0.5), K), float),
    )


class Plain:
    """A scene as lists of NumPy rows, real samples only and open channels only: what a formula on paper speaks of."""

    def __init__(self, s: Scene) -> None:
        real, self.open = np.asarray(s.weight) > 0, np.flatnonzero(s.active)
        self.y = self._columns(s.logits, real)
        self.view = None if s.view_logits is None else self._columns(s.view_logits, real)
        self.r, self.r_view = softmax(self.y), None if self.view is None else softmax(self.view)
        self.nll = self._columns(s.nll, real)
        kl = np.asarray(s.kl_z, np.float64)[real]
        self.kl = kl if kl.shape[1] == 1 else kl[:, self.open]
        self.pi = softmax(np.asarray(s.pi_logits, np.float64)[self.open])
        self.class_p = softmax(np.asarray(s.class_logits, np.float64)[real])
        self.label = np.asarray(s.label)[real]
        self.tau = np.asarray(s.tau, np.float64)[self.open]

    def _columns(self, rows: Array, real: np.ndarray) -> np.ndarray:
        return np.asarray(rows, np.float64)[real][:, self.open]

    @property
    def looks(self) -> list[np.ndarray]:
        return [self.r] if self.r_view is None else [self.r, self.r_view]


def softmax(rows: np.ndarray) -> np.ndarray:
    e = np.exp(rows - rows.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


ARRAYS = ("logits", "kl_z", "nll", "view_logits", "class_logits", "pi_logits")


def value_of(term: Term, s: Scene, model: Model | None = None) -> jax.Array:
    """What the objective makes of a term before its weight."""
    evidence = s.evidence(model)
    value = term(evidence)
    return value if value.ndim == 0 else evidence.batch.mean(value)


def split(s: Scene) -> tuple[Scene, Scene]:
    """The arrays a gradient exists for, and the others."""
    chosen = eqx.tree_at(
        lambda t: [getattr(t, a) for a in ARRAYS if getattr(t, a) is not None],
        jax.tree.map(lambda _: False, s),
        replace_fn=lambda _: True,
    )
    return eqx.partition(s, chosen)


@eqx.filter_jit
def value_and_gradient(term: Term, s: Scene) -> tuple[jax.Array, Scene]:
    differentiable, fixed = split(s)
    return jax.value_and_grad(lambda d: value_of(term, eqx.combine(d, fixed)))(differentiable)

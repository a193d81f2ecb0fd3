"""Laws that every view obeys, then what each one promises."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import TypeAdapter, ValidationError

from rcmvae.data import Scaling
from rcmvae.data.views import VIEWS, AnyView, Jitter, Mirror, Neighbours, Pool, View, Warp, look
from rcmvae.errors import ConfigError

# Each view at zero strength, and one that surely changes something.
STILL = {
    "warp": Warp(rotate=0, shear=0, log_scale=0, shift=0, elastic=0, stroke=0),
    "jitter": Jitter(scale=0, drop=0),
    "mirror": Mirror(probability=0),
    "neighbours": Neighbours(share=0),
}
STRONG = {
    "warp": Warp(),
    "jitter": Jitter(scale=0.3, drop=0.4),
    "mirror": Mirror(probability=0.5),
    "neighbours": Neighbours(number=3, share=0.6),
}
AS_IT_IS = Scaling.identity()
KEY = jax.random.key(3)


def images(*shape: int) -> tuple[jax.Array, Pool]:
    x = jax.random.uniform(jax.random.key(8), shape)
    return x, pool_of(x)


def pool_of(x: jax.Array) -> Pool:
    """A batch of all samples, whose neighbours are the next ones."""
    N = x.shape[0]
    others = jnp.arange(1, min(N, 5))
    return Pool(x, jnp.arange(N), AS_IT_IS, (jnp.arange(N)[:, None] + others[None, :]) % N)


def test_every_view_is_under_these_laws():
    assert set(STILL) == set(STRONG) == set(VIEWS)


@pytest.mark.parametrize("kind", VIEWS)
class TestLaws:
    @pytest.mark.parametrize("shape", [(8, 8, 1), (28, 28, 1), (17, 23, 3), (2, 2, 1)])
    def test_no_strength_is_the_identity(self, kind: str, shape: tuple[int, ...]):
        x, pool = images(5, *shape)
        np.testing.assert_array_equal(jax.jit(STILL[kind])(KEY, x, pool), x)

    def test_same_key_same_look_and_another_key_another(self, kind: str):
        x, pool = images(16, 9, 9, 1)
        view = jax.jit(STRONG[kind])
        first, again, other = (view(key, x, pool) for key in (KEY, KEY, jax.random.key(4)))
        np.testing.assert_array_equal(first, again)
        assert jnp.abs(first - other).max() > 0.05

    def test_keeps_shape_and_type(self, kind: str):
        x, pool = images(4, 12, 10, 2)
        for dtype in (jnp.float32, jnp.bfloat16):
            y = jax.eval_shape(STRONG[kind], KEY, x.astype(dtype), pool)
            assert (y.shape, y.dtype) == (x.shape, dtype)

    def test_jit_is_eager(self, kind: str):
        x, pool = images(6, 17, 23, 3)
        view = STRONG[kind]
        np.testing.assert_allclose(jax.jit(view)(KEY, x, pool), view(KEY, x, pool), atol=2e-5)

    def test_vmap_over_keys_is_a_loop(self, kind: str):
        x, pool = images(4, 9, 11, 1)
        keys = jax.random.split(KEY, 3)
        view = jax.jit(STRONG[kind])
        together = jax.jit(jax.vmap(STRONG[kind], in_axes=(0, None, None)))(keys, x, pool)
        loop = jnp.stack([view(key, x, pool) for key in keys])
        np.testing.assert_allclose(together, loop, atol=2e-5)

    def test_one_sample_is_enough(self, kind: str):
        x, pool = images(1, 8, 8, 1)
        assert jnp.isfinite(jax.jit(STRONG[kind])(KEY, x, pool)).all()

    def test_accepts_images_and_survives_a_round_trip(self, kind: str):
        view = STRONG[kind]
        view.check((28, 28, 1))
        adapter = TypeAdapter(AnyView)
        assert adapter.validate_python(adapter.dump_python(view)) == view
        assert adapter.validate_python(kind) == VIEWS[kind].model_validate({})

    def test_refuses_unknown_and_negative_strengths(self, kind: str):
        with pytest.raises(ValidationError):
            VIEWS[kind].model_validate({"strength": 1})
        strengths = [name for name in VIEWS[kind].model_fields if name not in {"kind", "fill"}]
        for name in strengths:
            with pytest.raises(ValidationError):
                VIEWS[kind].model_validate({name: -0.1})


class Shout(View):
    """Adds what its key says: the order and the keys of a sequence of views become visible."""

    factor: float

    def __call__(self, key, x, pool):
        return self.factor * (x + jax.random.uniform(key))

    def check(self, shape: tuple[int, ...]) -> None:
        pass


def test_looks_are_applied_in_order_each_with_its_own_key():
    x, pool = images(2, 3)
    first, second = Shout(factor=2), Shout(factor=-3)
    u, v = (jax.random.uniform(jax.random.fold_in(KEY, i)) for i in (0, 1))
    np.testing.assert_allclose(look([first, second], KEY, x, pool), -3 * (2 * (x + u) + v), rtol=1e-6)
    assert u != v


def test_a_view_added_at_the_end_leaves_the_others_alone():
    x, pool = images(4, 9, 9, 1)
    for view in (Mirror(), Jitter()):
        np.testing.assert_array_equal(look([view, STILL["mirror"]], KEY, x, pool), look([view], KEY, x, pool))


@pytest.mark.parametrize("view", [Warp(), Mirror()], ids=["warp", "mirror"])
@pytest.mark.parametrize("shape", [(64,), (28, 28), (1, 28, 1), (28, 1, 3)])
def test_image_views_refuse_what_is_no_image(view: View, shape: tuple[int, ...]):
    with pytest.raises(
        ConfigError, match=r"^`(warp|mirror)` needs images .* but the samples have shape .* use `jitter`\.$"
    ):
        view.check(shape)


@pytest.mark.parametrize("view", [Jitter(), Neighbours()], ids=["jitter", "neighbours"])
def test_the_others_take_vectors_and_refuse_emptiness(view: View):
    view.check((64,))
    with pytest.raises(ConfigError, match=r"^`(jitter|neighbours)` needs samples with features"):
        view.check(())


class TestMirror:
    def test_flips_left_to_right(self):
        x, pool = images(3, 5, 7, 2)
        np.testing.assert_array_equal(Mirror(probability=1)(KEY, x, pool), np.asarray(x)[:, :, ::-1, :])

    def test_flips_whole_images_as_often_as_asked(self):
        x, pool = images(4000, 2, 3, 1)
        y = np.asarray(Mirror(probability=0.3)(KEY, x, pool))
        same = (y == np.asarray(x)).all((1, 2, 3))
        flipped = (y == np.asarray(x)[:, :, ::-1]).all((1, 2, 3))
        assert (same ^ flipped).all()
        assert abs(flipped.mean() - 0.3) < 4 * np.sqrt(0.3 * 0.7 / 4000)


class TestJitter:
    def test_noise_is_standard_normal_times_scale(self):
        from scipy import stats

        x, pool = images(200, 100)
        noise = np.asarray(Jitter(scale=0.5, drop=0)(KEY, x, pool) - x).ravel() / 0.5
        assert stats.kstest(noise, "norm").pvalue > 1e-3
        assert 3.5 < np.abs(noise).max() < 5

    def test_dropped_features_come_from_one_other_sample(self):
        B, F = 50, 400
        x = jnp.broadcast_to(jnp.arange(float(B))[:, None], (B, F))  # each value names its sample
        y = np.asarray(Jitter(scale=0, drop=0.25)(KEY, x, pool_of(x)))
        changed = y != np.asarray(x)
        assert abs(changed.mean() - 0.25) < 4 * np.sqrt(0.25 * 0.75 / (B * F))
        donors = [set(row[was_changed]) for row, was_changed in zip(y, changed, strict=True)]
        assert all(len(donor) == 1 for donor in donors)
        assert len(set.union(*donors)) > B / 3

    def test_dropping_everything_gives_another_sample(self):
        x, pool = images(6, 4)
        y = np.asarray(Jitter(scale=0, drop=1)(KEY, x, pool))
        others = {tuple(row) for row in np.asarray(x)}
        assert all(tuple(row) in others for row in y)
        assert (y != np.asarray(x)).any(axis=1).all()

    def test_the_choice_says_nothing_about_the_noise(self):
        B, F = 200, 200
        x = jnp.broadcast_to(1000.0 * jnp.arange(B)[:, None], (B, F))
        y = np.asarray(Jitter(scale=1.0, drop=0.5)(KEY, x, pool_of(x)))
        dropped = np.abs(y - np.asarray(x)) > 500
        noise = y - 1000 * np.round(y / 1000)
        assert abs(noise[dropped].mean() - noise[~dropped].mean()) < 4 * np.sqrt(4 / (B * F))


class TestNeighbours:
    N = 50

    def looks(
        self, view: Neighbours, times: int = 200, density: float = 1.0
    ) -> tuple[np.ndarray, np.ndarray]:
        """Which sample stands in the place of each of a batch, in many looks, and what their neighbours are."""
        rng = np.random.default_rng(0)
        samples = np.arange(self.N, dtype=np.uint8)[:, None]  # each value names its sample
        neighbours = np.stack([rng.permutation(np.delete(np.arange(self.N), n))[:6] for n in range(self.N)])
        scaling = Scaling(jnp.float32(1), jnp.float32(0.5))
        index = jnp.asarray(rng.permutation(self.N)[:20])
        pool = Pool(jnp.asarray(samples), index, scaling, jnp.asarray(neighbours), density)
        x = scaling(pool.samples[index])
        y = jax.jit(jax.vmap(lambda key: view(key, x, pool)))(jax.random.split(KEY, times))
        assert y.dtype == jnp.float32
        return np.asarray(scaling.inverse(y))[..., 0].round().astype(int).T, neighbours[np.asarray(index)]

    def test_gives_each_of_the_nearest_equally_often_and_nothing_else(self):
        from scipy import stats

        found, neighbours = self.looks(Neighbours(number=4, share=1))
        places = np.argmax(found[:, :, None] == neighbours[:, None, :4], axis=-1)
        np.testing.assert_array_equal(np.take_along_axis(neighbours, places, axis=1), found)
        assert stats.chisquare(np.bincount(places.ravel(), minlength=4)).pvalue > 1e-3

    @pytest.mark.parametrize(("density", "near"), [(1.0, 6), (0.5, 3), (0.4, 2), (0.1, 1), (0.001, 1)])
    def test_where_samples_are_sparser_fewer_are_near(self, density: float, near: int):
        found, neighbours = self.looks(Neighbours(number=6, share=1), density=density)
        for looks, nearest in zip(found, neighbours, strict=True):
            assert set(looks) == set(nearest[:near])

    def test_replaces_as_often_as_asked_and_never_by_the_sample_itself(self):
        from scipy import stats

        index = self.looks(Neighbours(share=0), times=1)[0]
        for share in (0.0, 0.3, 1.0):
            replaced = self.looks(Neighbours(number=6, share=share))[0] != index
            assert stats.binomtest(int(replaced.sum()), replaced.size, share).pvalue > 1e-3

    def test_neighbours_of_each_sample_are_drawn_apart(self):
        index = self.looks(Neighbours(share=0), times=1)[0]
        replaced = self.looks(Neighbours(number=6, share=0.5), times=1000)[0] != index
        assert abs(np.corrcoef(replaced[0], replaced[1])[0, 1]) < 4 / np.sqrt(1000)

    def test_all_others_where_there_are_fewer_and_a_lone_sample_stays(self):
        x, pool = images(3, 4)
        y = np.asarray(Neighbours(number=10, share=1)(KEY, x, pool))
        assert (y != np.asarray(x)).any(axis=1).all()
        x, pool = images(1, 4)
        np.testing.assert_array_equal(Neighbours(number=10, share=1)(KEY, x, pool), x)

    def test_a_neighbour_is_looked_at_by_the_views_that_follow(self):
        x, pool = images(6, 3)
        doubled = look([Neighbours(number=2, share=1), Shout(factor=2)], KEY, x, pool)
        alone = look([Neighbours(number=2, share=1)], KEY, x, pool)
        u = jax.random.uniform(jax.random.fold_in(KEY, 1))
        np.testing.assert_allclose(doubled, 2 * (alone + u), rtol=1e-6)

    def test_only_it_asks_for_neighbours(self):
        assert {kind: view.neighbours for kind, view in STRONG.items() if view.neighbours} == {
            "neighbours": 3
        }

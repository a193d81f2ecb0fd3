"""What is generated, against the decoder called by hand; and the picture of it."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from rcmvae.errors import ConfigError, RunError
from rcmvae.inference import Trained, generate, sample
from rcmvae.inference.pictures import GAP, refuse_picture, tiles
from rcmvae.run import RunDirectory
from rcmvae.structs import Selection


def by_hand(trained: Trained, channel: int, number: int, noise: int) -> np.ndarray:
    """E[x | z, k] at the codes that are drawn, every channel decoded."""
    plan = trained.plan
    model, K = plan.model(trained.state), plan.num_channels
    key, _ = jax.random.split(jax.random.key(noise))
    z = model.prior.draw((number, K, 2), model.encode, key)
    nothing = jnp.zeros((number, K))
    own = z if model.heads.latents[0] == K else z[:, channel : channel + 1]
    mean = model.decoder.mean(model.decode(own, Selection(nothing, nothing, nothing + 1)))[:, channel]
    return np.asarray(plan.scaling.inverse(mean))


@pytest.mark.parametrize("channel", [0, 3])
def test_means_are_those_of_the_decoder(images: RunDirectory, vectors: RunDirectory, channel: int) -> None:
    found = sample(images.path, channel, 40, seed=1, noise=3)
    assert (found.shape, found.dtype) == ((40, 8, 8, 1), np.uint8)
    expected = by_hand(Trained.open(images.path, 1), channel, 40, 3)
    assert np.abs(found - expected).max() < 0.51
    found = sample(vectors.path, channel, 5)
    np.testing.assert_allclose(
        found, by_hand(Trained.open(vectors.path), channel, 5, 0), rtol=1e-4, atol=1e-5
    )


def test_draws_vary_around_the_means(images: RunDirectory, vectors: RunDirectory) -> None:
    bits = sample(images.path, 1, 50, values="draw")
    assert set(np.unique(bits)) == {0, 255}
    means = sample(images.path, 1, 50)
    assert bits.mean() == pytest.approx(means.mean(), rel=0.1)

    trained = Trained.open(vectors.path)
    noise = generate(trained, 1, 400, values="draw") - generate(trained, 1, 400)
    sd = 0.5 / np.asarray(trained.plan.scaling.scale)  # of the output, in the units of the data
    np.testing.assert_allclose(noise.std(axis=0), sd, rtol=0.15)
    again = generate(trained, 1, 400, values="draw", noise=1)
    assert not np.array_equal(again[:50], generate(trained, 1, 50, values="draw"))


def test_what_cannot_be_generated_is_told(growing: RunDirectory) -> None:
    trained = Trained.open(growing.path)
    for channel, sentence in ((4, "channel is 4, but .* has channels 0 to 3"), (-1, "channel is -1"),
                              (3, r"Channel 3 of .* is closed: open are 0, 1\.")):  # fmt: skip
        with pytest.raises(RunError, match=sentence):
            generate(trained, channel, 3)
    with pytest.raises(ConfigError, match="number is 0, but it must be 1 or more"):
        generate(trained, 0, 0)
    with pytest.raises(ConfigError, match=r"values is `means`, .* Did you mean 'mean'"):
        generate(trained, 0, 1, values="means")


def test_tiles_lie_in_rows_from_the_upper_left() -> None:
    images = np.arange(5, dtype=np.uint8)[:, None, None, None] * np.ones((1, 3, 4, 3), np.uint8)
    sheet = tiles(images)
    assert sheet.shape == (2 * 3 + GAP, 3 * 4 + 2 * GAP, 3)
    assert (sheet[:3, 4 + GAP : 8 + GAP] == 1).all()
    assert (sheet[3 + GAP :, 4 + GAP : 8 + GAP] == 4).all()
    assert (sheet[3 : 3 + GAP] == 255).all()
    assert (sheet[3 + GAP :, 8 + GAP :] == 255).all(), "there is no sixth"


def test_floats_go_from_black_to_white() -> None:
    sheet = tiles(np.array([-1.0, 1.0, 3.0, 0.0], np.float32)[:, None, None, None])
    assert sheet[0, 0, 0] == 0
    assert sheet[1 + GAP, 0, 0] == 255
    assert sheet[0, 1 + GAP, 0] == 128
    assert (tiles(np.ones((1, 2, 2, 1), np.float32)) == 0).all()


def test_only_images_make_a_picture() -> None:
    refuse_picture((8, 8, 1))
    refuse_picture((8, 8, 3))
    for shape in ((6,), (8, 8, 2)):
        with pytest.raises(ConfigError, match="holds images, grey or in colours"):
            refuse_picture(shape)


def test_a_lone_seed_is_the_first(images: RunDirectory) -> None:
    np.testing.assert_array_equal(sample(images.path, 0, 3), sample(images.path, 0, 3, seed=0))

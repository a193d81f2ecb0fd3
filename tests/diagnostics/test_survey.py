"""A bundle against the model itself, sample by sample; and what its file keeps."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rcmvae.diagnostics import Bundle, Extent, survey
from rcmvae.diagnostics.survey import painter
from rcmvae.errors import RunError
from rcmvae.training import TrainState, compile_validation
from rcmvae.training.passes import mixed_up
from tests.training.small import Bench, bench, digits, tiny

SMALL = Extent(examples=3, drawn=2, grid=5, thumbnails=40)
WAYS: dict[str, Mapping[str, Any]] = {
    "decentralized": {},
    "shared": {"model": {"layout": "shared", "prior": "vamp"}},
    "geometric": {"model": {"layout": "shared", "prior": "geometric"}},
    "timed": {
        "model": {
            "embedding_dim": 4,
            "decoder": {
                "conditioner": {
                    "kind": "film_norm",
                    "mix": {"kind": "linear", "start": 0, "end": 1, "epochs": 9},
                }
            },
        }
    },
    "some closed": {
        "curriculum": {"initial": 2, "trial": 1, "kick": {"epochs": 0}},
        "training": {"epochs": 20},
    },
}


def alone(on: Bench) -> TrainState:
    return jax.tree.map(lambda leaf: leaf[0], on.setting.start)


def surveyed(on: Bench, split: str = "validation") -> Bundle:
    setting = on.setting
    return survey(setting.plan, setting.devices, alone(on), digits(), split, epoch=3, extent=SMALL)


@pytest.fixture(scope="module", params=WAYS)
def on(request: pytest.FixtureRequest) -> Bench:
    return bench(tiny(WAYS[request.param]))


@pytest.fixture(scope="module")
def bundle(on: Bench) -> Bundle:
    return surveyed(on)


def test_the_mean_bound_is_that_of_validation(on: Bench, bundle: Bundle) -> None:
    # Validation mixes the order up: sorted so that this restores it, both draw alike for each sample.
    split = on.validation
    back = np.argsort(np.asarray(mixed_up(alone(on), len(split.x))))
    split = dataclasses.replace(split, x=split.x[back], label=split.label[back])
    means = compile_validation(on.setting.plan, on.setting.devices)(on.setting.start, split)
    np.testing.assert_allclose(bundle.bound().mean(), np.asarray(means["bound"])[0], rtol=1e-5)
    np.testing.assert_allclose(bundle.usage, np.asarray(means["usage"])[0], atol=1e-6)


def test_every_sample_is_what_the_encoder_says_of_it(on: Bench, bundle: Bundle) -> None:
    state, plan = alone(on), on.setting.plan
    model = plan.model(state)
    for row in (0, 31, 32, 59):
        posterior = model.encode(plan.scaling(on.validation.x[row : row + 1]))
        logits = np.where(bundle.active, np.asarray(posterior.logits)[0], -np.inf)
        r = np.exp(logits - np.logaddexp.reduce(logits))
        np.testing.assert_allclose(bundle.responsibility[row], r, rtol=1e-4, atol=1e-6)
        own = min(int(r.argmax()), posterior.mean.shape[1] - 1)
        np.testing.assert_allclose(bundle.mean[row], np.asarray(posterior.mean)[0, own], rtol=1e-4, atol=1e-5)
        np.testing.assert_allclose(
            bundle.log_var[row], np.asarray(posterior.log_var)[0, own], rtol=1e-4, atol=1e-5
        )
    assert (bundle.responsibility[:, ~bundle.active] == 0).all()


def test_pictures_are_decoded_where_they_say(on: Bench, bundle: Bundle) -> None:
    plan, pictures = on.setting.plan, bundle.pictures
    paint = painter(plan, plan.model(alone(on)), as_bytes=True)
    K, G = plan.num_channels, SMALL.grid
    for k in range(K):
        # The middle of the grid, and its upper right corner.
        (left, right), (low, high) = pictures.extent[k]
        across, up = pictures.plane[k]
        for at, place in (
            ((G // 2, G // 2), (0.5 * (left + right), 0.5 * (low + high))),
            ((0, G - 1), (right, high)),
        ):
            z = np.zeros((1, 2), np.float32)
            z[0, across], z[0, up] = place
            drawn = paint(z, np.array([k]))[0].astype(int)
            assert np.abs(drawn - pictures.manifold[k][at]).max() <= 1
    own = bundle.channel[pictures.example]
    again = paint(bundle.mean[pictures.example], own).astype(int)
    assert np.abs(again - pictures.reconstruction[np.arange(len(own)), own]).max() <= 1
    x = np.asarray(on.validation.x)
    np.testing.assert_array_equal(pictures.original, x[pictures.example])
    np.testing.assert_array_equal(pictures.thumbnail, x[pictures.thumbnail_of])
    assert len(set(pictures.thumbnail_of.tolist())) == SMALL.thumbnails


def test_examples_come_from_every_channel_that_holds_samples(bundle: Bundle) -> None:
    held = np.bincount(bundle.channel, minlength=4)
    shown = np.bincount(bundle.channel[bundle.pictures.example], minlength=4)
    np.testing.assert_array_equal(shown, np.minimum(held, SMALL.examples))


def test_where_room_is_scarce_the_channels_that_hold_most_have_examples(on: Bench) -> None:
    setting = on.setting
    scarce = Extent(examples=3, most_examples=2, drawn=1, grid=1, thumbnails=1)
    state = alone(on)
    bundle = survey(setting.plan, setting.devices, state, digits(), "validation", epoch=3, extent=scarce)
    held = np.bincount(bundle.channel, minlength=4)
    shown = bundle.channel[bundle.pictures.example]
    assert shown.tolist() == sorted(np.argsort(-held, kind="stable")[: min(2, (held > 0).sum())].tolist())


@given(most_bytes=st.integers(1, 10**9), sample=st.integers(1, 10**7), channels=st.integers(1, 300))
def test_each_sort_of_pictures_fits_or_is_one_for_each_channel(
    most_bytes: int, sample: int, channels: int
) -> None:
    full = Extent()
    extent = full.within(most_bytes, sample, channels)
    counts = {
        "most_examples": (extent.most_examples, channels),
        "drawn": (extent.drawn, channels),
        "grid": (extent.grid**2, channels),
        "thumbnails": (extent.thumbnails, 1),
    }
    for name, (count, times) in counts.items():
        assert count == 1 or count * times * sample <= most_bytes, name
        if getattr(extent, name) < getattr(full, name):  # no more would fit
            more = (extent.grid + 1) ** 2 if name == "grid" else count + 1
            assert more * times * sample > most_bytes, name


def test_saved_and_loaded_it_is_the_same(bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "bundle.npz"
    bundle.save(path)
    again = Bundle.load(path)
    for part, loaded in ((bundle, again), (bundle.pictures, again.pictures)):
        for field in dataclasses.fields(part):
            if field.name == "pictures":
                continue
            ours, theirs = getattr(part, field.name), getattr(loaded, field.name)
            assert type(ours) is type(theirs), field.name
            np.testing.assert_array_equal(ours, theirs, err_msg=field.name)
    assert [file.name for file in tmp_path.iterdir()] == ["bundle.npz"]


def test_a_file_that_is_not_whole_is_told(bundle: Bundle, tmp_path: Path) -> None:
    path = tmp_path / "bundle.npz"
    with pytest.raises(RunError, match="is not there"):
        Bundle.load(path)
    bundle.save(path)
    whole = path.read_bytes()
    scratched = whole[:900] + bytes(byte ^ 255 for byte in whole[900:1000]) + whole[1000:]
    for damaged in (whole[: len(whole) // 2], b"no archive", b"", scratched):
        path.write_bytes(damaged)
        with pytest.raises(RunError, match="is damaged"):
            Bundle.load(path)


def test_a_pass_is_one_call_of_the_model_and_pictures_are_few_more(
    on: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the order of batches, whatever there is to see: decodes are counted where the decoder runs."""
    calls: list[int] = []
    plan = on.setting.plan
    original = type(plan.skeleton.decoder).__call__

    def counted(decoder: Any, z: Any, embedding: Any, selection: Any) -> Any:
        jax.debug.callback(lambda: calls.append(len(z)))
        return original(decoder, z, embedding, selection)

    monkeypatch.setattr(type(plan.skeleton.decoder), "__call__", counted)
    jax.clear_caches()  # what was compiled before does not count
    found = surveyed(on)
    jax.effects_barrier()
    jax.clear_caches()
    B, K, E = plan.options.batch_size, plan.num_channels, len(found.pictures.example)
    pictures = K * (E + SMALL.drawn + SMALL.grid**2)
    assert len(calls) == -(-len(found) // B) + -(-pictures // B)


def test_a_plane_is_where_codes_vary_most() -> None:
    from rcmvae.diagnostics.survey import Plane, plane_of

    rng = np.random.default_rng(0)
    codes = rng.normal(size=(2000, 4)) * [0.1, 3.0, 0.2, 2.0] + [5, 0, 0, 1]
    plane = plane_of(codes)
    assert plane.dimensions.tolist() == [1, 3]
    np.testing.assert_allclose(plane.extent, np.array([[-6.16, 6.16], [1 - 4.11, 1 + 4.11]]), atol=0.4)
    grid = plane.grid(3)
    np.testing.assert_allclose(grid[..., 0], np.median(codes[:, 0]))
    assert (np.diff(grid[..., 1], axis=1) > 0).all()
    assert (np.diff(grid[..., 3], axis=0) < 0).all()
    assert plane_of(np.zeros((1, 3))).extent.tolist() == [[-2, 2], [-2, 2]]
    assert isinstance(plane_of(rng.normal(size=(9, 1))), Plane)

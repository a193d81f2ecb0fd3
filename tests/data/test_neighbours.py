"""Nearest neighbours against loops that compare every sample with every other, and how they are kept."""

from collections.abc import Callable
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from rcmvae.data import Digits, Scaling, load, neighbours_of, shelf
from rcmvae.data import neighbours as graph

AS_IT_IS = Scaling.identity()
HALVED = Scaling(jnp.float32(1), jnp.float32(0.5))


def by_comparing(x: np.ndarray, number: int) -> tuple[np.ndarray, np.ndarray]:
    """The nearest others of each sample, one sample at a time, with their distances."""
    rows, distances = [], []
    for n, one in enumerate(x.astype(float)):
        distance = np.sqrt(((x - one) ** 2).sum(axis=1))
        distance[n] = np.inf
        rows.append(np.argsort(distance, kind="stable")[:number])
        distances.append(distance[rows[-1]])
    return np.stack(rows), np.stack(distances)


def check(found: np.ndarray, x: np.ndarray, number: int) -> None:
    """Equal to the loop; where distances are equal too, any of the rows will do."""
    rows, distances = by_comparing(x, number)
    own = np.arange(len(x))[:, None]
    assert (found != own).all()
    assert all(len(set(row)) == number for row in found)
    chosen = np.sqrt(((x[found].astype(float) - x[own].astype(float)) ** 2).sum(axis=-1))
    np.testing.assert_allclose(chosen, distances, rtol=1e-4, atol=1e-6)
    assert (found == rows).mean() > 0.99


def blurred(images: np.ndarray) -> np.ndarray:
    """Each pixel as a weighted mean over its image, pixel by pixel."""
    H, W = images.shape[1:3]
    result = np.zeros(images.shape)
    at = [(i, j) for i in range(H) for j in range(W)]
    for i, j in at:
        weight = np.array([np.exp(-0.5 * (((i - k) * 28 / H) ** 2 + ((j - m) * 28 / W) ** 2)) for k, m in at])
        flat = images.reshape(len(images), H * W, -1)
        result[:, i, j] = np.einsum("p,npc->nc", weight / weight.sum(), flat)
    return result


def test_the_digits_have_the_neighbours_that_comparing_finds() -> None:
    data = load(Digits())
    found = neighbours_of(data.train.x, data.scaling, 10)
    assert (found.dtype, found.shape) == (np.int32, (len(data.train), 10))
    check(found, blurred(data.train.x / 16).reshape(len(found), -1), 10)


@pytest.mark.parametrize("shape", [(2,), (64,), (100,), (9, 12, 3)])
@pytest.mark.parametrize("N", [12, 700])
def test_random_samples_have_the_neighbours_that_comparing_finds(shape: tuple[int, ...], N: int) -> None:
    rng = np.random.default_rng(1)
    # As many directions as are kept: nothing is lost by keeping those.
    x = (rng.normal(size=(N, 20)) @ rng.normal(size=(20, np.prod(shape)))).reshape(N, *shape)
    x = x.astype(np.float32) + 7
    seen = x if len(shape) == 1 else blurred(x)
    check(neighbours_of(x, HALVED, 5), seen.reshape(N, -1), 5)


def test_scaling_decides_what_is_near() -> None:
    x = np.array([[0, 0], [1, 9], [3, 1]], np.float32)
    wide, narrow = (Scaling(jnp.zeros(2), jnp.asarray(scale)) for scale in ([1.0, 1.0], [1.0, 0.01]))
    assert (neighbours_of(x, wide, 1)[0, 0], neighbours_of(x, narrow, 1)[0, 0]) == (2, 1)


def test_only_the_directions_that_vary_most_are_compared() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(300, 90)).astype(np.float32) * np.where(np.arange(90) < 60, 1, 1e-3)
    found = graph.features(x.astype(np.float32), AS_IT_IS)
    assert found.shape == (300, 64)
    # what is left out is small: distances are those of the first 60 numbers
    spread = np.linalg.norm(found[:, None] - found[None, :20], axis=-1)
    np.testing.assert_allclose(
        spread, np.linalg.norm(x[:, None, :60] - x[None, :20, :60], axis=-1), atol=0.01
    )


def test_equal_samples_are_neighbours_and_none_is_its_own() -> None:
    x = np.repeat(np.arange(4, dtype=np.float32), 8)[:, None]
    found = neighbours_of(x, AS_IT_IS, 3)
    assert (found != np.arange(32)[:, None]).all()
    np.testing.assert_array_equal(x[found, 0], np.broadcast_to(x, (32, 3)))
    assert all(len(set(row)) == 3 for row in found)
    constant = neighbours_of(np.ones((9, 70), np.float32), AS_IT_IS, 2)
    assert (constant != np.arange(9)[:, None]).all()


def test_there_are_at_most_all_others() -> None:
    x = np.arange(3, dtype=np.float32)[:, None]
    assert [sorted(row) for row in neighbours_of(x, AS_IT_IS, 10)] == [[1, 2], [0, 2], [0, 1]]
    assert neighbours_of(x[:1], AS_IT_IS, 10).shape == (1, 0)


class TestKeeping:
    @pytest.fixture(autouse=True)
    def folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.setattr(shelf, "cache_folder", lambda: tmp_path)
        monkeypatch.setattr(graph, "WORTH_KEEPING", 100)
        return tmp_path

    @pytest.fixture
    def searches(self, monkeypatch: pytest.MonkeyPatch) -> list[int]:
        """How many samples each search has looked through."""
        seen: list[int] = []
        search = graph.nearest

        def counted(features: np.ndarray, number: int) -> np.ndarray:
            seen.append(len(features))
            return search(features, number)

        monkeypatch.setattr(graph, "nearest", counted)
        return seen

    x = np.random.default_rng(3).integers(0, 256, (120, 6, 6, 1), np.uint8)

    def test_what_was_found_is_found_again_without_a_search(self, searches: list[int], folder: Path) -> None:
        first = neighbours_of(self.x, AS_IT_IS, 4)
        again = neighbours_of(self.x.copy(), AS_IT_IS, 4)
        np.testing.assert_array_equal(first, again)
        assert (searches, first.dtype, again.dtype) == ([120], np.int32, np.int32)
        assert [path.is_file() for path in (folder / "neighbours").iterdir()] == [True]

    def test_few_samples_leave_no_file(self, folder: Path) -> None:
        neighbours_of(self.x[:99], AS_IT_IS, 4)
        assert not list(folder.iterdir())

    @pytest.mark.parametrize(
        "other",
        [
            lambda x: (np.where(np.arange(x.size).reshape(x.shape) == 77, 255 - x, x), AS_IT_IS, 4),
            lambda x: (x, HALVED, 4),
            lambda x: (x, AS_IT_IS, 5),
            lambda x: (x.reshape(120, 36), AS_IT_IS, 4),
            lambda x: (x.astype(np.float32), AS_IT_IS, 4),
        ],
        ids=["a pixel", "scaling", "number", "shape", "type"],
    )
    def test_another_search_for_other_data_and_options(
        self, searches: list[int], folder: Path, other: Callable
    ) -> None:
        neighbours_of(self.x, AS_IT_IS, 4)
        changed = neighbours_of(*other(self.x))
        assert len(searches) == len(list((folder / "neighbours").iterdir())) == 2
        np.testing.assert_array_equal(neighbours_of(*other(self.x)), changed)
        assert len(searches) == 2

    @pytest.mark.parametrize("damage", ["cut", "empty", "changed", "foreign", "folder"])
    def test_a_damaged_file_is_made_anew(self, searches: list[int], folder: Path, damage: str) -> None:
        first = neighbours_of(self.x, AS_IT_IS, 4)
        (path,) = (folder / "neighbours").iterdir()
        content = path.read_bytes()
        changed = bytearray(content)
        changed[-3] ^= 1
        damaged = {"cut": content[:-40], "empty": b"", "changed": bytes(changed), "foreign": b"not this" * 99}
        path.unlink()
        if damage == "folder":
            path.mkdir()
        else:
            path.write_bytes(damaged[damage])
        np.testing.assert_array_equal(neighbours_of(self.x, AS_IT_IS, 4), first)
        assert len(searches) == 2
        assert damage == "folder" or path.read_bytes() == content

    def test_where_nothing_can_be_kept_it_is_found_each_time(self, searches: list[int], folder: Path) -> None:
        (folder / "neighbours").write_text("in the way")
        first, again = (neighbours_of(self.x, AS_IT_IS, 4) for _ in range(2))
        np.testing.assert_array_equal(first, again)
        assert len(searches) == 2
        assert [path.name for path in folder.iterdir()] == ["neighbours"]

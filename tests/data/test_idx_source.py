import dataclasses
import gc
import gzip
import http.server
import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest

from rcmvae.data import FashionMnist, Mnist, Source, load
from rcmvae.data.idx_source import FILES, cache_folder
from rcmvae.errors import DataError

WriteIdx = Callable[..., Path]


@dataclasses.dataclass
class Server:
    url: str
    root: Path
    requested: list[str]


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A server on this machine that publishes a folder."""
    requested: list[str] = []

    class Handler(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(tmp_path / "published"))

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
            requested.append(self.path)

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield Server(f"http://127.0.0.1:{listening.server_port}/", tmp_path / "published", requested)
        listening.shutdown()
        thread.join()


@pytest.fixture
def closed_url() -> str:
    """An address where nobody listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{probe.getsockname()[1]}/"


@pytest.fixture
def tiny(no_environment: None, idx_hashes: dict[str, str]) -> type[Mnist]:
    """MNIST, were it the tiny data set."""

    class Tiny(Mnist):
        sha256: ClassVar[Mapping[str, str]] = idx_hashes

    return Tiny


@pytest.mark.parametrize("suffix", ["", ".gz"])
def test_a_folder_given_by_path_may_hold_any_data(tmp_path: Path, write_idx: WriteIdx, suffix: str) -> None:
    raw = Mnist(path=write_idx(tmp_path / "mine", suffix)).read()
    assert raw.train.x.shape == (40, 4, 3, 1)
    assert raw.test is not None
    assert raw.test.x.shape == (10, 4, 3, 1)
    assert raw.label_names == ("0", "1", "2", "3")


def test_clothes_have_names(tmp_path: Path, write_idx: WriteIdx) -> None:
    raw = FashionMnist(path=write_idx(tmp_path)).read()
    assert raw.label_names == ("T-shirt/top", "Trouser", "Pullover", "Dress")


@pytest.mark.parametrize("below", ["", "mnist"])
def test_the_environment_names_a_folder_or_its_parent(
    tiny: type[Mnist],
    tmp_path: Path,
    write_idx: WriteIdx,
    monkeypatch: pytest.MonkeyPatch,
    below: str,
    closed_url: str,
) -> None:
    write_idx(tmp_path / "shared" / below)
    assert not tiny.is_at_hand()
    monkeypatch.setenv("RCMVAE_DATA", str(tmp_path / "shared"))
    assert tiny.is_at_hand()
    assert tiny.fetch() == tmp_path / "shared" / below
    assert len(tiny(url=closed_url).read().train) == 40


def test_path_comes_before_the_environment(
    tiny: type[Mnist], tmp_path: Path, write_idx: WriteIdx, encode_idx: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setenv("RCMVAE_DATA", str(write_idx(tmp_path / "shared")))
    few = {
        "t10k_images_idx3_ubyte": encode_idx(np.zeros((2, 4, 3))),
        "t10k_labels_idx1_ubyte": encode_idx(np.zeros(2)),
    }
    raw = tiny(path=write_idx(tmp_path / "mine", **few)).read()
    assert raw.test is not None
    assert len(raw.test) == 2
    (tmp_path / "empty").mkdir()
    with pytest.raises(
        DataError, match=r"empty has none of the files, plain or gzipped \(\.gz\)\. These four"
    ):
        Mnist(path=tmp_path / "empty").read()
    with pytest.raises(DataError, match=r"absent is no folder\. These four files are needed"):
        tiny(path=tmp_path / "absent").read()


def test_the_environment_holds_published_files_only(
    tiny: type[Mnist], tmp_path: Path, write_idx: WriteIdx, encode_idx: Callable[..., bytes],
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    changed = {"train_labels_idx1_ubyte": encode_idx(np.zeros(40))}
    monkeypatch.setenv("RCMVAE_DATA", str(write_idx(tmp_path / "shared", **changed)))
    with pytest.raises(DataError, match=r"train-labels-idx1-ubyte\.gz is not the published file.*data\.path"):
        tiny().read()


def test_an_environment_that_names_nothing(
    tiny: type[Mnist], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RCMVAE_DATA", str(tmp_path / "absent"))
    with pytest.raises(DataError, match=r"RCMVAE_DATA names .*absent, which is no folder"):
        tiny().read()


def test_every_missing_file_is_named(tmp_path: Path, write_idx: WriteIdx) -> None:
    folder = write_idx(tmp_path)
    for name in ("train-labels-idx1-ubyte", "t10k-labels-idx1-ubyte"):
        (folder / f"{name}.gz").unlink()
    with pytest.raises(
        DataError,
        match=r"has no train-labels-idx1-ubyte and no t10k-labels-idx1-ubyte, plain or gzipped \(\.gz\)",
    ):
        Mnist(path=folder).read()


def test_the_environment_names_a_folder_that_is_not_complete(
    tiny: type[Mnist], tmp_path: Path, write_idx: WriteIdx, monkeypatch: pytest.MonkeyPatch, closed_url: str
) -> None:
    folder = write_idx(tmp_path / "shared" / "mnist")
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    monkeypatch.setenv("RCMVAE_DATA", str(tmp_path / "shared"))
    assert not tiny.is_at_hand()
    for come_by in (tiny.fetch, tiny(url=closed_url).read):
        with pytest.raises(DataError, match=r"mnist has no t10k-labels-idx1-ubyte, .*RCMVAE_DATA names it"):
            come_by()


def test_images_and_labels_have_to_agree_in_number(
    tmp_path: Path, write_idx: WriteIdx, encode_idx: Callable[..., bytes]
) -> None:
    folder = write_idx(tmp_path, train_labels_idx1_ubyte=encode_idx(np.zeros(39)))
    with pytest.raises(DataError, match="train-images-idx3-ubyte has 40 samples but 39 labels"):
        Mnist(path=folder).read()


def test_fetching_once(
    tiny: type[Mnist], tmp_path: Path, write_idx: WriteIdx, server: Server, closed_url: str
) -> None:
    write_idx(server.root)
    assert len(tiny(url=server.url).read().train) == 40
    assert sorted(server.requested) == sorted(f"/{name}.gz" for name in FILES)
    assert tiny.is_at_hand()
    assert len(tiny(url=closed_url).read().train) == 40
    assert tiny.fetch() == tmp_path / "cache" / "mnist"


def test_a_changed_file_is_fetched_and_thrown_away(
    tiny: type[Mnist], tmp_path: Path, write_idx: WriteIdx, encode_idx: Callable[..., bytes], server: Server
) -> None:
    write_idx(server.root, t10k_images_idx3_ubyte=encode_idx(np.zeros((10, 4, 3))))
    with pytest.raises(
        DataError, match=r"served was thrown away: .*t10k-images-idx3-ubyte.gz is not the published"
    ):
        tiny(url=server.url).read()
    assert not (tmp_path / "cache" / "mnist" / "t10k-images-idx3-ubyte.gz").exists()
    assert not tiny.is_at_hand()
    write_idx(server.root)
    assert len(tiny(url=server.url).read().train) == 40


def test_something_else_is_served(tiny: type[Mnist], write_idx: WriteIdx, server: Server) -> None:
    write_idx(server.root)
    (server.root / "train-images-idx3-ubyte.gz").write_bytes(b"<html>Moved</html>")
    with pytest.raises(DataError, match=r"thrown away: .* is not a complete gzip file"):
        tiny(url=server.url).read()


def test_what_was_fetched_and_damaged_later_is_noticed(
    tiny: type[Mnist], tmp_path: Path, write_idx: WriteIdx, idx_contents: dict[str, bytes]
) -> None:
    folder = write_idx(tmp_path / "cache" / "mnist")
    content = bytearray(idx_contents["train-images-idx3-ubyte"])
    content[100] ^= 1
    (folder / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(content))
    with pytest.raises(
        DataError, match=r"cache/mnist/train-images-idx3-ubyte\.gz is not the published .* Delete it"
    ):
        tiny().read()


def test_fetching_verifies_what_is_there_already(
    tiny: type[Mnist], tmp_path: Path, write_idx: WriteIdx, encode_idx: Callable[..., bytes]
) -> None:
    folder = write_idx(tmp_path / "cache" / "mnist", t10k_labels_idx1_ubyte=encode_idx(np.zeros(10)))
    cut = folder / "train-labels-idx1-ubyte.gz"
    cut.write_bytes(cut.read_bytes()[:-9])
    with pytest.raises(DataError) as caught:
        tiny.fetch()
    first, second, what_to_do = str(caught.value).splitlines()
    assert first.startswith(f"{cut} is not a complete gzip file")
    assert second.startswith(f"{folder / 't10k-labels-idx1-ubyte.gz'} is not the published file")
    assert what_to_do == "Delete what is damaged and fetch again."
    assert cut.exists()


def test_what_was_there_already_is_not_thrown_away(
    tiny: type[Mnist], tmp_path: Path, write_idx: WriteIdx, encode_idx: Callable[..., bytes], server: Server
) -> None:
    folder = write_idx(tmp_path / "cache" / "mnist", train_labels_idx1_ubyte=encode_idx(np.zeros(40)))
    (folder / "t10k-labels-idx1-ubyte.gz").unlink()
    write_idx(server.root)
    with pytest.raises(
        DataError, match=rf"^{folder}/train-labels-idx1-ubyte\.gz is not the published .* Delete"
    ):
        tiny(url=server.url).read()
    assert (folder / "train-labels-idx1-ubyte.gz").exists()


@pytest.mark.filterwarnings("ignore:.*<socket.socket:pytest.PytestUnraisableExceptionWarning")
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")
@pytest.mark.parametrize("status", ["closed", "404"])
def test_without_a_network_a_sentence_says_what_to_do(
    tiny: type[Mnist],
    tmp_path: Path,
    server: Server,
    closed_url: str,
    status: str,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "published").mkdir()
    url, reason = {
        "closed": (closed_url, "Connection refused"),
        "404": (
            server.url,
            f"404 Client Error: File not found for url: {server.url}train-images-idx3-ubyte.gz",
        ),
    }[status]
    with pytest.raises(DataError) as caught:
        tiny(url=url).read()
    sentence = str(caught.value)
    assert sentence.startswith(f"MNIST could not be fetched from {url}: {reason}. Download the four files")
    assert capsys.readouterr() == ("", "")  # what pooch has to say of it is not for users
    assert all(f"{name}.gz" in sentence for name in FILES)
    assert all(place in sentence for place in (str(tmp_path / "cache" / "mnist"), "data.path", "RCMVAE_DATA"))
    # pooch leaves the connection of a refused request to the garbage collector
    del caught
    gc.collect()


def test_a_cache_that_cannot_be_written_is_no_failure_of_the_network(
    tiny: type[Mnist], tmp_path: Path, write_idx: WriteIdx, server: Server
) -> None:
    write_idx(server.root)
    (tmp_path / "cache").touch()
    with pytest.raises(DataError) as caught:
        tiny(url=server.url).read()
    place = tmp_path / "cache" / "mnist"
    assert str(caught.value).startswith(f"MNIST cannot be kept in {place}: {place}: Not a directory. Mend it")
    assert server.requested == []


def test_fetched_files_are_kept_in_a_folder_of_their_own() -> None:
    assert cache_folder().is_absolute()
    assert cache_folder().name == "rcmvae"


@pytest.mark.skipif(
    not os.environ.get("RCMVAE_DATA"), reason="RCMVAE_DATA names no folder with the data sets"
)
@pytest.mark.parametrize(
    ("source", "mean", "std"), [(Mnist(), 0.1307, 0.3081), (FashionMnist(), 0.2860, 0.3530)]
)
def test_the_real_ones(source: Source, mean: float, std: float) -> None:
    raw = source.read()
    assert abs(raw.train.x.mean() / 255 - mean) < 5e-5
    assert abs(raw.train.x.std() / 255 - std) < 5e-5
    dataset = load(source)
    assert [len(part) for part in dataset.splits.values()] == [54_000, 6_000, 10_000]
    assert dataset.shape == (28, 28, 1)
    assert dataset.num_classes == 10

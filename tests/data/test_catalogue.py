import json
from pathlib import Path

import numpy as np
import pytest

from rcmvae.data import SOURCES, ArraysSource, dataset_from_arrays
from rcmvae.data.catalogue import catalogue, describe, fetch, info
from rcmvae.errors import ConfigError

pytestmark = pytest.mark.usefixtures("no_environment")


def test_every_source_is_described_in_one_line() -> None:
    described = catalogue()
    assert [source.kind for source in described] == list(SOURCES)
    assert all(source.summary.endswith(".") and "\n" not in source.summary for source in described)
    assert {source.kind for source in described if not source.at_hand} == {"mnist", "fashion_mnist"}


def test_what_is_in_a_folder_is_at_hand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write_idx, idx_hashes: dict[str, str]
) -> None:
    write_idx(tmp_path / "fashion-mnist")
    monkeypatch.setattr(SOURCES["fashion_mnist"], "sha256", idx_hashes)
    monkeypatch.setenv("RCMVAE_DATA", str(tmp_path))
    assert describe("fashion_mnist").at_hand
    assert not describe("mnist").at_hand
    assert fetch("fashion_mnist") == tmp_path / "fashion-mnist"


def test_names_that_do_not_exist() -> None:
    with pytest.raises(ConfigError, match=r"no data source 'minst'; there are .* Did you mean 'mnist'"):
        describe("minst")


@pytest.mark.parametrize("kind", ["digits", "npy", "arrays"])
def test_most_sources_need_no_fetching(kind: str) -> None:
    with pytest.raises(ConfigError, match=f"{kind}: there is nothing to fetch"):
        fetch(kind)


def test_info() -> None:
    label = np.repeat(["ant", "bee"], [60, 40])
    dataset = dataset_from_arrays(np.zeros((100, 3)), label, options=ArraysSource(num_labeled=9))
    found = info(dataset)
    assert json.loads(json.dumps(found)) == found
    assert found["shape"] == [3]
    assert found["dtype"] == "float32"
    assert found["label_names"] == ["ant", "bee"]
    assert found["fingerprint"] == dataset.fingerprint
    assert found["splits"]["train"]["samples"] == 81
    assert found["splits"]["train"]["labelled"] == 9
    assert found["splits"]["test"] == {
        "samples": 10,
        "labelled": 0,
        "samples_per_label": {"ant": 6, "bee": 4},
    }

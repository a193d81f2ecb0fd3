"""What holds for every figure and every run."""

import functools
import pickle
import subprocess
import sys
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure

from rcmvae.diagnostics import Absent
from rcmvae.figures import FIGURES, draw_all, drawing, drawings
from rcmvae.findings import Findings
from tests.figures.made import made

pytestmark = pytest.mark.usefixtures("coarse")
NAMES = {
    *("core/loss_curves", "core/reconstructions", "core/latent_space", "core/samples"),
    *("mixture/channel_latents_grid", "mixture/latent_by_channel", "mixture/channel_ownership"),
    *("mixture/doubtful", "mixture/profiles"),
    *("mixture/channel_kl", "mixture/routing_hardness", "mixture/recon_selected", "mixture/recon_by_channel"),
    *("mixture/evolution", "mixture/manifolds", "mixture/tree", "curriculum/k_active", "curriculum/pot_tree"),
    *("labels/tau_matrix", "labels/efficiency", "labels/calibration", "labels/ood"),
}
# Each with the figures that have no meaning for it, and a part of the reason.
CALLED = {
    "labels/tau_matrix": "No label was counted",
    "labels/calibration": "No label was counted",
    "labels/ood": "--ood DATA",
}
GROWN = {"curriculum/k_active": "no curriculum", "curriculum/pot_tree": "no curriculum"}
IMAGES = {"mixture/profiles": "are images"}
LONELY = GROWN | {
    "mixture/tree": "nothing to merge",
    "mixture/routing_hardness": "Only one channel",
    "mixture/recon_by_channel": "Only one channel",
    "mixture/doubtful": "Only one channel",
}
UNKNOWN = GROWN | {"mixture/channel_ownership": "has a label", "labels/efficiency": "0 samples"}
RUNS: dict[str, tuple[Findings, dict[str, str]]] = {
    "grown, with closed channels": (made(grown=True, closed=[2, 3], taught=9, strange=2), IMAGES),
    "one channel, float images": (made(K=1, as_bytes=False), LONELY | CALLED | IMAGES),
    "vectors, unlabelled, closed channels": (
        made(K=6, closed=[0, 2, 5], shape=(7,), as_bytes=False, classes=0, unlabelled=1.0),
        UNKNOWN | CALLED,
    ),
    "colour, shared latent of four dimensions, some labels": (
        made(shape=(6, 5, 3), D=4, layout="shared", learned=True, unlabelled=0.8, taught=20),
        GROWN | IMAGES | {"labels/ood": "--ood DATA", "labels/efficiency": "40 would tell"},
    ),
    "long vectors, one dimension": (
        made(K=3, shape=(300,), as_bytes=False, D=1, taught=1, strange=6),
        GROWN,
    ),
    "few samples, all counted": (
        made(K=3, N=3, taught=3),
        GROWN
        | IMAGES
        | {
            "labels/ood": "--ood DATA",
            "labels/calibration": "besides those that the names",
            "labels/efficiency": "40 would tell",
        },
    ),
}


FIRST, VECTORS = next(iter(RUNS)), "long vectors, one dimension"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """With a folder of pictures for each run."""
    return tmp_path_factory.mktemp("drawn")


@functools.cache
def drawn(run: str, folder: Path) -> dict[str, Path | Absent]:
    return draw_all(RUNS[run][0], folder / run)


@pytest.mark.parametrize("run", RUNS)
def test_all_are_drawn_or_say_why_not(run: str, folder: Path) -> None:
    findings, missing = RUNS[run]
    before = dict(mpl.rcParams)
    files = drawn(run, folder)
    channels = {f"mixture/channel_{k:02d}" for k in np.unique(findings.bundle.channel)}
    assert set(files) == NAMES | channels
    for name, file in files.items():
        if isinstance(file, Absent):
            assert missing[name] in file.reason
            assert file.reason.endswith(".")
        else:
            assert name not in missing
            assert file == folder / run / f"{name}.png"
            assert file.read_bytes().startswith(b"\x89PNG")
    assert dict(mpl.rcParams) == before
    assert pyplot.get_fignums() == []


def test_the_names_are_stable() -> None:
    assert set(FIGURES) == NAMES


def test_the_same_findings_give_the_same_pictures(folder: Path, tmp_path: Path) -> None:
    second = draw_all(RUNS[FIRST][0], tmp_path)
    for name, file in drawn(FIRST, folder).items():
        again = second[name]
        if isinstance(file, Absent):
            assert file == again
            continue
        assert isinstance(again, Path)
        assert file.read_bytes() == again.read_bytes(), name


@pytest.mark.parametrize("name", sorted(NAMES))
def test_figures_can_be_stored_and_say_what_they_show(name: str) -> None:
    figure = FIGURES[name](RUNS[VECTORS if name == "mixture/profiles" else FIRST][0])
    assert isinstance(figure, Figure)
    assert isinstance(pickle.loads(pickle.dumps(figure)), Figure)
    assert len(figure.get_suptitle()) > 10
    assert len(figure.get_supxlabel()) > 20
    assert figure.get_figwidth() == 9


def test_nothing_of_an_earlier_drawing_is_left(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    few = {name: FIGURES[name] for name in ("mixture/channel_kl", "mixture/channel_ownership")}
    monkeypatch.setattr(drawing, "FIGURES", few)
    draw_all(made(), tmp_path)
    own = tmp_path / "mixture" / "mine.png"
    own.write_bytes(b"kept")
    now = draw_all(made(classes=0, unlabelled=1.0, closed=[3]), tmp_path)
    assert {file for file in now.values() if isinstance(file, Path)} | {own} == set(tmp_path.rglob("*.png"))


def test_many_channels_are_cut_short_and_that_is_said() -> None:
    findings = made(K=100, N=2000, shape=(2, 2, 1))
    used = len(np.unique(findings.bundle.channel))
    for name, most in (
        ("mixture/channel_latents_grid", 30),
        ("mixture/manifolds", 24),
        ("core/samples", 40),
        ("mixture/channel_ownership", 40),
        ("mixture/recon_by_channel", 16),
        ("mixture/channel_kl", 60),
    ):
        figure = drawings(findings)[name](findings)
        assert isinstance(figure, Figure)
        assert f"Not shown: {used - most} more channels" in figure.get_supxlabel().replace("\n", " "), name
        assert figure.get_figheight() < 22


def test_neither_the_package_nor_the_command_line_imports_matplotlib() -> None:
    code = "import sys, rcmvae, rcmvae.cli; sys.exit('matplotlib' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0

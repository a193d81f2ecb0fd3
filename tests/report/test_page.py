"""report.html in a real browser: what a person sees, points at and taps."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from playwright.sync_api import Browser, Page

from rcmvae.diagnostics.absent import Absent
from rcmvae.figures import draw_all
from rcmvae.figures.tiles import tiles_of
from rcmvae.findings import Findings
from rcmvae.report.channels import channels_of
from rcmvae.report.page import page as render
from rcmvae.report.sections import CHANNELS
from rcmvae.report.sprites import sheet
from rcmvae.report.story import tell
from tests.report import scene
from tests.report.browser import needs_chromium, opened, started

pytestmark = needs_chromium
LABELS = {0: "zero", 2: scene.NASTY}


def write(findings: Findings, folder: Path, *, figures: bool = False) -> Path:
    """The page of these findings; most tests need no figures."""
    channels = channels_of(findings.bundle, findings.groups)
    drawn: Any = draw_all(findings, folder) if figures else {CHANNELS: Absent("Nothing was drawn.")}
    path = folder / "report.html"
    path.write_text(render(findings, tell(findings, channels), channels, drawn), encoding="utf-8")
    return path


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with started() as browser:
        yield browser


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(scene.findings(), tmp_path_factory.mktemp("report"), figures=True)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write(scene.findings(), tmp_path_factory.mktemp("plain"))


# Where the page puts each point of a channel, in pixels of the window, with the row of its sample.
PLACES = """channel => {
  const data = JSON.parse(document.getElementById("points").textContent);
  const unpack = (T, text) => new T(Uint8Array.from(atob(text), c => c.charCodeAt(0)).buffer);
  const x = unpack(Uint16Array, data.x), y = unpack(Uint16Array, data.y), row = unpack(Uint32Array, data.row);
  const before = data.views.findIndex(v => v.channel === channel);
  const first = data.views.slice(0, before).reduce((sum, v) => sum + v.count, 0);
  const box = document.querySelector(`[data-channel="${channel}"] canvas`).getBoundingClientRect();
  return Array.from({length: data.views[before].count}, (_, i) => first + i).map(i => ({
    row: row[i], x: box.left + x[i] / 65535 * box.width, y: box.top + (1 - y[i] / 65535) * box.height}));
}"""
GREY = """() => [...document.querySelector("#tip canvas").getContext("2d").getImageData(2, 2, 1, 1).data]"""


def places(page: Page, channel: int) -> list[dict[str, float]]:
    page.locator(f'[data-channel="{channel}"] canvas').scroll_into_view_if_needed()
    page.wait_for_timeout(50)  # what scrolling hides, it hides a moment later
    return page.evaluate(PLACES, channel)


def test_points_lie_where_the_codes_are(browser: Browser, plain: Path) -> None:
    bundle = scene.bundle()
    with opened(browser, plain) as page:
        found = places(page, 1)
        rows = [int(one["row"]) for one in found]
        assert rows == list(range(40, 80, 2)), "every other sample was kept"
        seen = np.array([[one["x"], -one["y"]] for one in found])
        codes = bundle.mean[rows]
        for axis in (0, 1):
            assert np.corrcoef(seen[:, axis], codes[:, axis])[0, 1] > 0.9999
        ratio = np.ptp(seen, axis=0) / np.ptp(codes, axis=0)
        assert ratio[0] == pytest.approx(ratio[1], rel=1e-3), "one scale for both axes"


def test_pointing_at_a_sample_shows_it(browser: Browser, plain: Path) -> None:
    with opened(browser, plain) as page:
        for channel in (0, 2):
            for one in places(page, channel)[:4]:
                page.mouse.move(one["x"], one["y"])
                text = page.locator("#tip p").inner_text()
                row = int(one["row"])
                assert (
                    f"sample {row}\n96 % sure of channel {channel} (label {LABELS[channel]})\nnext: channel"
                    in text
                )
                assert text.endswith(", 2 %")
                assert page.evaluate(GREY) == [row % 256] * 3 + [255], "the picture is that sample's"
        page.mouse.move(1, 1)
        assert not page.locator("#tip").is_visible()


def test_tapping_shows_it_too_and_tapping_elsewhere_hides_it(browser: Browser, plain: Path) -> None:
    with opened(browser, plain, width=375, has_touch=True, is_mobile=True) as page:
        one = places(page, 1)[3]
        page.touchscreen.tap(one["x"], one["y"])
        assert f"sample {int(one['row'])}\n" in page.locator("#tip p").inner_text()
        box = page.locator("#tip").bounding_box()
        assert box is not None
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 375
        page.get_by_role("heading", name="The channels", exact=True).tap()
        assert not page.locator("#tip").is_visible()


def test_the_keyboard_goes_from_sample_to_sample(browser: Browser, plain: Path) -> None:
    with opened(browser, plain) as page:
        canvas = page.locator('[data-channel="0"] canvas')
        canvas.scroll_into_view_if_needed()
        page.evaluate("() => new Promise((done) => requestAnimationFrame(() => setTimeout(done, 50)))")
        canvas.focus()  # no longer scrolls, which would hide what the first key shows
        for row in (0, 2, 4):
            page.keyboard.press("ArrowRight")
            assert f"sample {row}\n" in page.locator("#tip p").inner_text()
        page.keyboard.press("Escape")
        assert not page.locator("#tip").is_visible()


def test_a_label_is_picked_out_of_all_channels(browser: Browser, plain: Path) -> None:
    canvas = '[data-channel="0"] canvas'
    with opened(browser, plain) as page:
        before = page.locator(canvas).screenshot()
        button = page.locator(".legend button").nth(1)
        assert button.inner_text() == scene.NASTY
        button.click()
        page.mouse.move(1, 1)
        assert button.get_attribute("aria-pressed") == "true"
        assert page.locator(canvas).screenshot() != before, "channel 0 has no such label: it fades"
        button.click()
        page.mouse.move(1, 1)
        assert page.locator(canvas).screenshot() == before


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 375])
def test_it_fits_and_can_be_read(browser: Browser, report: Path, width: int, scheme: Any) -> None:
    with opened(browser, report, width=width, color_scheme=scheme) as page:
        assert page.evaluate("document.documentElement.scrollWidth") == width, "nothing sticks out sideways"
        colours = page.evaluate(
            "['color', 'backgroundColor'].map(name => getComputedStyle(document.body)[name])"
        )
        ink, paper = (sum(map(int, colour[4:-1].split(","))) for colour in colours)
        assert (ink > 600 and paper < 150) if scheme == "dark" else (ink < 150 and paper > 600)
        broken = "[...document.images].filter(i => !i.complete || !i.naturalWidth).map(i => i.alt)"
        page.wait_for_load_state("load")
        assert page.evaluate(broken) == []
        assert page.locator(".paper").count() > 5
        for fact in tell(scene.findings(), channels_of(scene.bundle(), scene.findings().groups)).facts:
            assert page.locator(".facts").get_by_text(fact.value, exact=True).is_visible()


def test_without_javascript_the_figures_are_there(browser: Browser, report: Path) -> None:
    with opened(browser, report, java_script_enabled=False) as page:
        assert not page.locator(".card").first.is_visible()
        assert page.get_by_role("heading", name="The channels", exact=True).count() == 1
        assert page.locator("noscript img").is_visible()


def test_names_are_text_and_nothing_else(browser: Browser, tmp_path: Path) -> None:
    name = '</script><script>document.title="taken"</script><img src=x onerror="document.title=1">'
    nasty = dataclasses.replace(scene.bundle(), label_names=(name, name, name), data=name)
    path = write(scene.findings(bundle=nasty, run=name), tmp_path)
    with opened(browser, path) as page:
        assert page.title() == name
        assert page.locator(".legend button").first.inner_text() == name
        one = places(page, 0)[0]
        page.mouse.move(one["x"], one["y"])
        assert page.locator("#tip p").inner_text().startswith(f"label {name}")


def test_vectors_are_shown_as_bars(browser: Browser, tmp_path: Path) -> None:
    flat = scene.bundle(shape=(5,), labelled=False)
    values = np.random.default_rng(0).normal(size=(len(flat.pictures.thumbnail_of), 5)).astype(np.float32)
    shown = dataclasses.replace(flat.pictures, thumbnail=values)
    bundle = dataclasses.replace(flat, pictures=shown)
    drawn = tiles_of(bundle).sprites(values)
    assert drawn.shape == (60, 40, 64, 1)
    assert (drawn.min(axis=(1, 2)) < 255).all(), "each has bars"
    with opened(browser, write(scene.findings(bundle=bundle), tmp_path)) as page:
        assert page.locator(".legend button").count() == 0
        one = places(page, 0)[0]
        page.mouse.move(one["x"], one["y"])
        assert page.locator("#tip p").inner_text().startswith("sample 0\n")


def test_ten_thousand_points_are_all_there(browser: Browser, tmp_path: Path) -> None:
    N, side, rng = 10_000, 28, np.random.default_rng(0)
    small = scene.bundle(shape=(side, side, 1))
    rows = rng.integers(0, len(small), N)
    samples = rng.integers(0, 256, (N, side, side, 1)).astype(np.uint8)
    of_samples = ("truth", "label", "mark", "responsibility", "nll", "kl", "log_var", "hardness")
    large = dataclasses.replace(
        small,
        **{name: getattr(small, name)[rows] for name in of_samples},
        mean=rng.normal(size=(N, 2)).astype(np.float32),
        pictures=dataclasses.replace(small.pictures, thumbnail_of=np.arange(N), thumbnail=samples),
    )
    path = write(scene.findings(bundle=large), tmp_path)
    with opened(browser, path) as page:
        one = places(page, 1)[0]
        page.mouse.move(one["x"], one["y"])
        assert page.locator("#tip").is_visible()
        assert "10,000 samples" in page.locator(".interactive > p").inner_text()


def test_a_sheet_holds_every_picture_in_its_place() -> None:
    drawn = np.random.default_rng(0).integers(0, 256, (11, 4, 6, 3)).astype(np.uint8)
    from base64 import b64decode
    from io import BytesIO

    from PIL import Image

    text, columns = sheet(drawn)
    whole = np.asarray(Image.open(BytesIO(b64decode(text.partition(",")[2]))))
    for n, picture in enumerate(drawn):
        top, left = n // columns * 4, n % columns * 6
        np.testing.assert_array_equal(whole[top : top + 4, left : left + 6], picture)

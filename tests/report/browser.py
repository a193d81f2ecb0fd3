"""A real browser without a window, where one is installed."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
needs_chromium = pytest.mark.skipif(CHROMIUM is None, reason="no chromium is installed")


@contextmanager
def started() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, path: Path, *, width: int = 1280, **context: Any) -> Iterator[Page]:
    """A page that complains of nothing and asks the network for nothing, until it is left."""
    complaints: list[str] = []
    with browser.new_context(viewport={"width": width, "height": 800}, **context) as inside:
        page = inside.new_page()
        page.on("console", lambda message: complaints.append(message.text))
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on(
            "request", lambda request: complaints.append(request.url) if _is_foreign(request.url) else None
        )
        page.goto(path.as_uri())
        yield page
    assert not complaints, complaints


def _is_foreign(url: str) -> bool:
    return not url.startswith(("file:", "data:"))

"""One browser for all tests of pages: a Chromium that is on the machine, driven by Playwright.

Where none is, these tests are skipped and say so. In CI that is a failure: there it can be installed.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from tests.nilometer.report.served import Answer, serve

_NAMES = ("chromium", "chromium-browser", "google-chrome")

OpenPage = Callable[..., Page]


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    path = os.environ.get("NILO_CHROMIUM") or next(filter(None, map(shutil.which, _NAMES)), None)
    if path is None:
        words = "no chromium is on the path, and none is named by NILO_CHROMIUM: pages are not tested in a browser"
        pytest.fail(words) if os.environ.get("CI") else pytest.skip(words)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield browser
        browser.close()


@pytest.fixture
def open_page(browser: Browser) -> Iterator[OpenPage]:
    """Opens a page as its own visitor; whatever goes wrong in its script is an error of the test."""
    wrong: list[str] = []
    with ExitStack() as stack:

        def open(
            html: str,
            *,
            policy: str | None = None,
            fragment: str = "",
            width: int = 1280,
            dark: bool = False,
            script: bool = True,
        ) -> Page:
            url = stack.enter_context(serve({"/": Answer(html.encode(), policy)}))
            context = browser.new_context(
                viewport={"width": width, "height": 900},
                color_scheme="dark" if dark else "light",
                java_script_enabled=script,
                reduced_motion="reduce",
                bypass_csp=False,
            )
            stack.callback(context.close)
            page = context.new_page()
            page.set_default_timeout(10_000)
            page.on("pageerror", lambda error: wrong.append(str(error)))
            page.goto(f"{url}/{fragment}")
            return page

        yield open
    assert wrong == []

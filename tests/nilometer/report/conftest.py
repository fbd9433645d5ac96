"""Pages as a visitor opens them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, Page

from tests.nilometer.report.served import Answer, serve

OpenPage = Callable[..., Page]


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

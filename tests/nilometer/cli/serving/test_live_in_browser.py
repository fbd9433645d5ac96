"""Pages that are open in a browser while their ledger grows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

import pytest
from playwright.sync_api import Browser, expect

from tests.nilometer.cli.calling import Desk
from tests.nilometer.cli.serving.conftest import Shop
from tests.nilometer.cli.serving.serving import add_memory, serving
from tests.nilometer.report.test_in_browser import AXE, Violation

pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture(scope="module")
def growing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shop]:
    """A ledger that the tests record in, and the server that shows it."""
    desk = Desk(tmp_path_factory.mktemp("growing")).with_history()
    with serving(desk) as server:
        yield Shop(desk, server)


def test_a_page_shows_what_is_recorded_without_being_loaded_again(growing: Shop, browser: Browser) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        # given a page on which somebody chose an earlier moment
        page.goto(f"{growing.server.url}vm-web01")
        page.evaluate("window.same = true")
        slider = page.get_by_role("slider")
        slider.focus()
        slider.press("Home")
        chosen = page.locator("[data-slot=clock]").inner_text()
        rows = page.locator(".events tbody tr").count()
        # when something is recorded
        position = add_memory(growing.desk)
        # then the page has it, and is the same page: what was chosen and what has the focus stay
        expect(page.locator(f"#e{position - 1}")).to_be_attached()
        assert page.locator(".events tbody tr").count() == rows + 1
        assert page.evaluate("window.same")
        assert page.locator("[data-slot=clock]").inner_text() == chosen
        assert page.evaluate("document.activeElement.type") == "range"
        page.get_by_role("slider").press("End")
        assert page.locator("[data-slot=position]").inner_text() == f"#{position - 1}"
        assert wrong == []


def test_the_slider_of_a_host_stays_where_it_was_while_its_book_grows(growing: Shop, browser: Browser) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        # given the page of a host, at an earlier moment
        page.goto(f"{growing.server.url}host-hv01")
        book = page.get_by_role("region", name="Book of hv01").locator("tbody tr:visible")
        held = "[data-slot=together]"
        at_the_end = page.locator(held).inner_text()
        page.get_by_role("slider").press("Home")
        assert page.locator(held).inner_text() != at_the_end
        chosen = page.locator(".sentence").inner_text()
        rows = book.all_inner_texts()
        # when something is recorded
        position = add_memory(growing.desk)
        # then that moment stays, with its book, and the last one has what is new
        expect(page.locator("#position")).to_have_text(f"position {position}")
        assert (page.locator(".sentence").inner_text(), book.all_inner_texts()) == (chosen, rows)
        page.get_by_role("slider").press("End")
        assert int(page.locator(held).inner_text()) == int(at_the_end) + 64


def test_a_filter_stays_while_the_list_of_vms_grows(growing: Shop, browser: Browser) -> None:
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{growing.server.url}vms")
        page.get_by_label("Filter").fill("db")
        expect(page.locator("#vms tbody tr:visible")).to_have_count(0)
        shape = ("--generation", "2", "--guest", "linux", "--config-version", "9.0", "--size", "2GiB")
        assert growing.desk.process("do", "define-vm", "db01", "--host", "hv01", *shape).code == 0
        expect(page.locator("#vms tbody tr:visible")).to_have_count(1)


def test_nothing_on_live_pages_keeps_people_out(growing: Shop, browser: Browser) -> None:
    # for axe: the server's policy lets no other script run
    with browser.new_context(bypass_csp=True) as context:
        page = context.new_page()
        for path in ("", "vms", "vm-web01"):
            page.goto(f"{growing.server.url}{path}")
            page.evaluate(AXE)
            found = cast("list[Violation]", page.evaluate("axe.run({resultTypes: ['violations']})")["violations"])
            assert [(each["id"], each["help"]) for each in found if each["impact"] != "minor"] == [], path

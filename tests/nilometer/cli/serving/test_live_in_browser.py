"""Pages that are open in a browser while their ledger grows."""

from __future__ import annotations

from typing import cast

import pytest
from playwright.sync_api import Browser, expect

from tests.nilometer.cli.calling import Desk
from tests.nilometer.cli.serving.serving import add_memory, serving
from tests.nilometer.report.test_in_browser import AXE, Violation

pytestmark = pytest.mark.xdist_group("browser")


def test_a_page_shows_what_is_recorded_without_being_loaded_again(desk: Desk, browser: Browser) -> None:
    desk.with_history()
    with serving(desk) as server:
        context = browser.new_context()
        page = context.new_page()
        wrong: list[str] = []
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("console", lambda message: wrong.append(message.text) if message.type == "error" else None)
        # given a page on which somebody chose an earlier moment
        page.goto(f"{server.url}vm-web01")
        page.evaluate("window.same = true")
        slider = page.get_by_role("slider")
        slider.focus()
        slider.press("Home")
        chosen = page.locator("[data-slot=clock]").inner_text()
        rows = page.locator(".events tbody tr").count()
        # when something is recorded
        position = add_memory(desk)
        # then the page has it, and is the same page: what was chosen and what has the focus stay
        expect(page.locator(f"#e{position - 1}")).to_be_attached()
        assert page.locator(".events tbody tr").count() == rows + 1
        assert page.evaluate("window.same")
        assert page.locator("[data-slot=clock]").inner_text() == chosen
        assert page.evaluate("document.activeElement.type") == "range"
        page.get_by_role("slider").press("End")
        assert page.locator("[data-slot=position]").inner_text() == f"#{position - 1}"
        assert wrong == []
        context.close()


def test_a_filter_stays_while_the_list_of_vms_grows(desk: Desk, browser: Browser) -> None:
    desk.with_history()
    with serving(desk) as server:
        context = browser.new_context()
        page = context.new_page()
        page.goto(f"{server.url}vms")
        page.get_by_label("Filter").fill("db")
        expect(page.locator("#vms tbody tr:visible")).to_have_count(0)
        shape = ("--generation", "2", "--guest", "linux", "--config-version", "9.0", "--size", "2GiB")
        assert desk.process("do", "define-vm", "db01", "--host", "hv01", *shape).code == 0
        expect(page.locator("#vms tbody tr:visible")).to_have_count(1)
        context.close()


def test_nothing_on_live_pages_keeps_people_out(desk: Desk, browser: Browser) -> None:
    desk.with_history()
    with serving(desk) as server:
        context = browser.new_context(bypass_csp=True)  # for axe: the server's policy lets no other script run
        page = context.new_page()
        for path in ("", "vms", "vm-web01"):
            page.goto(f"{server.url}{path}")
            page.evaluate(AXE)
            found = cast("list[Violation]", page.evaluate("axe.run({resultTypes: ['violations']})")["violations"])
            assert [(each["id"], each["help"]) for each in found if each["impact"] != "minor"] == [], path
        context.close()

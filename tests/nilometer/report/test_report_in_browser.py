"""The whole report in a real browser: as an attachment, under strict policies, narrow, dark, and on paper."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path
from typing import cast

import pytest
from playwright.sync_api import Browser, expect

from tests.nilometer.cli.calling import Desk
from tests.nilometer.report.conftest import OpenPage
from tests.nilometer.report.served import JENKINS
from tests.nilometer.report.test_in_browser import AXE, OVERLAPS, Violation
from tests.paths import EXAMPLES, RECORDINGS

pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of a decided month's end, an imported Hyper-V host, and three real VMs on one budget."""
    desk = Desk(tmp_path_factory.mktemp("report"))
    script = (EXAMPLES / "month-end.jsonl").read_text("utf-8").replace("hv01", "hv02")
    for command in (
        ("run", desk.write("month-end.jsonl", script)),
        ("import-hyperv", str(EXAMPLES / "HV01-20261123.jsonl")),
        ("import-qemu", str(RECORDINGS / "s7_three_vms_one_budget.jsonl"), "--as", "lab"),
        ("report", "-o", str(desk.folder / "report.html"), "--zone", "UTC"),
    ):
        called = desk.call(*command)
        assert called.code in (0, 1), called.err
    return desk.folder / "report.html"


@pytest.fixture(scope="module")
def html(report: Path) -> str:
    return report.read_text("utf-8")


def test_every_link_leads_to_something_in_the_page(html: str) -> None:
    anchors = set(re.findall(r' id="([^"]*)"', html))
    links = {unescape(link) for link in re.findall(r' href="([^"]*)"', html)}
    assert html.count("<!doctype html>") == 1
    assert {link for link in links if not link.startswith(("#", "data:text/csv"))} == set()
    assert {link[1:] for link in links if link.startswith("#")} - anchors == set()


def test_it_opens_from_an_attachment_and_loads_nothing(browser: Browser, report: Path) -> None:
    context = browser.new_context(offline=True)
    page = context.new_page()
    asked: list[str] = []
    wrong: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: wrong.append(message.text))
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.goto(report.as_uri())
    expect(page.get_by_role("heading", level=1)).to_contain_text("2026-11-23")
    assert (asked, wrong) == ([report.as_uri()], [])
    context.close()


def test_the_book_of_a_host_is_that_of_the_chosen_moment(open_page: OpenPage, html: str) -> None:
    # given a host as it was at the end, and its book
    opened = open_page(html)
    host = opened.locator("[id='host-lab']")
    book = host.get_by_role("region", name="Book of lab").locator("tbody tr:visible")
    at_the_end = host.locator(".sentence").inner_text()
    assert book.count() == 3
    # when an earlier moment is chosen, before the third VM was there
    host.get_by_role("slider").press("Home")
    while "lab.vm1" not in "".join(book.all_inner_texts()):
        host.get_by_role("slider").press("ArrowRight")
    # then the equation is of that moment, and so is each row of the book
    assert "512\u00a0MiB held by VMs + 768\u00a0MiB free" in host.locator(".sentence").inner_text()
    assert [row.split("\t")[:3] for row in book.all_inner_texts()] == [
        ["lab.vm0", "running", "256"],
        ["lab.vm1", "running", "256"],
    ]
    assert "The host’s book at 14:52:51" in host.inner_text()
    expect(opened.get_by_role("status")).to_contain_text("held by VMs")
    # and the last one is the end again
    host.get_by_role("slider").press("End")
    assert (host.locator(".sentence").inner_text(), book.count()) == (at_the_end, 3)


def test_two_moments_of_a_vm_are_pinned_compared_and_kept_in_the_address(open_page: OpenPage, html: str) -> None:
    # given the chart of a VM
    opened = open_page(html)
    vm = opened.locator("[id='vm-lab.vm0']")
    slider = vm.get_by_role("slider")
    # when two moments are pinned, and compared
    slider.press("Home")
    slider.press("a")
    slider.press("End")
    slider.press("ArrowLeft")
    vm.get_by_role("button", name="Pin B").click()
    vm.get_by_role("link", name="Compare A and B").click()
    # then the comparison is of these, and a link to it is too
    pins = [vm.locator(f"[data-pin={name}]").inner_text().partition(" ")[2] for name in "ab"]
    section = opened.locator("#compare")
    expect(section).to_be_in_viewport()
    shown = [section.locator(f"[data-slot={name}]").inner_text() for name in "ab"]
    assert shown == pins
    fragment = opened.evaluate("location.hash")
    again = open_page(html, fragment=fragment)
    assert again.locator("#compare table").inner_text() == section.locator("table").inner_text()


def test_of_several_histories_each_has_moments_of_its_own(open_page: OpenPage, tmp_path: Path) -> None:
    # given a report of two histories, whose positions have nothing to do with each other
    desk = Desk(tmp_path)
    for name in ("one", "other"):
        ledger = ("--ledger", f"sqlite:///{tmp_path / name}.db")
        desk.call("run", str(EXAMPLES / "month-end.jsonl"), *ledger)
        desk.call("export", "-o", str(tmp_path / f"{name}.jsonl"), *ledger)
    files = [str(tmp_path / name) for name in ("one.jsonl", "other.jsonl")]
    called = desk.call("report", *files, "-o", str(tmp_path / "both.html"), "--zone", "UTC")
    assert called.code == 0, called.err
    both = (tmp_path / "both.html").read_text("utf-8")
    # when one of them is opened at a moment
    opened = open_page(both, fragment="#h2-at=8")
    first, second = (opened.locator(f"[id='{history}-vm-web01']") for history in ("h1", "h2"))
    # then the other stays at its last one
    places = [history.locator("[data-slot=position]").inner_text() for history in (first, second)]
    last = places[0].lstrip("#")
    assert places[1] == "#8"
    assert int(last) > 8
    # and what is pinned in one is not pinned in the other
    second.get_by_role("slider").press("a")
    second.get_by_role("slider").press("End")
    second.get_by_role("slider").press("b")
    expect(second.get_by_role("link", name="Compare A and B")).to_be_visible()
    expect(first.get_by_role("link", name="Compare A and B")).to_be_hidden()
    assert set(opened.evaluate("location.hash").lstrip("#").split("&")) == {f"h2-at={last}", "h2-a=8", f"h2-b={last}"}


@pytest.mark.parametrize("policy", [JENKINS, "sandbox", None])
def test_without_script_and_style_it_says_the_same(open_page: OpenPage, html: str, policy: str | None) -> None:
    """Under the policy of Jenkins neither runs; what is left has to be the whole report."""
    bare = re.sub(r"<style>.*?</style>|<script>.*?</script>", "", html, flags=re.DOTALL)
    opened = open_page(html if policy else bare, policy=policy, script=False)
    text = opened.locator("body").inner_text()
    for words in ("No rule is violated.", "Covers", "Hosts, shortest first", "VM lab.vm0", "Requests", "Every event"):
        assert words in text
    expect(opened.locator(".bar").first).to_be_hidden()
    line = opened.locator("[id='vm-lab.vm0'] .bytime path.s-assigned")
    assert line.evaluate("(line) => [getComputedStyle(line).stroke, getComputedStyle(line).strokeWidth]") == [
        "rgb(11, 98, 168)", "6px",
    ]  # fmt: skip
    assert opened.evaluate(OVERLAPS) == []


@pytest.mark.parametrize("width", [360, 1280])
def test_on_every_width_nothing_is_cut_off_or_covered(open_page: OpenPage, html: str, width: int) -> None:
    opened = open_page(html, width=width)
    assert opened.evaluate("document.documentElement.scrollWidth") == width
    assert opened.evaluate(OVERLAPS) == []


@pytest.mark.parametrize(("dark", "width"), [(False, 1280), (True, 360)])
def test_nothing_in_it_keeps_people_out(open_page: OpenPage, html: str, dark: bool, width: int) -> None:
    opened = open_page(html, dark=dark, width=width)
    opened.evaluate(AXE)
    result = opened.evaluate("axe.run({resultTypes: ['violations']})")
    violations = cast("list[Violation]", result["violations"])
    assert [(each["id"], each["impact"], each["help"]) for each in violations if each["impact"] != "minor"] == []


def test_with_the_keyboard_the_content_is_one_step_away(open_page: OpenPage, html: str) -> None:
    opened = open_page(html)
    opened.keyboard.press("Tab")
    assert opened.evaluate("document.activeElement.textContent") == "Skip to the content"
    opened.keyboard.press("Enter")
    assert opened.evaluate("location.hash") == "#main"
    assert opened.locator("[role=status]").count() == 1


def test_a_link_to_an_event_shows_its_row(open_page: OpenPage, html: str) -> None:
    opened = open_page(html, fragment="#e8")
    expect(opened.locator("#e8")).to_be_in_viewport()
    assert opened.locator("#e8").evaluate("(row) => row.matches(':target')")


def test_it_prints(open_page: OpenPage, html: str) -> None:
    paper = open_page(html).pdf(format="A4")
    assert 5 <= len(re.findall(rb"/Type\s*/Page\b", paper)) <= 60

"""Charts in a real browser: with the script and without, with the style and without, narrow, dark, and on paper."""

from __future__ import annotations

import re
from importlib.resources import files
from typing import Final, TypedDict, cast

import htpy
import pytest
from htpy import Node
from playwright.sync_api import Page, expect

from nilometer.report.chart.comparison import draw_comparison
from tests.nilometer.report.charts import BALLOON, COMPARED, COMPARED_MOMENTS, EXTREMES, HOST, LAB
from tests.nilometer.report.conftest import OpenPage
from tests.nilometer.report.pages import page
from tests.nilometer.report.served import JENKINS

pytestmark = pytest.mark.xdist_group("browser")

AXE: Final = (files("axe_playwright_python") / "axe.min.js").read_text("utf-8")
ALL: Final = page(LAB, BALLOON, HOST, EXTREMES, more=draw_comparison(COMPARED, COMPARED_MOMENTS, 0, 8))


class Violation(TypedDict):
    id: str
    impact: str
    help: str


def slot(opened: Page, name: str) -> str:
    return opened.locator(f"#vm-lab\\.vm0 [data-slot={name}]").inner_text()


def chosen_moment(opened: Page) -> str:
    return slot(opened, "clock")


# The slider


def test_arrow_keys_move_from_moment_to_moment(open_page: OpenPage) -> None:
    # given a chart at its chosen moment
    opened = open_page(page(LAB))
    slider = opened.get_by_role("slider")
    assert (chosen_moment(opened), slot(opened, "in_use")) == ("14:53:31.251", "469\u00a0MiB")
    cursor = opened.locator(".bytime .cursor")
    before = cursor.get_attribute("x1")
    # when the slider is moved by a key
    slider.press("ArrowRight")
    # then everything shows the next moment, and it is said once
    assert (chosen_moment(opened), slot(opened, "in_use")) == ("14:53:31.979", "70\u00a0MiB")
    assert cursor.get_attribute("x1") != before
    assert slider.get_attribute("aria-valuetext") == "14:53:31.979, event 49"
    assert opened.locator("tr.chosen").get_attribute("id") == "e49"
    expect(opened.get_by_role("status")).to_contain_text("14:53:31.979: event 49. Guest visible 512")
    # and the other keys of a slider work
    slider.press("Home")
    assert chosen_moment(opened) == "14:52:46.571"
    slider.press("End")
    assert chosen_moment(opened) == "14:53:57.011"
    opened.get_by_role("button", name="Earlier moment").click()
    assert chosen_moment(opened) == "14:53:33.700"


def test_a_click_in_the_chart_takes_the_nearest_moment(open_page: OpenPage) -> None:
    opened = open_page(page(LAB))
    box = opened.locator(".bytime .chart").bounding_box()
    assert box is not None
    opened.mouse.click(box["x"] + box["width"] * 0.08, box["y"] + 200)
    assert chosen_moment(opened) == "14:52:46.571"
    opened.mouse.click(box["x"] + box["width"] * 0.995, box["y"] + 200)
    assert chosen_moment(opened) == "14:53:57.011"


def test_a_moment_is_in_the_address(open_page: OpenPage) -> None:
    opened = open_page(page(LAB))
    opened.get_by_role("slider").press("ArrowRight")
    assert opened.url.endswith("#at=49")
    again = open_page(page(LAB), fragment="#at=49")
    assert chosen_moment(again) == "14:53:31.979"


def test_a_moment_between_two_of_a_chart_shows_the_earlier_one(open_page: OpenPage) -> None:
    opened = open_page(page(LAB), fragment="#at=999")
    assert chosen_moment(opened) == "14:53:57.011"


# Pins


def test_two_moments_are_pinned_and_stand_in_the_address(open_page: OpenPage) -> None:
    # given a chart, whose moments cannot be compared before two are pinned
    opened = open_page(page(LAB))
    slider = opened.get_by_role("slider")
    compare = opened.get_by_role("link", name="Compare A and B")
    expect(compare).to_be_hidden()
    # when one is pinned by a button and one by a key
    opened.get_by_role("button", name="Pin A").click()
    slider.press("End")
    slider.press("b")
    # then both are shown, and the address leads to them again
    expect(compare).to_be_visible()
    expect(opened.get_by_role("button", name="A 14:53:31.251")).to_have_attribute("aria-pressed", "true")
    fragment = opened.evaluate("location.hash")
    assert fragment == "#a=48&at=54&b=54"
    again = open_page(page(LAB), fragment=fragment)
    expect(again.get_by_role("button", name="B 14:53:57.011")).to_have_attribute("aria-pressed", "true")


def compared(a: int, b: int) -> Node:
    return draw_comparison(COMPARED, COMPARED_MOMENTS, a, b)


@pytest.mark.parametrize(("a", "b"), [(0, 5), (5, 12), (12, 5), (8, 8), (0, len(COMPARED_MOMENTS) - 1)])
def test_two_pinned_moments_are_compared_as_python_compares_them(open_page: OpenPage, a: int, b: int) -> None:
    """The script makes the same rows as those that a page has from the start."""
    # given a page that compares two moments, and one that compares others
    here = open_page(page(more=compared(a, b)))
    elsewhere = open_page(page(more=compared(1, 2)))
    # when these two are pinned there
    pins = {"a": COMPARED_MOMENTS[a].position, "b": COMPARED_MOMENTS[b].position}
    elsewhere.evaluate("(hash) => { location.hash = hash; }", f"a={pins['a']}&b={pins['b']}")
    # then both pages show the same
    expect(elsewhere.locator("[data-slot=b-position]")).to_have_text(f"position {pins['b']}")
    assert elsewhere.locator(".comparison").inner_text() == here.locator(".comparison").inner_text()
    bars = "(svg) => [...svg.children].map((part) => Math.round(part.getBoundingClientRect().left))"
    assert [[bar.evaluate(bars) for bar in each.locator(".dumbbell svg").all()] for each in (here, elsewhere)] == [
        [bar.evaluate(bars) for bar in here.locator(".dumbbell svg").all()]
    ] * 2


# Filters


def test_a_filter_shows_the_rows_that_have_all_its_words(open_page: OpenPage) -> None:
    rows = [htpy.li(data_words=words)[words] for words in ("lab.vm0 Anna", "lab.vm1 Ben", "web01 anna")]
    filter = htpy.p(class_="filters", data_filters="who", hidden=True)[
        htpy.label["Filter ", htpy.input(type="search")], " ", htpy.span(data_count=True)
    ]
    opened = open_page(page(more=[filter, htpy.ul(id="who")[rows]]))
    opened.get_by_label("Filter").fill("ANNA lab")
    assert opened.locator("#who li:visible").all_inner_texts() == ["lab.vm0 Anna"]
    expect(opened.get_by_role("status")).to_have_text("1 of 3 shown")
    opened.get_by_label("Filter").fill("")
    expect(opened.locator("#who li:visible")).to_have_count(3)
    unscripted = open_page(page(more=[filter, htpy.ul(id="who")[rows]]), script=False)
    expect(unscripted.locator(".filters")).to_be_hidden()


# Without a script, without a style, under a strict policy


def test_the_other_scale_is_chosen_without_a_script(open_page: OpenPage) -> None:
    opened = open_page(page(LAB), script=False)
    expect(opened.locator(".byevent")).to_be_hidden()
    opened.get_by_label("One column an event").check()
    expect(opened.locator(".byevent")).to_be_visible()
    expect(opened.locator(".bytime")).to_be_hidden()


@pytest.mark.parametrize("policy", [JENKINS, None])
def test_a_chart_is_whole_without_style_and_script(open_page: OpenPage, policy: str | None) -> None:
    """A policy that forbids the style leaves what there is without one."""
    # given a page whose style and script are forbidden, or are not there at all
    allowed = policy is not None
    opened = open_page(page(LAB, style=allowed, script=allowed), policy=policy)
    # then the lines have their looks, and what only a script can move is not there
    look = "(line) => ['stroke', 'strokeWidth', 'strokeDasharray'].map((name) => getComputedStyle(line)[name])"
    looks = [opened.locator(f".bytime path.s-{name}").first.evaluate(look) for name in ("assigned", "visible", "inuse")]
    assert looks == [
        ["rgb(11, 98, 168)", "6px", "none"],
        ["rgb(180, 72, 11)", "2px", "7px, 5px"],
        ["rgb(24, 117, 82)", "2px", "12px, 3px, 2px, 3px"],
    ]
    expect(opened.locator(".bar")).to_be_hidden()
    expect(opened.locator(".byevent")).to_be_hidden()
    expect(opened.locator(".bytime")).to_be_visible()
    # and the equation is a sentence
    assert "guest visible 512\u00a0MiB = assigned 512\u00a0MiB + ballooned 0\u00a0MiB" in re.sub(
        " +", " ", opened.locator(".equation").inner_text().replace("\n", " ")
    )


# Room


OVERLAPS: Final = """() => {
  const texts = [...document.querySelectorAll("svg.chart text")].filter((text) => text.getClientRects().length);
  const boxes = texts.map((text) => [text.closest("svg.chart"), text.textContent, text.getBoundingClientRect()]);
  const found = [];
  boxes.forEach(([chart, words, box], index) => boxes.slice(index + 1).forEach(([other, more, next]) => {
    if (chart !== other) return;
    const wide = Math.min(box.right, next.right) - Math.max(box.left, next.left);
    const high = Math.min(box.bottom, next.bottom) - Math.max(box.top, next.top);
    if (wide > 2 && high > 4) found.push(words + " | " + more);
  }));
  return found;
}"""


@pytest.mark.parametrize("width", [360, 768, 1280, 2560])
def test_nothing_stands_over_another_and_nothing_outside_of_the_page(open_page: OpenPage, width: int) -> None:
    opened = open_page(ALL, width=width)
    assert opened.evaluate("document.documentElement.scrollWidth") == width
    assert opened.evaluate(OVERLAPS) == []
    for label in opened.get_by_label("One column an event").all():
        label.check()
    assert opened.evaluate(OVERLAPS) == []


def test_on_a_narrow_page_fingers_find_what_they_touch(open_page: OpenPage) -> None:
    opened = open_page(page(LAB), width=360)
    boxes = [button.bounding_box() for button in opened.locator(".bar button, .bar input").all()]
    assert [box for box in boxes if box is None or box["height"] < 44 or box["width"] < 44] == []


# Dark, on paper, and for those who do not see it


def test_on_a_dark_ground_lines_have_other_colours(open_page: OpenPage) -> None:
    opened = open_page(page(LAB), dark=True)
    look = "(line) => getComputedStyle(line).stroke"
    assert opened.locator(".bytime path.s-assigned").evaluate(look) == "rgb(74, 163, 238)"
    assert opened.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(15, 19, 23)"


@pytest.mark.parametrize("dark", [False, True])
def test_nothing_keeps_people_out(open_page: OpenPage, dark: bool) -> None:
    opened = open_page(ALL, dark=dark)
    opened.evaluate(AXE)
    result = opened.evaluate("axe.run({resultTypes: ['violations']})")
    violations = cast("list[Violation]", result["violations"])
    assert [each for each in violations if each["impact"] in ("serious", "critical")] == []


def test_on_paper_stands_what_paper_can_show(open_page: OpenPage) -> None:
    opened = open_page(ALL)
    paper = opened.pdf(format="A4", print_background=True)
    assert paper.startswith(b"%PDF-")
    assert len(re.findall(rb"/Type\s*/Page\b", paper)) >= 2
    opened.emulate_media(media="print")
    expect(opened.locator(".bar").first).to_be_hidden()
    expect(opened.locator(".bytime").first).to_be_visible()

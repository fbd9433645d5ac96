"""The pages: all that a page leads to is there."""

from __future__ import annotations

import re
from html import unescape

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nilometer.cli.serving.pages import with_addresses
from tests.nilometer.cli.serving.conftest import Shop

pytestmark = pytest.mark.xdist_group("serving")


def links(html: str) -> set[str]:
    return {unescape(link) for link in re.findall(r' href="([^"]*)"', html)}


def ids(html: str) -> set[str]:
    return set(re.findall(r' id="([^"]*)"', html))


def test_every_link_of_every_page_leads_to_a_page_that_has_what_it_names(shop: Shop) -> None:
    # given the first page
    pages: dict[str, str] = {}
    waiting = ["/"]
    # when every link is followed, wherever it leads
    while waiting:
        path = waiting.pop().partition("#")[0]
        if path in pages or not path.startswith("/") or path.startswith("/assets"):
            continue
        answer = shop.server.ask(path)
        if answer.status == 302:
            waiting.append(answer.headers["location"])
            pages[path] = f"see {answer.headers['location']}"
            continue
        assert answer.status == 200, path
        pages[path] = answer.text
        waiting += links(answer.text)
    # then each was there, with the anchor that the link named
    assert {"/", "/vms", "/compare", "/findings", "/rules", "/vm-lab.vm0", "/host-lab"} <= set(pages)
    wanting = [
        (path, link)
        for path, html in pages.items()
        for link in links(html)
        for target, _, anchor in [(link if link.startswith("/") else f"{path}{link}").partition("#")]
        if anchor and not link.startswith("data:") and anchor not in ids(pages.get(target, ""))
    ]
    assert wanting == []


def test_an_event_has_an_address_that_lasts(shop: Shop) -> None:
    assert shop.server.ask("/e8").headers["location"] == "/vm-web01#e8"
    assert shop.server.ask("/e999999").headers["location"] == "/vms#at=999999"


def test_two_moments_have_an_address(shop: Shop) -> None:
    page = shop.server.ask("/compare?a=8&b=14").text
    clocks = re.findall(r'<b data-slot="[ab]">([^<]*)</b>', page)
    assert clocks == ["09:00:00", "18:06:00"]
    assert "\N{MINUS SIGN}1408" in page


@pytest.mark.parametrize(
    "path", ["/nothing", "/vm-nobody", "/e", "/%00", "/../etc/passwd", "/vm-lab.vm0/", "/<script>"]
)
def test_what_is_not_there_is_a_page_that_says_so(shop: Shop, path: str) -> None:
    answer = shop.server.ask(path.replace("<", "%3C").replace(">", "%3E"))
    assert answer.status == 404
    assert "<script>" not in answer.text


def test_without_an_event_the_first_page_says_so(shop: Shop) -> None:
    assert "No event is recorded" not in shop.server.ask("/").text


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text('abc-._<&"', min_size=1, max_size=6), max_size=4), st.text("xyz ", max_size=9))
def test_fragments_of_other_pages_become_addresses_and_texts_stay(anchors: list[str], words: str) -> None:
    from html import escape

    page = "".join(f'<a href="#{escape(anchor)}">{words}</a>' for anchor in anchors) + '<p id="here"><a href="#here">'
    found = with_addresses(page)
    assert links(found) == {*(f"/{anchor}" for anchor in anchors), "#here"}
    assert found.count(words) == page.count(words)

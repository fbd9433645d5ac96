"""Colours that can be told apart on every ground, and texts that come out as texts."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nilometer.report.chart.figure import draw_figure
from nilometer.report.chart.looks import LAYERS, LOOKS, shortened
from nilometer.report.chart.strip import draw_strip
from nilometer.report.series import Line
from tests.nilometer.report.charts import BALLOON, EXTREMES, HOST, LAB, STRIP
from tests.nilometer.report.pages import STYLE

LIGHT, DARK = (dict(re.findall(r"--(\w+): (#\w+)", block)) for block in re.findall(r":root \{(.*?)\}", STYLE, re.S)[:2])
GROUNDS: Final = ("ground", "soft", "band", "warnground", "badground")
TEXTS: Final = ("ink", "muted", "link", "assigned", "visible", "watermark", "inuse", "warn", "bad", "ok")
HOSTILE: Final = "<script>alert(1)</script>\"'&]]>--><!--\u202e"


def luminance(colour: str) -> float:
    digits = colour[1:] if len(colour) == 7 else "".join(digit * 2 for digit in colour[1:])
    parts = [int(digits[place : place + 2], 16) / 255 for place in (0, 2, 4)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    lighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_texts_are_legible_and_edges_are_seen_on_every_ground(theme: dict[str, str]) -> None:
    dim = {(text, ground) for text in TEXTS for ground in GROUNDS if contrast(theme[text], theme[ground]) < 4.5}
    faint = {ground for ground in GROUNDS[:3] if contrast(theme["edge"], theme[ground]) < 3}
    assert (dim, faint) == (set(), set())


@pytest.mark.parametrize("theme", [LIGHT, DARK], ids=["light", "dark"])
def test_layers_of_a_stack_are_parted_by_an_edge_that_is_seen(theme: dict[str, str]) -> None:
    assert [n for n in range(4) if contrast(theme["assigned"], theme[f"layer{n}"]) < 3] == []


def test_without_a_style_the_colours_are_those_of_a_light_ground() -> None:
    names = {"assigned": "assigned", "visible": "visible", "high_watermark": "watermark", "in_use": "inuse"}
    assert {name: LOOKS[name].colour for name in LOOKS if name in names} == {
        name: LIGHT[own] for name, own in names.items()
    }
    assert list(LAYERS) == [LIGHT[f"layer{n}"] for n in range(4)]


def test_lines_differ_by_more_than_their_hues() -> None:
    drawn = [LOOKS[name] for name in LOOKS if name in ("assigned", "visible", "high_watermark", "in_use")]
    assert len({(look.width, look.dash, look.cap) for look in drawn}) == 4


@pytest.mark.parametrize("chart", [LAB, BALLOON, HOST, EXTREMES], ids=lambda chart: chart.name)
def test_a_chart_needs_no_style_and_no_script_of_its_own(chart: object) -> None:
    assert chart in (LAB, BALLOON, HOST, EXTREMES)
    drawn = str(draw_figure(next(each for each in (LAB, BALLOON, HOST, EXTREMES) if each is chart)))
    assert " style=" not in drawn
    assert "<style" not in drawn
    assert not re.search(r"\son\w+=", drawn)


@settings(max_examples=40, deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"]), max_size=40) | st.just(HOSTILE))
def test_every_text_comes_out_as_text(name: str) -> None:
    """No text of a chart makes an element or ends one."""
    plain = str(draw_figure(LAB))
    told = replace(
        LAB,
        title=name,
        description=name,
        lines=tuple(Line(name=each.name, label=name, steps=each.steps) for each in LAB.lines),
        marks=tuple(replace(mark, label=name, title=name) for mark in LAB.marks),
        moments=tuple(replace(moment, says=name, note=name) for moment in LAB.moments),
        unmeasured=tuple(replace(span, words=name) for span in LAB.unmeasured),
    )
    drawn = str(draw_figure(told))
    assert len(re.findall("<[a-z/!]", drawn)) <= len(re.findall("<[a-z/!]", plain)) + 12
    assert drawn.count("<script") == drawn.count("</script") == 1
    assert html.escape(name) in drawn or "&#39;" in drawn or not name.strip()


def test_a_long_name_is_cut_in_its_middle() -> None:
    assert shortened("web-frontend-production-01", 16) == "web-fronte…on-01"
    assert shortened("web01", 16) == "web01"


def test_a_strip_says_what_it_shows() -> None:
    drawn = str(draw_strip(STRIP))
    assert 'aria-label="hv01: 4096 MiB free of 65 536 MiB, least 0 MiB at 09:00"' in drawn
    assert "not watched 2 h" in drawn
    assert "url(#unexplained)" in drawn

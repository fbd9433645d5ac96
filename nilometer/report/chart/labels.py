"""Labels at the ends of lines: each where its line ends, none over another."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from htpy import Node

from nilometer.report.chart.looks import AXIS, DOTTED, Attributes, element, isolated, number, percent, shortened, text

_GAP: Final = 17.0
_LONGEST: Final = 20


@dataclass(frozen=True, slots=True)
class EndLabel:
    """What stands at the end of a line."""

    height: float
    """Where the line ends."""
    name: str
    short_name: str
    """On a narrow page."""
    size: str
    look: Attributes
    href: str | None = None
    end: float = 100.0
    """The place where the line ends; a dotted line leads from there."""


def end_labels(labels: Sequence[EndLabel], height: int) -> Iterator[Node]:
    """Labels right of the plot, each at the end of its line, none over another."""
    ordered = sorted(labels, key=lambda label: label.height)
    for label, place in zip(ordered, spread([label.height for label in ordered], 10, height - 4), strict=True):
        if label.end < 97:
            y = number(label.height)
            yield element("line", {"x1": percent(label.end + 0.5), "x2": "99%", "y1": y, "y2": y}, DOTTED)
        yield _end_label(label, place)


def _end_label(label: EndLabel, place: float) -> Node:
    leader = element("line", {"x1": "-4", "x2": "8", "y1": number(label.height), "y2": number(place)}, AXIS)
    words = text(
        {"x": "12", "y": number(place + 4), "font-size": "13", **label.look},
        element("title")[label.name],
        element("tspan", {"class": "wide"})[isolated(shortened(label.name, _LONGEST)), " "],
        element("tspan", {"class": "narrow", "display": "none"})[isolated(shortened(label.short_name, 11))],
        element("tspan", {"class": "wide", "font-weight": "600"})[label.size],
    )
    return element("svg", {"x": "100%", "overflow": "visible"})[
        leader, words if label.href is None else element("a", {"href": label.href})[words]
    ]


def spread(heights: Sequence[float], first: float, last: float) -> list[float]:
    """Heights, in order, moved as little as need be so that labels at them do not overlap."""
    gap = min(_GAP, (last - first) / max(1, len(heights) - 1))
    groups: list[list[float]] = []  # of labels that touch: the sum of where they want to begin, and their number
    for height in heights:
        groups.append([min(max(height, first), last), 1])
        while len(groups) > 1 and _begin(groups[-2], gap) + groups[-2][1] * gap > _begin(groups[-1], gap):
            total, count = groups.pop()
            groups[-1] = [groups[-1][0] + total, groups[-1][1] + count]
    placed = [_begin(group, gap) + index * gap for group in groups for index in range(int(group[1]))]
    return _within(placed, gap, first, last)


def _begin(group: Sequence[float], gap: float) -> float:
    total, count = group
    return total / count - (count - 1) * gap / 2


def _within(placed: list[float], gap: float, first: float, last: float) -> list[float]:
    floor = first
    for index, place in enumerate(placed):
        placed[index] = floor = max(place, floor)
        floor += gap
    ceiling = last
    for index in range(len(placed) - 1, -1, -1):
        placed[index] = ceiling = min(placed[index], ceiling)
        ceiling -= gap
    return placed

"""Two moments side by side: only what changed between them, by how much, and by which events.

The script does the same for two moments that somebody pins, from the data that lies in the page.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import htpy
from htpy import Element, Node, Renderable

from nilometer.messages.sizes import plural
from nilometer.report.chart.figure import json_data
from nilometer.report.chart.frame import sized
from nilometer.report.chart.looks import GRID, GROUND, INK, INK_LINE, element, percent
from nilometer.report.series import ComparedMoment, ComparedSubject, Line
from rules.wording import MIB, Unit

LEAST: Final = 1 << MIB.power
"""What changes by less is left out: what a guest uses never stands still."""
_SHOWN_EVENTS: Final = 3
_NO_FIGURE: Final = "no figure"
_HEADS: Final = ("What", "Figure", "A", "", "B", "Change", "○ A to ● B", "By event")
_FIGURES: Final = ("A", "B", "Change")


@dataclass(frozen=True, slots=True)
class Change:
    """A figure that is another one at the later moment."""

    line: Line
    before: int | None
    after: int | None
    positions: tuple[int, ...]
    """The events that changed it, in order."""


@dataclass(frozen=True, slots=True)
class Changes:
    """What changed, by host or VM."""

    subjects: tuple[tuple[ComparedSubject, tuple[Change, ...]], ...]
    left_out: int
    """Changes that are smaller than ``LEAST``."""


def find_changes(subjects: Sequence[ComparedSubject], a: ComparedMoment, b: ComparedMoment) -> Changes:
    """What changed from one moment to another."""
    found = [(subject, [_change(line, a, b) for line in subject.lines]) for subject in subjects]
    large = [
        (subject, tuple(change for change in changes if change and _is_large(change))) for subject, changes in found
    ]
    count = sum(1 for _, changes in found for change in changes if change)
    return Changes(
        subjects=tuple((subject, changes) for subject, changes in large if changes),
        left_out=count - sum(len(changes) for _, changes in large),
    )


def _change(line: Line, a: ComparedMoment, b: ComparedMoment) -> Change | None:
    times = [step.time for step in line.steps]
    first, last = bisect_right(times, a.time), bisect_right(times, b.time)
    before = line.steps[first - 1].size if first else None
    after = line.steps[last - 1].size if last else None
    steps = line.steps[min(first, last) : max(first, last)]
    if before == after:
        return None
    return Change(line=line, before=before, after=after, positions=tuple(step.position for step in steps))


def _is_large(change: Change) -> bool:
    return change.before is None or change.after is None or abs(change.after - change.before) >= LEAST


# The page


def draw_comparison(
    subjects: Sequence[ComparedSubject], moments: Sequence[ComparedMoment], a: int, b: int, unit: Unit = MIB
) -> Renderable:
    """The comparison of two moments, which are given by their places in ``moments``."""
    changes = find_changes(subjects, moments[a], moments[b])
    return htpy.div(class_="comparison")[
        htpy.div(class_="ab")[_pinned("A", moments[a]), htpy.div(class_="between")["→"], _pinned("B", moments[b])],
        htpy.p(class_="facts", data_slot="summary")[_summary(changes, len(subjects))],
        htpy.div(class_="scroll", tabindex="0", role="region", aria_label="What changed")[
            htpy.table(class_="changes")[
                htpy.thead[htpy.tr[(_head(words) for words in _HEADS)]],
                htpy.tbody[_rows(changes, unit)],
            ]
        ],
        htpy.p(class_="muted", data_slot="foot")[_foot(changes, unit)],
        htpy.template[_row(None, "", 1, ("", "", ""), None, ())],
        htpy.script(type="application/json", class_="compared")[json_data(_data(subjects, moments, a, b, unit))],
    ]


def _head(words: str) -> Node:
    return htpy.th(scope="col", class_="figure" if words in _FIGURES else None)[words] if words else htpy.td


def _pinned(name: str, moment: ComparedMoment) -> Node:
    slot = name.lower()
    return htpy.div[
        htpy.span(class_="pin")[name],
        " ",
        htpy.b(data_slot=slot)[moment.clock],
        htpy.p(class_="muted", data_slot=f"{slot}-position")[f"position {moment.position}"],
    ]


def _summary(changes: Changes, count: int) -> str:
    figures = sum(len(found) for _, found in changes.subjects)
    if not figures:
        return "No figure changed by 1 MiB or more."
    words = f"{plural(figures, 'figure')} changed on {len(changes.subjects)} of {count} hosts and VMs"
    return f"{words}; no other did by 1 MiB or more."


def _foot(changes: Changes, unit: Unit) -> str:
    return f"All sizes in {unit.name}. Changes under 1 MiB left out: {changes.left_out}."


def _rows(changes: Changes, unit: Unit) -> Iterator[Node]:
    sizes = [
        size for _, found in changes.subjects for change in found for size in (change.before, change.after) if size
    ]
    most = max(sizes, default=1)
    for subject, found in changes.subjects:
        for index, change in enumerate(found):
            before, after = change.before, change.after
            words = (_words(before, unit), _words(after, unit), _difference(before, after, unit))
            bar = None if before is None or after is None else (before / most, after / most)
            yield _row(None if index else subject, change.line.label, len(found), words, bar, change.positions)


def _words(size: int | None, unit: Unit) -> str:
    return _NO_FIGURE if size is None else sized(size, unit)


def _difference(before: int | None, after: int | None, unit: Unit) -> str:
    if before is None or after is None:
        return ""
    words = sized(abs(after - before), unit)
    sign = "+" if after > before else "\N{MINUS SIGN}"
    return f"{sign}{words}"


def _row(
    subject: ComparedSubject | None,
    figure: str,
    rows: int,
    words: tuple[str, str, str],
    bar: tuple[float, float] | None,
    positions: Sequence[int],
) -> Node:
    """A row; without texts, the one that the script fills."""
    is_blank = not figure
    head = (subject.href, subject.label) if subject is not None else ("#compare", "")
    before, after, difference = words
    return htpy.tr(class_=subject is not None and "group-first")[
        htpy.th(scope="rowgroup", rowspan=str(rows))[htpy.a(href=head[0])[head[1]]]
        if subject is not None or is_blank
        else None,
        htpy.td[figure],
        htpy.td(class_="figure")[before],
        htpy.td(class_="arrow", aria_hidden="true")["→"],
        htpy.td(class_="figure")[htpy.b[after]],
        htpy.td(class_="figure")[difference],
        htpy.td(class_="dumbbell")[_bar(bar or (0, 0)) if bar or is_blank else None],
        htpy.td[_events(positions)],
    ]


def _events(positions: Sequence[int]) -> Node:
    more = len(positions) - _SHOWN_EVENTS
    return [
        ((htpy.a(href=f"#e{position}")[f"#{position}"], " ") for position in positions[-_SHOWN_EVENTS:]),
        htpy.span(class_="muted")[f"and {more} more"] if more > 0 else None,
    ]


def _bar(shares: tuple[float, float]) -> Element:
    a, b = (percent(3 + 94 * share) for share in shares)
    y = {"y1": "9", "y2": "9"}
    return element("svg", {"width": "100%", "height": "18", "aria-hidden": "true"})[
        element("line", {"x1": "3%", "x2": "97%", **y}, GRID),
        element("line", {"x1": a, "x2": b, **y, "stroke-width": "2.5"}, INK_LINE),
        element("circle", {"cx": a, "cy": "9", "r": "4.5", "fill": GROUND, "stroke": INK, "stroke-width": "2"},
                {"class": "hollow"}),
        element("circle", {"cx": b, "cy": "9", "r": "5.5", "fill": INK, "class": "ink"}),
    ]  # fmt: skip


def _data(
    subjects: Sequence[ComparedSubject], moments: Sequence[ComparedMoment], a: int, b: int, unit: Unit
) -> dict[str, object]:
    """What the script reads: a line is the places of moments from which on it has a size, the sizes and the events."""
    times = [moment.time for moment in moments]
    return {
        "a": a,
        "b": b,
        "unit": [unit.name, 1 << unit.power],
        "moments": [[moment.position, moment.clock] for moment in moments],
        "subjects": [
            [
                subject.href,
                subject.label,
                [[line.label, [[bisect_left(times, step.time), step.size, step.position] for step in line.steps]]
                 for line in subject.lines],
            ]
            for subject in subjects
        ],
    }  # fmt: skip

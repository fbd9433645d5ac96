"""The chart of a VM: assigned, guest visible, high watermark and in use, as steps.

Where assigned and guest visible are equal, as they nearly always are, the dashes of one level inside the other, as a
railway line on a map. Where guest visible is not measured, the line is plain: the unknown is seen without a legend.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, tzinfo
from typing import Final

from htpy import Node, Renderable

from nilometer.report.chart.frame import (
    HEIGHT,
    cursor,
    drawing,
    grid,
    idle_bands,
    idle_words,
    plot_height,
    rectangle,
    size_words,
    stretched,
    stroked,
    time_axis,
    unmeasured_boxes,
    unwatched_bands,
    unwatched_words,
)
from nilometer.report.chart.labels import EndLabel, end_labels
from nilometer.report.chart.looks import (
    BALLOONED,
    GROUND,
    INK_TEXT,
    LOOKS,
    element,
    number,
    percent,
    text,
)
from nilometer.report.chart.marks import draw_marks
from nilometer.report.chart.paths import Level, area_path, levels_of, paired, step_path
from nilometer.report.chart.scales import ScaleKind, SizeScale, TimeScale, time_scale
from nilometer.report.series import Chart, LineName

_ORDER: Final[tuple[LineName, ...]] = ("high_watermark", "in_use", "assigned", "visible")
"""What is drawn over what."""
_LIFTS: Final[Mapping[LineName, float]] = {"high_watermark": 7}
"""The watermark is a ceiling: drawn a little above its size, it is seen where assigned has that size too."""
_SHORT_NAMES: Final[Mapping[LineName, str]] = {"visible": "visible", "high_watermark": "watermark"}
_HEADROOM: Final = 1.14
_ROOM_FOR_BALLOONED: Final = 18

Levels = Mapping[LineName, Sequence[Level]]


def draw_lines(chart: Chart, kind: ScaleKind = "time", zone: tzinfo = UTC) -> Renderable:
    """Draws the memory of a VM over time."""
    scale = time_scale(chart, kind)
    levels: Levels = {line.name: levels_of(line, scale) for line in chart.lines}
    most = max((level.size for line in levels.values() for level in line), default=0)
    sizes = SizeScale(most=most * _HEADROOM or 1, height=HEIGHT)
    return drawing(
        chart,
        plot_height(chart, scale, zone),
        idle_bands(chart, scale, HEIGHT),
        unwatched_bands(chart, scale, HEIGHT),
        grid(chart, sizes),
        _ballooned(levels, sizes),
        stretched(HEIGHT, *_drawn_lines(levels, sizes)),
        unmeasured_boxes(chart.unmeasured, scale, HEIGHT),
        _ballooned_words(chart, levels, sizes),
        idle_words(chart, scale, sizes),
        unwatched_words(chart, scale, HEIGHT),
        time_axis(scale, HEIGHT, zone),
        cursor(_chosen(chart, scale), HEIGHT),
        draw_marks(chart, scale, sizes),
        end_labels(list(_ends(chart, levels, sizes)), HEIGHT),
    )


def _chosen(chart: Chart, scale: TimeScale) -> float | None:
    return scale.place(chart.moments[chart.chosen].time) if chart.moments else None


def _drawn_lines(levels: Levels, sizes: SizeScale) -> Iterator[Node]:
    in_use = levels.get("in_use", ())
    yield element("path", {"d": area_path(in_use, sizes.place), "fill": LOOKS["in_use"].colour, "fill-opacity": ".13"},
                  {"class": "f-inuse"})  # fmt: skip
    for name in _ORDER:
        path = step_path(levels.get(name, ()), sizes.place, _LIFTS.get(name, 0))
        if path and name == "visible":  # the casing parts the dashes from the line in which they level
            yield stroked(path, {"stroke": GROUND, "stroke-width": "3.4", "class": "casing"})
        if path:
            yield stroked(path, LOOKS[name].stroke())


def _balloons(levels: Levels) -> list[tuple[Level, int]]:
    both = paired(levels.get("assigned", ()), levels.get("visible", ()))
    return [(assigned, visible) for assigned, visible in both if visible > assigned.size]


def _ballooned(levels: Levels, sizes: SizeScale) -> Iterator[Node]:
    for assigned, visible in _balloons(levels):
        top = sizes.place(visible)
        yield rectangle(assigned.begin, assigned.end, top, sizes.place(assigned.size) - top, {"fill": BALLOONED})


def _ballooned_words(chart: Chart, levels: Levels, sizes: SizeScale) -> Node:
    balloons = _balloons(levels)
    if not balloons:
        return None
    assigned, visible = max(balloons, key=lambda pair: pair[0].end - pair[0].begin)
    height = (sizes.place(assigned.size) + sizes.place(visible)) / 2
    if assigned.end - assigned.begin < _ROOM_FOR_BALLOONED or sizes.place(assigned.size) - sizes.place(visible) < 20:
        return None
    place = {"x": percent((assigned.begin + assigned.end) / 2), "y": number(height + 4), "text-anchor": "middle"}
    words = f"ballooned {size_words(visible - assigned.size, chart)}"
    return text({**place, "font-weight": "600", **INK_TEXT}, words, halo=True)


def _ends(chart: Chart, levels: Levels, sizes: SizeScale) -> Iterator[EndLabel]:
    for line in chart.lines:
        if levels[line.name]:
            last = levels[line.name][-1]
            yield EndLabel(
                height=sizes.place(last.size) - _LIFTS.get(line.name, 0),
                name=line.label,
                short_name=_SHORT_NAMES.get(line.name, line.label),
                size=size_words(last.size, chart),
                look=LOOKS[line.name].label(),
                href=line.href,
                end=last.end,
            )

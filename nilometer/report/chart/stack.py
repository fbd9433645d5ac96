"""The chart of a host: what its VMs hold, one on another, over its reserve and under its capacity."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
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
    size_words,
    stretched,
    stroked,
    time_axis,
    unmeasured_boxes,
    unwatched_bands,
    unwatched_words,
)
from nilometer.report.chart.labels import EndLabel, end_labels
from nilometer.report.chart.looks import INK_TEXT, LAYERS, LOOKS, MUTED, element
from nilometer.report.chart.marks import draw_marks
from nilometer.report.chart.paths import (
    Band,
    Level,
    area_path,
    band_path,
    bands_between,
    levels_of,
    sizes_between,
    step_path,
)
from nilometer.report.chart.scales import ScaleKind, SizeScale, TimeScale, time_scale
from nilometer.report.series import Chart, Line, LineName, LineStep

MOST_LAYERS: Final = 12
"""So many VMs have a layer of their own: the largest ones."""
_HEADROOM: Final = 1.04
_HEAD: Final = 26


@dataclass(frozen=True, slots=True)
class Layer:
    """One VM in the stack."""

    line: Line
    bands: list[Band]


def draw_stack(chart: Chart, kind: ScaleKind = "time", zone: tzinfo = UTC) -> Renderable:
    """Draws what the VMs of a host hold over time."""
    scale = time_scale(chart, kind)
    reserve, total = (_levels(chart, name, scale) for name in ("reserve", "total"))
    layers = stacked(_largest([line for line in chart.lines if line.name == "held"]), reserve, scale)
    most = max((level.size for level in (*total, *(level for layer in layers for level in _edge(layer)))), default=0)
    sizes = SizeScale(most=most * _HEADROOM or 1, height=HEIGHT, head=_HEAD)
    return drawing(
        chart,
        plot_height(chart, scale, zone),
        idle_bands(chart, scale, HEIGHT),
        grid(chart, sizes),
        stretched(HEIGHT, _reserve(reserve, sizes), [_layer(layer, n, sizes) for n, layer in enumerate(layers)]),
        unwatched_bands(chart, scale, HEIGHT),
        stretched(HEIGHT, stroked(step_path(total, sizes.place), LOOKS["total"].stroke())),
        unmeasured_boxes(chart.unmeasured, scale, HEIGHT),
        idle_words(chart, scale, sizes),
        unwatched_words(chart, scale, HEIGHT),
        time_axis(scale, HEIGHT, zone),
        cursor(scale.place(chart.moments[chart.chosen].time) if chart.moments else None, HEIGHT),
        draw_marks(chart, scale, sizes, on_top=True),
        end_labels(list(_ends(chart, layers, reserve, total, sizes)), HEIGHT),
    )


def _levels(chart: Chart, name: LineName, scale: TimeScale) -> list[Level]:
    return [level for line in chart.lines if line.name == name for level in levels_of(line, scale)]


# Layers


def stacked(lines: Sequence[Line], reserve: Sequence[Level], scale: TimeScale) -> list[Layer]:
    """The lines one on another: a line that has no size at an instant is as thick as nothing there."""
    levels = [levels_of(line, scale) for line in lines]
    edges = sorted({edge for line in (*levels, reserve) for level in line for edge in (level.begin, level.end)})
    ground = sizes_between(edges, reserve)
    layers: list[Layer] = []
    for line, own in zip(lines, levels, strict=True):
        top = [below + size for below, size in zip(ground, sizes_between(edges, own), strict=True)]
        layers.append(Layer(line, bands_between(edges, ground, top)))
        ground = top
    return layers


def _largest(lines: Sequence[Line]) -> list[Line]:
    """So many lines that each can be seen: the largest ones, and one for all others together."""
    if len(lines) <= MOST_LAYERS:
        return list(lines)
    by_size = sorted(lines, key=lambda line: -max((step.size or 0 for step in line.steps), default=0))
    chosen = set(map(id, by_size[: MOST_LAYERS - 1]))
    others = [line for line in lines if id(line) not in chosen]
    return [*(line for line in lines if id(line) in chosen), _together(others)]


def _together(lines: Sequence[Line]) -> Line:
    changes = sorted(
        (step.time, step.position, (step.size or 0) - before)
        for line in lines
        for before, step in zip([0, *(step.size or 0 for step in line.steps)], line.steps, strict=False)
    )
    total = 0
    steps: dict[str, LineStep] = {}
    for time, position, change in changes:
        total += change
        steps[time] = LineStep(time, total or None, position)
    return replace(lines[0], label=f"{len(lines)} others", steps=tuple(steps.values()), href=None)


# What is drawn


def _reserve(reserve: Sequence[Level], sizes: SizeScale) -> Node:
    return element(
        "path", {"d": area_path(reserve, sizes.place), "fill": MUTED, "fill-opacity": ".35", "class": "f-reserve"}
    )


def _layer(layer: Layer, index: int, sizes: SizeScale) -> Iterator[Node]:
    tint = index % len(LAYERS)
    yield element("path", {"d": band_path(layer.bands, sizes.place), "fill": LAYERS[tint], "class": f"layer{tint}"})
    yield stroked(step_path(_edge(layer), sizes.place), LOOKS["held"].stroke())


def _edge(layer: Layer) -> list[Level]:
    return [Level(band.begin, band.end, band.high) for band in layer.bands]


def _ends(
    chart: Chart, layers: Sequence[Layer], reserve: Sequence[Level], total: Sequence[Level], sizes: SizeScale
) -> Iterator[EndLabel]:
    fullest = _fullest(layers)
    for layer in layers:
        if layer.bands:
            band = next((band for band in layer.bands if band.begin <= fullest < band.end), layer.bands[-1])
            middle = sizes.place((band.low + band.high) / 2)
            yield _end(layer.line, middle, size_words(band.high - band.low, chart), 100)
    for line in chart.lines:
        levels = {"reserve": reserve, "total": total}.get(line.name, ())
        if levels and levels[-1].size:
            size = levels[-1].size
            yield _end(line, sizes.place(size if line.name == "total" else size / 2), size_words(size, chart), 100)


def _fullest(layers: Sequence[Layer]) -> float:
    """The last place at which the most layers lie one on another: there labels have room."""
    begins = sorted({band.begin for layer in layers for band in layer.bands})
    changes = sorted((place, change) for layer in layers for band in layer.bands for place, change in _counted(band))
    counts: dict[float, int] = {}
    count = 0
    for place, change in changes:
        count += change
        counts[place] = count
    return max(begins, key=lambda place: (counts[place], place), default=0.0)


def _counted(band: Band) -> Iterator[tuple[float, int]]:
    yield band.begin, 1
    yield band.end, -1


def _end(line: Line, height: float, size: str, end: float) -> EndLabel:
    return EndLabel(
        height=height, name=line.label, short_name=line.label, size=size, look=INK_TEXT, href=line.href, end=end
    )

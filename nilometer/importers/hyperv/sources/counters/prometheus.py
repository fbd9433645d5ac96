"""Series of windows_exporter, as Prometheus answers ``query_range``: often the only history that is left.

Until 0.29 the exporter wrote these figures in MB, under other names; from 0.30 on in bytes. A series has the
VM's name, and no VmId.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, cast

from domain.errors import InputError
from domain.quantities import LARGEST, MiB
from nilometer.importers.hyperv.readings import Reading
from nilometer.importers.hyperv.sources.counters.instances import Instances
from nilometer.importers.hyperv.sources.counters.samples import MEASURED, Figures, Subject, make_reading
from nilometer.importers.hyperv.sources.json_stream import read_documents
from nilometer.importers.hyperv.sources.source import FileContext, host_name
from nilometer.importers.hyperv.sources.values import (
    NO_FIGURES,
    BadValue,
    Json,
    NoFigure,
    drop_too_small,
    note_impossible,
)
from nilometer.textio.texts import ByteStream
from nilometer.times import to_utc_time

_NEW: Final = "windows_hyperv_dynamic_memory_"
_OLD: Final = "windows_hyperv_vm_memory_"
METRICS: Final = {
    f"{_NEW}vm_physical_bytes": ("assigned", 1),
    f"{_NEW}vm_physical": ("assigned", 1),  # the name in the exporter's docs; its code says physical_bytes
    f"{_NEW}vm_guest_visible_physical_memory_bytes": ("visible", 1),
    f"{_NEW}vm_guest_available_bytes": ("guest_available", 1),
    f"{_NEW}vm_added_total": ("added", 1),  # bytes, though its name does not say so
    f"{_NEW}vm_added_bytes_total": ("added", 1),  # the name in the exporter's docs
    f"{_NEW}vm_removed_bytes_total": ("removed", 1),
    f"{_NEW}balancer_available_memory_bytes": ("available", 1),
    f"{_OLD}physical": ("assigned", MiB),
    f"{_OLD}physical_guest_visible": ("visible", MiB),
    f"{_OLD}added_total": ("added", MiB),
    f"{_OLD}removed_total": ("removed", MiB),
}
"""The figure that a metric is, and its unit in bytes."""

_PORT: Final = re.compile(r":\d+\Z")
_EXPECTED: Final = (
    f"ask Prometheus for /api/v1/query_range?query={_NEW}vm_physical_bytes&start=…&end=…&step=60, a document a metric"
)
_LATEST: Final = 253_402_300_799
"""Seconds since 1970 at the end of the year 9999."""

_ByTime = dict[float, dict[Subject, Figures]]


def recognises(first: bytes) -> bool:
    """Whether a file that begins so has this format."""
    return first.lstrip()[:1] in (b"{", b"[") and b'"resultType"' in first


def read(stream: ByteStream, name: str, context: FileContext) -> Iterator[Reading]:
    """The readings of a file, in order of time. What cannot be read is skipped, with place and hint.

    All series are kept until the end, because each metric is a series of its own.
    """
    table, last = SeriesTable(context), f"{name}:1"
    for place, document in read_documents(stream, name, context.skipped):
        last = place
        try:
            series = _series(document, place)
        except InputError as error:
            context.skipped.add(error)
            continue
        for number, one in enumerate(series, start=1):
            where = f"{place}: series {number}"
            try:
                table.add(one, where, place)
            except InputError as error:
                context.skipped.add(error)
    yield from table.make_readings(last)


class SeriesTable:
    """The figures of a file's series, by time."""

    def __init__(self, context: FileContext) -> None:
        self._context = context
        self._by_time: _ByTime = {}
        self._known = False
        self._first = ""
        """Where the first series of a known metric stands."""

    def add(self, series: object, where: str, place: str) -> None:
        """Adds a series; one of another metric is passed over. Raises ``InputError``, with ``where``."""
        try:
            known = _add_series(series, where, self._context, self._by_time)
        except InputError:
            self._known = True  # whatever it was to be
            raise
        if known:
            self._known, self._first = True, self._first or place

    def make_readings(self, last: str) -> Iterator[Reading]:
        """The readings of all series, in order of time. That there is none is an error, at the place ``last``."""
        context = self._context
        if not self._known:
            nothing = f"{last}: no series is a metric of Dynamic Memory that windows_exporter has"
            context.skipped.add(InputError(nothing, hint=_EXPECTED))
        instances = Instances(context.counts)
        for host, vm in {subject for subjects in self._by_time.values() for subject in subjects}:
            if vm is not None:
                instances.learn(host, vm)
        for time in sorted(self._by_time):
            at = to_utc_time(datetime.fromtimestamp(time, UTC))
            record = f"{self._first or last}: {at}"
            for (host, vm), figures in self._by_time[time].items():
                if vm is None or instances.is_vm(host, vm, record):
                    yield make_reading(at, record, (host, vm), figures)


def _series(document: object, place: str) -> list[object]:
    answer = cast("Json", document) if isinstance(document, dict) else {}
    if answer.get("status") == "error":
        raise InputError(f"{place}: Prometheus answered with an error: {answer.get('error')!r:.200}", hint=_EXPECTED)
    data = answer.get("data")
    result = cast("Json", data).get("result") if isinstance(data, dict) else None
    if not isinstance(result, list):
        raise InputError(f"{place}: is not an answer of Prometheus: it has no data.result", hint=_EXPECTED)
    return cast("list[object]", result)


def _add_series(series: object, where: str, context: FileContext, by_time: _ByTime) -> bool:
    """Adds one series, and returns whether its metric is known."""
    one = cast("Json", series) if isinstance(series, dict) else {}
    labels: object = one.get("metric")
    if not isinstance(labels, dict):
        raise InputError(f"{where}: has no metric", hint=_EXPECTED)
    metric = cast("Json", labels)
    name = metric.get("__name__")
    if name is None:
        raise InputError(f"{where}: has no __name__: query the metric itself, not an expression", hint=_EXPECTED)
    if not isinstance(name, str) or name not in METRICS:
        return False
    figure, unit = METRICS[name]
    subject = _find_subject(metric, figure, where, context)
    values = one.get("values", [one["value"]] if "value" in one else None)
    if not isinstance(values, list):
        raise InputError(f"{where}: has no values", hint=_EXPECTED)
    for value in cast("list[object]", values):
        try:
            time, count = _sample(value, unit)
        except BadValue as bad:
            raise InputError(f"{where}: {bad}", hint=_EXPECTED) from None
        except NoFigure as none:
            note_impossible(context.counts, where, f"{name} {none}")
            continue
        if figure in MEASURED:
            count = drop_too_small(count, name, where, context.counts)
        if count is not None:
            figures = by_time.setdefault(time, {}).setdefault(subject, {})
            if figures.setdefault(figure, count) != count:
                what = f"{where}: {figure} of {subject[1] or subject[0]} differs from that of another series"
                raise InputError(what, hint=_EXPECTED)
    return True


def _find_subject(metric: Json, figure: str, where: str, context: FileContext) -> Subject:
    instance, vm = metric.get("instance"), metric.get("vm")
    named = host_name(_PORT.sub("", instance)) if isinstance(instance, str) else None
    host = named or host_name(context.host)
    if figure == "available":
        if host is None:
            raise InputError(f"{where}: does not name its host", hint="name it: --on hv01")
        return host, None
    if not isinstance(vm, str) or not vm:
        raise InputError(f"{where}: has no vm", hint=_EXPECTED)
    return host, vm


def _sample(value: object, unit: int) -> tuple[float, int | None]:
    """The time of a sample, and its size in bytes; ``None`` if it has none, which Prometheus writes as NaN."""
    pair = cast("list[object]", value) if isinstance(value, list) else []
    if len(pair) != 2 or isinstance(pair[0], bool) or not isinstance(pair[0], int | float):
        raise BadValue("a value is not a pair of a time and a text")
    time = float(pair[0]) if abs(pair[0]) <= _LATEST else math.inf
    if not 0 <= time <= _LATEST:
        raise BadValue("a time is out of range")
    try:
        count = float(str(pair[1]))
    except ValueError:
        raise BadValue(f"{str(pair[1])[:60]!r} is not a number") from None
    if math.isnan(count):
        return time, None
    if not 0 <= count * unit <= LARGEST or count in NO_FIGURES:
        raise NoFigure(str(pair[1])[:60])
    return time, round(count * unit)

"""Series of windows_exporter, as Prometheus answers ``query_range``: often the only old history that there is.

Until 0.29 the exporter wrote these figures in MB, under other names; from 0.30 on in bytes. VMs are known by name.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final, cast

from domain.errors import InputError
from domain.quantities import LARGEST, MiB
from nilometer.importers.hyperv.readings import HostReading, Reading, VmReading
from nilometer.importers.hyperv.sources.context import Context, PassOver, host_name, tell
from nilometer.importers.hyperv.sources.json_stream import documents
from nilometer.importers.hyperv.sources.values import BadValue, Json
from nilometer.textio.texts import ByteStream
from nilometer.times import inside

_NEW: Final = "windows_hyperv_dynamic_memory_"
_OLD: Final = "windows_hyperv_vm_memory_"
METRICS: Final = {
    f"{_NEW}vm_physical_bytes": ("assigned", 1),
    f"{_NEW}vm_physical": ("assigned", 1),  # so the exporter's page calls it; its code says physical_bytes
    f"{_NEW}vm_guest_visible_physical_memory_bytes": ("visible", 1),
    f"{_NEW}vm_guest_available_bytes": ("guest_available", 1),
    f"{_NEW}vm_added_total": ("added", 1),  # bytes, though its name does not say so
    f"{_NEW}vm_added_bytes_total": ("added", 1),  # so the exporter's page calls it
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

_Figures = dict[str, int]
_Of = tuple[str | None, str | None]
"""A host and a VM of it, or no VM."""


def recognises(first: bytes) -> bool:
    """Whether a file that begins so is one of these."""
    return first.lstrip()[:1] in (b"{", b"[") and b'"resultType"' in first


def read(stream: ByteStream, name: str, context: Context, pass_over: PassOver | None = None) -> Iterator[Reading]:
    """What a file tells, in order of time. Raises ``InputError`` with place and hint, or tells ``pass_over``.

    All series are kept until the end, because each metric is a series of its own.
    """
    told: dict[float, dict[_Of, _Figures]] = {}
    known, first, last = False, "", f"{name}:1"
    for place, document in documents(stream, name, pass_over):
        last = place
        try:
            series = _series(document, place)
        except InputError as error:
            tell(error, pass_over)
            continue
        for number, one in enumerate(series, start=1):
            where = f"{place}: series {number}"
            try:
                if _take(one, where, context, told):
                    known, first = True, first or place
            except InputError as error:
                known = True
                tell(error, pass_over)
    if not known:
        nothing = f"{last}: no series is a metric of Dynamic Memory that windows_exporter has"
        tell(InputError(nothing, hint=_EXPECTED), pass_over)
    for time in sorted(told):
        at = inside(datetime.fromtimestamp(time, UTC))
        for of, figures in told[time].items():
            yield _reading(at, f"{first or last}: {at}", of, figures)


def _series(document: object, place: str) -> list[object]:
    answer = cast("Json", document) if isinstance(document, dict) else {}
    if answer.get("status") == "error":
        raise InputError(f"{place}: Prometheus answered with an error: {answer.get('error')!r:.200}", hint=_EXPECTED)
    data = answer.get("data")
    result = cast("Json", data).get("result") if isinstance(data, dict) else None
    if not isinstance(result, list):
        raise InputError(f"{place}: is no answer of Prometheus: it has no data.result", hint=_EXPECTED)
    return cast("list[object]", result)


def _take(series: object, where: str, context: Context, told: dict[float, dict[_Of, _Figures]]) -> bool:
    """Takes one series; whether it is of a known metric."""
    one = cast("Json", series) if isinstance(series, dict) else {}
    labels: object = one.get("metric")
    if not isinstance(labels, dict):
        raise InputError(f"{where}: has no metric", hint=_EXPECTED)
    metric = cast("Json", labels)
    name = metric.get("__name__")
    if name is None:
        raise InputError(
            f"{where}: has no __name__: ask for the metric itself, nothing worked out of it", hint=_EXPECTED
        )
    if not isinstance(name, str) or name not in METRICS:
        return False
    figure, unit = METRICS[name]
    of = _of(metric, figure, where, context)
    values = one.get("values", [one["value"]] if "value" in one else None)
    if not isinstance(values, list):
        raise InputError(f"{where}: has no values", hint=_EXPECTED)
    for value in cast("list[object]", values):
        try:
            time, count = _sample(value, unit)
        except BadValue as bad:
            raise InputError(f"{where}: {bad}", hint=_EXPECTED) from None
        if count is not None:
            figures = told.setdefault(time, {}).setdefault(of, {})
            if figures.setdefault(figure, count) != count:
                raise InputError(f"{where}: tells {figure} of {of[1] or of[0]} otherwise than another", hint=_EXPECTED)
    return True


def _of(metric: Json, figure: str, where: str, context: Context) -> _Of:
    instance, vm = metric.get("instance"), metric.get("vm")
    told = host_name(_PORT.sub("", instance)) if isinstance(instance, str) else None
    host = told or host_name(context.host)
    if figure == "available":
        if host is None:
            raise InputError(f"{where}: does not name its host", hint="say whose it is: --on hv01")
        return host, None
    if not isinstance(vm, str) or not vm:
        raise InputError(f"{where}: has no vm", hint=_EXPECTED)
    return host, vm


def _sample(value: object, unit: int) -> tuple[float, int | None]:
    """The time of a sample, and its size in bytes; ``None`` if it has none, which Prometheus writes as NaN."""
    pair = cast("list[object]", value) if isinstance(value, list) else []
    if len(pair) != 2 or isinstance(pair[0], bool) or not isinstance(pair[0], int | float):
        raise BadValue("a value is no pair of a time and a text")
    time = float(pair[0]) if abs(pair[0]) <= _LATEST else math.inf
    if not 0 <= time <= _LATEST:
        raise BadValue("a time is out of range")
    try:
        count = float(str(pair[1]))
    except ValueError:
        raise BadValue(f"{str(pair[1])[:60]!r} is no number") from None
    if math.isnan(count):
        return time, None
    if not 0 <= count * unit <= LARGEST:
        raise BadValue(f"{str(pair[1])[:60]!r} is no size")
    return time, round(count * unit)


def _reading(at: str, record: str, of: _Of, figures: _Figures) -> Reading:
    host, vm = of
    if vm is None:
        assert host is not None
        return HostReading(at=at, host=host, record=record, available=figures.get("available"))
    return VmReading(
        at=at,
        record=record,
        host=host,
        name=vm,
        assigned=figures.get("assigned") or None,  # 0 is not reported yet: a VM that is off has no series
        visible=figures.get("visible") or None,
        guest_available=figures.get("guest_available"),
        added=figures.get("added"),
        removed=figures.get("removed"),
    )

"""Counters of Dynamic Memory read over WMI, as JSON: ``Get-CimInstance Win32_PerfFormattedData_BalancerStats_…``.

The names are the same in every language. Sizes are in MB. The objects do not say when they were read; scripts often
put them beside a time, into an object of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, cast

from domain.errors import InputError
from domain.identifiers import UtcTime
from nilometer.importers.hyperv.readings import Reading
from nilometer.importers.hyperv.sources.counters.instances import Instances
from nilometer.importers.hyperv.sources.counters.samples import Counter, Samples
from nilometer.importers.hyperv.sources.json_stream import read_documents
from nilometer.importers.hyperv.sources.source import FileContext, host_name
from nilometer.importers.hyperv.sources.values import BadValue, Json, parse_moment
from nilometer.textio.texts import ByteStream

_SIGNS: Final = (b'"GuestVisiblePhysicalMemory"', b"BalancerStats_HyperVDynamicMemory")
_VM_FIGURES: Final = {
    "PhysicalMemory": "assigned",
    "GuestVisiblePhysicalMemory": "visible",
    "GuestAvailableMemory": "guest_available",
    "AddedMemory": "added",
    "RemovedMemory": "removed",
}
_TIMES: Final = ("utc", "time", "timestamp", "collectedat", "at")
_TOTAL: Final = "_total"
_EXPECTED: Final = (
    "write it with: Get-CimInstance Win32_PerfFormattedData_BalancerStats_HyperVDynamicMemoryVM | ConvertTo-Json"
)
_NO_TIME: Final = "say when it was read: --at 2026-11-23T09:00:00Z"


def recognises(first: bytes) -> bool:
    """Whether a file that begins so has this format."""
    return first.lstrip()[:1] in (b"{", b"[") and any(sign in first for sign in _SIGNS)


def read(stream: ByteStream, name: str, context: FileContext) -> Iterator[Reading]:
    """The readings of a file, a set of objects after the other. What cannot be read is skipped, with place and hint."""
    instances, known, last = Instances(context.counts), False, f"{name}:1"
    for place, document in read_documents(stream, name, context.skipped):
        last = place
        try:
            at, host, objects = _find_objects(document, place, context)
        except InputError as error:
            known = True
            context.skipped.add(error)
            continue
        samples = Samples(context, instances)
        for number, value in enumerate(objects, start=1):
            try:
                known = _add(value, f"{place}: object {number}", host, samples) or known
            except InputError as error:
                known = True
                context.skipped.add(error)
        yield from samples.make_readings(at, place)
    if not known:
        context.skipped.add(InputError(f"{last}: no object has counters of Dynamic Memory", hint=_EXPECTED))


def _find_objects(document: object, place: str, context: FileContext) -> tuple[UtcTime, str | None, list[object]]:
    """The objects of a document, and the time and host that stand beside them."""
    objects = _as_list(document) or [document]
    beside = Json()
    if isinstance(document, dict) and not _is_counters(cast("Json", document)):
        beside = cast("Json", document)
        objects = [one for value in beside.values() for one in _as_list(value)]
    at = context.at
    for key, value in beside.items():
        if key.lower() in _TIMES and isinstance(value, str):
            try:
                moment = parse_moment(value)
            except BadValue as bad:
                raise InputError(f"{place}: {key} {bad}", hint=_NO_TIME) from None
            at = moment if isinstance(moment, str) else at
    if at is None:
        raise InputError(f"{place}: does not say when it was read, with the zone", hint=_NO_TIME)
    named = next((value for key, value in beside.items() if key.lower() in ("computername", "host")), None)
    return at, host_name(named) if isinstance(named, str) else None, objects


def _as_list(value: object) -> list[object]:
    return cast("list[object]", value) if isinstance(value, list) else []


def _is_counters(value: Json) -> bool:
    return "Name" in value and not any(isinstance(part, list) for part in value.values())


def _add(value: object, where: str, host: str | None, samples: Samples) -> bool:
    """Adds the figures of an object, and returns whether it has any."""
    if not isinstance(value, dict):
        raise InputError(f"{where}: is not an object", hint=_EXPECTED)
    properties = cast("Json", value)
    name, computer = properties.get("Name"), properties.get("PSComputerName")
    if isinstance(computer, str):
        host = host_name(computer) or host
    figures: dict[str, str] = {key: name for key, name in _VM_FIGURES.items() if key in properties}
    is_host = not figures and "AvailableMemory" in properties
    if is_host:
        figures = {"AvailableMemory": "available"}
    if not figures or (isinstance(name, str) and name.lower() == _TOTAL):
        return bool(figures)
    if not is_host and (not isinstance(name, str) or not name.strip()):
        raise InputError(f"{where}: has no Name, which is that of the VM", hint=_EXPECTED)
    for key, figure in figures.items():
        counter = Counter(figure, host, None if is_host else cast("str", name))
        written = properties[key]
        try:
            samples.add(counter, samples.read_size(counter, "" if written is None else str(written), f"{where}: {key}"))
        except BadValue as bad:
            raise InputError(f"{where}: {key} {bad}", hint=_EXPECTED) from None
    return True

"""The collector's spool, JSON Lines: a line for each poll of a host, and for what it took in of operators' changes.

Schema 1 is that of the script ``collect.ps1``, which wrote a change as one line; schema 2 that of the module. Both may
stand in one file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Final, NamedTuple, cast

from domain.errors import InputError
from domain.identifiers import UtcTime
from domain.quantities import GiB, MiB
from domain.settings import HostVersion
from nilometer.importers.hyperv.readings import (
    ChangeReading,
    GuestReading,
    HostReading,
    InventoryReading,
    JobKind,
    JobReading,
    Reading,
    SourceRecord,
    VmListing,
    VmReading,
)
from nilometer.importers.hyperv.sources.source import FileContext, FileFormat, Lines
from nilometer.importers.hyperv.sources.spool.change_order import ChangesInOrder, find_migrations
from nilometer.importers.hyperv.sources.spool.change_pairs import WAITING, find_size
from nilometer.importers.hyperv.sources.values import (
    VM_STATES,
    Json,
    as_object,
    drop_impossible_size,
    drop_too_small,
    group_fields,
    note_impossible,
    read_flag,
    read_guid,
    read_number,
    read_numbers,
    read_text,
    read_time,
)
from nilometer.importers.run import ImportCounts
from nilometer.textio.strict_json import CUT_OFF, parse_spelled_json
from nilometer.times import to_utc_time

SCHEMAS: Final = (1, 2)

RELEASES: Final = {
    14393: HostVersion.V2016,
    17763: HostVersion.V2019,
    20348: HostVersion.V2022,
    26100: HostVersion.V2025,
}
"""Windows Server by its build."""
JOBS: Final = {
    **dict.fromkeys((*range(12, 17), *range(26, 30)), JobKind.POWER),
    31: JobKind.MODIFY,
    41: JobKind.ADD_MEMORY,
    42: JobKind.REMOVE_MEMORY,
    71: JobKind.CHECKPOINT,
}
_COUNTS: Final = group_fields("state", "uptime", "generation", "buffer", "weight")
_SIZES: Final = group_fields("startup", "minimum", "maximum", "assigned")
_COUNTERS: Final = group_fields("physical_mb", "visible_mb", "guest_available_mb", "added_mb", "removed_mb")
_SELDOM: Final = itemgetter(
    "id", "name", "version", "state", "generation", "buffer", "weight", "dynamic", "startup", "minimum", "maximum",
    "assigned", "physical_mb", "visible_mb", "added_mb", "removed_mb",
)  # fmt: skip
"""The fields of a VM that seldom change from one minute to the next."""
_COMPLETED: Final = 7
_EXCEPTION: Final = 10
_ENDED: Final = (_COMPLETED, 8, 9, _EXCEPTION, 32768)

_STOPPED: Final = "the collector may have been stopped while it wrote: what follows is read with --keep-going"
_BEGIN: Final = re.compile(rb'\s*\{\s*"schema"\s*:')


def recognises(first: bytes) -> bool:
    """Whether a file begins as a spool does."""
    return _BEGIN.match(first) is not None


def read(lines: Lines, name: str, context: FileContext) -> Iterator[SourceRecord]:
    """The records of a spool. If its last line is cut off, that is a remark, and what stands before it is kept."""
    order = ChangesInOrder(pairs=context.changes, counts=context.counts, memory=context.memory)
    try:
        yield from _read_lines(lines, name, context, order)
    except InputError:
        yield from order.finish()  # what stands before an error is taken too
        raise
    yield from order.finish()


def _read_lines(lines: Lines, name: str, context: FileContext, order: ChangesInOrder) -> Iterator[SourceRecord]:
    broken: InputError | None = None
    listings = _Listings(context.counts)
    for line_number, line in context.skipped.iter_readable(lines):
        if not line.strip():
            continue
        if broken is not None:
            context.skipped.add(InputError(broken.message, hint=_STOPPED))
            broken = None
        place = f"{name}:{line_number}"
        try:
            value, identity = parse_spelled_json(line, place)
            record, schema, kind = _read_head(value, place)
            if schema == 2 and kind in ("seen", WAITING):
                yield from order.take_file(record, place)
                continue
            readings = tuple(_read_line(record, schema, kind, place, context, listings))
        except InputError as error:
            if error.hint == CUT_OFF:
                broken = error
            else:
                context.skipped.add(error)
            continue
        if readings:
            moves = find_migrations(record) if schema == 2 else {}
            yield from order.take_record(SourceRecord(readings, identity), moves)
    if broken is not None:
        note = f"{broken.message}: the collector may have been stopped while it wrote; what stands before it is kept"
        context.counts.add_remark("cut off", note)


def _read_head(line: object, place: str) -> tuple[Json, int, object]:
    """A line with its schema and kind. Raises ``InputError`` for another schema."""
    record = as_object(line, place)
    schema, kind = record.get("schema"), record.get("kind")
    if not isinstance(schema, int) or isinstance(schema, bool) or schema not in SCHEMAS:
        what = f"{place}: the spool's schema is {schema!r}, and {' and '.join(map(str, SCHEMAS))} can be read"
        raise InputError(what, hint="was it written by a newer collector? use the nilo that wrote the module")
    return record, schema, kind


def _read_line(
    record: Json, schema: int, kind: object, place: str, context: FileContext, listings: _Listings
) -> Iterator[Reading]:
    if kind == "poll":
        yield from _read_poll(record, schema, place, context, listings)
    elif kind == "change" and schema == 1:
        yield _read_change(record, place, context.counts)
    elif kind == "inventory" and schema == 2:
        yield from _read_inventory(record, place, context.counts)
    elif kind != "note":  # a note is for people
        context.counts.add_remark("unknown kind", f"{place}: the kind {kind!r} is unknown: the line is passed over")


def _read_poll(record: Json, schema: int, place: str, context: FileContext, listings: _Listings) -> Iterator[Reading]:
    at, host = read_time(record, "time", place), read_text(record, "host", place)
    if at is None or host is None:
        raise InputError(f"{place}: a poll lacks its time or its host", hint="it needs time and host")
    wrong = record.get("error")
    if isinstance(wrong, str) and wrong:
        context.counts.add_remark(
            "poll in part", f"{place}: the collector could not read all: {wrong[:200]!r}", wrong[:200]
        )
    counts = context.counts
    build = read_number(record, "build", place, counts)
    capacity = read_number(record, "capacity", place, counts)
    if capacity is not None and capacity < GiB:
        note_impossible(counts, place, f"capacity {capacity}")
        capacity = None
    yield HostReading(
        at=at,
        host=host,
        record=place,
        version=None if build is None else RELEASES.get(build),
        total=capacity,
        available=read_number(record, "available_mb", place, counts, MiB),
        lists_all=_is_complete(record, "vms", place) if schema == 2 else not wrong,
    )
    for index, vm in enumerate(_objects(record, "vms", place)):
        yield listings.read(index, vm, at, host, place)
    for job in _objects(record, "jobs", place):
        reading = _read_job(job, host, place, counts)
        if reading is not None:
            yield reading
        elif schema == 1 or job.get("type") is None or job.get("submitted") is None:  # the module lists all types
            context.counts.add_remark(
                "job passed over", f"{place}: a job does not say when it was given, or of what type"
            )


def _read_inventory(record: Json, place: str, counts: ImportCounts) -> Iterator[InventoryReading | GuestReading]:
    """What a host and its guests report of themselves; the rest of an inventory is only for people."""
    at = read_time(record, "time", place)
    if at is None:
        raise InputError(f"{place}: an inventory lacks its time")
    host, booted = read_text(record, "host", place), read_time(record, "boot", place)
    cluster = read_text(record, "cluster", place)
    spanning = read_flag(record, "numa_spanning", place)
    nodes = [read_number(node, "total_mb", place, counts, MiB) for node in _objects(record, "numa", place)]
    if host is not None and (booted is not None or cluster is not None or spanning is not None):
        yield InventoryReading(
            at=at,
            record=place,
            host=host,
            booted=booted,
            cluster=cluster,
            numa_spanning=spanning,
            numa_nodes=() if None in nodes else tuple(sorted(size for size in nodes if size is not None)),
        )
    for guest in _objects(record, "guests", place):
        vm, system, nested = (
            read_guid(guest, "vm", place),
            read_text(guest, "os", place),
            read_flag(guest, "nested", place),
        )
        if vm is not None and (system is not None or nested):
            yield GuestReading(at=at, record=place, vm_id=vm, system=system, nested=nested)


def _is_complete(record: Json, part: str, place: str) -> bool:
    """Whether a part of a poll was read without an error; one that does not say so was not."""
    parts = record.get("parts")
    if not isinstance(parts, dict):
        return False
    state = cast("Json", parts).get(part)
    return isinstance(state, dict) and read_flag(cast("Json", state), "complete", place) is True


def _objects(record: Json, key: str, place: str) -> list[Json]:
    """The objects of a list. PowerShell writes a list of one object as that object, and an empty list as null."""
    value = record.get(key)
    if value is None:
        return []
    return [as_object(item, place) for item in (cast("list[object]", value) if isinstance(value, list) else [value])]


class _Before(NamedTuple):
    """The fields of a VM that seldom change, as they stood in the last list, and what was read from them."""

    values: tuple[object, ...]
    types: tuple[type, ...]
    host: str
    reading: VmReading


class _Listings:
    """The VMs of the last list, by their place in it. Values that stand where they stood are not read again."""

    def __init__(self, counts: ImportCounts) -> None:
        self._counts = counts
        self._before: dict[int, _Before] = {}

    def read(self, index: int, vm: Json, at: UtcTime, host: str, place: str) -> VmReading:
        """The reading of a VM's object."""
        try:
            values = _SELDOM(vm)
        except KeyError:
            return _read_vm(vm, at, host, place, self._counts)
        types = tuple(map(type, values))  # true equals 1
        before = self._before.get(index)
        if before is None or before.values != values or before.types != types or before.host != host:
            reading = _read_vm(vm, at, host, place, self._counts)
            self._before[index] = _Before(values=values, types=types, host=host, reading=reading)
            return reading
        known = before.reading
        return VmReading(
            at=at,
            record=place,
            listing=known.listing,
            uptime=read_number(vm, "uptime", place, self._counts),
            guest_available=read_number(vm, "guest_available_mb", place, self._counts, MiB),
            physical=known.physical,
            added=known.added,
            removed=known.removed,
            pressure=read_number(vm, "pressure", place, self._counts),
        )


def _read_vm(vm: Json, at: UtcTime, host: str, place: str, counts: ImportCounts) -> VmReading:
    id = read_guid(vm, "id", place)
    if id is None:
        raise InputError(f"{place}: a VM has no id", hint="its name may change: the VmId is needed")
    state, uptime, generation, buffer, weight = read_numbers(vm, _COUNTS, place, counts)
    startup, minimum, maximum, assigned = read_numbers(vm, _SIZES, place, counts)
    physical, visible, guest_available, added, removed = read_numbers(vm, _COUNTERS, place, counts, MiB)
    dynamic = read_flag(vm, "dynamic", place)
    assigned = drop_impossible_size(assigned, "assigned", place, counts)
    physical = drop_too_small(physical, "physical_mb", place, counts)
    visible = drop_too_small(visible, "visible_mb", place, counts)
    startup = drop_impossible_size(startup, "startup", place, counts, configured=True)
    if dynamic:  # else they mean nothing
        minimum = drop_impossible_size(minimum, "minimum", place, counts, configured=True)
        maximum = drop_impossible_size(maximum, "maximum", place, counts, configured=True)
    power = None if state is None else VM_STATES.get(state)
    listing = VmListing(
        host=host,
        vm_id=id,
        name=read_text(vm, "name", place),
        power=power,
        generation=generation,
        config_version=read_text(vm, "version", place),
        dynamic=dynamic,
        startup=startup,
        minimum=minimum,
        maximum=maximum,
        buffer=buffer,
        weight=weight,
        # while a VM starts, stops or is saved, its memory is on its way: no figure of it holds
        assigned=None if power is None else assigned,
        visible=visible,
    )
    return VmReading(
        at=at,
        record=place,
        listing=listing,
        uptime=uptime,
        guest_available=guest_available,
        physical=physical,
        added=added,
        removed=removed,
        pressure=read_number(vm, "pressure", place, counts),
    )


def _read_job(job: Json, host: str, place: str, counts: ImportCounts) -> JobReading | None:
    kind = JOBS.get(read_number(job, "type", place, counts) or 0)
    at = read_time(job, "submitted", place)
    if kind is None or at is None:
        return None
    state, error = read_number(job, "state", place, counts), read_number(job, "error", place, counts)
    elapsed = job.get("elapsed")
    ended = None
    if state in _ENDED and isinstance(elapsed, int | float) and 0 <= elapsed < 10**7:
        with suppress(OverflowError):
            ended = to_utc_time(datetime.fromisoformat(at) + timedelta(seconds=elapsed))
    return JobReading(
        at=at,
        record=place,
        host=host,
        job=read_text(job, "id", place) or "",
        kind=kind,
        vm_id=_find_vm(job, kind, place),
        owner=read_text(job, "owner", place),
        ended=ended,
        in_full=state == _COMPLETED if state in _ENDED else None,
        failed=state == _EXCEPTION,
        error=str(error) if error else None,
        words=None if state == _COMPLETED or state not in _ENDED else _find_words(job, place),
    )


def _find_words(job: Json, place: str) -> str | None:
    """What a job says of how it ended: the whole description of its error, else its summary, else its status."""
    texts = (read_text(job, key, place) for key in ("error_text", "description", "summary", "status"))
    return next(filter(None, texts), None)


def _find_vm(job: Json, kind: JobKind, place: str) -> str | None:
    """The VM that a job is about; ``None`` for one about the host, or about any VM of it."""
    vm, element = read_text(job, "vm", place), read_text(job, "element", place)
    if vm is not None:
        return read_guid(job, "vm", place) if vm.count("-") == 4 else None
    if element is None or kind is JobKind.CHECKPOINT:  # the element may be the checkpoint
        return None
    try:
        return read_guid(job, "element", place)  # a VM that was not listed
    except InputError:
        return None


def _read_change(record: Json, place: str, counts: ImportCounts) -> ChangeReading:
    at, since = read_time(record, "time", place), read_time(record, "since", place)
    host, vm, user = read_text(record, "host", place), read_guid(record, "vm", place), read_text(record, "user", place)
    if at is None or host is None or vm is None or user is None:
        raise InputError(f"{place}: a change lacks its time, host, VM or user", hint="was it edited by hand?")
    command = read_text(record, "command", place)
    before, after, requested = (
        drop_impossible_size(read_number(record, key, place, counts), key, place, counts)
        for key in ("before", "after", "asked")
    )
    if requested is None:  # refused: only the command shows the size requested
        requested = find_size(command)
    return ChangeReading(
        at=at,
        since=since or at,
        record=place,
        host=host,
        vm_id=vm,
        name=read_text(record, "name", place),
        user=user,
        before=before,
        after=after,
        requested=requested,
        command=command,
        error=read_text(record, "error", place),
    )


SPOOL: Final = FileFormat(
    name="hyperv-spool", expected="the spool of nilo collector (JSON Lines)", recognises=recognises, read=read
)

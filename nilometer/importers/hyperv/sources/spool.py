"""The collector's spool, JSON Lines: a line a poll of a host, and a line for each change of one's own."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import suppress
from datetime import datetime, timedelta
from operator import itemgetter
from typing import Any, Final, NamedTuple, cast

from domain.errors import InputError
from domain.quantities import MiB
from domain.settings import HostVersion
from domain.shapes import parse_size
from domain.state import Power
from nilometer.importers.hyperv.readings import (
    SELDOM,
    ChangeReading,
    HostReading,
    JobKind,
    JobReading,
    Reading,
    Record,
    VmReading,
)
from nilometer.importers.hyperv.sources.fields import flag, guid, keys, number, numbers, plain, text, time
from nilometer.importers.hyperv.sources.source import Context, Lines, Source
from nilometer.textio.strict_json import CUT_OFF, parse_spelled_json
from nilometer.times import inside

SCHEMA: Final = 1

POWERS: Final = {2: Power.RUNNING, 3: Power.OFF, 6: Power.SAVED, 9: Power.PAUSED}
"""The states that last, by their numbers; from 32781 on a number means another state on another release."""
RELEASES: Final = {
    14393: HostVersion.V2016,
    17763: HostVersion.V2019,
    20348: HostVersion.V2022,
    26100: HostVersion.V2025,
}
"""Windows Server by its build."""
JOBS: Final = {
    **dict.fromkeys((*range(12, 16), *range(26, 30)), JobKind.POWER),
    31: JobKind.MODIFY,
    41: JobKind.ADD_MEMORY,
    42: JobKind.REMOVE_MEMORY,
    71: JobKind.CHECKPOINT,
}
_COUNTS: Final = keys("state", "uptime", "generation", "buffer", "weight")
_SIZES: Final = keys("startup", "minimum", "maximum", "assigned")
_COUNTERS: Final = keys("physical_mb", "visible_mb", "guest_available_mb", "added_mb", "removed_mb")
_SELDOM: Final = itemgetter(
    "id", "name", "version", "state", "generation", "buffer", "weight", "dynamic", "startup", "minimum", "maximum",
    "assigned", "physical_mb", "visible_mb", "added_mb", "removed_mb",
)  # fmt: skip
"""What of a VM seldom is another than the minute before."""
_COMPLETED: Final = 7
_EXCEPTION: Final = 10
_ENDED: Final = (_COMPLETED, 8, 9, _EXCEPTION, 32768)

_STOPPED: Final = "the collector may have been stopped while it wrote: what follows is read with --keep-going"
_BEGIN: Final = re.compile(rb'\s*\{\s*"schema"\s*:')
_ASKED: Final = re.compile(r"-(?:Memory)?StartupBytes[\s:]+([0-9]+(?:[KMGTP]B)?)(?![\w.])", re.IGNORECASE)

Json = dict[str, Any]


def recognises(first: bytes) -> bool:
    """Whether a file begins as a spool does."""
    return _BEGIN.match(first) is not None


def read(lines: Lines, name: str, context: Context) -> Iterator[Record]:
    """The records of a spool. A last line that breaks off is told, and what stands before it kept."""
    broken: InputError | None = None
    listed = _Listed()
    for line_number, line in context.skipped.iter_readable(lines):
        if not line.strip():
            continue
        if broken is not None:
            context.skipped.add(InputError(broken.message, hint=_STOPPED))
            broken = None
        place = f"{name}:{line_number}"
        try:
            value, said = parse_spelled_json(line, place)
            readings = tuple(_readings(value, place, context, listed))
        except InputError as error:
            if error.hint == CUT_OFF:
                broken = error
            else:
                context.skipped.add(error)
            continue
        if readings:
            yield Record(readings, said)
    if broken is not None:
        note = f"{broken.message}: the collector may have been stopped while it wrote; what stands before it is kept"
        context.counts.add_remark("cut off", note)


def _readings(line: object, place: str, context: Context, listed: _Listed) -> Iterator[Reading]:
    record = plain(line, place)
    schema, kind = record.get("schema"), record.get("kind")
    if schema != SCHEMA:
        what = f"{place}: the spool's schema is {schema!r}, and {SCHEMA} can be read"
        raise InputError(what, hint="was it written by a newer collector? use the nilo that printed it")
    if kind == "poll":
        yield from _poll(record, place, context, listed)
    elif kind == "change":
        yield _change(record, place)
    elif kind != "note":  # a note is for people
        context.counts.add_remark("unknown kind", f"{place}: the kind {kind!r} is unknown: the line is passed over")


def _poll(record: Json, place: str, context: Context, listed: _Listed) -> Iterator[Reading]:
    at, host = time(record, "time", place), text(record, "host", place)
    if at is None or host is None:
        raise InputError(f"{place}: a poll says neither when nor where it was", hint="it needs time and host")
    wrong = record.get("error")
    if isinstance(wrong, str) and wrong:
        context.counts.add_remark("poll in part", f"{place}: the collector could not read all: {wrong[:200]!r}")
    build = number(record, "build", place)
    yield HostReading(
        at=at,
        host=host,
        record=place,
        version=None if build is None else RELEASES.get(build),
        total=number(record, "capacity", place),
        available=number(record, "available_mb", place, MiB),
    )
    for index, vm in enumerate(_each(record, "vms", place)):
        yield listed.read(index, vm, at, host, place)
    for job in _each(record, "jobs", place):
        told = _job(job, host, place)
        if told is not None:
            yield told
        else:
            context.counts.add_remark(
                "job passed over", f"{place}: a job does not say when it was given, or of what type"
            )


def _each(record: Json, key: str, place: str) -> list[Json]:
    """The objects of a list. PowerShell writes a list of one as that one, and an empty one as null."""
    value = record.get(key)
    if value is None:
        return []
    return [plain(each, place) for each in (cast("list[object]", value) if isinstance(value, list) else [value])]


class _Before(NamedTuple):
    """What of a VM seldom is another, as it stood in the list before: values, of what type each was, what they tell."""

    values: tuple[object, ...]
    types: tuple[type, ...]
    host: str
    told: tuple[Any, ...]


class _Listed:
    """The VMs of a list, by their place in it. What stands there as it stood before is not read again."""

    def __init__(self) -> None:
        self._before: dict[int, _Before] = {}

    def read(self, index: int, vm: Json, at: str, host: str, place: str) -> VmReading:
        """What the object of a VM tells."""
        try:
            values = _SELDOM(vm)
        except KeyError:
            return _vm(vm, at, host, place)
        types = tuple(map(type, values))  # true equals 1
        before = self._before.get(index)
        if before is None or before.values != values or before.types != types or before.host != host:
            reading = _vm(vm, at, host, place)
            self._before[index] = _Before(values, types, host, SELDOM(reading))
            return reading
        uptime, guest_available = number(vm, "uptime", place), number(vm, "guest_available_mb", place, MiB)
        return VmReading(at, place, uptime, guest_available, *before.told)


def _vm(vm: Json, at: str, host: str, place: str) -> VmReading:
    id = guid(vm, "id", place)
    if id is None:
        raise InputError(f"{place}: a VM has no id", hint="its name may change: the VmId is needed")
    counts, sizes, counters = (
        numbers(vm, _COUNTS, place),
        numbers(vm, _SIZES, place),
        numbers(vm, _COUNTERS, place, MiB),
    )
    state, uptime, generation, buffer, weight = counts
    startup, minimum, maximum, assigned = sizes
    physical, visible, guest_available, added, removed = counters
    power = None if state is None else POWERS.get(state)
    return VmReading(
        at=at,
        record=place,
        host=host,
        vm_id=id,
        name=text(vm, "name", place),
        power=power,
        uptime=uptime,
        generation=generation,
        config_version=text(vm, "version", place),
        dynamic=flag(vm, "dynamic", place),
        startup=startup,
        minimum=minimum,
        maximum=maximum,
        buffer=buffer,
        weight=weight,
        # of a VM that starts, stops or is saved just now, the memory is on its way: no figure of it is one
        assigned=None if power is None else assigned,
        physical=physical,
        visible=visible,
        guest_available=guest_available,
        added=added,
        removed=removed,
    )


def _job(job: Json, host: str, place: str) -> JobReading | None:
    kind = JOBS.get(number(job, "type", place) or 0)
    at = time(job, "submitted", place)
    if kind is None or at is None:
        return None
    state, error = number(job, "state", place), number(job, "error", place)
    vm = text(job, "vm", place)
    elapsed = job.get("elapsed")
    ended = None
    if state in _ENDED and isinstance(elapsed, int | float) and 0 <= elapsed < 10**7:
        with suppress(OverflowError):
            ended = inside(datetime.fromisoformat(at) + timedelta(seconds=elapsed))
    return JobReading(
        at=at,
        record=place,
        host=host,
        job=text(job, "id", place) or "",
        kind=kind,
        vm_id=guid(job, "vm", place) if vm is not None and vm.count("-") == 4 else None,  # else it is the host
        owner=text(job, "owner", place),
        ended=ended,
        in_full=state == _COMPLETED if state in _ENDED else None,
        failed=state == _EXCEPTION,
        error=str(error) if error else None,
    )


def _change(record: Json, place: str) -> ChangeReading:
    at, since = time(record, "time", place), time(record, "since", place)
    host, vm, user = text(record, "host", place), guid(record, "vm", place), text(record, "user", place)
    if at is None or host is None or vm is None or user is None:
        raise InputError(f"{place}: a change lacks its time, host, VM or user", hint="was it edited by hand?")
    command = text(record, "command", place)
    asked = number(record, "asked", place)
    if asked is None and command is not None and (found := _ASKED.search(command)) is not None:
        asked = parse_size(found[1].upper())  # it was refused: only the command says what was asked for
    return ChangeReading(
        at=at,
        since=since or at,
        record=place,
        host=host,
        vm_id=vm,
        name=text(record, "name", place),
        user=user,
        before=number(record, "before", place),
        after=number(record, "after", place),
        asked=asked,
        command=command,
        error=text(record, "error", place),
    )


SPOOL: Final = Source("hyperv-spool", "the spool of nilo collector (JSON Lines)", recognises, read)

"""What libvirt prints of a VM's memory, once or again and again: ``virsh dommemstat`` and ``virsh domstats --balloon``.

Neither says when, and the first does not name the VM: the time and the prompt may stand before it, or are given beside
the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from domain.errors import InputError
from domain.identifiers import UtcTime
from nilometer.importers.qemu.logs.answers import as_size, read_guest
from nilometer.importers.qemu.logs.stamps import STAMP, read_stamp
from nilometer.importers.qemu.logs.writing import RecordWriter, Thinning
from nilometer.importers.qemu.records import LATEST_SECOND
from nilometer.times import to_utc_time

_FIGURE: Final = re.compile(rb"(?:balloon\.)?([a-z][a-z_-]{2,40})(?:\s+|\s*=\s*)(\d{1,20})")
_PROMPT: Final = re.compile(rb".*\bvirsh\s+(?:.*\s)?(?:dommemstat|domstats)(?:\s+--?\S+)*(?:\s+([^\s-]\S*))?.*")
_DOMAIN: Final = re.compile(rb"Domain: '(.+)'")
_SECONDS: Final = re.compile(rb"\d{10}(?:\.\d+)?")
"""A time as ``date +%s`` prints it."""
_FIRST: Final = ("actual", "current")
"""The size of the balloon, which comes first."""
_KIB: Final = 1024
_NO_TIME: Final = "say when it was read: --at 2026-11-23T09:00:00Z; or write the time before it: date -u +%FT%TZ"
_NO_VM: Final = "name the VM: --vm web01"


def recognises(line: bytes) -> bool:
    """Whether what libvirt prints begins with this line."""
    stamp = STAMP.match(line)
    text = (line if stamp is None else line[stamp.end() :]).strip()
    figure = _FIGURE.fullmatch(text)
    is_named = _DOMAIN.fullmatch(text) is not None or _PROMPT.fullmatch(text) is not None
    is_time = (stamp is not None and not text) or _SECONDS.fullmatch(text) is not None
    return is_named or is_time or (figure is not None and _name_of(figure) in _FIRST)


def _name_of(figure: re.Match[bytes]) -> str:
    return figure[1].decode().replace("-", "_")


@dataclass(slots=True)
class _Reading:
    """What is printed at once."""

    place: str
    vm: str | None
    at: UtcTime | None
    figures: dict[str, int] = field(default_factory=dict[str, int])


class MemoryStats:
    """Turns what libvirt prints into records. ``vm`` and ``at`` are for what does not say it."""

    def __init__(self, name: str, vm: str | None = None, at: UtcTime | None = None) -> None:
        self._writer = RecordWriter(name)
        self._vm, self._at = vm, at
        self._reading: _Reading | None = None
        self._named: str | None = None
        self._time: UtcTime | None = None
        """What stood on a line of its own."""
        self._timed = set[str | None]()
        """The VMs that were read at that time: what is read of one of them again is of another."""
        self._thinning: dict[str, Thinning] = {}
        self._moved: dict[str, tuple[int, UtcTime | None]] = {}
        """The size of each VM, and when it was first read."""
        self.passed_over = 0

    def translate(self, line: bytes, place: str) -> Iterator[bytes]:
        """The records of a line."""
        stamp, records = STAMP.match(line), list[bytes]()
        text = (line if stamp is None else line[stamp.end() :]).strip()
        time = None if stamp is None else read_stamp(stamp, place)
        if stamp is None and _SECONDS.fullmatch(text):
            time, text = _read_seconds(text), b""
        named, figure = _DOMAIN.fullmatch(text) or _PROMPT.fullmatch(text), _FIGURE.fullmatch(text)
        if not text or named is not None:
            records += self._end()
        if not text:
            self._time = time or self._time
            self._timed.clear()
        elif named is not None:
            self._named = None if named[1] is None else named[1].decode(errors="replace").strip("'\"")
        elif figure is not None:
            name = _name_of(figure)
            if self._reading is not None and name in self._reading.figures:
                records += self._end()
            if self._reading is None:
                self._reading = self._begin(place, time)
            self._reading.figures[name] = int(figure[2])
        else:
            self.passed_over += 1
        yield from records

    def finish(self) -> Iterator[bytes]:
        """What was printed last."""
        yield from self._end()

    def _begin(self, place: str, time: UtcTime | None) -> _Reading:
        vm = self._named or self._vm
        if time is None and vm not in self._timed:
            time = self._time
            self._timed.add(vm)
        return _Reading(place=place, vm=vm, at=time)

    def _end(self) -> Iterator[bytes]:
        """The record of what was printed up to here."""
        reading, self._reading = self._reading, None
        if reading is None:
            return
        figures = reading.figures
        reported = figures.get("last_update")
        actual = as_size(next((figures[name] for name in _FIRST if name in figures), -1) * _KIB)
        if actual is None:
            self.passed_over += 1
            return
        if reading.vm is None:
            raise InputError(f"{reading.place}: virsh dommemstat does not name the VM", hint=_NO_VM)
        at = reading.at or self._at or (_read_seconds(b"%d" % reported) if reported else None)
        if at is None:
            raise InputError(f"{reading.place}: virsh dommemstat does not say when it ran", hint=_NO_TIME)
        before = self._moved.get(reading.vm)
        if before is None or before[0] != actual:
            before = self._moved[reading.vm] = actual, None if before is None else at
        total, usable = (figures[name] * _KIB if name in figures else None for name in ("available", "usable"))
        guest = read_guest(total, usable, reported, at, before[1])
        measured = {"device": {"balloon_actual": actual}} | ({} if guest is None else {"guest": guest})
        for moment, shown in self._thinning.setdefault(reading.vm, Thinning()).take(at, measured):
            yield self._writer.write(reading.vm, "observation", moment, **shown)


def _read_seconds(text: bytes) -> UtcTime | None:
    seconds = float(text)
    return to_utc_time(datetime.fromtimestamp(seconds, UTC)) if 0 <= seconds <= LATEST_SECOND else None

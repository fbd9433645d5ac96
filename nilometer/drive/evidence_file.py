"""The evidence of one VM: a file that only grows, one record a line, in the format that ``nilo import-qemu`` reads.

Any number of processes append to it, each record under a lock. A line that breaks off, because a process was killed in
the middle of it, is set aside in a file of its own before the next record.
"""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, cast

from domain.errors import InputError
from domain.identifiers import UtcTime
from nilometer.drive.locks import lock_file
from nilometer.textio.durable import make_folders, sync_file, sync_folder
from nilometer.times import Clock, system_clock, to_utc_time

Record = dict[str, Any]

VERSION: Final = 1
BROKEN: Final = ".broken"
"""The ending of the file that has the lines that broke off."""
_READ: Final = 1 << 20


class EvidenceFile:
    """The file of one VM. ``scenario`` and ``vm`` stand in each record."""

    def __init__(self, path: Path, *, scenario: str, vm: str, clock: Clock = system_clock) -> None:
        self.path = path
        self.scenario = scenario
        self.vm = vm
        self.set_aside = 0
        """The bytes of lines that broke off, set aside by this object."""
        self._clock = clock
        self._size = -1
        self._has_name = False
        """It was waited for until its name is on the disk."""
        self._sequence = 0

    def append(
        self,
        kind: str,
        fields: Record | None = None,
        *,
        of_vm: bool = True,
        safe: bool = False,
        at: UtcTime | None = None,
    ) -> Record:
        """Appends a record and returns it; with ``safe`` it is on the disk then. ``at`` is its time, if not now."""
        with self._opened() as file:
            if self._find_end(file) != self._size:
                self._read_end(file)
            record: Record = {
                "v": VERSION,
                "scenario": self.scenario,
                "seq": self._sequence + 1,
                "t": format_moment(to_utc_time(self._clock()) if at is None else at),
                "vm": self.vm if of_vm else None,
                "kind": kind,
                **(fields or {}),
            }
            line = json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"
            _write(file, line)
            self._sequence += 1
            self._size += len(line)
            if safe:
                sync_file(file)
        if safe and not self._has_name:  # also of a file that a record that was not safe made
            sync_folder(self.path.parent)
            self._has_name = True
        return record

    def mend(self) -> None:
        """Sets aside what broke off, if anything did."""
        if self.path.exists():
            with self._opened() as file:
                self._read_end(file)

    @property
    def length(self) -> int:
        """The bytes that it has now, of all processes."""
        return self.path.stat().st_size if self.path.exists() else 0

    def find_last(self, kind: str) -> Record | None:
        """The last record of a kind that this program wrote; ``None`` if there is none."""
        mark = f'"kind":"{kind}"'.encode()
        if not self.path.exists() or not self.path.stat().st_size:
            return None
        with self.path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
            place = content.rfind(mark)
            while place >= 0:
                start, end = content.rfind(b"\n", 0, place) + 1, content.find(b"\n", place)
                record = _parse(content[start:end]) if end >= 0 else None
                if record is not None and record.get("kind") == kind:
                    return record
                place = content.rfind(mark, 0, start)
        return None

    @contextmanager
    def _opened(self) -> Generator[int]:
        make_folders(self.path.parent)
        file = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o640)
        try:
            with lock_file(file):
                yield file
        finally:
            os.close(file)

    @staticmethod
    def _find_end(file: int) -> int:
        return os.fstat(file).st_size

    def _read_end(self, file: int) -> None:
        """Finds the number of the last record, and sets aside what stands behind it."""
        size, length = self._find_end(file), _READ
        while True:
            start = max(0, size - length)
            tail = os.pread(file, size - start, start)
            found = _find_last_record(tail, is_whole=start == 0)
            if found is not None or start == 0:
                break
            length *= 2
        sequence, good = found or (0, 0)
        broken = tail[good:]
        if broken and found is None and b"\n" in broken.rstrip():
            raise InputError(f"{self.path}: there is no record in it", hint="name another folder: --evidence DIR")
        if broken:
            _set_aside(self.path.with_name(self.path.name + BROKEN), broken)
            os.ftruncate(file, start + good)
            sync_file(file)
            self.set_aside += len(broken)
        self._sequence, self._size = sequence, start + good


def format_moment(moment: UtcTime) -> UtcTime:
    """A time as records have it: in whole milliseconds."""
    return UtcTime(f"{moment[:23]}Z")


def _find_last_record(tail: bytes, *, is_whole: bool) -> tuple[int, int] | None:
    """The number of the last record, and where it ends; ``None`` if there is none."""
    end = tail.rfind(b"\n") + 1
    while end:
        start = tail.rfind(b"\n", 0, end - 1) + 1
        if not start and not is_whole:
            return None
        record = _parse(tail[start:end])
        number = None if record is None else record.get("seq")
        if isinstance(number, int):
            return number, end
        end = start
    return None


def _parse(line: bytes) -> Record | None:
    try:
        record: object = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return cast("Record", record) if isinstance(record, dict) else None


def _set_aside(path: Path, broken: bytes) -> None:
    """Keeps what broke off. Killed before it is cut from the evidence, it is kept twice, and never lost."""
    with path.open("ab") as file:
        file.write(broken if broken.endswith(b"\n") else broken + b"\n")
        sync_file(file)
    sync_folder(path.parent)


def _write(file: int, line: bytes) -> None:
    left = memoryview(line)
    while left:
        left = left[os.write(file, left) :]

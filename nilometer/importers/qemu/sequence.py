"""The sequence of a recording: whether its records come once each, in their order, without a gap."""

from __future__ import annotations

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final

from nilometer.importers.qemu.records import (
    MECHANISMS,
    CommandRecord,
    QemuRecord,
    SizeRecord,
    StepRecord,
    UnknownRecord,
)
from nilometer.importers.run import ImportCounts
from nilometer.importers.stored_form import NotTheEnd

MAX_REMEMBERED: Final = 100_000
"""The number of records that are remembered, to recognise one that comes again."""
TICK: Final = timedelta(milliseconds=1)
"""Records have times in whole milliseconds: one that is so much earlier than the one in front of it is not late."""


class SequenceCheck:
    """Checks records as they come. What is odd is remarked on, and read all the same."""

    def __init__(self, name: str, counts: ImportCounts) -> None:
        self._name = name
        self._counts = counts
        self._contents: OrderedDict[int, int] = OrderedDict()
        """The hash of each record's line, by its number."""
        self._last: QemuRecord | None = None
        self._highest = self._forgotten = 0

    @property
    def highest(self) -> int:
        """The highest number so far."""
        return self._highest

    def go_on(self, highest: int) -> None:
        """Goes on behind records that are not known any more: only their highest number is."""
        self._highest = self._forgotten = highest

    def is_repeat(self, record: QemuRecord, line: bytes, place: str) -> bool:
        """Whether this very record was there before; if not, remarks on its number, time and kind.

        Raises ``NotTheEnd`` if that is not known any more.
        """
        if record.seq <= self._forgotten:
            raise NotTheEnd(f"{place}: the record may have been there before")
        content = hash(line.strip())
        before = self._contents.get(record.seq)
        if before == content:
            return True
        self._contents[record.seq] = content
        if len(self._contents) > MAX_REMEMBERED:
            self._contents.popitem(last=False)
        last, self._last = self._last, record
        highest, self._highest = self._highest, max(self._highest, record.seq)
        if before is not None:
            self._remark("seq twice", f"{place}: another record before it has the seq {record.seq} too")
        elif record.seq > highest + 1:
            missing = f"those before it, from {highest + 1} on, are missing"
            self._remark("gap", f"{place}: the record has the seq {record.seq}: {missing}")
        elif last is not None and record.seq < last.seq:
            self._remark("out of order", f"{place}: seq {record.seq} comes after {last.seq}")
        if last is not None and _time_of(last) - _time_of(record) > TICK:
            self._remark("back in time", f"{place}: the time {record.t} comes after {last.t}")
        if isinstance(record, UnknownRecord):
            self._remark("unknown kind", f"{place}: the kind {record.kind!r} is unknown: the record is skipped")
        elif isinstance(record, CommandRecord) and record.requested is None:
            return False  # no memory was asked for: it needs no mechanism
        elif isinstance(record, CommandRecord | SizeRecord | StepRecord) and record.mechanism not in MECHANISMS:
            unknown = f"the mechanism {record.mechanism!r} is unknown"
            self._remark("unknown mechanism", f"{place}: {unknown}: only the measurements are read")
        return False

    def _remark(self, kind: str, note: str) -> None:
        self._counts.add_remark(kind, note)


def _time_of(record: QemuRecord) -> datetime:
    return datetime.fromisoformat(record.t)

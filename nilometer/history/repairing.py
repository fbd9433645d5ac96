"""Repairing a ledger, into a copy: its events that cannot be read, or cannot follow, are mended where that is possible.

An event is mended by writing its values in the types in which they are written, or by taking the same event from a
backup. The ledger itself is only read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from domain.aggregates import HistoryError
from domain.errors import InputError, NilometerError
from nilometer.errors import UnreadableEvent
from nilometer.history.cloudevents import to_cloudevent
from nilometer.history.mending import mend_event
from nilometer.ledger.backup import back_up, check_backup_file
from nilometer.ledger.reader import LedgerReader, check_database, open_reader
from nilometer.storage.bodies import decode, encode
from nilometer.storage.copying import Contents
from nilometer.storage.reader import StoredRow
from nilometer.views.folding import cannot_follow, check_version
from projections.advancing import advance
from projections.tracked import AnyTracked


@dataclass(frozen=True, slots=True, kw_only=True)
class DamagedEvent:
    """An event that cannot be read, or cannot follow, and what can be done about it."""

    position: int
    id: str
    """Its stream and its version there."""
    why: str
    mended: StoredRow | None
    """The event as the copy has it; ``None`` if it stays as it is."""
    changes: tuple[str, ...]
    """How it was mended, in words."""


@dataclass(slots=True)
class Repair:
    """What is to be repaired in a ledger."""

    events: int = 0
    damaged: list[DamagedEvent] = field(default_factory=list[DamagedEvent])
    after: int = 0
    """Events that can be read, and follow on one that stays as it is: nothing is known of what they changed."""

    @property
    def left(self) -> int:
        """How many events stay as they are."""
        return sum(event.mended is None for event in self.damaged)


def plan_repair(url: str, backup: Path | None = None, progress: Callable[[int], None] | None = None) -> Repair:
    """Finds the damaged events of the ledger at ``url``, and how each can be mended. Nothing is written.

    Raises ``InputError`` if ``backup`` is a backup of another ledger.
    """
    check_database(url)
    with ExitStack() as opened:
        ledger = opened.enter_context(open_reader(url))
        other = None if backup is None else opened.enter_context(_open_backup(backup, ledger))
        return _Planner(ledger, other).run(progress)


def repair_into(url: str, copy: Path, repair: Repair) -> Contents:
    """Copies the ledger at ``url`` into a new file, with its damaged events mended, and checks it as a backup is."""
    return back_up(url, copy, {event.position: event.mended for event in repair.damaged if event.mended is not None})


def _open_backup(backup: Path, ledger: LedgerReader) -> LedgerReader:
    check_backup_file(backup)
    other = open_reader(f"sqlite:///{backup.absolute()}")
    if other.id != ledger.id:
        other.close()
        raise InputError(
            f"{backup} is a backup of another ledger: its id is {other.id}, that of {ledger.url} is {ledger.id}",
            hint="name a backup of this ledger",
        )
    return other


class _Planner:
    def __init__(self, ledger: LedgerReader, backup: LedgerReader | None) -> None:
        self._ledger = ledger
        self._backup = backup
        self._states: dict[str, AnyTracked] = {}
        self._ended: set[str] = set()
        """Streams with an event that stays as it is."""
        self._repair = Repair()

    def run(self, progress: Callable[[int], None] | None) -> Repair:
        for row in self._ledger.rows():
            self._repair.events += 1
            if row.stream in self._ended:
                if self._find_damage(row) is None:
                    self._repair.after += 1
                else:
                    self._add(row, None)
            else:
                self._take(row)
            if progress is not None:
                progress(row.position)
        return self._repair

    def _take(self, row: StoredRow) -> None:
        why = self._find_damage(row) or self._advance(row)
        if why is None:
            return
        for mended, changes in self._proposals(row):
            if self._find_damage(mended) is None and self._advance(mended) is None:
                self._repair.damaged.append(
                    DamagedEvent(
                        position=row.position,
                        id=f"{row.stream}/{row.version}",
                        why=_reason(why),
                        mended=mended,
                        changes=changes,
                    )
                )
                return
        self._add(row, why)
        self._ended.add(row.stream)

    def _add(self, row: StoredRow, why: NilometerError | None) -> None:
        why = why or self._find_damage(row)
        self._repair.damaged.append(
            DamagedEvent(
                position=row.position,
                id=f"{row.stream}/{row.version}",
                why="" if why is None else _reason(why),
                mended=None,
                changes=(),
            )
        )

    def _proposals(self, row: StoredRow) -> Iterator[tuple[StoredRow, tuple[str, ...]]]:
        found = mend_event(row)
        if found is not None:
            yield found.row, found.changes
        if self._backup is not None:
            for same in self._backup.rows(row.position - 1, row.position):
                if (same.stream, same.version) == (row.stream, row.version):
                    yield same, (f"taken from the backup {self._backup.url}",)

    def _find_damage(self, row: StoredRow) -> UnreadableEvent | None:
        try:
            event = decode(row.stream, row.version, row.topic, row.body, row.position)
            if encode(event.event, event.metadata) != (row.topic, row.body):
                to_cloudevent(row, self._ledger.id)  # an older version, or one that was changed: then this raises
        except UnreadableEvent as error:
            return error
        return None

    def _advance(self, row: StoredRow) -> HistoryError | None:
        event = decode(row.stream, row.version, row.topic, row.body, row.position)
        try:
            before = self._states.get(event.stream)
            check_version(event, None if before is None else before.subject.version)
            advance(self._states, event)
        except HistoryError as error:
            return cannot_follow(event, error)
        return None


def _reason(error: NilometerError) -> str:
    return error.why if isinstance(error, UnreadableEvent) else error.message

"""Finding events in the audit trail: by VM, host, time, outcome, who, or what lies between two moments."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Collection, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain

from domain.aggregates import HistoryError
from domain.decision import Outcome
from domain.envelope import Envelope
from domain.events import Event
from domain.identifiers import split_stream
from domain.observed.events import VmChangeRequested, VmRequestSettled
from nilometer.errors import UnreadableEvent
from nilometer.storage.reader import ReadEvent
from nilometer.views.as_of import fetch
from nilometer.views.catching_up import read_states
from nilometer.views.states import host_of
from nilometer.views.tables import (
    ENTRY_COLUMNS,
    LIVE,
    Events,
    EventsMissing,
    Moment,
    ViewError,
    ViewStore,
    check_entries,
    check_entry,
    number,
    text,
    tracking,
)
from projections.advancing import advance
from projections.timeline import entry
from projections.tracked import AnyTracked

PAGE = 1000

_OUTCOME = 7
"""The place of the outcome in ``ENTRY_COLUMNS``."""

_COURSE = "(asked = 1 AND outcome IS NULL OR asked = 0 AND outcome IS NOT NULL AND substr(stream, 1, 3) = 'vm/')"
"""The requests of observed VMs, whose events do not say how they ended, and their settlements."""


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events are wanted: those to which all of it applies. Times are inclusive, as they are kept inside."""

    vm: str | None = None
    host: str | None = None
    since: str | None = None
    until: str | None = None
    outcome: Outcome | None = None
    actor: str | None = None
    correlation: str | None = None
    asked: bool = False
    """Only what somebody asked for. The outcome of an observed request then is that of its last settlement."""
    after: int = 0
    """Only what was recorded after this position."""

    def accepts(self, envelope: Envelope[Event], host: str | None, ended: Collection[int] = ()) -> bool:
        """Whether it applies to an event. ``host`` is where its VM is; ``ended`` has the requests that ended so."""
        found = entry(envelope, host)
        return (
            self.vm in (None, found.vm)
            and self.host in (None, found.host)
            and (self.since is None or found.happened >= self.since)
            and (self.until is None or found.happened <= self.until)
            and (self.outcome in (None, found.outcome) or found.position in ended)
            and self.actor in (None, found.actor)
            and self.correlation in (None, found.correlation)
            and (found.asked or not self.asked)
            and found.position > self.after
        )

    def may_accept(self, event: UnreadableEvent) -> bool:
        """Whether it may apply to an event of which nothing but its place is known."""
        kind, id = split_stream(event.stream)
        is_of_another_vm = self.vm is not None and kind == "vm" and id != self.vm
        is_of_another_host = self.host is not None and kind == "host" and id != self.host
        is_late = event.position > self.after
        return (
            is_late
            and self.correlation is None
            and kind != "import"
            and not is_of_another_vm
            and not is_of_another_host
        )

    def conditions(self) -> tuple[list[str], list[object]]:
        """The same as conditions on ``view_timeline``, and their parameters; of what was asked for, any outcome."""
        wanted: list[tuple[str, object]] = [
            ("vm = ?", self.vm),
            ("host = ?", self.host),
            ("happened >= ?", self.since),
            ("happened <= ?", self.until),
            ("outcome = ?", None if self.outcome is None or self.asked else str(self.outcome)),
            ("actor = ?", self.actor),
            ("correlation = ?", self.correlation),
            ("asked = ?", 1 if self.asked else None),
            ("position > ?", self.after or None),
        ]
        given = [(condition, value) for condition, value in wanted if value is not None]
        return [condition for condition, _ in given], [value for _, value in given]


class Log:
    """Reads the audit trail of a ledger."""

    def __init__(self, store: ViewStore, events: Events, report: Callable[[ViewError], None]) -> None:
        self._store = store
        self._events = events
        self._report = report
        """Is called with what is wrong with the stored index; the events are read instead of it."""

    def find(self, wanted: Filter, limit: int | None = None) -> Iterator[ReadEvent]:
        """The events that ``wanted`` accepts in the order of their positions; with ``limit`` so many of the newest.

        In the place of an event that cannot be read, and may be wanted, stands its error.
        """
        done = 0
        try:
            for event in self._find(wanted, limit):
                yield event
                done = event.position
        except (ViewError, EventsMissing) as error:
            self._report(error if isinstance(error, ViewError) else ViewError(error.message, hint=error.hint))
        else:
            return
        ended = self._ended(wanted.outcome, wanted.vm, 0) if wanted.asked and wanted.outcome is not None else ()
        found = self._after(wanted, 0, ended)
        for event in found if limit is None else deque(found, maxlen=limit):
            if event.position > done:
                yield event

    def _find(self, wanted: Filter, limit: int | None) -> Iterator[ReadEvent]:
        conditions, parameters = wanted.conditions()
        if not conditions:  # the index has nothing to add
            yield from self._events(0, None) if limit is None else deque(self._newest_of_all(limit), maxlen=limit)
            return
        known = self._known()
        if wanted.asked and wanted.outcome is not None:
            ended = self._ended(wanted.outcome, wanted.vm, known)
            found = self._fetched(self._asked(wanted.outcome, conditions, parameters, known, ended))
            both = chain(found, self._after(wanted, known, ended))
            yield from both if limit is None else deque(both, maxlen=limit)
            return
        after = self._after(wanted, known)
        if limit is None and not conditions:
            yield from self._events(0, None)
            return
        if limit is None:
            yield from self._stored(conditions, parameters, known)
            yield from after
            return
        newest = deque(after, maxlen=limit)
        positions = self._newest(conditions, parameters, known, limit - len(newest))
        yield from fetch(self._events, positions)
        yield from newest

    def _ended(self, outcome: Outcome, vm: str | None, known: int) -> set[int]:
        """The positions of the observed requests, of one VM or all, whose last settlement is of this outcome.

        One that was refused is settled by that.
        """
        course = self._stored([_COURSE] if vm is None else [_COURSE, "vm = ?"], [] if vm is None else [vm], known)
        open_ones: dict[tuple[str, int], int] = {}
        ended: set[int] = set()
        at: int | None
        for envelope in chain(course, self._events(known, None)):
            if isinstance(envelope, UnreadableEvent):
                continue
            event = envelope.event
            if isinstance(event, VmChangeRequested):
                at, came = envelope.position, Outcome.REJECTED if event.accepted is False else None
                open_ones[envelope.stream, event.request] = at
            elif isinstance(event, VmRequestSettled):
                key = envelope.stream, event.request
                at, came = open_ones.get(key), event.outcome
                if not event.still_open:
                    open_ones.pop(key, None)
            else:
                continue
            if at is not None:
                (ended.add if came is outcome else ended.discard)(at)
        return ended

    def _asked(
        self, outcome: Outcome, conditions: list[str], parameters: list[object], known: int, ended: Collection[int]
    ) -> Iterator[list[int]]:
        """The positions of what was asked for and ended so, in pages."""
        so = "(outcome = ? OR outcome IS NULL)"
        for rows in self._pages([*conditions, so], [*parameters, str(outcome)], known):
            yield [at for at, decided in rows if decided is not None or at in ended]

    def _fetched(self, pages: Iterable[list[int]]) -> Iterator[ReadEvent]:
        for positions in pages:
            yield from fetch(self._events, positions)

    def _after(self, wanted: Filter, known: int, ended: Collection[int] = ()) -> Iterator[ReadEvent]:
        """What is wanted of the events that are not taken up yet."""
        states: dict[str, AnyTracked] = {}
        for envelope in self._events(known, None):
            if isinstance(envelope, UnreadableEvent):
                if wanted.may_accept(envelope):
                    yield envelope
                continue
            host = None if wanted.host is None else self._host_at(envelope, states, known)
            if wanted.accepts(envelope, host, ended):
                yield envelope

    def _host_at(self, envelope: Envelope[Event], states: dict[str, AnyTracked], known: int) -> str | None:
        """Where the VM of an event was after it."""
        stream = envelope.stream
        if known and stream not in states:
            states |= read_states(self._store, LIVE, [stream])
        tracked = states.get(stream)
        if tracked is None or tracked.subject.version < envelope.version:
            with suppress(HistoryError):  # its stream ended before it, at an event that cannot be read
                tracked = advance(states, envelope)
        return host_of(tracked)

    def between(self, one: Moment, other: Moment) -> Iterator[Envelope[Event]]:
        """The events that one of two moments knows and the other does not, but for those that cannot be read."""
        for event in self._between(one, other):
            if not isinstance(event, UnreadableEvent):
                yield event

    def _between(self, one: Moment, other: Moment) -> Iterator[ReadEvent]:
        if isinstance(one, int) and isinstance(other, int):
            yield from self._events(min(one, other), max(one, other))
            return
        (first, second), done = (_up_to(one), _up_to(other)), 0
        try:
            known = self._known()
            for event in self._stored([f"({first}) <> ({second})"], [one, other], known):
                yield event
                done = event.position
            done = known
        except (ViewError, EventsMissing) as error:
            self._report(error if isinstance(error, ViewError) else ViewError(error.message, hint=error.hint))
        for event in self._events(done, None):
            if not isinstance(event, UnreadableEvent) and _knows(one, event) != _knows(other, event):
                yield event

    def _newest_of_all(self, limit: int) -> Iterable[ReadEvent]:
        with self._store.transaction(write=False) as db:
            newest = f"SELECT {db.position_column} FROM {db.events_table} ORDER BY 1 DESC LIMIT ?"
            rows = db.execute(newest, (limit,)).fetchall()
        return self._events(number(rows[-1][0]) - 1, None) if rows else ()

    def _known(self) -> int:
        with self._store.transaction(write=False) as db:
            there = tracking(db)
            if there is not None:
                check_entries(db, there.position)
        return 0 if there is None else there.position

    def _stored(self, conditions: list[str], parameters: list[object], upto: int) -> Iterator[ReadEvent]:
        pages = self._pages(conditions, parameters, upto)
        return self._fetched([at for at, _ in rows] for rows in pages)

    def _pages(
        self, conditions: list[str], parameters: list[object], upto: int
    ) -> Iterator[list[tuple[int, str | None]]]:
        """The positions and outcomes of stored entries, in pages."""
        where = " AND ".join([*conditions, "position > ?", "position <= ?"])
        after = 0
        while upto:
            with self._store.transaction(write=False) as db:
                rows = db.execute(
                    f"SELECT {ENTRY_COLUMNS} FROM view_timeline WHERE {where} ORDER BY position LIMIT {PAGE}",
                    [*parameters, after, upto],
                ).fetchall()
            found = [(check_entry(row), None if row[_OUTCOME] is None else text(row[_OUTCOME])) for row in rows]
            yield found
            if len(found) < PAGE:
                return
            after = found[-1][0]

    def _newest(self, conditions: list[str], parameters: list[object], upto: int, limit: int) -> list[int]:
        if limit <= 0 or not upto:
            return []
        where = " AND ".join([*conditions, "position <= ?"])
        with self._store.transaction(write=False) as db:
            rows = db.execute(
                f"SELECT {ENTRY_COLUMNS} FROM view_timeline WHERE {where} ORDER BY position DESC LIMIT ?",
                [*parameters, upto, limit],
            ).fetchall()
        return sorted(map(check_entry, rows))


def _up_to(moment: Moment) -> str:
    return "position <= ?" if isinstance(moment, int) else "happened <= ?"


def _knows(moment: Moment, envelope: Envelope[Event]) -> bool:
    return envelope.position <= moment if isinstance(moment, int) else envelope.metadata.happened <= moment

"""The stored projections of a ledger: kept up to date beside the events, read at any moment, rebuilt and compared.

Only writers write them; a reader folds what is not taken up yet in memory.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, NamedTuple

from domain.aggregates import HistoryError
from domain.errors import NilometerError
from nilometer.errors import LedgerWarning, UnreadableEvent
from nilometer.storage.reader import check_known_text, check_position
from nilometer.views.tables import (
    FRESH,
    LIVE,
    Events,
    EventsMissing,
    Moment,
    ViewError,
    ViewStore,
    create,
    drop,
    last_position,
    lock,
    number,
    position,
    put_in_place,
    text,
    tracking,
)

if TYPE_CHECKING:
    from domain.envelope import Envelope
    from domain.event import Event
    from nilometer.storage.reader import ReadEvent
    from nilometer.storage.store import Database
    from nilometer.views.as_of import Moments
    from nilometer.views.catching_up import Pace
    from nilometer.views.log import Filter, Log
    from nilometer.views.verifying import Replay
    from projections.fleet import Fleet
    from projections.tracked import AnyTracked

Progress = Callable[[int], None]
"""Is given each position that is reached."""


class Summary(NamedTuple):
    """What a ledger holds, in figures."""

    latest: str | None
    """When the latest of all events happened."""
    hosts: int
    vms: int


class Views:
    """The projections that a ledger stores. ``events`` are its events after a position up to another, in order.

    Each method imports what it needs: to show the fleet as it is stored takes neither the classes of events nor what
    reads their bodies, and loading these takes longer than all else.
    """

    def __init__(self, store: ViewStore, events: Events, pace: Pace | None = None) -> None:
        self._store = store
        self._events = events
        self._given_pace = pace
        self._seen_position: int | None = None
        """How far the live tables were when states were last looked up; at least so far they are still."""
        self._indexed = False
        """Whether the live tables are known to have all indexes."""
        self._reported: set[str] = set()
        """What was found wrong with the stored views, in words: each is reported once."""
        self._ends: set[str] = set()
        """The events at which a stream, or the stored views, had to end, in words: each is reported once."""

    @property
    def damaged(self) -> bool:
        """Whether a stored view was found that is not what the events come to."""
        return bool(self._reported)

    def report_damage(self, error: ViewError) -> None:
        """Warns, once, that a stored view is not used because it is damaged."""
        if error.message not in self._reported:
            self._reported.add(error.message)
            warnings.warn(f"{error.message}; the events were read instead", LedgerWarning, stacklevel=2)

    # Writing

    def catch_up(self, progress: Progress | None = None) -> None:
        """Takes up all events that are not taken up yet. Others may do so at the same time.

        Stored views that are damaged are made anew. Before an event that cannot be read, or cannot follow, they end:
        readers fold the events after it each time. Raises ``EventsMissing`` if they are ahead of the events.
        """
        if not self.damaged:
            try:
                self._catch_up(progress)
            except ViewError as error:
                self.report_damage(error)
            except (UnreadableEvent, HistoryError) as error:
                self._report_end(error)
        if self.damaged:
            self.rebuild(progress)
            self._reported.clear()

    def _catch_up(self, progress: Progress | None) -> None:
        from nilometer.views.catching_up import pages, write_page

        at, self._seen_position = self._seen_position, None
        while at is None:
            at = self._position()
            if at is None:
                self._begin()
        while True:
            for page in pages(self._events, at, None, self._pace):
                if not write_page(self._store, LIVE, at, page, self._pace, complete_indexes=not self._indexed):
                    break  # another was faster: go on from where it came to
                self._indexed = True
                at = page[-1].position
                if progress is not None:
                    progress(at)
            else:
                return
            at = self._position() or 0

    def rebuild(self, progress: Progress | None = None) -> None:
        """Makes all projections anew from the events alone, beside the stored ones, and then exchanges them at once."""
        from nilometer.views.catching_up import pages, write_page

        with self._store.transaction(write=True) as db:
            lock(db)
            drop(db, FRESH)
            create(db, FRESH)
        at, done = 0, False
        while not done:
            has_ended = False
            try:
                for page in pages(self._events, at, None, self._pace):
                    if not write_page(self._store, FRESH, at, page, self._pace):
                        raise _another()
                    at = page[-1].position
                    if progress is not None:
                        progress(at)
            except (UnreadableEvent, HistoryError) as error:
                self._report_end(error)
                has_ended = True
            done = self._exchange(at, has_ended)

    def _exchange(self, at: int, has_ended: bool) -> bool:
        """Puts the fresh tables in place of the live ones, if they have come as far."""
        with self._store.transaction(write=True) as db:
            lock(db)
            if position(db, FRESH) != at:
                raise _another()
            try:
                live = position(db) or 0
            except ViewError:
                live = 0
            if not has_ended and at < live <= last_position(db):
                return False
            put_in_place(db)
            return True

    def _report_end(self, error: NilometerError) -> None:
        """Warns, once, that the stored views end before an event."""
        if error.message not in self._ends:
            self._ends.add(error.message)
            warnings.warn(f"{error.message}; the stored views end before it (nilo repair)", LedgerWarning, stacklevel=2)

    def _begin(self) -> None:
        """Makes empty tables, in place of those of another shape."""
        with self._store.transaction(write=True) as db:
            lock(db)
            if position(db) is None:
                drop(db, LIVE)
                create(db, LIVE)

    def _position(self) -> int | None:
        with self._store.transaction(write=False) as db:
            there = tracking(db)
        return None if there is None else there.position

    def check(self) -> None:
        """Raises ``EventsMissing`` if the stored views are ahead of the events. Warns if they are damaged."""
        try:
            self._position()
        except ViewError as error:
            self.report_damage(error)

    # Reading

    def load(self, stream: str) -> AnyTracked | None:
        """A host or VM as far as it is stored, removed or not: its ``version`` says which events are in it.

        ``None`` if it is not stored, or damaged.
        """
        with self._store.transaction(write=False) as db:
            return self.finder(db)(stream)

    def finder(self, db: Database) -> Callable[[str], AnyTracked | None]:
        """Looks states up in a transaction that is open: a function that does as ``load`` does.

        Raises ``EventsMissing`` if the stored views are ahead of the events.
        """
        try:
            there = tracking(db)
        except ViewError as error:
            self.report_damage(error)
            there = None
        self._seen_position = None if there is None else there.position
        if there is None:
            return lambda stream: None
        from nilometer.views.states import select_states

        def find(stream: str) -> AnyTracked | None:
            try:
                return select_states(db, LIVE, [stream]).get(stream)
            except ViewError as error:
                self.report_damage(error)
                return None

        return find

    def _read_or_fold(self, read: Callable[[], Fleet], upto: int | None = None, time: str | None = None) -> Fleet:
        """A fleet as the stored views have it; from the events alone if these are damaged."""
        try:
            return self._with_ends_reported(read())
        except ViewError as error:
            self.report_damage(error)
        except EventsMissing as error:
            self.report_damage(ViewError(error.message, hint=error.hint))
        from nilometer.views.as_of import by_time
        from nilometer.views.folding import fold
        from projections.fleet import Fleet

        events = self._events(0, upto) if time is None else by_time(self._events(0, upto), time)
        return self._with_ends_reported(fold(Fleet(), events, dense=time is None))

    def _with_ends_reported(self, fleet: Fleet) -> Fleet:
        for stream, error in fleet.ended.items():
            if error.message not in self._ends:
                self._ends.add(error.message)
                message = f"{error.message}; {stream} is shown as it was before it (nilo repair)"
                warnings.warn(message, LedgerWarning, stacklevel=3)
        return fleet

    def fleet(self, at_position: int | None = None) -> Fleet:
        """All hosts and VMs as all events leave them, or as they were known at a position (0: before the first).

        A position within the events of one command is that of the last of them: half a command was never there.
        Raises ``InputError`` for a position that the ledger has not.
        """
        if at_position is None:
            return self._read_or_fold(self._moments.now)
        check_position("at_position", at_position)
        complete = self.complete_position(at_position)
        return self._read_or_fold(lambda: self._moments.at_position(complete), upto=complete)

    def complete_position(self, position: int) -> int:
        """The position of the last event of the command whose event stands at a position."""
        from nilometer.views.whole_commands import complete_position

        return complete_position(self._events, position)

    def fleet_at(self, time: str) -> Fleet:
        """All hosts and VMs as they were at a time, by all that is known now: what had happened by then."""
        check_known_text("time", time)
        return self._read_or_fold(lambda: self._moments.at_time(time), time=time)

    def fleet_of(self, moment: Moment | None) -> Fleet:
        """All hosts and VMs at a position, at a time, or now."""
        return self.fleet_at(moment) if isinstance(moment, str) else self.fleet(moment)

    def log(self, wanted: Filter | None = None, limit: int | None = None) -> Iterator[ReadEvent]:
        """The events that ``wanted`` accepts, newest last; with ``limit`` so many of the newest.

        In the place of an event that cannot be read, and may be wanted, stands its error.
        """
        from nilometer.views.log import Filter

        return self._log.find(wanted or Filter(), limit)

    @property
    def taken_up(self) -> int:
        """The position of the last event that is taken up; 0 if the stored views are not there, or damaged."""
        try:
            return self._position() or 0
        except (ViewError, EventsMissing):
            return 0

    @property
    def are_complete(self) -> bool:
        """Whether every event is taken up; those that cannot be read are not."""
        with self._store.transaction(write=False) as db:
            try:
                there = tracking(db)
            except (ViewError, EventsMissing):
                return False
            return there is not None and there.position == last_position(db)

    def actors(self) -> list[str]:
        """Everybody who did something that is stored, by name. Each is found by its index: the events are not read."""
        with self._store.transaction(write=False) as db:
            if tracking(db) is None:
                return []
            rows = db.execute(
                "WITH RECURSIVE known(actor) AS (SELECT MIN(actor) FROM view_timeline UNION ALL "
                "SELECT (SELECT MIN(later.actor) FROM view_timeline later WHERE later.actor > known.actor) "
                "FROM known WHERE known.actor IS NOT NULL) SELECT actor FROM known WHERE actor IS NOT NULL"
            ).fetchall()
            return [text(row[0]) for row in rows]

    def streams(self) -> list[str]:
        """The streams that are stored, also of what was removed."""
        with self._store.transaction(write=False) as db:
            if tracking(db) is None:
                return []
            return [text(row[0]) for row in db.execute("SELECT stream FROM view_streams").fetchall()]

    def between(self, one: Moment, other: Moment) -> Iterator[Envelope[Event]]:
        """The events that one of two moments knows and the other does not."""
        return self._log.between(one, other)

    def compare(self, progress: Progress | None = None) -> Replay:
        """Replays all events and compares what they come to with what is stored."""
        from nilometer.views.verifying import Comparer

        return Comparer(self._store, self._events, self._pace).run(progress)

    def summarize(self) -> Summary:
        """What the ledger holds, in figures. Where the stored views are up to date, no state is read for it."""
        with self._store.transaction(write=False) as db:
            try:
                there = tracking(db)
            except (ViewError, EventsMissing):
                there = None  # reported when the fleet is read
            if there is not None and there.position == last_position(db) > 0:
                counted = db.execute(
                    "SELECT (SELECT COUNT(*) FROM view_streams WHERE removed = 0 AND stream LIKE 'host/%'), "
                    "(SELECT COUNT(*) FROM view_streams WHERE removed = 0 AND stream LIKE 'vm/%')"
                ).fetchone()
                if counted is not None:
                    return Summary(there.latest or None, number(counted[0]), number(counted[1]))
        fleet = self.fleet()
        return Summary(fleet.latest, len(fleet.hosts), len(fleet.vms))

    @property
    def _pace(self) -> Pace:
        from nilometer.views.catching_up import Pace

        return self._given_pace or Pace()

    @property
    def _moments(self) -> Moments:
        from nilometer.views.as_of import Moments

        return Moments(self._store, self._events)

    @property
    def _log(self) -> Log:
        from nilometer.views.log import Log

        return Log(self._store, self._events, self.report_damage)


def _another() -> NilometerError:
    return ViewError("another program is rebuilding the views", hint="wait until that is done")

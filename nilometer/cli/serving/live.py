"""A ledger that is followed: one thread reads what is recorded, and keeps what the pages show."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from domain.envelope import Envelope
from domain.errors import NilometerError
from domain.events import Event
from domain.identifiers import UtcTime
from nilometer.audit.reading import read_ledger
from nilometer.cli.reading.log import format_log_line
from nilometer.cli.serving.opening import Ended, begin, read_whole
from nilometer.errors import LedgerError
from nilometer.history.cloudevents import source_uri
from nilometer.ledger.reader import LedgerReader, open_reader
from nilometer.report.collected import Collected
from nilometer.report.collecting import Collector
from nilometer.storage.urls import SQLiteLocation, parse_url
from nilometer.textio.streaming import in_batches, reduced_garbage_collection

PAUSE_SECONDS: Final = 0.2
"""Between two looks at the ledger."""
SHOWN_SECONDS: Final = 2.0
"""Pages say as often how many of the older events were read."""
RETRY_SECONDS: Final = 2.0
"""Between two attempts to open a ledger that went away."""
MOST_NEWS: Final = 1000
"""So many of the newest events are told to a page that was away."""

FileKey = tuple[int, int]


@dataclass(frozen=True, slots=True)
class NewEvent:
    """An event that was recorded while somebody looks."""

    position: int
    time: UtcTime
    subject: str
    says: str


class LiveLedger:
    """What is known of a ledger so far. Whoever reads ``collected`` holds ``lock``."""

    def __init__(self, url: str, *, judged: bool | None = None) -> None:
        self.url = url
        self.lock = threading.RLock()
        self.position = 0
        """Up to here the ledger was read."""
        self.problem: NilometerError | None = None
        """Why nothing more can be read; what was read before stays."""
        self.unreadable = 0
        """Events that cannot be read."""
        self.older = 0
        """So many events, the oldest, are not shown yet: they are being read."""
        self.older_read = 0
        """So many of them were read."""
        self.generation = 0
        """How often what is shown changed beside what was recorded."""
        self.news: deque[NewEvent] = deque(maxlen=MOST_NEWS)
        self.on_change: Callable[[], None] = lambda: None
        """Is called by the thread that reads, whenever anything is new."""
        self.id = ""
        self._judged = judged
        self._collector: Collector | None = None
        self._stopping = threading.Event()
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="ledger", daemon=True)

    def start(self, on_progress: Callable[[int, int], None] = lambda read, last: None) -> None:
        """Reads the ledger, then follows it; of a long one only the newest events, and the others meanwhile.

        Raises the error that prevents it.
        """
        self._thread.start()
        while not self._ready.wait(0.1):
            on_progress(self._read_at_first, self._last)
        if self._collector is None and self.problem is not None:
            raise self.problem

    _last = 0
    _read_at_first = 0

    def stop(self) -> None:
        """Ends the thread."""
        self._stopping.set()
        self._thread.join()

    @property
    def collected(self) -> Collected:
        """What pages show."""
        if self._collector is None:
            raise LedgerError(f"{self.url} was not read yet")
        return self._collector.so_far()

    # The thread

    def _follow(self) -> None:
        while not self._stopping.is_set():
            try:
                with open_reader(self.url) as ledger:
                    self._read(ledger)
            except Ended:
                break
            except NilometerError as error:
                self._report(error)
                if self._collector is None:
                    break
            except OSError as error:
                self._report(LedgerError(f"{self.url} cannot be read: {error.strerror or error}"))
            self._stopping.wait(RETRY_SECONDS)
        self._ready.set()

    def _report(self, problem: NilometerError) -> None:
        is_new = self.problem is None or self.problem.message != problem.message
        self.problem = problem
        if is_new:
            self.on_change()

    def _read(self, ledger: LedgerReader) -> None:
        """Reads a ledger until it is gone, or nobody wants more."""
        self._check_same(ledger)
        file = _file_of(self.url)
        while not self._stopping.is_set():
            self._follow_once(ledger, file)
            if self.problem is not None:
                self.problem = None
                self.on_change()
            self._ready.set()
            if self.older:
                self._read_older(ledger, file)
            self._stopping.wait(PAUSE_SECONDS)

    def _check_same(self, ledger: LedgerReader) -> None:
        if self._collector is not None:
            if ledger.id != self.id:
                raise LedgerError(f"{self.url} is another ledger now", hint="start nilo serve again to show it")
            return
        self.id = ledger.id
        self._last = ledger.position
        fleet = begin(ledger)
        if fleet is None:
            self._collector, self.position = read_whole(
                ledger, judged=self._judged, on_read=self._note_first, on_error=self._skip
            )
        else:
            self._collector = Collector.going_on_from(source_uri(ledger.id), fleet)
            self.position = self.older = fleet.position

    def _note_first(self, read: int) -> None:
        self._read_at_first = read
        if self._stopping.is_set():
            raise Ended("the server ends")

    def _follow_once(self, ledger: LedgerReader, file: FileKey | None) -> None:
        """Takes what is new. Raises ``LedgerError`` if the ledger is not there any more."""
        if _file_of(self.url) != file:
            raise LedgerError(f"{self.url} is gone, or another file is in its place")
        self._last = ledger.position
        if self._last < self.position:
            raise LedgerError(f"{self.url} has fewer events than before: it was replaced")
        if self._last > self.position:
            self._take(ledger, self._last)

    def _read_older(self, ledger: LedgerReader, file: FileKey | None) -> None:
        """Reads the whole ledger, and shows it; what is recorded meanwhile is shown meanwhile."""
        looked = shown = time.monotonic()

        def note(read: int) -> None:
            nonlocal looked, shown
            if self._stopping.is_set():
                raise Ended("the server ends")
            self.older_read = min(read, self.older)
            if (now := time.monotonic()) - looked > PAUSE_SECONDS:
                looked = now
                self._follow_once(ledger, file)
            if now - shown > SHOWN_SECONDS:
                shown = now
                self._change()

        unreadable: list[NilometerError] = []
        collector, position = read_whole(ledger, judged=self._judged, on_read=note, on_error=unreadable.append)
        for batch in in_batches(read_ledger(ledger, position, self.position, unreadable.append)):
            collector.take_batch(batch)
        with self.lock:
            self._collector, self.unreadable, self.older = collector, len(unreadable), 0
        self._change()

    def _change(self) -> None:
        self.generation += 1
        self.on_change()

    def _take(self, ledger: LedgerReader, last: int) -> None:
        collector = self._collector
        assert collector is not None
        with reduced_garbage_collection():
            for batch in in_batches(read_ledger(ledger, self.position, last, self._skip)):
                with self.lock:
                    collector.take_batch(batch)
                    self.position = batch[-1].envelope.position
                if self._ready.is_set():
                    self.news.extend(_news(placed.envelope) for placed in batch)
                    self.on_change()
                if self._stopping.is_set():
                    return
        self.position = last
        if self._ready.is_set():
            self.on_change()

    def _skip(self, error: NilometerError) -> None:
        self.unreadable += 1


def _news(envelope: Envelope[Event]) -> NewEvent:
    return NewEvent(
        position=envelope.position,
        time=envelope.metadata.happened,
        subject=envelope.stream,
        says=format_log_line(envelope),
    )


def _file_of(url: str) -> FileKey | None:
    """Which file a ledger is in: one that was removed can still be read, but nothing more comes."""
    location = parse_url(url)
    if not isinstance(location, SQLiteLocation):
        return None
    try:
        found = Path(location.path).stat()
    except OSError:
        return (0, 0)
    return (found.st_dev, found.st_ino)

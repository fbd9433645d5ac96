"""A ledger that is followed: one thread reads what is recorded, and keeps what the pages show."""

from __future__ import annotations

import threading
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
from nilometer.errors import LedgerError
from nilometer.history.cloudevents import source_uri
from nilometer.ledger.reader import LedgerReader, open_reader
from nilometer.report.collecting import Collected, Collector
from nilometer.report.making import MOST_JUDGED
from nilometer.report.skimming import skim
from nilometer.storage.urls import SQLiteLocation, parse_url
from nilometer.textio.streaming import in_batches, reduced_garbage_collection
from rules.judging.judge import Judge

PAUSE_SECONDS: Final = 0.2
"""Between two looks at the ledger."""
RETRY_SECONDS: Final = 2.0
"""Between two attempts to open a ledger that went away."""
MOST_NEWS: Final = 1000
"""So many of the newest events are told to a page that was away."""

_SKIMMED: Final = 10_000
"""A ledger that is longer, and is not judged, is skimmed at first: that takes a third of the time."""

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
        """Reads the ledger up to its end, then follows it. Raises the error that prevents it."""
        self._thread.start()
        while not self._ready.wait(0.1):
            on_progress(self.position, self._last)
        if self._collector is None and self.problem is not None:
            raise self.problem

    _last = 0

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
            if _file_of(self.url) != file:
                raise LedgerError(f"{self.url} is gone, or another file is in its place")
            self._last = ledger.position
            if self._last < self.position:
                raise LedgerError(f"{self.url} has fewer events than before: it was replaced")
            if self._last > self.position:
                self._take(ledger, self._last)
            if self.problem is not None:
                self.problem = None
                self.on_change()
            self._ready.set()
            self._stopping.wait(PAUSE_SECONDS)

    def _check_same(self, ledger: LedgerReader) -> None:
        if self._collector is None:
            self.id = ledger.id
            self._last = ledger.position
            is_judged = self._last <= MOST_JUDGED if self._judged is None else self._judged
            skimmed = None if is_judged or self._last < _SKIMMED else skim(ledger, on_progress=self._note_position)
            if skimmed is None:
                self._collector = Collector(source_uri(ledger.id), Judge() if is_judged else None)
            else:
                self._collector = Collector.going_on(skimmed)
            self.position = 0 if skimmed is None else skimmed.fleet.position
        elif ledger.id != self.id:
            raise LedgerError(f"{self.url} is another ledger now", hint="start nilo serve again to show it")

    def _note_position(self, position: int) -> None:
        self.position = position

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

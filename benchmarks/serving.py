"""``nilo serve`` on a long ledger: when it is ready, what its first page takes, and when an event is on the page."""

from __future__ import annotations

import http.client
import json
import shutil
import signal
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from urllib.parse import urlsplit

from benchmarks.histories import History
from domain.commands import ReportInUse
from nilometer import Ledger, Request


@dataclass(frozen=True, slots=True)
class ServeCost:
    """Seconds of the clock."""

    ready: float
    """Until the address was printed."""
    first_page: float
    whole: float
    """Until the older events were read, too."""
    again: float
    """The same page, when nothing new was recorded."""
    shown: float
    """From the end of a commit until the page that is fetched then has the event."""


def serve(history: History, folder: Path, events: int = 5) -> ServeCost:
    """``nilo serve`` as a program, on a copy of a ledger; ``events`` are recorded while it runs."""
    copy = folder / "served.db"
    shutil.copyfile(history.path, copy)
    try:
        return _serve(f"sqlite:///{copy}", events)
    finally:
        for left in folder.glob("served.db*"):
            left.unlink()


def _serve(url: str, events: int) -> ServeCost:
    begun = time.perf_counter()
    command = [sys.executable, "-c", "import nilometer.cli; nilometer.cli.main()", "serve", "--port", "0"]
    with subprocess.Popen([*command, "--format", "json", "--ledger", url], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        given: str = json.loads(server.stdout.readline())["url"]
        address = urlsplit(given)
        ready = time.perf_counter() - begun
        try:
            with closing(http.client.HTTPConnection(address.hostname or "", address.port, timeout=60)) as connection:
                pages = Pages(connection)
                first = pages.seconds()
                while "Older events are being read" in pages.fetch():
                    time.sleep(0.1)
                whole = time.perf_counter() - begun
                pages.fetch()
                again = pages.seconds()
                shown = median(_until_shown(url, pages) for _ in range(events))
        finally:
            server.send_signal(signal.SIGINT)
    return ServeCost(ready=ready, first_page=first, whole=whole, again=again, shown=shown)


class Pages:
    """Fetches the first page."""

    def __init__(self, connection: http.client.HTTPConnection) -> None:
        self._connection = connection

    def fetch(self) -> str:
        """The page as it is now."""
        self._connection.request("GET", "/")
        return self._connection.getresponse().read().decode()

    def seconds(self) -> float:
        """How long it takes."""
        begun = time.perf_counter()
        self.fetch()
        return time.perf_counter() - begun


def _until_shown(url: str, pages: Pages) -> float:
    with Ledger.open(url) as ledger:
        ledger.execute(Request(ReportInUse("vm0000", 1 << 30), actor="bench", via="bench"))
        position = ledger.position
        committed = time.perf_counter()
    while f"position {position}<" not in pages.fetch():
        time.sleep(0.01)
    return time.perf_counter() - committed

"""Drives a VM at the command line, and shows how far it is."""

from __future__ import annotations

import sys
import time

from nilometer.cli.driving.targets import DriveTarget, open_driver
from nilometer.cli.escaping import escape_controls
from nilometer.cli.failures import Interrupted
from nilometer.cli.session import Session
from nilometer.drive.bringing_in import DriveResult, drive
from nilometer.drive.driving import DriveRequest
from nilometer.ledger.ledger import Ledger


def drive_shown(session: Session, ledger: Ledger, target: DriveTarget, request: DriveRequest) -> DriveResult:
    """Drives a VM, and shows how far it is. Raises ``Interrupted`` if that is stopped by Ctrl-C."""
    driver = open_driver(target.qmp, session.clock)
    try:
        with ProgressLine(target.place.id) as line:
            return drive(ledger, target.place, request, driver, progress=line.show)
    except KeyboardInterrupt:
        raise Interrupted(
            "what was sent stays open, and what was seen is recorded", hint="run it again: that closes it"
        ) from None


class ProgressLine:
    """One line on stderr, if that is a terminal, which says how far it is."""

    def __init__(self, what: str) -> None:
        self._what = escape_controls(what)
        self._on = sys.stderr.isatty()
        self._shown_at = 0.0

    def __enter__(self) -> ProgressLine:
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown_at:
            sys.stderr.write("\r\x1b[K")
            sys.stderr.flush()

    def show(self, text: str) -> None:
        """Shows how far it is."""
        now = time.monotonic()
        if self._on and now - self._shown_at > 0.1:
            self._shown_at = now
            sys.stderr.write(f"\r\x1b[K{self._what}: {escape_controls(text)}")
            sys.stderr.flush()

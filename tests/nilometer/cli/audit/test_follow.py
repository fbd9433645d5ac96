"""``nilo audit --follow``: a ledger judged while others write to it."""

from __future__ import annotations

import io
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from domain.commands import ReportInUse
from domain.envelope import Envelope
from domain.events import Event
from nilometer.audit.result import Audit
from nilometer.cli.audit.follow import follow_ledger
from nilometer.cli.output import Output
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.requests import Request
from rules.judging.findings import At, Finding
from rules.judging.judge import Judge
from rules.judging.scope import EVERYTHING
from tests.nilometer.cli.audit.judged import OVERCOMMITTED
from tests.nilometer.cli.calling import NILO, Desk

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="POSIX signals"),
    pytest.mark.timeout(60),
]


@contextmanager
def started(desk: Desk, *options: str) -> Generator[subprocess.Popen[str]]:
    """An audit that waits, for as long as the test needs it."""
    running = subprocess.Popen(
        [NILO, "audit", "--follow", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **desk.environment()},
    )
    with running:
        try:
            yield running
        finally:
            running.kill()


def wait_for_line(running: subprocess.Popen[str], wanted: str) -> None:
    """Waits until it says so on stderr."""
    assert running.stderr is not None
    assert any(wanted in line for line in iter(running.stderr.readline, "")), running.poll()


def ended(running: subprocess.Popen[str]) -> tuple[int, str, str]:
    running.send_signal(signal.SIGINT)
    out, err = running.communicate(timeout=60)
    return running.returncode, out, err


def test_what_is_recorded_later_is_judged_too_until_an_interrupt_ends_it_with_the_verdict(desk: Desk) -> None:
    desk.with_history()
    with started(desk) as running:
        wait_for_line(running, "note: 9 events judged so far: holds; waiting for more (Ctrl-C ends)")
        assert desk.call("do", "add-memory", "web01", "2MiB", "--at", "2026-11-23T10:00:00Z").code == 0
        wait_for_line(running, "note: 11 events judged so far: holds")
        code, out, err = ended(running)
    assert (code, err) == (0, "")
    assert re.match(r"holds: 11 events.* \(sqlite:///.*ledger.db\)\n", out)


def test_programs_get_one_document_at_the_end(desk: Desk) -> None:
    desk.with_history()
    with started(desk, "--format", "json") as running:
        wait_for_line(running, "9 events judged")
        code, out, _ = ended(running)
    assert code == 0
    assert json.loads(out)["events"] == 9


def test_waiting_takes_no_processor(desk: Desk) -> None:
    desk.with_history()
    with started(desk) as running:
        wait_for_line(running, "9 events judged")
        begun, used = time.monotonic(), processor_seconds(running.pid)
        for minute in range(8):  # a second or more of waiting, as each is seen only at the next look
            assert desk.call("do", "report-in-use", "web01", "1GiB", "--at", f"2026-11-23T10:0{minute}:00Z").code == 0
            wait_for_line(running, f"{10 + minute} events judged")
        assert processor_seconds(running.pid) - used < (time.monotonic() - begun) / 2
        ended(running)


def processor_seconds(pid: int) -> float:
    """How long a process has kept the processor busy, as Linux counts it."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        pytest.skip("no /proc")
    fields = stat.read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Finder(Judge):
    """Finds something at every second event."""

    def take(self, envelope: Envelope[Event], place: str = "", source: str = "") -> list[Finding]:
        self.coverage.events += 1
        at = At(envelope.stream, envelope.position, envelope.metadata.happened)
        return [] if envelope.position % 2 else [replace(OVERCOMMITTED, at=at)]


def test_what_is_found_is_shown_as_it_comes_and_once(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    desk.with_history()
    looks: list[str] = []

    def between_two_looks() -> None:
        looks.append(sys.stdout.getvalue())  # type: ignore[union-attr]
        if len(looks) == 2:
            raise KeyboardInterrupt
        with Ledger.open(desk.url) as ledger:
            ledger.execute(Request(ReportInUse("web01", 2**30), actor="ann", via="test"))

    monkeypatch.setattr("nilometer.cli.audit.follow.wait_for_more", between_two_looks)
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    with Ledger.open(desk.url, read_only=True) as ledger:
        out, audit = Output("plain"), Audit()
        follow_ledger(out, audit, ledger, Finder(EVERYTHING), None)
    counts = [shown.count(" (host_never_overcommitted)\n") for shown in looks]
    assert counts == [4, 5]
    assert (audit.coverage.events, len(audit.findings)) == (10, 5)

"""A long ledger is shown before all of it is read, and then as if it had been read at once."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from nilometer.cli.serving import live as following
from nilometer.cli.serving import opening
from nilometer.cli.serving.live import LiveLedger
from nilometer.cli.serving.metrics import format_metrics
from nilometer.cli.serving.pages import PageMaker
from nilometer.report.clocks import Clock24, read_zone
from nilometer.textio import streaming
from tests.nilometer.cli.calling import Desk
from tests.paths import EXAMPLES, RECORDINGS

ADDRESSES = ("", "vms", "findings", "rules", "vm-web01", "host-hv01", "vm-lab.vm0", "compare")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    """A ledger with decided and observed VMs, whose requests fell short."""
    desk = Desk(tmp_path)
    desk.call("run", str(EXAMPLES / "month-end.jsonl"))
    desk.call("import-qemu", str(RECORDINGS / "s7_three_vms_one_budget.jsonl"), "--as", "lab")
    return desk


@pytest.mark.parametrize("judged", [True, False])
def test_the_newest_events_are_shown_while_the_older_are_read(
    desk: Desk, judged: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a ledger that was read at once
    at_once = LiveLedger(desk.url, judged=judged)
    at_once.start()
    whole, metrics = pages(at_once), format_metrics(at_once)
    at_once.stop()
    assert at_once.older == 0
    # when it is so long that its newest events are shown first
    monkeypatch.setattr(opening, "NEWEST", 40)
    monkeypatch.setattr(opening, "FEWEST_NEWEST", 10)
    monkeypatch.setattr(following, "SHOWN_SECONDS", 0.0)
    live = LiveLedger(desk.url, judged=judged)
    meanwhile: list[tuple[dict[str, str], str]] = []
    done = threading.Event()

    def note() -> None:
        if live.older:
            meanwhile.append((pages(live), format_metrics(live)))
        else:
            done.set()

    live.on_change = note
    live.start()
    try:
        assert done.wait(30)
        # then meanwhile each page says so, judges nothing, and shows what the hosts and VMs have now
        shown, counted = meanwhile[0]
        for page in shown.values():
            assert "Older events are being read" in page
        assert "Not judged" in shown[""]
        assert "hv01" in shown[""]
        assert "lab.vm0" in shown["vms"]
        # and nothing is counted that is not complete
        assert 'nilometer_vm_assigned_bytes{vm="web01"' in counted
        assert "nilometer_vm_short_grants_total{" in metrics
        assert "nilometer_vm_short_grants_total{" not in counted
        # and in the end they are the pages of the whole
        assert pages(live) == whole
        assert format_metrics(live) == metrics
    finally:
        live.stop()


def pages(live: LiveLedger) -> dict[str, str]:
    made = PageMaker(live, Clock24(*read_zone("UTC")), {name: name for name in ("report.css", "report.js", "live.js")})
    return {name: made.page(name, {}).html for name in ADDRESSES}


def test_who_ends_it_while_it_reads_does_not_wait(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opening, "NEWEST", 40)
    monkeypatch.setattr(opening, "FEWEST_NEWEST", 10)
    monkeypatch.setattr(following, "SHOWN_SECONDS", 0.0)
    live = LiveLedger(desk.url)
    read, go_on = threading.Event(), threading.Event()

    def wait() -> None:
        read.set()
        go_on.wait(30)

    live.on_change = wait
    live.start()
    assert read.wait(30)
    # when it is ended while older events are being read
    ending = threading.Thread(target=live.stop)
    ending.start()
    go_on.set()
    ending.join(30)
    # then it ends, and does not read on to the end
    assert not ending.is_alive()


def test_a_ledger_that_goes_away_while_it_is_read_is_missed_and_then_read_again(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a long ledger whose older events are being read, in small batches
    monkeypatch.setattr(opening, "NEWEST", 40)
    monkeypatch.setattr(opening, "FEWEST_NEWEST", 10)
    monkeypatch.setattr(streaming, "BATCH_EVENTS", 5)
    for name in ("SHOWN_SECONDS", "PAUSE_SECONDS", "RETRY_SECONDS"):
        monkeypatch.setattr(following, name, 0.0)
    live = LiveLedger(desk.url)
    there, elsewhere = desk.folder / "ledger.db", desk.folder / "elsewhere.db"
    problems: list[str] = []
    done = threading.Event()

    def note() -> None:
        # when it goes away meanwhile, and comes again once that was told
        if live.older and not problems and live.problem is None:
            if there.exists():
                there.rename(elsewhere)
        elif live.problem is not None:
            problems.append(live.problem.message)
            if elsewhere.exists():
                elsewhere.rename(there)
        elif not live.older:
            done.set()

    live.on_change = note
    live.start()
    try:
        # then that is said, and in the end all of it is shown
        assert done.wait(30)
        assert "is gone, or another file is in its place" in problems[0]
        assert live.problem is None
        assert live.collected.events == live.position
    finally:
        live.stop()

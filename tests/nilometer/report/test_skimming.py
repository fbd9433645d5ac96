"""Skimming a long ledger gives what reading all of it gives."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final

import pytest

from nilometer.audit.reading import read_ledger
from nilometer.history.cloudevents import source_uri
from nilometer.ledger.reader import open_reader
from nilometer.report.building.report import Making, Origin, build_report
from nilometer.report.clocks import Clock24, read_zone
from nilometer.report.collecting import Collected, Collector, collect
from nilometer.report.data import ReportPages
from nilometer.report.skimming import skim
from nilometer.times import current_time
from tests.nilometer.cli.calling import Desk
from tests.paths import RECORDINGS, ROOT

MONTH_END: Final = str(ROOT / "docs" / "examples" / "month-end.jsonl")
S7: Final = str(RECORDINGS / "s7_three_vms_one_budget.jsonl")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_skimmed_ledger_is_the_report_of_all_its_events(desk: Desk) -> None:
    # given a decided history with grants in full, in part and none, two restarts, and a VM that was moved
    desk.call("run", MONTH_END)
    for command in (
        ["register-host", "hv02", "--version", "2022", "--total", "64GiB", "--reserve", "2GiB"],
        ["move-vm", "web01", "hv02"],
        ["reboot-guest", "web01"],
        ["stop", "erp01"],
    ):
        assert desk.call("do", *command, "--at", "2026-11-23T19:00:00Z").code == 0
    with open_reader(desk.url) as ledger:
        # when it is skimmed, and when it is read
        skimmed = skim(ledger)
        read = collect(read_ledger(ledger), source_uri(ledger.id), None)
        # then the pages are the same
        assert skimmed is not None
        assert pages(skimmed) == pages(read)


def pages(collected: Collected) -> ReportPages:
    making = Making(made=current_time(), clock=Clock24(*read_zone("UTC")))
    made = build_report(collected, Origin("ledger"), making)
    return replace(made, made="")


def test_what_was_observed_cannot_be_skimmed(desk: Desk) -> None:
    desk.call("import-qemu", S7, "--as", "lab")
    with open_reader(desk.url) as ledger:
        assert skim(ledger) is None


def test_what_is_recorded_after_a_ledger_was_skimmed_is_taken_as_if_all_had_been_read(desk: Desk) -> None:
    # given a ledger that was skimmed
    desk.call("run", MONTH_END)
    with open_reader(desk.url) as ledger:
        skimmed = skim(ledger)
        assert skimmed is not None
        collector = Collector.going_on(skimmed)
        last = skimmed.fleet.position
    # when more is recorded: of a VM that it knows, of a new one, and observed by somebody else
    shape = ("--generation", "2", "--guest", "linux", "--config-version", "9.0", "--size", "2GiB")
    for command in (
        ["add-memory", "web01", "99GiB"],
        ["define-vm", "db01", "--host", "hv01", *shape],
        ["start", "db01"],
    ):
        assert desk.call("do", *command, "--at", "2026-11-23T19:00:00Z").code in (0, 1)
    desk.call("import-qemu", S7, "--as", "lab")
    with open_reader(desk.url) as ledger:
        collector.take_batch(list(read_ledger(ledger, last)))
        read = collect(read_ledger(ledger), source_uri(ledger.id), None)
    # then the pages are those of the whole
    assert pages(collector.so_far()) == pages(read)

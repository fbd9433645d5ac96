"""Skimming a long ledger gives what reading all of it gives."""

from __future__ import annotations

import sqlite3
import tempfile
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nilometer.audit.reading import read_ledger
from nilometer.history.cloudevents import source_uri
from nilometer.ledger.reader import open_reader
from nilometer.report.building.report import Making, Origin, build_report
from nilometer.report.clocks import Clock24, read_zone
from nilometer.report.collected import Collected
from nilometer.report.collecting import collect
from nilometer.report.data import ReportPages
from nilometer.report.skimming.beside import skim_in_processes
from nilometer.report.skimming.stretches import Span, skim, spans_of
from nilometer.times import current_time
from tests.nilometer.cli.calling import Desk
from tests.paths import RECORDINGS, ROOT
from tests.projections.histories import decided
from tests.projections.stored import stored_at

MONTH_END: Final = str(ROOT / "docs" / "examples" / "month-end.jsonl")
POLICIES: Final = str(ROOT / "docs" / "examples" / "policies.py")
S7: Final = str(RECORDINGS / "s7_three_vms_one_budget.jsonl")


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


def test_a_skimmed_ledger_of_every_kind_of_event_is_the_report_of_all_of_them(desk: Desk) -> None:
    # given a decided history with grants in full, in part and none, two restarts, and a VM that was moved
    desk.call("run", MONTH_END)
    for command in (
        ["register-host", "hv02", "--version", "2022", "--total", "64GiB", "--reserve", "2GiB"],
        ["move-vm", "web01", "hv02"],
        ["reboot-guest", "web01"],
        ["stop", "erp01"],
    ):
        assert desk.call("do", *command, "--at", "2026-11-23T19:00:00Z").code == 0
    # and a policy is adopted that refuses a command, and retired
    assert desk.call("policy", "adopt", POLICIES, "--only", "tenth_stays_free", "--from-now").code == 0
    assert desk.call("do", "add-memory", "web01", "58GiB", "--at", "2026-11-23T20:00:00Z").code == 1
    assert desk.call("policy", "retire", "tenth_stays_free").code == 0
    # and an observed one beside it, whose requests settled short and late
    desk.call("import-qemu", S7, "--as", "lab")
    with open_reader(desk.url) as ledger:
        # when it is skimmed, and when it is read
        skimmed = skim(ledger)
        read = collect(read_ledger(ledger), source_uri(ledger.id), None)
        # then the pages are the same
        assert skimmed is not None
        assert pages(skimmed.collected) == pages(read)
        # and the policy is named
        assert any("(policy tenth_stays_free)" in item.says for item in pages(read).fleet.asked)


def pages(collected: Collected) -> ReportPages:
    making = Making(made=current_time(), clock=Clock24(*read_zone("UTC")))
    made = build_report(collected, Origin("ledger"), making)
    return replace(made, made="")


def test_what_is_recorded_after_a_ledger_was_skimmed_is_taken_as_if_all_had_been_read(desk: Desk) -> None:
    # given a ledger that was skimmed
    desk.call("run", MONTH_END)
    with open_reader(desk.url) as ledger:
        collector = skim(ledger)
        assert collector is not None
        last = collector.collected.fleet.position
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


@given(st.integers(0, 10_000), st.integers(5, 60), st.integers(0, 10_000))
@settings(max_examples=10, deadline=None)
def test_skimming_in_stretches_gives_what_reading_gives(seed: int, lines: int, cut: int) -> None:
    # given a history of decisions, and between them of what was observed, told late and out of order
    with tempfile.TemporaryDirectory() as folder:
        url = f"sqlite:///{folder}/ledger.db"
        with stored_at(url, decided(seed, lines, observations=True)[0]) as stored:
            stored.views().catch_up()
        with open_reader(url) as ledger:
            # when it is skimmed at once, and in two stretches, and read
            middle = ledger.views.complete_position(cut % max(1, ledger.position))
            whole = skim(ledger)
            joined = skim(ledger, spans=[Span(0, middle), Span(middle, ledger.position)])
            read = collect(read_ledger(ledger), source_uri(ledger.id), None)
            # then the pages are the same
            assert whole is not None
            assert joined is not None
            assert pages(whole.collected) == pages(read)
            assert pages(joined.collected) == pages(read)


def test_stretches_are_skimmed_in_several_processes_as_in_one(desk: Desk) -> None:
    # given a ledger, and three stretches of it
    desk.call("run", MONTH_END)
    desk.call("import-qemu", S7, "--as", "lab")
    progress: list[int] = []
    with open_reader(desk.url) as ledger:
        bounds = [0, *map(ledger.views.complete_position, (10, 40)), ledger.position]
        spans = [Span(after, upto) for after, upto in pairwise(bounds)]
        # when two processes skim them, and one reads all
        skimmed = skim(ledger, spans=spans, on_progress=progress.append, skim_spans=skim_in_processes(desk.url, 2))
        read = collect(read_ledger(ledger), source_uri(ledger.id), None)
        # then the pages are the same
        assert skimmed is not None
        assert pages(skimmed.collected) == pages(read)
        # and where another process cannot read an event, it is left to who reads all
        changed = b'{"actor":1}'
        spoil(desk, ledger.position, changed)
        assert skim(ledger, spans=spans, skim_spans=skim_in_processes(desk.url, 2)) is None


def spoil(desk: Desk, position: int, body: bytes) -> None:
    """Changes a stored event behind everybody's back."""
    connection = sqlite3.connect(desk.url.removeprefix("sqlite:///"))
    connection.execute("DROP TRIGGER events_are_not_changed")
    connection.execute("UPDATE stored_events SET state = ? WHERE position = ?", (body, position))
    connection.commit()
    connection.close()


def test_a_ledger_is_read_in_stretches_that_depend_on_its_length_alone(desk: Desk) -> None:
    desk.call("run", MONTH_END)
    with open_reader(desk.url) as ledger:
        assert spans_of(ledger, ledger.position) == [Span(0, ledger.position)]
        assert spans_of(ledger, 450_000) == [Span(0, 450_000)]  # the stored views are not so far

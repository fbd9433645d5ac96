"""The book of a host at each moment is what the view shows at that time."""

from __future__ import annotations

from pathlib import Path

from nilometer.audit.reading import read_ledger
from nilometer.history.cloudevents import source_uri
from nilometer.ledger.reader import LedgerReader, open_reader
from nilometer.report.building.context import bare
from nilometer.report.building.report import Making, Origin, build_report
from nilometer.report.clocks import Clock24, read_zone
from nilometer.report.collecting import collect
from nilometer.report.data import HostPage
from nilometer.report.series import HostMoment
from nilometer.times import current_time
from projections.view import view
from rules.wording import UNITS
from tests.nilometer.cli.calling import Desk
from tests.paths import RECORDINGS, ROOT

MONTH_END = str(ROOT / "docs" / "examples" / "month-end.jsonl")
S7 = str(RECORDINGS / "s7_three_vms_one_budget.jsonl")


def test_at_each_moment_of_an_observed_host_its_book_is_that_of_the_view(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    desk.call("import-qemu", S7, "--as", "lab")
    assert compared(desk, "lab") > 20


def test_at_each_moment_of_a_decided_host_its_book_is_that_of_the_view_also_of_a_vm_that_went(tmp_path: Path) -> None:
    # given a host from which a VM was moved to another
    desk = Desk(tmp_path)
    desk.call("run", MONTH_END)
    for command in (
        ["register-host", "hv02", "--version", "2022", "--total", "64GiB", "--reserve", "2GiB"],
        ["move-vm", "web01", "hv02"],
    ):
        assert desk.call("do", *command, "--at", "2026-11-23T19:00:00Z").code == 0
    # then its row is there until it went
    assert compared(desk, "hv01") > 5
    assert [row.vm.words for row in page_of(desk, "hv01").book if not row.is_here] == ["web01"]


def compared(desk: Desk, host: str) -> int:
    """Compares the book of each moment with the view at that time; how many moments there are."""
    page = page_of(desk, host)
    assert page.chart is not None
    with open_reader(desk.url) as ledger:
        for index, moment in enumerate(page.chart.moments):
            assert isinstance(moment, HostMoment)
            last = index == len(page.chart.moments) - 1
            assert book_at(page, index) == book_of_view(ledger, host, None if last else moment.time, page), moment
    return len(page.chart.moments)


def page_of(desk: Desk, host: str) -> HostPage:
    with open_reader(desk.url) as ledger:
        collected = collect(read_ledger(ledger), source_uri(ledger.id), None)
        making = Making(made=current_time(), clock=Clock24(*read_zone("UTC")))
        return next(page for page in build_report(collected, Origin("ledger"), making).hosts if page.name == host)


def book_at(page: HostPage, index: int) -> dict[str, tuple[str, ...]]:
    """The power of each VM and what it holds, sees and uses, as the page shows it at a moment."""
    cells = {row.vm.words: [step.cells for step in row.steps if step.index <= index][-1] for row in page.book}
    return {vm: cell[:4] for vm, cell in cells.items() if cell}


def book_of_view(ledger: LedgerReader, host: str, time: str | None, page: HostPage) -> dict[str, tuple[str, ...]]:
    """The same by the view."""
    unit = next(unit for unit in UNITS if unit.name == page.unit)
    rows = view(ledger.views.fleet() if time is None else ledger.views.fleet_at(time), at=time).vms
    return {
        row.vm: (
            row.power or "unknown",
            bare(row.held, unit),
            *(("", "") if row.held == 0 else (bare(row.visible, unit), bare(row.in_use, unit))),
        )
        for row in rows
        if row.host == host
    }

"""The picture of a host with many VMs: those that held most have a layer each, the others one together."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from domain.identifiers import UtcTime
from nilometer import (
    AddMemory,
    Command,
    ConfigVersion,
    DefineVm,
    Guest,
    HostVersion,
    Ledger,
    MemorySetting,
    RegisterHost,
    Request,
    Start,
    Stop,
)
from nilometer.audit.reading import read_ledger
from nilometer.ledger.reader import open_reader
from nilometer.report.building.host_chart import MOST_LAYERS
from nilometer.report.building.report import Making, Origin, build_report
from nilometer.report.clocks import Clock24, read_zone
from nilometer.report.collecting import collect
from nilometer.report.series import Line
from nilometer.times import current_time

GIB: Final = 1 << 30
VMS: Final = MOST_LAYERS + 6


def test_the_layers_of_many_vms_are_together_what_their_host_holds(tmp_path: Path) -> None:
    # given a host with many VMs, each with more memory than the one before; some are stopped, some get more
    url = f"sqlite:///{tmp_path / 'ledger.db'}"
    with Ledger.open(url, create=True) as ledger:
        commands: list[Command] = [RegisterHost("hv01", HostVersion.V2022, 2048 * GIB, GIB)]
        for number in range(VMS):
            vm, setting = f"vm{number:02}", MemorySetting.static((number + 1) * GIB)
            commands += [DefineVm(vm, "hv01", 2, Guest.LINUX, ConfigVersion(10, 0), setting), Start(vm)]
        commands += [Stop("vm01"), AddMemory("vm03", GIB), Stop("vm20"), AddMemory("vm25", GIB)]
        for minute, command in enumerate(commands):
            at = UtcTime(f"2026-11-23T{9 + minute // 60:02}:{minute % 60:02}:00.000000Z")
            ledger.execute(Request(command, actor="ann", via="test", at=at))
    # when its page is made
    with open_reader(url) as reader:
        collected = collect(read_ledger(reader), "x", None)
    making = Making(made=current_time(), clock=Clock24(*read_zone("UTC")))
    [page] = build_report(collected, Origin("x"), making).hosts
    assert page.chart is not None
    layers = [line for line in page.chart.lines if line.name == "held"]
    # then those that held most have a layer each, and the others one, which the page says
    assert [line.label for line in layers] == [*(f"vm{number:02}" for number in range(6, VMS)), "6 together"]
    assert f"The {MOST_LAYERS} VMs that held most are drawn; the other 6 are one layer." in page.thinned
    # and at each moment the layers are together what the host holds
    for point in collected.hosts["hv01"].points:
        assert sum(size_at(line, point.at) for line in layers) == point.held
    assert len(page.book) == VMS
    assert all(row.steps for row in page.book)


def size_at(line: Line, time: UtcTime) -> int:
    return next((step.size or 0 for step in reversed(line.steps) if step.time <= time), 0)

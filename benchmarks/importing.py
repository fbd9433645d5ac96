"""Imports a day of a fleet's spools beside ``json.loads`` over the same lines, and queries the ledger of that day."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from statistics import median
from typing import Final

from benchmarks.commands import NILO, Run, in_memory
from benchmarks.fleet import Size, moment
from benchmarks.processes import Cost, run
from benchmarks.report import Line
from benchmarks.spools import spools
from benchmarks.timing import Piece, SideBySide, side_by_side
from domain.identifiers import subject_id, vm_id
from nilometer import Ledger, import_hyperv
from nilometer.times import parse_time

MB: Final = 1_000_000
LATER: Final = 5
"""Minutes from one import to the next, in the evening."""
TOGETHER: Final = 2
"""Hosts that are imported together in a piece: VMs move between two neighbours."""


@dataclass(frozen=True, slots=True)
class ImportedDay:
    """A fleet's day in a ledger."""

    url: str
    took: Run
    """What ``nilo import-hyperv`` of all files together took."""
    bytes: int
    events: int
    vm: str
    """One of the VMs that somebody resized."""


def lines(size: Size, folder: Path, histories: Path, *, times: int) -> Iterator[Line]:
    """The measurements of a fleet; each query runs ``times`` times."""
    both = compare_with_json(size, folder, histories)
    yield Line(
        f"import {size.observations:,} observations (json.loads)",
        f"{both.ours.rate:,.0f} observations/s",
        f"{both.other.rate:,.0f} observations/s",
        f"{both.rate:.2f}",
        "≥ 0.2",
        both.rate >= 0.2,
    )
    ours, other = both.ours.cpu_each, both.other.cpu_each
    yield Line("… processor", f"{ours * 1e6:.1f} µs", f"{other * 1e6:.1f} µs", f"{1 / both.cpu:.2f}")
    sizes = (replace(size, minutes=size.minutes // 10), size)
    tenth, day = (import_day(period, folder, histories) for period in sizes)
    growth = day.took.peak / tenth.took.peak
    yield Line(
        "peak memory of nilo import-hyperv, a tenth of the day and all of it",
        f"{tenth.took.peak / MB:.0f}, {day.took.peak / MB:.0f} MB",
        f"{day.took.seconds:.1f} s the longest",
        f"{growth:.2f}",
        "< 1.2",
        growth < 1.2,
    )
    evening = import_in_the_evening(size, folder, histories)
    yield Line(
        f"nilo import-hyperv of {size.hosts} hosts in the evening, when each file has grown by {LATER} minutes",
        f"{evening.cpu:.2f} CPU s, {evening.wall:.2f} s",
        target="< 2 CPU s",
        ok=evening.cpu < 2,
    )
    kept = f"{day.bytes / MB:.1f} MB"
    yield Line("the ledger of the day", kept, f"{day.events:,} events", "", "< 100 MB", day.bytes < 100 * MB)
    for query, arguments in list_queries(day, size):
        cost = measure_query(arguments, day.url, times=times)
        seconds = f"{cost.cpu:.2f} CPU s, {cost.wall:.2f} s"
        yield Line(f"nilo {query}, of the day", seconds, target="< 2 CPU s", ok=cost.cpu < 2)


def compare_with_json(size: Size, folder: Path, histories: Path) -> SideBySide:
    """Imports spools into a ledger on disk, a few hosts at a time, on one processor."""
    files = spools(histories, size)
    url = f"sqlite:///{folder / 'hosts.db'}"

    def pieces() -> Iterator[Piece]:
        for first in range(0, len(files), TOGETHER):
            some = files[first : first + TOGETHER]
            observations = size.vms * size.minutes * len(some)
            yield Piece(observations, partial(_import, some, url), partial(_list_parsing, some))

    (both,) = side_by_side(pieces())
    return both


def import_day(size: Size, folder: Path, histories: Path) -> ImportedDay:
    """Runs ``nilo import-hyperv`` of all files, as an operator does."""
    path = folder / f"day-{size.minutes}.db"
    url = f"sqlite:///{path}"
    took = in_memory(["import-hyperv", *map(str, spools(histories, size))], url, folder)
    with Ledger.open(url, read_only=True) as ledger:
        requested = (event.stream for event in ledger.events() if event.event.KIND == "vm.change-requested")
        stream = next(requested, None) or next(event.stream for event in ledger.events() if vm_id(event.stream))
        return ImportedDay(url=url, took=took, bytes=path.stat().st_size, events=ledger.position, vm=subject_id(stream))


def import_in_the_evening(size: Size, folder: Path, histories: Path) -> Cost:
    """The cost of an import of all files, when they were imported shortly before: the median of three."""
    url, growing = f"sqlite:///{folder / 'evening.db'}", folder / "growing"
    growing.mkdir()
    costs: list[Cost] = []
    for times in (3, 2, 1, 0):
        until = moment(size.minutes - times * LATER, 0)
        files = [_copy_until(file, growing / file.name, until) for file in spools(histories, size)]
        command = [sys.executable, "-c", NILO, "import-hyperv", *map(str, files), "--ledger", url]
        costs.append(run(command))
    return Cost(median(cost.wall for cost in costs[1:]), median(cost.cpu for cost in costs[1:]))


def _copy_until(file: Path, copy: Path, until: str) -> Path:
    """The lines of a spool before a moment, as they were written by then."""
    with file.open("rb") as whole, copy.open("ab") as grown:
        whole.seek(grown.tell())
        for line in whole:
            if line.strip() and json.loads(line).get("time", "") >= until:
                break
            grown.write(line)
    return copy


def list_queries(imported: ImportedDay, size: Size) -> Iterable[tuple[str, list[str]]]:
    """The queries, in words and as arguments."""
    noon, evening = parse_time(moment(size.minutes // 2, 0)), parse_time(moment(size.minutes * 5 // 6, 0))
    yield "log", ["log"]
    yield "log --asked", ["log", "--asked"]
    yield "log --vm", ["log", "--vm", imported.vm]
    yield "view", ["view"]
    yield "view --at noon", ["view", "--at", noon]
    yield "audit --since 20:00", ["audit", "--since", evening]


def measure_query(arguments: Sequence[str], url: str, *, times: int) -> Cost:
    """The cost of a query: the medians of ``times`` runs, each in a new process, after a first run; or one run."""
    command = [sys.executable, "-c", NILO, *arguments, "--ledger", url]
    if times > 1:
        run(command)
    costs = [run(command) for _ in range(times)]
    return Cost(median(cost.wall for cost in costs), median(cost.cpu for cost in costs))


def _import(files: Sequence[Path], url: str) -> None:
    with Ledger.open(url, create=True) as ledger:
        import_hyperv(ledger, files, actor="benchmarks (synthetic)")


def _list_parsing(files: Sequence[Path]) -> list[partial[None]]:
    return [partial(_parse, files)]


def _parse(files: Sequence[Path]) -> None:
    for file in files:
        with file.open("rb") as stream:
            for line in stream:
                if not line.isspace():
                    json.loads(line)

"""Importing a day of a fleet's spools, and asking the ledger about it, beside ``json.loads`` over the same lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Final

from benchmarks.commands import Run, in_memory, wall
from benchmarks.fleet import Size, moment
from benchmarks.report import Line
from benchmarks.spools import spools
from benchmarks.timing import Piece, SideBySide, side_by_side
from nilometer import Ledger
from nilometer.importers.hyperv import HypervFile, HypervImporter
from nilometer.importers.hyperv_past import LedgerPast
from nilometer.results import Observation
from nilometer.times import parse_time

MB: Final = 1_000_000
TOGETHER: Final = 2
"""Hosts that are imported together in a piece: VMs move between two that stand beside each other."""


@dataclass(frozen=True, slots=True)
class Imported:
    """A fleet's day in a ledger."""

    url: str
    run: Run
    """What ``nilo import-hyperv`` of all files together took."""
    bytes: int
    events: int
    vm: str
    """One of the VMs that somebody resized."""


def lines(size: Size, folder: Path, histories: Path, *, times: int) -> Iterator[Line]:
    """What is measured of a fleet; each question ``times`` times."""
    both = beside_json(size, folder, histories)
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
    tenth, day = (whole(each, folder, histories) for each in (replace(size, minutes=size.minutes // 10), size))
    growth = day.run.peak / tenth.run.peak
    yield Line(
        "peak memory of nilo import-hyperv, a tenth of the day and all of it",
        f"{tenth.run.peak / MB:.0f}, {day.run.peak / MB:.0f} MB",
        f"{day.run.seconds:.1f} s the longest",
        f"{growth:.2f}",
        "< 1.2",
        growth < 1.2,
    )
    kept = f"{day.bytes / MB:.1f} MB"
    yield Line("the ledger of the day", kept, f"{day.events:,} events", "", "< 100 MB", day.bytes < 100 * MB)
    for what, arguments in questions(day, size):
        took = wall([*arguments, "--ledger", day.url], folder, times=times)
        yield Line(f"nilo {what}, of the day", f"{took:.2f} s", target="< 2 s", ok=took < 2)


def beside_json(size: Size, folder: Path, histories: Path) -> SideBySide:
    """Spools into a ledger that is on disk, a few hosts at a time, on one processor."""
    files = spools(histories, size)
    url = f"sqlite:///{folder / 'hosts.db'}"

    def pieces() -> Iterator[Piece]:
        for first in range(0, len(files), TOGETHER):
            some = files[first : first + TOGETHER]
            observations = size.vms * size.minutes * len(some)
            yield Piece(observations, partial(_imported, some, url), partial(_only_parsed, some))

    (both,) = side_by_side(pieces())
    return both


def whole(size: Size, folder: Path, histories: Path) -> Imported:
    """``nilo import-hyperv`` of all files, as an operator runs it."""
    path = folder / f"day-{size.minutes}.db"
    url = f"sqlite:///{path}"
    run = in_memory(["import-hyperv", *map(str, spools(histories, size))], url, folder)
    with Ledger.open(url, read_only=True) as ledger:
        asked = (each.stream for each in ledger.events() if each.event.KIND == "vm.change-requested")
        vm = next(asked, None) or next(each.stream for each in ledger.events() if each.stream.startswith("vm/"))
        return Imported(url, run, path.stat().st_size, ledger.position, vm.removeprefix("vm/"))


def questions(imported: Imported, size: Size) -> Iterable[tuple[str, list[str]]]:
    """What is asked of the ledger, in words and as arguments."""
    noon, evening = parse_time(moment(size.minutes // 2, 0)), parse_time(moment(size.minutes * 5 // 6, 0))
    yield "log", ["log"]
    yield "log --asked", ["log", "--asked"]
    yield "log --vm", ["log", "--vm", imported.vm]
    yield "view", ["view"]
    yield "view --at noon", ["view", "--at", noon]
    yield "audit --since 20:00", ["audit", "--since", evening]


def _imported(files: Sequence[Path], url: str) -> None:
    with Ledger.open(url, create=True) as ledger, ExitStack() as open_files:
        given = [HypervFile(file.name, open_files.enter_context(file.open("rb"))) for file in files]

        def record(observations: Sequence[Observation]) -> list[tuple[int, ...]]:
            return ledger.record(observations, actor="benchmarks (synthetic)", via="import-hyperv")

        for file in given:
            file.open()
        HypervImporter(None, LedgerPast(ledger), ledger.known, record).run(given)


def _only_parsed(files: Sequence[Path]) -> list[partial[None]]:
    return [partial(_parsed, files)]


def _parsed(files: Sequence[Path]) -> None:
    for file in files:
        with file.open("rb") as stream:
            for line in stream:
                if not line.isspace():
                    json.loads(line)

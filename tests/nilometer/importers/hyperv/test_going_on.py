"""An import goes on where the last one ended, and comes to the same events as one import of everything.

All of it is synthetic. What says of the runs themselves (who imported what, which time was watched) is left out of the
comparison: everything else is compared by stream, to the byte.
"""

from __future__ import annotations

import gzip
import zlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import zip_longest
from pathlib import Path
from random import Random

import pytest

from domain.identifiers import UtcTime, split_stream, vm_stream
from domain.observed.events import HostWatched, VmAnnotated
from domain.quantities import MiB
from nilometer import Ledger, import_hyperv
from nilometer.importers.manual import ReportedChange
from nilometer.importers.reporting import annotate, record_change
from nilometer.importers.run import READ_BEFORE
from nilometer.ledger.backup import back_up
from nilometer.storage.bodies import encode
from nilometer.storage.import_ends import TABLE
from nilometer.views.tables import blob
from tests.nilometer.databases import Server
from tests.nilometer.importers.hyperv.recorded import ModuleSpool, RecordedChange, figures
from tests.nilometer.importers.hyperv.synthetic import WEB, Json, Spool, dynamic, vm
from tests.nilometer.importers.hyperv.test_any_history import Fleet, RestlessFleet

MINUTES = 90


class Killed(BaseException):
    """Ends an import between two commits, as a kill does."""


@dataclass
class TimedSpool(Spool):
    """A spool that knows when each of its lines was written, among all spools."""

    written: list[int] = field(default_factory=list[int])
    order: list[int] = field(default_factory=list[int])

    def add(self, record: Json) -> Spool:
        self.order.append(len(self.order))
        self.written.append(self.order[-1])
        return super().add(record)

    def until(self, moment: int) -> bytes:
        """The file as it was when so many lines were written in all spools."""
        return b"".join(line for line, at in zip(self.lines, self.written, strict=True) if at < moment)


def spooled(fleet: Fleet) -> tuple[list[TimedSpool], int]:
    """What the hosts of a fleet spooled, and the number of lines."""
    order: list[int] = []
    spools = {host: TimedSpool(host, order=order) for host in fleet.spools}
    fleet.spools.update(spools)
    fleet.clocks_jump = False  # where it jumps back, files that grow are read in another order than whole ones
    fleet.live(MINUTES)
    return list(spools.values()), len(order)


class Folder:
    """A folder of spools that grow, and the ledger that they are imported into."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.files = folder / "spools"
        self.files.mkdir(parents=True)
        self.url = f"sqlite:///{folder}/ledger.db"

    def write(self, spools: Sequence[TimedSpool], moment: int) -> None:
        """The spools as they were at a moment."""
        for spool in spools:
            (self.files / f"{spool.host}-20261123.jsonl").write_bytes(spool.until(moment))

    def run(self, *, final: bool = False, kill_at: int | None = None) -> int:
        """Imports what is there; returns how many records were read."""
        calls = 0

        def count(records: int) -> None:
            nonlocal calls
            calls += 1
            if calls == kill_at:
                raise Killed

        with Ledger.open(self.url, create=True, durable=False) as ledger:
            files = [file for file in sorted(self.files.iterdir()) if file.stat().st_size]
            try:
                results = import_hyperv(ledger, files, actor="ann", final=final, progress=count)
            except Killed:
                return 0
            return sum(one.records - one.not_needed.get(READ_BEFORE, 0) for one in results)

    def forget(self, *, damage: bool = False) -> None:
        """Throws away what the last import stored of its end, or damages it."""
        with Ledger.open(self.url) as ledger, ledger.recorder.transaction(write=True) as db:
            row = db.execute(f"SELECT state FROM {TABLE}").fetchone()
            if damage and row is not None:
                state = zlib.decompress(blob(row[0])).replace(b'"uptime":', b'"uptime":9')
                db.execute(f"UPDATE {TABLE} SET state = ?", (zlib.compress(state),))
            elif row is not None:
                db.execute(f"DELETE FROM {TABLE}")

    def events(self) -> dict[str, list[object]]:
        """The events of hosts and VMs, by stream, to the byte."""
        found: defaultdict[str, list[object]] = defaultdict(list)
        with Ledger.open(self.url, read_only=True) as ledger:
            for envelope in ledger.events():
                if split_stream(envelope.stream)[0] == "import" or isinstance(
                    envelope.event, HostWatched | VmAnnotated
                ):
                    continue
                said = envelope.metadata
                story = said.correlation if "/" in said.correlation else None
                body = encode(envelope.event, said)[1].split(b'"data":')[1].split(b',"earliest"')[0]
                body = body.replace(str(self.folder).encode(), b"").replace(b".gz:", b":")  # in the places of records
                found[envelope.stream].append(
                    (envelope.event.KIND, body, said.happened, said.earliest, said.actor, said.via, said.reason, story)
                )
        return dict(found)


def whole(folder: Path, spools: Sequence[TimedSpool], lines: int) -> dict[str, list[object]]:
    """The events of one import of everything."""
    one = Folder(folder)
    one.write(spools, lines)
    one.run(final=True)
    return one.events()


def cuts_of(random: Random, lines: int) -> list[int]:
    """When the files are imported, the last time as they will stay."""
    return [*sorted(random.sample(range(2, lines), 5)), lines]


def difference(one: dict[str, list[object]], other: dict[str, list[object]]) -> list[object]:
    """The first event of each stream that is another, in both."""
    return [
        (stream, *next(pair for pair in zip_longest(one.get(stream, ()), other.get(stream, ())) if pair[0] != pair[1]))
        for stream in sorted(one.keys() | other.keys())
        if one.get(stream) != other.get(stream)
    ]


@pytest.mark.parametrize("seed", range(4))
def test_any_number_of_runs_comes_to_the_events_of_one(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    spools, lines = spooled((Fleet, RestlessFleet)[seed % 2](seed))
    expected, parts = whole(tmp_path / "one", spools, lines), Folder(tmp_path / "parts")
    for cut in cuts_of(random, lines):
        parts.write(spools, cut)
        parts.run(final=cut == lines)
    assert difference(expected, parts.events()) == []


@pytest.mark.parametrize("seed", range(4))
def test_so_do_runs_that_find_no_end_of_the_last_one_or_a_damaged_one(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    spools, lines = spooled((Fleet, RestlessFleet)[seed % 2](seed))
    expected, parts = whole(tmp_path / "one", spools, lines), Folder(tmp_path / "parts")
    for cut in cuts_of(random, lines):
        parts.write(spools, cut)
        parts.run(final=cut == lines)
        if random.random() < 0.7:
            parts.forget(damage=random.random() < 0.5)
    assert difference(expected, parts.events()) == []


@pytest.mark.parametrize("seed", range(4))
def test_so_do_runs_of_which_some_are_killed(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    spools, lines = spooled((Fleet, RestlessFleet)[seed % 2](seed))
    expected, parts = whole(tmp_path / "one", spools, lines), Folder(tmp_path / "parts")
    for cut in cuts_of(random, lines):
        parts.write(spools, cut)
        if random.random() < 0.7:
            parts.run(kill_at=random.randrange(1, 8))
            if cut < lines and random.random() < 0.5:
                continue
        parts.run(final=cut == lines)
    assert difference(expected, parts.events()) == []


# A spool of one host: a poll a minute, in which Dynamic Memory moves


def grown(minutes: int, host: str = "HV01", begins: int = 0) -> TimedSpool:
    """A spool of some minutes of one host."""
    spool = TimedSpool(host)
    for minute in range(begins, minutes):
        spool.poll(minute, vm(size := 6144 if minute > 35 else 4096, size), dynamic(2048 + 2 * (minute // 3)))
    return spool


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path / "parts")


def compare_with_one_run(folder: Folder, minutes: int) -> None:
    spool = grown(minutes)
    assert difference(whole(folder.folder / "one", [spool], minutes), folder.events()) == []


def test_a_file_that_has_grown_is_read_from_where_it_ended(folder: Folder) -> None:
    spool = grown(40)
    reads: list[int] = []
    for lines in (20, 30, 30, 40):
        folder.write([spool], lines)
        reads.append(folder.run(final=lines == 40))
    assert reads == [60, 30, 0, 30]  # a poll has three records: the host and its two VMs
    compare_with_one_run(folder, 40)


def test_so_it_is_on_postgresql(folder: Folder, postgres: Server, schema: str) -> None:
    spool = grown(40)
    folder.url = postgres.url(schema)
    reads: list[int] = []
    for lines in (20, 30, 30, 40):
        folder.write([spool], lines)
        reads.append(folder.run(final=lines == 40))
    assert reads == [60, 30, 0, 30]
    compare_with_one_run(folder, 40)


def test_where_no_end_can_be_stored_all_is_read_and_a_warning_says_so(folder: Folder) -> None:
    spool = grown(40)
    folder.write([spool], 20)
    with Ledger.open(folder.url, create=True) as ledger:
        with ledger.recorder.transaction(write=True) as db:
            db.execute(f"CREATE TABLE {TABLE} (somebody TEXT)")
        import_hyperv(ledger, folder.files, actor="ann")
        assert "where the import ended was not stored" in ledger.warnings[0].message
    folder.write([spool], 40)
    assert folder.run(final=True) == 120
    compare_with_one_run(folder, 40)


def test_a_day_that_was_packed_meanwhile_is_the_same_file(folder: Folder) -> None:
    spool, plain = grown(40), folder.files / "HV01-20261123.jsonl"
    folder.write([spool], 20)
    folder.run()
    packed = plain.with_name(f"{plain.name}.gz")
    packed.write_bytes(gzip.compress(spool.until(30)))
    plain.unlink()
    assert folder.run() == 30
    assert folder.run() == 0
    packed.write_bytes(gzip.compress(spool.until(40)))
    assert folder.run(final=True) == 30
    found = {
        stream: [str(event).replace(".gz:", ":") for event in events] for stream, events in folder.events().items()
    }
    one = whole(folder.folder / "one", [spool], 40)
    assert found == {stream: [str(event) for event in events] for stream, events in one.items()}


def test_a_file_whose_beginning_is_another_is_read_whole(folder: Folder) -> None:
    spool, file = grown(40), folder.files / "HV01-20261123.jsonl"
    folder.write([spool], 20)
    folder.run()
    other = grown(40)
    other.lines[3] = other.lines[3].replace(b"40000", b"39000")
    file.write_bytes(other.until(30))
    assert folder.run() == 90
    assert folder.run() == 0
    file.write_bytes(other.until(40))
    assert folder.run() == 30


def test_the_next_day_s_file_is_read_without_the_first(folder: Folder) -> None:
    """It begins behind the end of the last import. A file that begins before it belongs between what was read."""
    spool = grown(40)
    folder.write([spool], 20)
    folder.run()
    next_day = folder.files / "HV01-20261124.jsonl"
    next_day.write_bytes(b"".join(spool.lines[20:30]))
    assert folder.run() == 30
    (folder.files / "HV02-20261123.jsonl").write_bytes(grown(15, "HV02").data)
    assert folder.run() == 60 + 30 + 45


def test_a_last_line_without_its_end_is_read_once(folder: Folder) -> None:
    spool, file = grown(40), folder.files / "HV01-20261123.jsonl"
    for lines in (20, 30, 40):
        file.write_bytes(spool.until(lines).removesuffix(b"\n"))
        folder.run(final=lines == 40)
    compare_with_one_run(folder, 40)


def test_a_line_that_is_cut_off_is_read_when_it_is_whole(folder: Folder) -> None:
    spool, file = grown(40), folder.files / "HV01-20261123.jsonl"
    for lines, more in ((20, 100), (21, 1), (30, 0), (40, 0)):
        file.write_bytes(spool.until(lines) + spool.lines[lines % 40][:more])
        folder.run(final=lines == 40)
    compare_with_one_run(folder, 40)


def test_what_others_recorded_of_its_vms_is_not_passed_over(folder: Folder) -> None:
    spool = grown(40)
    folder.write([spool], 20)
    folder.run()
    with Ledger.open(folder.url) as ledger:
        change = ReportedChange(
            vm=WEB, asked=8192 * MiB, before=4096 * MiB, after=4096 * MiB,
            happened=UtcTime("2026-11-23T09:20:30.000000Z"),
        )  # fmt: skip
        record_change(ledger, change, actor="ben", via="nilo")
    folder.write([spool], 30)
    assert folder.run() == 90
    folder.write([spool], 40)
    assert folder.run() == 30


def test_what_was_annotated_is_as_it_was(folder: Folder) -> None:
    spool = grown(40)
    for lines, read in ((20, 60), (30, 30), (36, 18), (38, 6), (40, 6)):
        folder.write([spool], lines)
        assert folder.run(final=lines == 40) == read
        with Ledger.open(folder.url) as ledger:
            about = next(one.position for one in ledger.events() if one.stream == vm_stream(WEB))
            annotate(ledger, about, actor="ben", via="nilo", ticket=f"CHG-{lines}")
    compare_with_one_run(folder, 40)


def test_the_tickets_of_changes_are_known_and_those_of_others_too(folder: Folder) -> None:
    spool, cuts = ModuleSpool(), list[int]()
    for minute in range(20):
        spool.poll2(minute, vm(8192 if minute > 4 else 4096, 8192 if minute > 4 else 4096))
        if minute in (5, 11):
            change = RecordedChange(number=minute, since=minute - 0.6, minute=minute - 0.5)
            after = figures(8192, 8192) if minute == 5 else None
            spool.pair(minute + 0.01, change, after=after, ticket=f"CHG-{minute}")
        cuts.append(len(spool.lines))
    file, reads = folder.files / "HV01-20261123.jsonl", list[int]()
    for minute in (3, 8, 14, 19):
        file.write_bytes(b"".join(spool.lines[: cuts[minute]]))
        reads.append(folder.run(final=minute == 19))
        with Ledger.open(folder.url) as ledger:
            about = next(one.position for one in ledger.events() if one.stream == vm_stream(WEB))
            annotate(ledger, about, actor="ben", via="nilo", ticket=f"CHG-{minute}")
    assert reads == [8, 11, 13, 10]  # a poll has two records, the two files of a change are one


def test_with_other_options_it_is_another_import(folder: Folder) -> None:
    spool = grown(40)
    folder.write([spool], 20)
    folder.run()
    with Ledger.open(folder.url) as ledger:
        (result,) = import_hyperv(ledger, folder.files, actor="ann", reserves={"HV01": 2048 * MiB})
        assert READ_BEFORE not in result.not_needed
        (result,) = import_hyperv(ledger, folder.files, actor="ann", reserves={"HV01": 2048 * MiB})
        assert result.not_needed == {READ_BEFORE: 60}


def test_a_ledger_that_was_restored_from_before_is_imported_into_whole(folder: Folder) -> None:
    spool, backup = grown(40), folder.folder / "backup.db"
    folder.write([spool], 20)
    folder.run()
    back_up(folder.url, backup)
    folder.write([spool], 30)
    folder.run()
    (folder.folder / "ledger.db").unlink()
    backup.rename(folder.folder / "ledger.db")
    assert folder.run() == 90
    folder.write([spool], 40)
    assert folder.run(final=True) == 30
    compare_with_one_run(folder, 40)


@pytest.mark.parametrize("every", [1, 3])
def test_changes_that_polls_take_in_come_to_the_same(folder: Folder, every: int) -> None:
    """Also one that begins in a run and ends in a later one, one whose end comes late, and a VM that moves away."""
    spool, cuts = ModuleSpool(), list[int]()
    for minute in range(20):
        size = 8192 if minute >= 5 else 4096
        moves = [{"type": 300, "vm": WEB, "destination": "HV02", "state": 7}] if minute == 14 else []
        spool.poll2(minute, *([vm(size, size)] if minute < 15 else []), dynamic(2048), jobs=moves)
        if minute == 5:
            spool.seen(minute, RecordedChange(number=1, since=4.2, minute=5.5).begun())
        elif minute == 6:
            spool.seen(minute, RecordedChange(number=1, since=4.2, minute=5.5).end())
        elif minute in (1, 7):  # one does not end, until it is taken for lost; of the other the beginning comes again
            spool.seen(minute, RecordedChange(number=7 // minute, since=0.2 if minute == 1 else 4.2).begun())
        elif minute == 19:
            spool.seen(minute, RecordedChange(number=7, minute=0.4).end())
        elif minute == 10:
            spool.pair(minute, RecordedChange(number=2, since=7.2, minute=7.5), after=figures(8192, 8192))
        elif minute == 17:
            spool.pair(minute, RecordedChange(number=3, since=16.2, minute=16.4), after=None)
        elif minute == 18:
            spool.pair(minute, RecordedChange(number=2, since=7.2, minute=7.5), after=figures(8192, 8192))
        cuts.append(len(spool.lines))
    one = Folder(folder.folder / "one")
    for target, step in ((one, 20), (folder, every)):
        for minute in [*range(step - 1, 19, step), 19]:
            (target.files / "HV01-20261123.jsonl").write_bytes(b"".join(spool.lines[: cuts[minute]]))
            target.run(final=minute == 19)
    assert difference(one.events(), folder.events()) == []

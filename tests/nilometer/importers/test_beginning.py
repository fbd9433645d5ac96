"""Where an import begins, and how one that was stopped goes on: see also ``tests/nilometer/ledger/test_kills.py``."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest

from domain.envelope import Envelope
from domain.events import Event
from domain.identifiers import UtcTime, vm_stream
from domain.observed.events import VmMemoryMoved
from domain.observed.imports import ImportBegun, ImportRecorded
from domain.observed.words import BASE_MEMORY, Means, WhyMoved
from nilometer import InputError, Ledger, import_hyperv, import_qemu
from nilometer.importers.run import DigestedStream
from nilometer.ledger.requests import Fact, Observation
from tests.nilometer.importers.hyperv.synthetic import WEB, Spool, vm
from tests.paths import RECORDINGS

S7 = RECORDINGS / "s7_three_vms_one_budget.jsonl"
BAD_LINE = b'{"schema": 9}\n'


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", create=True, durable=False) as ledger:
        yield ledger


def spool(minutes: int, *, bad_at: int | None = None) -> bytes:
    """A VM whose memory changes each minute; perhaps there is a line that cannot be read."""
    grown = Spool()
    for minute in range(minutes):
        grown.poll(minute, vm(4096 + 2 * minute, 4096 + 2 * minute))
    if bad_at is not None:
        grown.lines.insert(bad_at, BAD_LINE)
    return grown.data


def told(ledger: Ledger) -> list[tuple[str, int, Event]]:
    return [(envelope.stream, envelope.version, envelope.event) for envelope in ledger.events()]


def of_imports(ledger: Ledger) -> list[Envelope[Event]]:
    return [envelope for envelope in ledger.events() if envelope.stream.startswith("import/")]


def test_an_import_first_records_its_file_and_at_the_end_its_totals(ledger: Ledger, tmp_path: Path) -> None:
    file = tmp_path / "spool.jsonl"
    file.write_bytes(spool(5))
    for run, name in ((import_hyperv, file), (import_qemu, S7)):
        before = ledger.position
        run(ledger, name, actor="ann")
        begun, recorded = of_imports(ledger)[-2:]
        assert (begun.position, recorded.position) == (before + 1, ledger.position)
        assert begun.stream == recorded.stream
        assert isinstance(begun.event, ImportBegun)
        assert isinstance(recorded.event, ImportRecorded)
        content = name.read_bytes()
        assert begun.event == ImportBegun(
            file=str(name),
            format=recorded.event.format,
            sha256=sha256(content).hexdigest(),
            size=len(content),
            prefix=recorded.event.prefix,
            began_after=before,
        )
        run(ledger, name, actor="ann")
        assert ledger.position == recorded.position


def test_files_that_were_imported_before_do_not_begin_again(ledger: Ledger, tmp_path: Path) -> None:
    monday, tuesday = tmp_path / "monday.jsonl", tmp_path / "tuesday.jsonl"
    monday.write_bytes(spool(3))
    tuesday.write_bytes(spool(5))
    import_hyperv(ledger, monday, actor="ann")
    import_hyperv(ledger, [monday, tuesday], actor="ann")
    begun = [envelope.event for envelope in of_imports(ledger) if isinstance(envelope.event, ImportBegun)]
    assert [event.file for event in begun] == [str(monday), str(tuesday)]


def test_an_import_that_recorded_nothing_has_not_begun(ledger: Ledger, tmp_path: Path) -> None:
    file = tmp_path / "spool.jsonl"
    file.write_bytes(spool(3, bad_at=0))
    with pytest.raises(InputError):
        import_hyperv(ledger, file, actor="ann")
    assert ledger.position == 0


def test_an_import_that_was_stopped_goes_on_as_if_it_was_not(ledger: Ledger, tmp_path: Path) -> None:
    file = tmp_path / "spool.jsonl"
    file.write_bytes(spool(8, bad_at=4))
    with Ledger.open(f"sqlite:///{tmp_path}/other.db", create=True, durable=False) as other:
        import_hyperv(other, file, actor="ann", keep_going=True, final=True)
        expected = told(other)
    with pytest.raises(InputError):
        import_hyperv(ledger, file, actor="ann")
    assert 0 < ledger.position < len(expected) - 1
    import_hyperv(ledger, file, actor="ann", keep_going=True, final=True)
    assert told(ledger) == expected


def test_what_others_recorded_meanwhile_is_not_contradicted(ledger: Ledger, tmp_path: Path) -> None:
    """Then it goes on from what is recorded, whoever recorded it."""
    file = tmp_path / "spool.jsonl"
    file.write_bytes(spool(8, bad_at=4))
    with pytest.raises(InputError):
        import_hyperv(ledger, file, actor="ann")
    other = VmMemoryMoved(
        device=BASE_MEMORY, means=Means.BOOT, size_from=4098 << 20, size_to=1 << 30, why=WhyMoved.UNASKED
    )
    fact = Fact(stream=vm_stream(WEB), event=other, happened=UtcTime("2026-11-23T09:02:30.000000Z"))
    ledger.record([Observation(key="by hand", facts=(fact,))], actor="ben", via="nilo")
    import_hyperv(ledger, file, actor="ann", keep_going=True)
    events = [envelope.event for envelope in ledger.stream(vm_stream(WEB))]
    (_, moved, *_) = [event for event in events[events.index(other) :] if isinstance(event, VmMemoryMoved)]
    assert moved.size_from == 1 << 30


def test_what_comes_to_the_end_of_a_file_while_it_is_read_is_left_for_the_next_import(
    ledger: Ledger, tmp_path: Path
) -> None:
    file = tmp_path / "spool.jsonl"
    file.write_bytes(spool(5))

    def grow(records: int) -> None:
        with file.open("ab") as end:
            end.write(BAD_LINE)

    import_hyperv(ledger, file, actor="ann", progress=grow)
    (begun, recorded) = [envelope.event for envelope in of_imports(ledger)]
    assert isinstance(begun, ImportBegun)
    assert isinstance(recorded, ImportRecorded)
    assert begun.sha256 == recorded.sha256 == sha256(spool(5)).hexdigest()


@pytest.mark.parametrize("changed", [spool(5)[:-10], spool(5).replace(b"4096", b"4098")], ids=["shorter", "other"])
def test_a_file_that_is_rewritten_while_it_is_read_is_refused(tmp_path: Path, changed: bytes) -> None:
    file = tmp_path / "spool.jsonl"
    file.write_bytes(spool(5))
    with file.open("rb", buffering=0) as opened:
        stream = DigestedStream(opened)
        file.write_bytes(changed)
        with pytest.raises(InputError, match=r"spool.jsonl: the file was changed while it was read"):
            stream.check("spool.jsonl")


def test_what_comes_from_a_pipe_begins_with_its_digest_too(ledger: Ledger, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    content = spool(300)
    writer = threading.Thread(target=pipe.write_bytes, args=(content,))
    writer.start()
    import_hyperv(ledger, pipe, actor="ann")
    writer.join()
    begun = of_imports(ledger)[0].event
    assert isinstance(begun, ImportBegun)
    assert (begun.sha256, begun.size) == (sha256(content).hexdigest(), len(content))
    assert begun.size > 65_536  # more than a pipe holds


def test_two_that_import_the_same_at_once_record_it_once(ledger: Ledger, tmp_path: Path) -> None:
    """The second begins when the first has recorded its first events, and overtakes it."""
    file = tmp_path / "spool.jsonl"
    file.write_bytes(spool(250))
    with Ledger.open(f"sqlite:///{tmp_path}/other.db", create=True, durable=False) as other:
        import_hyperv(other, file, actor="ann")
        expected = told(other)
    began = list[int]()

    def import_too(records: int) -> None:
        if ledger.position and not began:
            began.append(records)
            with Ledger.open(ledger.url, durable=False) as second:
                import_hyperv(second, file, actor="ann")

    import_hyperv(ledger, file, actor="ann", progress=import_too)
    assert began
    assert told(ledger) == expected

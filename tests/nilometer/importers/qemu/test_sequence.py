"""Recordings whose records are missing, doubled, out of order, or of unknown kinds: read, and remarked on."""

from __future__ import annotations

import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest

from domain.errors import InputError
from domain.observed.events import VmMemoryMoved, VmRequestSettled
from domain.observed.imports import ImportRecorded, KindCount
from nilometer.importers.qemu.importer import FORMAT, QemuImporter
from nilometer.importers.run import MAX_NOTES, DigestedStream, ImportCounts, SkippedRecords, import_file
from nilometer.ledger.ledger import Ledger
from tests.nilometer.importers.qemu.reading import NAMES, S2, S7, Store, events, facts, lines_of, observations
from tests.nilometer.importers.qemu.synthetic import Recording


def read(lines: list[bytes]) -> ImportCounts:
    counts = observations(lines)[1]
    assert counts.records == counts.events + counts.repeats + sum(counts.not_needed.values())
    return counts


def edited(line: bytes, **changes: Any) -> bytes:
    return json.dumps(json.loads(line) | changes).encode() + b"\n"


@pytest.mark.parametrize("name", NAMES)
def test_there_is_nothing_to_remark_on_whole_recordings(name: str) -> None:
    assert read(lines_of(name)).remarks == {}


@pytest.mark.parametrize("name", NAMES)
def test_records_that_come_twice_are_repeats_wherever_they_come_again(name: str) -> None:
    lines = lines_of(name)
    doubled = [again for line in lines for again in (line, line)]
    whole = read(lines)
    for made in (doubled, lines + lines, lines[:9] + lines[3:]):
        counts = read(made)
        assert counts.remarks == {}
        assert counts.repeats == whole.repeats + len(made) - len(lines)
        assert facts(made) == facts(lines)


def test_a_file_that_came_with_doubled_records_is_the_same_file() -> None:
    store, lines = Store(), lines_of(S7)
    store.record(observations(lines)[0])
    store.record(observations([*lines[:20], *lines[10:]])[0])
    assert store.facts == facts(lines)


def test_another_record_of_the_same_number_is_read_and_remarked_on() -> None:
    made = Recording().boot().poll(1, 64).poll(2, 128).end(9)
    made.lines[2] = edited(made.lines[2], seq=2)
    counts = read(made.lines)
    assert counts.remarks == {"seq twice": 1, "gap": 1}
    assert counts.notes[0:1] == ["recording.jsonl:3: another record before it has the seq 2 too"]
    assert len(events(made.lines, VmMemoryMoved)) == 2


def test_a_gap_is_remarked_on_once_where_records_are_missing() -> None:
    lines = lines_of(S2)
    counts = read([*lines[:4], *lines[6:]])
    assert counts.remarks == {"gap": 1}
    assert counts.notes == [
        "recording.jsonl:5: the record has the seq 7: those before it, from 5 on, are missing",
    ]
    assert read(lines[2:]).notes[0].startswith("recording.jsonl:1: the record has the seq 3: those before it, from 1")


def test_records_out_of_order_are_remarked_on_and_read() -> None:
    lines = lines_of(S2)
    counts = read([*lines[:4], lines[5], lines[4], *lines[6:]])
    assert counts.remarks == {"gap": 1, "out of order": 1, "back in time": 1}
    assert "recording.jsonl:6: seq 5 comes after 6" in counts.notes


def test_a_record_dated_a_tick_before_the_one_in_front_of_it_is_not_odd() -> None:
    for at, remarks in ((4.999, {}), (4.998, {"back in time": 1})):
        counts = read(Recording().boot().poll(5, 64).poll(at, 128).lines)
        assert counts.remarks == remarks
    assert counts.notes == [
        "recording.jsonl:3: the time 2026-11-23T09:00:04.998000Z comes after 2026-11-23T09:00:05.000000Z"
    ]


def test_many_remarks_of_a_kind_are_counted_and_the_first_told() -> None:
    made = Recording().boot()
    made.lines += [edited(Recording().poll(n, n).lines[0], seq=2 * n) for n in range(2, 30)]
    counts = read(made.lines)
    assert counts.remarks == {"gap": 28}
    assert len(counts.notes) == MAX_NOTES


def test_records_of_unknown_kinds_are_counted_by_kind_and_passed_over() -> None:
    lines = lines_of(S7)
    new = [edited(lines[4], kind="thermal", seq=len(lines) + n, vm=[n], more={"x": [1]}) for n in (1, 2)]
    counts = read([*lines, *new, edited(lines[0], kind="weather", seq=len(lines) + 3, vm=None)])
    assert counts.not_needed == {"kind thermal": 2, "kind weather": 1, "meta": 2}
    assert counts.remarks["unknown kind"] == 3
    assert facts([*lines, *new]) == facts(lines)


def test_of_an_unknown_mechanism_only_what_was_measured_is_read() -> None:
    made = Recording().boot().command(1, 128, "cxl").poll(2, 64, "cxl").step(9, 128, 0, 64, "partial", "cxl").end(20)
    counts = read(made.lines)
    assert counts.not_needed == {"mechanism cxl": 2, "meta": 1}
    assert counts.remarks == {"unknown mechanism": 3}
    assert [moved.device for moved in events(made.lines, VmMemoryMoved)] == ["vm0"]


def test_a_command_that_asks_for_no_memory_needs_no_mechanism() -> None:
    qmp, reply = {"execute": "system_reset"}, {"return": None}
    fields: dict[str, Any] = {"mechanism": None, "requested": None, "qmp": qmp, "reply": reply, "accepted": True}
    counts = read(Recording().boot().add(5, "command", **fields).end(9).lines)
    assert counts.remarks == {}
    assert counts.not_needed == {"meta": 1, "prepared": 1}


def test_an_outcome_that_nobody_knows_is_judged_by_the_sizes() -> None:
    for after, outcome in ((128, "completed"), (64, "partially-completed")):
        made = Recording().boot().command(1, 128).poll(2, after).step(9, 128, 0, after, "given up").end(20)
        assert next(settled.outcome for settled in events(made.lines, VmRequestSettled)) == outcome


def test_a_recording_need_not_begin_with_meta() -> None:
    lines = lines_of(S2)
    assert facts(lines[1:]) == facts(lines)


class Imports:
    """A ledger in a file, and imports into it."""

    def __init__(self, ledger: Ledger) -> None:
        self.ledger = ledger

    def of(
        self, data: bytes, prefix: str | None = None, *, final: bool = False, keep_going: bool = False
    ) -> ImportCounts:
        return import_file(
            QemuImporter("r.jsonl", prefix),
            DigestedStream(io.BytesIO(data)),
            name="r.jsonl",
            format=FORMAT,
            write=lambda given: self.ledger.record(given, actor="ops", via="import-qemu"),
            final=final,
            skipped=SkippedRecords(keep_going),
        )

    @property
    def events_read(self) -> list[object]:
        return [envelope.event for envelope in self.ledger.events() if not isinstance(envelope.event, ImportRecorded)]


@pytest.fixture(name="into")
def fixture_into(tmp_path: Path) -> Any:
    with Ledger.open(f"sqlite:///{tmp_path / 'ledger.db'}", create=True) as ledger:
        yield Imports(ledger)


def other_day(lines: list[bytes]) -> list[bytes]:
    """Another recording of the same scenario."""
    return [line.replace(b"2026-11-23T", b"2026-11-24T") for line in lines]


def test_a_second_recording_of_one_scenario_is_refused_unless_it_is_named(into: Imports) -> None:
    into.of(b"".join(lines_of(S7)))
    before = into.events_read
    with pytest.raises(InputError, match=f"the host '{S7}' is in the ledger already") as error:
        into.of(b"".join(other_day(lines_of(S7))))
    assert "--as PREFIX" in error.value.hint
    assert into.events_read == before
    into.of(b"".join(other_day(lines_of(S7))), "tuesday")
    assert len(into.events_read) == 2 * len(before)


def test_a_second_recording_is_refused_though_it_has_other_vms_first(into: Imports) -> None:
    into.of(b"".join(lines_of(S2)))
    stranger = [line.replace(b'"vm":"vm0"', b'"vm":"vm9"') for line in other_day(lines_of(S2))[:9]]
    assert stranger != other_day(lines_of(S2))[:9]
    with pytest.raises(InputError, match=r"the VM 's2_shrink_in_use_partial.vm0' is in the ledger already"):
        into.of(b"".join([*stranger, *other_day(lines_of(S2))[1:]]))


@pytest.mark.parametrize("name", NAMES)
def test_the_same_recording_comes_again_grown_packed_and_in_another_encoding(into: Imports, name: str) -> None:
    lines = lines_of(name)
    text = b"".join(lines)
    for part in (1, 7, len(lines) // 2, len(lines)):
        into.of(b"".join(lines[:part]))
    for again in (gzip.compress(text), b"\xff\xfe" + text.decode().encode("utf-16-le"), text.replace(b"\n", b"\r\n")):
        assert into.of(again).recorded == 0
    assert into.events_read == [fact.event for fact in facts(lines)]


def test_remarks_are_recorded_with_the_import(into: Imports) -> None:
    lines = lines_of(S2)
    into.of(b"".join([*lines[:4], *lines[6:]]))
    last = [envelope.event for envelope in into.ledger.events()][-1]
    assert isinstance(last, ImportRecorded)
    assert last.remarks == (KindCount("gap", 1),)


def test_a_packed_recording_that_was_cut_off_gives_what_can_be_read_and_goes_on_when_it_is_whole(into: Imports) -> None:
    packed = gzip.compress(b"".join(lines_of(S7)))
    with pytest.raises(InputError, match=r"r.jsonl:\d+: its gzip ends too early"):
        into.of(packed[: len(packed) * 3 // 4])
    assert 5 < len(into.events_read) < 58
    into.of(packed)
    assert into.events_read == [fact.event for fact in facts(lines_of(S7))]


def test_who_keeps_going_gets_all_but_the_lines_that_cannot_be_read(into: Imports) -> None:
    lines = lines_of(S7)
    broken = [*lines[:5], b'{"v": 1, "v": 1}\n', b"\xff\n", *lines[5:], b"x" * (2**24 + 1)]
    counts = into.of(b"".join(broken), keep_going=True)
    assert into.events_read == [fact.event for fact in facts(lines)]
    assert counts.records == len(lines)
    assert into.of(b"".join(lines)).recorded == 0, "the mended file is the same recording"

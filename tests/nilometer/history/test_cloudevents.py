"""Histories: what was written by an earlier version still reads, and its bytes are never rewritten."""

from __future__ import annotations

import json
from io import BytesIO
from pathlib import Path
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic_core import to_json

from domain.envelope import Envelope, Metadata
from domain.errors import InputError
from domain.events import VmCommandRefused, VmMemoryAdded, VmMemoryConfigured, VmMemoryRemoved
from domain.identifiers import StreamName, UtcTime, vm_stream
from domain.observed.events import HostObserved, VmAnnotated, VmMemoryMoved, VmObserved
from domain.observed.imports import ImportBegun
from nilometer.errors import UnreadableEvent
from nilometer.history.checked import read_history
from nilometer.history.cloudevents import envelope_to_cloudevent, source_uri, to_canonical_json, write_lines
from nilometer.history.codecs import envelope_to_line
from nilometer.history.cutting import cut_line
from nilometer.history.restoring import restore
from nilometer.ledger.ledger import Ledger
from nilometer.storage.reader import StoredRow
from projections.view import view
from tests.paths import HISTORY_GOLDENS

VERSION_1 = HISTORY_GOLDENS / "version-1.jsonl"
"""As it was when VMs had no names beside their ids."""
RESIZES_2 = HISTORY_GOLDENS / "resizes-2.jsonl"
"""The first history whose events record the size that ``set-memory`` asked for."""
OBSERVED_1 = HISTORY_GOLDENS / "observed-1.jsonl"
"""The beginning of an imported recording, as it was when moves and devices had no mechanism."""
OBSERVED_2 = HISTORY_GOLDENS / "observed-2.jsonl"
"""A synthetic spool, as it was imported when single polls were recorded, and not for how long they held."""
OBSERVED_3 = HISTORY_GOLDENS / "observed-3.jsonl"
"""A synthetic spool of a VM that is short of memory, and then is retired with its host."""

IMPORTS_1 = HISTORY_GOLDENS / "imports-1.jsonl"
"""A spool that was imported when ``import.begun`` was new."""


RESIZED = (VmMemoryConfigured, VmMemoryAdded, VmMemoryRemoved, VmCommandRefused)


def exported(ledger: Ledger) -> bytes:
    return b"".join(write_lines(ledger.rows(), ledger.id))


def test_a_history_of_version_1_reads_and_its_bytes_are_unchanged(ledger: Ledger) -> None:
    before = VERSION_1.read_bytes()
    assert b'"nilometer.vm.defined.v1"' in before
    count = restore(ledger, read_history(BytesIO(before), "version-1.jsonl"))
    assert count == ledger.position == 9
    assert exported(ledger) == before
    (vm,) = view(ledger.views.fleet()).vms
    assert (vm.vm, vm.name, vm.assigned) == ("web01", "web01", 7050 << 20)


def test_a_resize_of_version_1_records_no_size_that_was_asked_for(ledger: Ledger) -> None:
    before = VERSION_1.read_bytes()
    assert b'"nilometer.vm.memory-added.v1"' in before
    restore(ledger, read_history(BytesIO(before), "version-1.jsonl"))
    resizes = [envelope.event for envelope in ledger.events() if isinstance(envelope.event, RESIZED)]
    assert resizes
    assert {event.size for event in resizes} == {None}


def test_a_resize_of_version_2_records_the_size_that_set_memory_asked_for(ledger: Ledger) -> None:
    before = RESIZES_2.read_bytes()
    restore(ledger, read_history(BytesIO(before), "resizes-2.jsonl"))
    assert exported(ledger) == before
    resizes = [envelope.event for envelope in ledger.events() if isinstance(envelope.event, RESIZED)]
    assert [(event.command, event.size) for event in resizes] == [
        ("configure-memory", 8 << 30),
        ("configure-memory", 1),
        ("add-memory", 12 << 30),
        ("remove-memory", 10 << 30),
        ("remove-memory", 8 << 30),
        ("set-memory", 4 << 30),
        ("add-memory", None),
        ("remove-memory", None),
        ("add-memory", None),
        ("configure-memory", None),
    ]
    assert {type(event) for event in resizes} == set(RESIZED)


def test_observations_of_version_1_read_and_nobody_had_told_their_mechanisms(ledger: Ledger) -> None:
    before = OBSERVED_1.read_bytes()
    assert b'"nilometer.vm.memory-moved.v1"' in before
    assert b'"nilometer.vm.observed.v1"' in before
    assert restore(ledger, read_history(BytesIO(before), "observed-1.jsonl")) == 12
    assert exported(ledger) == before
    told = [envelope.event for envelope in ledger.events()]
    assert [event.mechanism for event in told if isinstance(event, VmMemoryMoved)] == [None] * 6
    measured = [event for event in told if isinstance(event, VmObserved)]
    assert {event.guest_offline for event in measured} == {None}
    assert [device.mechanism for event in measured for device in event.devices] == [None] * 9
    (vm,) = view(ledger.views.fleet()).vms
    assert vm.assigned == 384 << 20


def test_observations_of_version_2_read_and_say_nothing_of_other_polls(ledger: Ledger) -> None:
    before = OBSERVED_2.read_bytes()
    for kind in (b"vm.observed.v2", b"vm.memory-moved.v3", b"host.observed.v1"):
        assert b'"nilometer.' + kind + b'"' in before
    assert restore(ledger, read_history(BytesIO(before), "observed-2.jsonl")) == 16
    assert exported(ledger) == before
    events = [envelope.event for envelope in ledger.events()]
    assert {event.stretch for event in events if isinstance(event, VmObserved)} == {None}
    assert {event.newest for event in events if isinstance(event, VmMemoryMoved)} == {None}
    assert {event.listed for event in events if isinstance(event, HostObserved)} == {None}
    (vm,) = view(ledger.views.fleet()).vms
    assert (vm.name, vm.assigned) == ("web01", 6 << 30)


def test_a_history_with_a_shortage_and_what_was_retired_reads(ledger: Ledger) -> None:
    before = OBSERVED_3.read_bytes()
    kinds = {row.split(b'"type":"nilometer.')[1].split(b'"')[0] for row in before.splitlines()}
    assert kinds >= {b"vm.memory-short.v1", b"vm.retired.v1", b"host.retired.v1", b"host.watched.v1", b"vm.observed.v3"}
    restore(ledger, read_history(BytesIO(before), "observed-3.jsonl"))
    assert exported(ledger) == before
    assert view(ledger.views.fleet()).vms == ()
    assert view(ledger.views.fleet_at("2026-11-23T09:30:00.000000Z")).vms != ()


def test_the_beginning_of_an_import_of_version_1_reads(ledger: Ledger) -> None:
    before = IMPORTS_1.read_bytes()
    assert b'"nilometer.import.begun.v1"' in before
    restore(ledger, read_history(BytesIO(before), "imports-1.jsonl"))
    assert exported(ledger) == before
    (begun,) = [envelope.event for envelope in ledger.events() if isinstance(envelope.event, ImportBegun)]
    assert (begun.file, begun.format, begun.size, begun.began_after) == ("spool.jsonl", "hyperv-spool", 1701, 0)


def test_a_history_can_be_taken_line_by_line_and_goes_on(ledger: Ledger) -> None:
    before = VERSION_1.read_bytes()
    lines = before.splitlines(keepends=True)
    for upto in range(1, len(lines) + 1):
        assert restore(ledger, read_history(BytesIO(b"".join(lines[:upto])), "part")) == upto
        assert ledger.position == upto
    assert exported(ledger) == before


def test_the_ledger_takes_the_id_of_the_history(ledger: Ledger) -> None:
    own = ledger.id
    lines = list(read_history(BytesIO(VERSION_1.read_bytes()), "version-1.jsonl"))
    restore(ledger, lines)
    assert ledger.id == lines[0].ledger != own
    with Ledger.open(ledger.url, read_only=True) as again:
        assert again.id == ledger.id


def test_a_body_that_was_changed_in_the_database_is_not_exported(tmp_path: Path) -> None:
    import sqlite3

    url = f"sqlite:///{tmp_path}/ledger.db"
    with Ledger.open(url, create=True) as ledger:
        restore(ledger, read_history(BytesIO(VERSION_1.read_bytes()), "version-1.jsonl"))
    db = sqlite3.connect(tmp_path / "ledger.db")
    with db:
        (body,) = db.execute("SELECT state FROM stored_events WHERE rowid = 2").fetchone()
        db.execute("DROP TRIGGER events_are_not_changed")
        db.execute("UPDATE stored_events SET state = ? WHERE rowid = 2", (body.replace(b":", b": "),))
    db.close()
    with Ledger.open(url, read_only=True) as ledger, pytest.raises(Exception, match="changed after it was recorded"):
        exported(ledger)


@pytest.mark.parametrize("content", [b"", b"\n", b"{}"])
def test_a_history_without_an_event_is_refused_and_leaves_nothing(ledger: Ledger, content: bytes) -> None:
    with pytest.raises(InputError):
        restore(ledger, read_history(BytesIO(content), "nothing"))
    assert ledger.position == 0


# Lines are written as the general writer of JSON would write them, and bodies that it would write otherwise are refused


def stored(body: bytes) -> StoredRow:
    return StoredRow(position=7, stream=StreamName("vm/web01"), version=3, topic="vm.started/1", body=body)


def body(**changes: object) -> dict[str, object]:
    known: dict[str, object] = {"actor": "ann", "causation": None, "correlation": "c", "data": {}, "earliest": None}
    return known | {"happened": "then", "reason": None, "recorded": "now", "via": "cli"} | changes


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None)
@given(data=st.dictionaries(st.text(max_size=4), JSON, max_size=5), actor=st.text(), reason=st.none() | st.text())
def test_a_line_is_what_a_general_writer_makes_of_it(data: dict[str, object], actor: str, reason: str | None) -> None:
    whole = body(actor=actor, reason=reason, data=data)
    row = stored(to_canonical_json(whole))
    [line] = write_lines([row], "1")
    assert cut_line(row, to_json(source_uri("1"))) == line.removesuffix(b"\n")
    assert line == to_canonical_json(json.loads(line)) + b"\n"
    written: dict[str, object] = json.loads(line)
    known = {name: value for name, value in written.items() if name in whole}
    assert known == {name: value for name, value in whole.items() if value is not None and name != "happened"}


@pytest.mark.parametrize(
    "wrong",
    [
        b"",
        b"[]",
        b"\xff",
        b'{"data":{}}',
        to_canonical_json(body(data=None)),
        to_canonical_json(body(data=[])),
        to_canonical_json(body(data={"a": 1})).replace(b'{"a":1}', b'{"a":1,"a":1}'),
        to_canonical_json(body(data={"a": 1, "b": 2})).replace(b'{"a":1,"b":2}', b'{"b":2,"a":1}'),
        to_canonical_json(body(data={"a": {"c": 1, "d": 2}})).replace(b'"c":1,"d":2', b'"d":2,"c":1'),
        to_canonical_json(body(data={"a": [{"c": 1, "d": 2}]})).replace(b'"c":1,"d":2', b'"d":2,"c":1'),
        to_canonical_json(body(data={"a": 1})).replace(b":1}", b":NaN}"),
        to_canonical_json(body(actor="a")).replace(b'"a"', b'"\\u0061"'),
        to_canonical_json(body(actor="a")).replace(b'"a"', b'"\\ud800"'),
        to_canonical_json(body()) + b" ",
        b"\xef\xbb\xbf" + to_canonical_json(body()),
    ],
)
def test_a_body_that_is_written_otherwise_is_not_exported(wrong: bytes) -> None:
    assert list(write_lines([stored(to_canonical_json(body()))], "1"))
    with pytest.raises(UnreadableEvent, match="event vm/web01/3 at position 7 cannot be read: it is not as"):
        list(write_lines([stored(wrong)], "1"))


@pytest.mark.parametrize("data", [{"a": 1.5}, {"a": 1.0}, {"a": [2, 1e30]}, {"a": [[0.5]]}, {"a": {"b": [{"c": 0.0}]}}])
def test_a_number_with_a_fraction_is_not_exported_though_it_is_canonical(data: dict[str, object]) -> None:
    with pytest.raises(UnreadableEvent, match=r"vm/web01/3 at position 7 .* has a number with a fraction") as error:
        list(write_lines([stored(to_canonical_json(body(data=data)))], "1"))
    assert "nilo repair" in error.value.hint


@pytest.mark.parametrize("file", [VERSION_1, RESIZES_2, OBSERVED_1], ids=["version 1", "resizes", "observed"])
def test_an_event_is_listed_as_it_is_exported_in_its_current_version(file: Path, ledger: Ledger) -> None:
    restore(ledger, read_history(BytesIO(file.read_bytes()), file.name))
    listed = [envelope_to_line(envelope, ledger.id) for envelope in ledger.events()]
    assert listed == [to_canonical_json(envelope_to_cloudevent(event, ledger.id)) for event in ledger.events()]
    assert any(f"{line.decode()}\n".encode() in exported(ledger) for line in listed)


def test_what_an_event_says_is_written_though_the_line_around_it_says_nothing_of_that_name() -> None:
    said = VmAnnotated(about=1, reason="month end")
    noon = UtcTime("2026-11-23T12:00:00.000000Z")
    envelope = Envelope(vm_stream("web01"), 2, said, Metadata("ops", "test", noon, noon, "1"), 2)
    line = envelope_to_line(envelope, str(UUID(int=1)))
    assert line == to_canonical_json(envelope_to_cloudevent(envelope, str(UUID(int=1))))
    assert json.loads(line)["data"]["reason"] == "month end"
    assert "reason" not in json.loads(line)

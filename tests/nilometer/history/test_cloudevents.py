"""Histories: what was written by an earlier version still reads, and its bytes are never rewritten."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path

import pytest

from domain.errors import InputError
from domain.events import VmCommandRefused, VmMemoryAdded, VmMemoryConfigured, VmMemoryRemoved
from domain.observed.events import HostObserved, ImportBegun, VmMemoryMoved, VmObserved
from nilometer.history.checked import read_history
from nilometer.history.cloudevents import write_lines
from nilometer.history.restoring import restore
from nilometer.ledger.ledger import Ledger
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


def test_an_empty_history_takes_nothing(ledger: Ledger) -> None:
    assert restore(ledger, read_history(BytesIO(b""), "empty")) == 0
    with pytest.raises(InputError):
        restore(ledger, read_history(BytesIO(b"{}"), "cut off"))
    assert ledger.position == 0

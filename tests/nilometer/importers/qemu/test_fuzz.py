"""Recordings that were damaged in any way: read, or refused with a place; never a traceback, never a lost record.

``python -m tests.nilometer.importers.qemu.test_fuzz MINUTES``
goes on for longer, and says how many recordings it damaged.
"""

from __future__ import annotations

import io
import sys
import time
from collections import Counter
from contextlib import suppress

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import TypeAdapter

from domain.envelope import Metadata
from domain.errors import InputError
from domain.events import Event
from domain.observed.events import VmMemoryMoved, VmRequestSettled
from domain.observed.host import ObservedHost
from domain.observed.vm import ObservedVm
from domain.state import Power
from nilometer.importers.qemu.importer import FORMAT, QemuImporter
from nilometer.importers.run import DigestedStream, SkippedRecords, import_file
from nilometer.ledger.requests import Fact, Observation
from nilometer.storage.bodies import decode, encode
from tests.nilometer.importers.qemu.damages import damaged, files
from tests.nilometer.importers.qemu.reading import Fleet, Store

VM, HOST = TypeAdapter(ObservedVm), TypeAdapter(ObservedHost)


def check(lines: list[bytes]) -> None:
    """Reads a recording, and looks at all that it gives."""
    importer, facts, errors = QemuImporter("damaged.jsonl"), list[Fact](), list[InputError]()
    for number, line in enumerate(lines, start=1):
        try:
            facts.extend(fact for observation in importer.read_line(line, number) for fact in observation.facts)
        except InputError as error:
            errors.append(error)
    try:
        facts.extend(fact for observation in importer.finish(final=True) for fact in observation.facts)
    except InputError as error:
        errors.append(error)
    assert all(error.message.startswith("damaged.jsonl:") and error.hint for error in errors)
    counts = importer.counts
    assert counts.records == counts.events + counts.repeats + sum(counts.not_needed.values())
    assert counts.facts == len(facts)
    fleet = Fleet()
    for number, fact in enumerate(facts, start=1):
        metadata = Metadata("a", "b", fact.happened, fact.happened, "c", fact.earliest)
        topic, body = encode(fact.event, metadata)
        assert decode(fact.stream, number, topic, body).event == fact.event
        assert fact.earliest is None or fact.earliest < fact.happened
        check_fact(fact.event)
        fleet.apply(fact)
        for vm in fleet.vms.values():
            check_vm(vm)
    for vm in fleet.vms.values():
        assert VM.validate_json(VM.dump_json(vm), strict=True) == vm
    for id, host in fleet.hosts.items():
        assert HOST.validate_json(HOST.dump_json(host), strict=True) == host
        fleet.account(id)


def check_fact(event: Event) -> None:
    """What an event tells can be."""
    if isinstance(event, VmRequestSettled) and event.granted is not None and event.amount is not None:
        assert 0 <= event.granted <= event.amount
        assert event.remaining == event.amount - event.granted
    if isinstance(event, VmMemoryMoved):
        assert event.size_from != event.size_to
        assert min(event.size_from, event.size_to) >= 0


def check_vm(vm: ObservedVm) -> None:
    """No figure is below zero, and none contradicts another that says more."""
    figures = (vm.assigned, vm.in_use, vm.high_watermark, vm.session, vm.guest_total, vm.guest_offline, vm.paged_out)
    assert all(figure is None or figure >= 0 for figure in (*figures, *(a.size for a in vm.accounts.values())))
    if vm.assigned is not None:
        assert vm.high_watermark is not None
        assert vm.high_watermark >= vm.assigned
        assert vm.in_use is None or vm.in_use <= vm.assigned
    if vm.power is Power.OFF:
        assert vm.assigned == 0
    assert all(request.granted is None or request.granted >= 0 for request in vm.requests.values())


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(damaged())
def test_a_damaged_recording_is_read_or_refused_and_every_record_is_accounted_for(lines: list[bytes]) -> None:
    check(lines)


def check_file(data: bytes) -> None:
    """Imports a file as it comes, whole or up to what cannot be read; then again, which adds nothing."""
    store = Store()
    for keep_going in (False, True, True):
        before = len(store.facts)
        importer, skipped = QemuImporter("file"), SkippedRecords(keep_going)
        try:
            import_file(
                importer,
                DigestedStream(io.BytesIO(data)),
                name="file",
                format=FORMAT,
                write=store.record,
                skipped=skipped,
            )
        except InputError as error:
            raised = error
            assert raised.message.startswith("file:")
            assert raised.hint
        assert all(error.message.startswith("file:") and error.hint for error in skipped.errors)
    assert len(store.facts) == before


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(files())
def test_any_file_is_imported_or_refused_and_once(data: bytes) -> None:
    check_file(data)


def check_grown(lines: list[bytes], part: int) -> None:
    """Reads a part of a recording and then the whole: each fact is told once, as if it had been whole at once."""
    grown, at_once = Store(), Store()
    for store, counts in ((grown, (part, len(lines))), (at_once, (len(lines),))):
        for count in counts:
            importer, given = QemuImporter("grown.jsonl"), list[Observation]()
            for number, line in enumerate(lines[:count], start=1):
                with suppress(InputError):
                    given.extend(importer.read_line(line, number))
            given.extend(importer.finish())
            store.record(given)
    assert grown.facts == at_once.facts


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(damaged(), st.integers(1, 60))
def test_a_damaged_recording_that_has_grown_gives_what_it_would_have_given_at_once(
    lines: list[bytes], part: int
) -> None:
    check_grown(lines, part)


def main(minutes: float) -> None:
    """Goes on for so many minutes."""
    end, counts = time.monotonic() + minutes * 60, Counter[str]()
    endless = settings(
        max_examples=200,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
        database=None,
        print_blob=True,
    )

    @endless
    @given(damaged())
    def recordings(lines: list[bytes]) -> None:
        counts["recordings"] += 1
        check(lines)

    @endless
    @given(files())
    def whole_files(data: bytes) -> None:
        counts["files"] += 1
        check_file(data)

    @endless
    @given(damaged(), st.integers(1, 100))
    def grown(lines: list[bytes], part: int) -> None:
        counts["grown"] += 1
        check_grown(lines, part)

    while time.monotonic() < end:
        recordings()
        grown()
        whole_files()
        print(dict(counts), flush=True)


if __name__ == "__main__":
    main(float(sys.argv[1]))

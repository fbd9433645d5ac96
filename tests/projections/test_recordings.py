"""Real recordings in the view: unknown figures stay unknown, and the books come to what the hypervisor itself told."""

from __future__ import annotations

import pytest

from domain.envelope import Envelope, Metadata
from domain.events import Event
from domain.identifiers import UtcTime
from projections.books import host_book
from projections.diff import difference
from projections.fleet import Fleet
from projections.timeline import entry
from projections.view import view
from tests.nilometer.importers.qemu.reading import NAMES, S4, S7, facts, lines_of
from tests.projections.stored import stored

MiB = 2**20


LATER = UtcTime("2026-11-24T00:00:00.000000Z")


def recorded(name: str) -> list[Envelope[Event]]:
    """The history of one recording."""
    history: list[Envelope[Event]] = []
    versions: dict[str, int] = {}
    for position, fact in enumerate(facts(lines_of(name), final=True), start=1):
        version = versions[fact.stream] = versions.get(fact.stream, 0) + 1
        said = Metadata("root", "import-qemu", fact.happened, LATER, "import", fact.earliest)
        history.append(Envelope(fact.stream, version, fact.event, said, position))
    return history


@pytest.mark.parametrize("name", NAMES)
def test_every_moment_of_a_recording_is_stored_as_its_facts_tell_it(name: str) -> None:
    history = recorded(name)
    with stored(history) as ledger:
        ledger.views().catch_up()
        for position in range(len(history) + 1):
            assert ledger.views().fleet(position) == Fleet().apply_all(history[:position])
        for moment in {each.metadata.happened for each in history}:
            happened = [each for each in history if each.metadata.happened <= moment]
            assert ledger.views().fleet_at(moment) == Fleet().apply_all(happened)
        assert ledger.views().compare().equal


def test_the_book_of_three_vms_on_one_budget_is_what_the_hypervisor_told() -> None:
    fleet = Fleet()
    for envelope in recorded(S7):
        if envelope.metadata.happened > "2026-11-23T14:53:56.7":
            break  # the first stop
        fleet.apply(envelope)
    shown, book = view(fleet), host_book(fleet, S7)

    [host] = shown.hosts
    assert (host.total, host.assigned, host.free) == (1280 * MiB, 1216 * MiB, 64 * MiB)
    assert (host.origin, host.version) == ("observed", None)
    assert [(vm.assigned, vm.visible, vm.high_watermark) for vm in shown.vms] == [
        (320 * MiB, 320 * MiB, 640 * MiB),
        (512 * MiB, 512 * MiB, 512 * MiB),
        (384 * MiB, 384 * MiB, 384 * MiB),
    ]
    assert [(each.vm, each.held) for each in book.entries] == [
        (f"{S7}.vm1", 512 * MiB),
        (f"{S7}.vm2", 384 * MiB),
        (f"{S7}.vm0", 320 * MiB),
    ]
    vm = shown.vms[0]
    assert (vm.memory, vm.generation, vm.hot_pluggable, vm.paged_out) == (None, None, None, None)
    assert vm.in_use_as_of == vm.measured["in_use"]


def test_the_total_of_a_host_that_nobody_measured_is_unknown() -> None:
    [host] = view(Fleet().apply_all(recorded(S4)[:8])).hosts

    assert host.total is None
    assert host.reserve is None


def test_five_requests_were_asked_for_and_their_settlements_tell_the_grant() -> None:
    entries = [entry(each) for each in recorded(S7)]

    asked = [(each.vm, each.requested) for each in entries if each.asked]
    settled = [(each.vm, each.granted, each.outcome) for each in entries if each.kind == "vm.request-settled"]

    vm0, vm1, vm2 = (f"{S7}.vm{number}" for number in range(3))
    assert asked == [
        (vm0, 384 * MiB),
        (vm1, 256 * MiB),
        (vm2, 128 * MiB),
        (vm0, 256 * MiB),
        (vm0, 192 * MiB),
    ]
    assert (vm1, 128 * MiB, "partially-completed") in settled
    assert (vm1, 256 * MiB, "completed") in settled


def test_what_was_only_asked_or_settled_changed_no_figure() -> None:
    history = recorded(S7)
    quiet = [each for each in history if each.event.KIND in ("vm.change-requested", "vm.request-settled")]

    found = difference(view(Fleet()), view(Fleet().apply_all(history)), history)

    assert quiet
    assert not {each.position for each in quiet} & set(found.positions)

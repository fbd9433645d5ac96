"""What can follow on a stream of a decided VM or host, and what cannot: what is refused changes nothing."""

from __future__ import annotations

from copy import deepcopy

import pytest

from domain.aggregates import HistoryError
from domain.changes import apply_to_host, apply_to_vm
from domain.events import HostEvent, HostRegistered, VmDefined, VmEvent
from domain.kinds import DECIDED
from tests.domain.given import HOST, START, WEB, given
from tests.projections.histories import decided

EVENTS = {type(envelope.event): envelope.event for seed in range(3) for envelope in decided(seed, 300)[0]}
"""One event of each kind that is decided."""
ON_VMS = [event for event in EVENTS.values() if isinstance(event, VmEvent)]
ON_HOSTS = [event for event in EVENTS.values() if isinstance(event, HostEvent)]


def test_the_events_below_are_of_all_kinds() -> None:
    assert EVENTS.keys() == {*DECIDED}


@pytest.mark.parametrize("event", ON_VMS, ids=lambda event: event.KIND)
def test_nothing_follows_the_removal_of_a_vm(event: VmEvent) -> None:
    vm = given(HOST, WEB, START).world.vm("web01")
    vm.removed = True
    before = deepcopy(vm)
    with pytest.raises(HistoryError, match=f"{event.KIND} cannot follow on the stream of VM 'web01'"):
        apply_to_vm(vm, event)
    assert vm == before


@pytest.mark.parametrize("event", ON_HOSTS, ids=lambda event: event.KIND)
def test_nothing_follows_the_removal_of_a_host(event: HostEvent) -> None:
    host = given(HOST, WEB, START).world.host("hv01")
    host.removed = True
    before = deepcopy(host)
    with pytest.raises(HistoryError, match=f"{event.KIND} cannot follow on the stream of host 'hv01'"):
        apply_to_host(host, event)
    assert host == before


def test_a_vm_that_gives_back_what_it_holds_has_no_entry_in_the_book() -> None:
    world = given(HOST, WEB, START).world
    assert world.host("hv01").book == {"web01": world.vm("web01").state.assigned}
    assert world.apply({"command": "stop", "vm": "web01"}).outcome == "done"
    assert world.host("hv01").book == {}


def test_no_vm_begins_twice() -> None:
    vm = given(HOST, WEB, START).world.vm("web01")
    before, event = deepcopy(vm), EVENTS[VmDefined]
    assert isinstance(event, VmDefined)
    with pytest.raises(HistoryError, match=r"vm\.defined cannot follow on the stream of VM 'web01'"):
        apply_to_vm(vm, event)
    assert vm == before


def test_no_host_begins_twice() -> None:
    host = given(HOST, WEB, START).world.host("hv01")
    before, event = deepcopy(host), EVENTS[HostRegistered]
    assert isinstance(event, HostRegistered)
    with pytest.raises(HistoryError, match=r"host\.registered cannot follow on the stream of host 'hv01'"):
        apply_to_host(host, event)
    assert host == before

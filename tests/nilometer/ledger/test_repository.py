"""When a writer believes the state of a host or VM that is stored."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from domain.aggregates import HostAggregate, VmAggregate
from domain.commands import Pause, Start
from domain.errors import InputError, UnknownHost, UnknownVm
from domain.identifiers import host_stream, vm_stream
from domain.observed.events import HostObserved
from domain.observed.host import ObservedHost
from domain.observed.vm import ObservedVm
from nilometer.errors import UnreadableEvent
from nilometer.ledger import repository
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.policies import NO_POLICIES
from nilometer.ledger.repository import Repository, agrees, count_on, decided_host, decided_on, decided_vm, decided_vms
from nilometer.ledger.requests import Result
from nilometer.storage.application import LedgerApplication
from projections.fleet import Fleet
from projections.tracked import Tracked, TrackedHost, TrackedVm
from tests.nilometer.ledger.asking import a_vm, ask, request, with_web01
from tests.projections.histories import HOST, START, WEB, time, told

HISTORY = told(HOST, WEB, START)
STARTED, GRANTED = HISTORY[-2:]


def tracked_vm() -> TrackedVm:
    return Fleet().apply_all(HISTORY).vms["web01"]


def tracked_host() -> TrackedHost:
    return Fleet().apply_all(HISTORY).hosts["hv01"]


def test_a_stored_state_is_believed_if_its_last_event_has_its_figures() -> None:
    assert agrees(tracked_vm(), STARTED)
    assert agrees(tracked_host(), GRANTED)


def test_a_state_with_another_figure_is_not_believed() -> None:
    vm, host = tracked_vm(), tracked_host()
    assert isinstance(vm.subject, VmAggregate)
    assert isinstance(host.subject, HostAggregate)
    vm.subject.state = replace(vm.subject.state, in_use=1)
    host.subject.state = replace(host.subject.state, total=1)
    assert not agrees(vm, STARTED)
    assert not agrees(host, GRANTED)


def test_an_event_of_another_kind_of_stream_bears_nothing_out() -> None:
    for tracked, last in ((tracked_vm(), GRANTED), (tracked_host(), STARTED)):
        assert not agrees(tracked, last)
        assert not agrees(tracked, replace(last, event=HostObserved()))
    observed: TrackedVm = Tracked(ObservedVm.begin("web01"), time(0))
    assert not agrees(observed, STARTED)


@pytest.mark.parametrize(("remembered", "versions"), [(2, (0, 0)), (3, (2, 2))])
def test_all_is_forgotten_when_so_much_is_remembered_and_not_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, remembered: int, versions: tuple[int, int]
) -> None:
    monkeypatch.setattr(repository, "REMEMBERED", remembered)
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", create=True, durable=False) as ledger:
        with_web01(ledger)
        known = Repository(ledger.recorder, LedgerApplication(ledger.recorder), ledger.views)
        reads = known.load(Pause("web01"))
        assert (known.version("vm/web01"), known.version("host/hv01")) == (2, 2)

        known.begin()

        assert (known.version("vm/web01"), known.version("host/hv01")) == versions
        assert known.load(Pause("web01")) == reads


@pytest.fixture
def ledger(tmp_path: Path) -> Iterator[Ledger]:
    """A ledger with web01, which runs, and db01, which is off."""
    with Ledger.open(f"sqlite:///{tmp_path}/ledger.db", create=True, durable=False) as opened:
        with_web01(opened)
        ask(opened, "define-vm", **a_vm(vm="db01"))
        yield opened


@pytest.fixture
def known(ledger: Ledger) -> Repository:
    """What somebody else remembers of it: nothing yet."""
    return Repository(ledger.recorder, LedgerApplication(ledger.recorder), ledger.views)


def test_what_was_read_in_two_transactions_is_read_again_before_it_is_believed(
    ledger: Ledger, known: Repository
) -> None:
    known.begin()
    known.load(Pause("web01"))
    ask(ledger, "add-memory", vm="web01", amount="1GiB")
    streams = known.load(Start("db01")).streams  # of the host, which was read before, it knows an older state
    assert known.version("host/hv01") == 2

    assert known.refresh(streams)

    assert known.version("host/hv01") == 3
    assert not known.refresh(streams), "they were all read in one transaction"


def test_what_was_read_again_alone_is_newer_than_what_was_read_before(ledger: Ledger, known: Repository) -> None:
    known.load(Pause("web01"))
    known.begin()
    known.load(Start("db01"))  # its host is remembered
    ask(ledger, "start", vm="db01")
    assert known.refresh(["host/hv01"])
    assert known.refresh(["vm/db01", "host/hv01"]), "the VM has news too"
    assert (known.version("vm/db01"), known.version("host/hv01")) == (2, 3)


def on_hv01(fleet: Fleet) -> list[VmAggregate]:
    return decided_on(fleet, "hv01")


def number_on_hv01(fleet: Fleet) -> int:
    return count_on(fleet, "hv01")


@pytest.mark.parametrize("read", [decided_vms, on_hv01, number_on_hv01])
def test_no_vms_are_read_while_one_of_them_is_not_known(read: Callable[[Fleet], object]) -> None:
    fleet = Fleet().apply_all(HISTORY)
    fleet.ended[host_stream("hv02")] = UnreadableEvent("a host's")
    assert read(fleet)
    fleet.ended[vm_stream("db01")] = UnreadableEvent("it ends here")
    with pytest.raises(UnreadableEvent, match="it ends here"):
        read(fleet)


def test_which_policies_are_adopted_is_read_by_who_remembers_nothing(known: Repository) -> None:
    assert known.policy_set() is NO_POLICIES


@pytest.mark.parametrize("first", ["vm/web01", "host/hv01"])
def test_streams_are_as_of_the_latest_of_their_events(ledger: Ledger, known: Repository, first: str) -> None:
    late = "2999-01-01T00:00:00.000000Z"
    ledger.execute(replace(request("set-reserve", at=late, host="hv01", reserve="2GiB"), at_ahead=True))
    known.load(Pause("web01"))
    assert known.as_of(["vm/web01"]) < late
    assert known.as_of(sorted(["vm/web01", "host/hv01"], key=lambda stream: stream != first)) == late


def test_a_book_that_does_not_come_to_what_the_host_holds_is_not_believed() -> None:
    host = tracked_host()
    assert isinstance(host.subject, HostAggregate)
    host.subject.book["web01"] += 1
    assert not agrees(host, GRANTED)


def test_what_was_just_decided_on_a_vm_alone_happened_before_what_follows(ledger: Ledger) -> None:
    late, early = "2999-01-01T00:00:01.000000Z", "2999-01-01T00:00:00.000000Z"
    ledger.execute(replace(request("pause", at=late, vm="web01"), at_ahead=True))
    with pytest.raises(InputError, match=r"is before the last event of vm/web01"):
        ledger.execute(replace(request("resume", at=early, vm="web01"), at_ahead=True))


def test_only_a_decided_vm_or_host_that_is_there_can_be_commanded() -> None:
    vm, host = tracked_vm(), tracked_host()
    assert (decided_vm("web01", vm), decided_host("hv01", host)) == (vm.subject, host.subject)
    seen_vm: TrackedVm = Tracked(ObservedVm.begin("web01"), time(0))
    seen_host: TrackedHost = Tracked(ObservedHost.begin("hv01"), time(0))
    for decided, observed, kind, unknown in (
        (partial(decided_vm, "web01"), seen_vm, "VM 'web01'", UnknownVm),
        (partial(decided_host, "hv01"), seen_host, "host 'hv01'", UnknownHost),
    ):
        with pytest.raises(unknown) as raised:
            decided(None)
        assert raised.value.hint == unknown("web01").hint
        with pytest.raises(InputError, match=f"the {kind} is observed: a hypervisor decides about it"):
            decided(observed)
    vm.subject.removed = host.subject.removed = True
    with pytest.raises(UnknownVm) as of_vm:
        decided_vm("web01", vm)
    with pytest.raises(UnknownHost) as of_host:
        decided_host("hv01", host)
    assert of_vm.value.hint == "it was removed; its history stays: nilo log --vm web01"
    assert of_host.value.hint == "it was removed; its history stays: nilo log --host hv01"


def test_a_refusal_is_believed_on_nothing_that_was_read_for_an_earlier_request(ledger: Ledger) -> None:
    with Ledger.open(ledger.url) as other:
        assert ask(other, "pause", vm="web01").in_full
        assert ask(ledger, "resume", vm="web01").in_full
        assert ask(other, "pause", vm="web01").in_full


def test_an_error_ends_a_unit_of_work_unless_it_is_to_go_on(ledger: Ledger) -> None:
    requests = [request("pause", vm="nobody"), request("pause", vm="web01")]
    (error,) = ledger.execute_all(requests)
    assert isinstance(error, UnknownVm)
    first, second = ledger.execute_all(requests, keep_going=True)
    assert isinstance(first, UnknownVm)
    assert isinstance(second, Result)

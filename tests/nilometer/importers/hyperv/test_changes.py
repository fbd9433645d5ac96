"""Histories of Hyper-V: what is told, how often, and what was asked for by whom. All spools here are synthetic."""

from __future__ import annotations

from domain.decision import Outcome
from domain.observed.events import (
    HostObserved,
    ObservedCode,
    VmChangeRequested,
    VmMemoryMoved,
    VmObserved,
    VmRequestSettled,
    WhyMoved,
)
from domain.observed.host import account_of
from domain.quantities import MiB
from domain.state import Power
from rules.judging.findings import Verdict
from rules.judging.judge import Judge
from tests.nilometer.importers.hyperv.synthetic import ERP, WEB, Spool, Store, dynamic, imported, job, off, vm


def test_a_host_that_shows_no_vms_has_not_lost_them() -> None:
    store = imported(Spool().poll(0, vm()).poll(1).poll(2, vms=None).poll(3, vm()))
    assert store.vm(WEB).assigned == 4096 * MiB
    assert len(store.of(f"vm/{WEB}")) == 1


def test_a_vm_on_two_hosts_is_counted_on_the_one_where_it_runs() -> None:
    one, other = Spool("HV01"), Spool("HV02")
    for minute in range(6):
        here, there = minute < 4, minute >= 3
        one.poll(minute, *([vm()] if here else [off()]))
        other.poll(minute + 0.1, *([vm()] if there else [off(uptime=0)]))
    store = imported(one, other)
    assert store.vm(WEB).host == "hv02"
    assert store.events(VmMemoryMoved) == []
    assert store.vm(WEB).session == 1
    assert {each.power for each in store.events(VmObserved)} == {Power.RUNNING, None}
    assert account_of(store.host("hv01"), [v for v in [store.vm(WEB)] if v.host == "hv01"]).held == 0


def test_dynamic_memory_moves_all_day_and_is_told_once_an_hour() -> None:
    spool = Spool()
    for minute in range(180):
        spool.poll(minute, dynamic(2048 + 64 * (minute % 7)))
    store = imported(spool)
    moves = store.events(VmMemoryMoved, ERP)
    assert len(moves) == 3
    assert {(each.why, each.least, each.most) for each in moves} == {(WhyMoved.BALANCER, 2048 * MiB, 2432 * MiB)}
    assert store.vm(ERP).high_watermark == 2432 * MiB
    assert store.vm(ERP).assigned == (2048 + 64 * (179 % 7)) * MiB


def test_what_does_not_move_is_no_event() -> None:
    spool = Spool()
    for minute in range(1440):
        spool.poll(minute, vm(free=1000 + minute % 50), dynamic(2048))
    store = imported(spool)
    told = [each.metadata.happened[11:16] for each in store.of(f"vm/{WEB}")]
    assert told == ["09:00", "15:00", "21:00", "03:00"], "it is told again every six hours that it did not move"
    assert len(store.of(f"vm/{ERP}")) == 4
    assert len(store.of("host/hv01")) == 1 + 24


def test_memory_that_moves_without_a_request_was_asked_for_by_nobody() -> None:
    (moved,) = imported(Spool().poll(0, vm()).poll(1, vm(2048, 4096))).events(VmMemoryMoved)
    assert (moved.why, moved.request) == (WhyMoved.UNASKED, None)


def test_a_later_request_takes_the_place_of_the_one_before() -> None:
    spool = Spool().poll(0, vm()).poll(1, vm(4096, 8192)).poll(2, vm(4096, 6144)).poll(3, vm(6144, 6144))
    first, second = imported(spool).events(VmRequestSettled)
    assert (first.request, first.code) == (1, ObservedCode.SUPERSEDED)
    assert (second.request, second.outcome) == (2, Outcome.COMPLETED)


def test_a_setting_that_follows_what_was_granted_is_no_request_and_ends_the_one_before() -> None:
    spool = Spool().poll(0, vm()).poll(1, vm(4096, 8192)).poll(2, vm(6144, 8192)).poll(3, vm(6144, 6144))
    store = imported(spool)
    assert len(store.events(VmChangeRequested)) == 1
    last = store.events(VmRequestSettled)[-1]
    assert (last.granted, last.code, last.still_open) == (2048 * MiB, ObservedCode.SUPERSEDED, False)


def test_what_was_not_granted_when_the_vm_stops_is_not_granted_any_more() -> None:
    spool = Spool().poll(0, vm()).poll(1, vm(4096, 8192)).poll(2, off(startup=8192))
    store = imported(spool)
    (settled,) = store.events(VmRequestSettled)
    assert (settled.outcome, settled.code, settled.still_open) == (Outcome.FAILED, ObservedCode.VM_STOPPED, False)
    assert store.vm(WEB).held == 0


def test_a_vm_that_is_off_is_configured_and_nothing_moves() -> None:
    spool = Spool().poll(0, off()).poll(1, off(startup=8192), jobs=[job(0.5)])
    store = imported(spool)
    assert store.events(VmChangeRequested) == []
    last = store.of(f"vm/{WEB}")[-1]
    assert last.metadata.actor == "CONTOSO\\anna"
    memory = store.vm(WEB).memory
    assert memory is not None
    assert memory.startup == 8192 * MiB


def test_a_host_tells_its_release_once_and_what_is_free_each_hour() -> None:
    store = imported(Spool().poll(0).poll(1).poll(61))
    told = [each.event for each in store.of("host/hv01")]
    assert [each.version for each in told if isinstance(each, HostObserved)] == ["2022", None, None]


def test_ids_begin_with_the_prefix() -> None:
    store = Store()
    store.take(Spool("hv01.contoso.com").poll(0, vm()), prefix="contoso")
    assert {each.stream for each in store.stored if each.stream[:2] != "im"} == {
        "host/contoso.hv01",
        f"vm/contoso.{WEB}",
    }


def test_after_memory_moved_what_the_guest_sees_and_the_host_has_left_is_told_and_judged() -> None:
    spool = (
        Spool()
        .poll(0, vm(), available_mb=30000)
        .change(0.3, 0.9, 4096, 8192, 8192)
        .poll(1, vm(8192, 8192, free=5000), available_mb=25904)
        .poll(2, vm(8192, 2048, free=6500), available_mb=25904)
        .poll(3, vm(2048, 2048, free=400), available_mb=32048)
        .poll(4, vm(2048, 2048, free=300), available_mb=32048)
    )
    store = imported(spool)
    assert [each.visible for each in store.events(VmObserved) if each.visible] == [4096 * MiB, 8192 * MiB, 2048 * MiB]
    hosts = [each.event for each in store.of("host/hv01")]
    left = [each.free for each in hosts if isinstance(each, HostObserved) and each.free]
    assert left == [30000 * MiB, 25904 * MiB, 32048 * MiB]
    judge = Judge()
    assert [each for event in store.stored for each in judge.take(event) if each.verdict is Verdict.VIOLATED] == []
    rules = judge.coverage.rules
    assert (rules["visible_moves_as_said"].holds, rules["conserved"].holds) == (2, 2)
    assert rules["book_agrees"].holds == 0  # nobody told the reserve


def test_a_setting_that_is_told_before_the_memory_that_follows_it_waits_for_that() -> None:
    spool = Spool().poll(0, vm()).poll(1, vm(8192, 8192)).poll(2, vm(8192, 8192))
    judge = Judge()
    for each in imported(spool).stored:
        judge.take(each)
    judge.finish()
    bounds = judge.coverage.rules["within_bounds"]
    assert (bounds.holds > 0, bounds.unknown) == (True, 0)


def test_what_hosts_have_left_is_told_when_a_vm_comes_or_goes() -> None:
    one, other = Spool("HV01"), Spool("HV02")
    one.poll(0, vm(), available_mb=30000).poll(1, available_mb=34096).poll(3, available_mb=34096)
    other.poll(0, available_mb=40000).poll(1, vm(), available_mb=35904).poll(2, off(), available_mb=40000)
    other.poll(3, off(), available_mb=40000)

    def left(store: Store, host: str) -> list[int]:
        events = [each.event for each in store.of(f"host/{host}")]
        return [each.free // MiB for each in events if isinstance(each, HostObserved) and each.free is not None]

    store = imported(one, other)
    assert (left(store, "hv01"), left(store, "hv02")) == ([30000, 34096], [40000, 35904, 40000])

"""Histories of Hyper-V: what is told, how often, and what was asked for by whom. All spools here are synthetic."""

from __future__ import annotations

import pytest

from domain.decision import Code, Outcome
from domain.observed.events import (
    HostObserved,
    HostWatched,
    VmChangeRequested,
    VmMemoryMoved,
    VmObserved,
    VmRequestSettled,
)
from domain.observed.host import account_of
from domain.observed.words import STATED, CauseIs, ObservedCode, WhyMoved
from domain.quantities import MiB
from domain.state import Power
from projections.fleet import Fleet
from projections.view import view
from rules.judging.findings import Verdict
from rules.judging.judge import Judge
from tests.nilometer.importers.hyperv.synthetic import ERP, WEB, Spool, Store, dynamic, imported, job, off, vm

OTHER = "0b5c1c2e-0000-4000-8000-000000000003"


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
    assert len(store.of("host/hv01")) == 1 + 24 + 1, "a host each hour, and once which time was watched"
    stretches = [event.stretch for event in store.events(VmObserved)]
    polls = [(s.first[11:16], s.polls, s.longest_gap) if s else None for s in stretches]
    assert polls == [None, ("09:01", 360, 60), ("15:01", 360, 60), ("21:01", 360, 60)]
    assert {s.least_available for s in stretches if s is not None} == {1000 * MiB}
    assert [s.least_available_at[11:16] for s in stretches if s and s.least_available_at] == ["09:50", "15:40", "21:30"]


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
    seen = [each.visible for each in store.events(VmObserved) if each.visible]
    assert seen == [4096 * MiB, 8192 * MiB, 8192 * MiB, 2048 * MiB], "the second is the last before the memory went"
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


def test_an_hour_of_dynamic_memory_is_one_event_with_its_tightest_poll() -> None:
    spool = Spool()
    for minute in range(60):
        free = 50 if minute == 31 else 600
        spool.poll(minute, dynamic(2048 + 2 * (minute // 2), free=free))
    (move,) = imported(spool).events(VmMemoryMoved, ERP)
    assert (move.size_from, move.size_to, move.moves) == (2048 * MiB, 2106 * MiB, 29)
    assert move.tightest is not None
    assert (move.tightest.at[11:16], move.tightest.assigned) == ("09:31", 2078 * MiB)
    assert move.tightest.in_use == (2078 - 50) * MiB
    assert move.newest is not None
    assert (move.newest.at[11:16], move.newest.visible) == ("09:59", 2106 * MiB)


def test_a_host_says_what_it_lists_and_when_it_had_the_least() -> None:
    spool = Spool()
    for minute in range(61):
        spool.poll(minute, vm(), dynamic(2048), off(id=OTHER, name="idle"), available_mb=9 if minute == 40 else 40000)
    hosts = [event for event in imported(spool).events(HostObserved, stream="host/hv01") if event.listed is not None]
    assert [(event.listed.count, event.listed.complete, event.listed.assigned) for event in hosts if event.listed] == [
        (3, True, 6144 * MiB)
    ] * 2
    first, last = hosts
    assert first.tightest is None
    assert last.tightest is not None
    assert (last.tightest.at[11:16], last.tightest.free, last.tightest.assigned) == ("09:40", 9 * MiB, 6144 * MiB)


def test_an_import_says_which_time_it_covers_and_shows_what_is_newer_than_the_last_event() -> None:
    spool = Spool().poll(0, vm(), dynamic(2048))
    for minute in (1, 2, 3):
        spool.poll(minute, vm(), dynamic(3072, free=500))
    store = Store()
    store.take(spool)
    (watched,) = store.events(HostWatched, stream="host/hv01")
    assert (watched.since[11:16], watched.polls, watched.longest_gap) == ("09:00", 4, 60)
    (newest,) = watched.newest
    assert (newest.vm, newest.figures.at[11:16], newest.figures.assigned) == (ERP, "09:03", 3072 * MiB)
    assert store.events(VmMemoryMoved, ERP) == [], "the move waits for its hour"
    fleet = Fleet().apply_all(store.stored)
    row = next(row for row in view(fleet).vms if row.vm == ERP)
    assert (row.assigned, row.in_use, row.high_watermark) == (3072 * MiB, 2572 * MiB, 3072 * MiB)
    assert ((row.newest_poll or "")[11:16], row.watched_until) == ("09:03", row.newest_poll)
    assert (row.measured["visible"], row.measured["power"][11:16]) == (row.newest_poll, "09:00")
    again = Store(list(store.stored), set(store.keys))
    again.take(spool)
    assert again.events(HostWatched, stream="host/hv01") == [watched], "no poll was new"


def test_a_reserve_is_stated_with_new_records_or_later_and_the_rule_on_commitment_can_hold() -> None:
    spool = Spool().poll(0, vm(), dynamic(2048)).poll(1, vm(), dynamic(2048))

    def judged(store: Store) -> tuple[int, int, int]:
        judge = Judge()
        for each in store.stored:
            judge.take(each)
        judge.finish()
        rule = judge.coverage.rules["host_never_overcommitted"]
        return rule.holds, rule.violated, min(rule.unknown, 1)

    at_once, later = Store(), imported(spool)
    at_once.take(spool, final=True, reserves={"HV01": 2304 * MiB})
    assert judged(later) == (0, 0, 1)
    (file,) = later.take(spool, final=True, reserves={"hv01": 2304 * MiB, "hv09": MiB})
    assert file.counts.remarks == {"reserve of an unknown host": 1}
    for store in (at_once, later):
        stated = [event for event in store.events(HostObserved, stream="host/hv01") if event.reserve is not None]
        assert [(event.reserve, event.label) for event in stated] == [(2304 * MiB, STATED)]
        assert (store.host("hv01").reserve, store.host("hv01").reserve_is_stated) == (2304 * MiB, True)
    holds, violated, _ = judged(at_once)
    assert holds > 0
    assert violated == 0
    known = len(later.stored)
    later.take(spool, final=True, reserves={"hv01": 2304 * MiB})
    assert len(later.stored) == known, "it is recorded already"


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


def removal(left: int, *, used: int = 5000, minute: float = 1, free_after: int = 0) -> VmRequestSettled:
    """How a removal of 6 GiB from 8 settles that left so much; the guest used ``used`` MiB before, at minute 0."""
    shrunk = vm(left, 2048, free=free_after)
    spool = Spool().poll(0, vm(8192, 8192, free=8192 - used)).poll(minute, shrunk).poll(minute + 1, shrunk)
    (settled,) = imported(spool.poll(minute + 2, shrunk)).events(VmRequestSettled)
    return settled


def test_a_removal_that_ended_at_what_was_in_use_before_ended_there_for_that() -> None:
    inferred = Code.MEMORY_IN_USE, CauseIs.INFERRED
    assert [(each.code, each.cause_is) for each in (removal(5000), removal(5127))] == [inferred, inferred]


def test_what_was_in_use_before_explains_no_other_removal() -> None:
    assert removal(5128).code is ObservedCode.NOT_REPORTED, "a block more was free"
    assert removal(4998).code is ObservedCode.NOT_REPORTED, "it used less meanwhile, and nobody knows how much"
    assert removal(5000, free_after=2000).code is ObservedCode.NOT_REPORTED, "a later measure shows that it uses less"
    assert removal(5000, minute=4).code is ObservedCode.NOT_REPORTED, "what was in use then is too old"


@pytest.mark.parametrize(("uptime", "sessions"), [(29, [1, 2]), (31, [1])], ids=["started", "goes on"])
def test_a_guest_that_started_while_nobody_watched_begins_a_session_though_its_uptime_is_longer_than_before(
    uptime: int, sessions: list[int]
) -> None:
    spool = Spool().poll(0, vm(uptime=60)).poll(1, vm(uptime=120))
    for minute in (31, 32, 33):
        spool.poll(minute, vm(uptime=(uptime + minute - 31) * 60))
    assert [event.session for event in imported(spool).events(VmObserved) if event.session] == sessions

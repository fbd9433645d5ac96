"""Spools of what happens on every fleet, and what must be said of each. All files in ``cases`` are synthetic."""

from __future__ import annotations

import pytest

from domain.decision import Code, Outcome
from domain.observed.events import (
    HostNotWatched,
    VmChangeRequested,
    VmMemoryMoved,
    VmNotListed,
    VmObserved,
    VmRequestSettled,
)
from domain.observed.words import SHORT_RESTART, CauseIs, ObservedCode
from domain.quantities import GiB, MiB
from domain.state import Power
from nilometer.importers.hyperv.hosts import OLDER
from nilometer.importers.hyperv.jobs import NOBODY
from rules.judging.findings import Verdict
from tests.nilometer.importers.hyperv.synthetic import CASES, ERP, WEB, Spool, Store, case, dynamic, imported, off, vm

BEN, CARL = "CONTOSO\\ben", "CONTOSO\\carl"


# Who and when


@pytest.mark.parametrize("name", ["sp_twoowners.jsonl", "sp_twoowners3.jsonl"])
def test_each_of_two_changes_is_by_the_owner_of_the_job_that_the_poll_lists_which_saw_it(name: str) -> None:
    requested = imported(case(name)).envelopes(VmChangeRequested)
    amounts = [
        (event.target - (event.size_from or 0)) // GiB
        for event in (envelope.event for envelope in requested)
        if isinstance(event, VmChangeRequested)
    ]
    assert list(zip(amounts, (envelope.metadata.actor for envelope in requested), strict=True)) == [
        (4, BEN),
        (-2, CARL),
    ]


@pytest.mark.parametrize("account", [CARL, CARL.lower(), "Carl"])
def test_what_a_service_account_owns_was_done_with_that_tool_by_nobody_who_is_known(account: str) -> None:
    store = Store()
    store.take(case("sp_twoowners.jsonl"), final=True, service_accounts=[account])
    who = [(each.metadata.actor, each.metadata.via) for each in store.envelopes(VmChangeRequested)]
    assert who == [(BEN, "hyper-v job (modify-resources)"), (NOBODY, CARL)]
    moved = [(each.metadata.actor, each.metadata.via) for each in store.envelopes(VmMemoryMoved)]
    assert moved == who


@pytest.mark.parametrize("account", ["carla", "OTHER\\carl", "CONTOSO"])
def test_another_account_of_a_like_name_is_a_person(account: str) -> None:
    store = Store()
    store.take(case("sp_twoowners.jsonl"), final=True, service_accounts=[account])
    assert [each.metadata.actor for each in store.envelopes(VmChangeRequested)] == [BEN, CARL]


@pytest.mark.parametrize("name", ["sp_stop13.jsonl", "sp_stop16.jsonl"])
def test_who_stops_a_vm_is_the_owner_of_a_job_that_turns_off_or_shuts_down(name: str) -> None:
    store = imported(case(name))
    (stop,) = [
        envelope
        for envelope in store.envelopes(VmObserved)
        if isinstance(envelope.event, VmObserved) and envelope.event.power is Power.OFF
    ]
    assert stop.metadata.actor == BEN


def test_what_a_slow_poll_shows_of_a_change_was_not_there_before_it() -> None:
    store = imported(case("sp_slow.jsonl"))
    (requested,) = store.envelopes(VmChangeRequested)
    since = requested.metadata.earliest or requested.metadata.happened
    for envelope in store.envelopes(VmObserved):
        assert isinstance(envelope.event, VmObserved)
        if envelope.event.assigned == 8 * GiB:
            assert envelope.metadata.happened > since


def test_a_job_with_warnings_is_a_grant_in_part() -> None:
    store = imported(case("sp_partial.jsonl"))
    (settled,) = store.events(VmRequestSettled)
    assert (settled.outcome, settled.granted) == (Outcome.PARTIALLY_COMPLETED, 2992 * MiB)
    assert settled.told == "The memory change was only partially completed"
    assert {envelope.metadata.actor for envelope in store.envelopes(VmRequestSettled)} == {BEN}


def test_why_figures_are_unknown_is_noted_once_and_counted() -> None:
    store = Store()
    (file,) = store.take(case("sp_german.jsonl"), final=True)
    assert len(file.counts.notes) == 1
    assert "Das angegebene Objekt" in file.counts.notes[0]
    assert file.counts.remarks == {"poll in part": 4}
    assert [event.in_use for event in store.events(VmObserved)] == [None]


def test_jobs_without_an_id_are_read() -> None:
    store = imported(case("sp_nullid.jsonl"))
    assert [event.size_to for event in store.events(VmMemoryMoved)] != []


# Hosts as they live


OLD, NEW = "0b5c1c2e-0000-4000-8000-000000000201", "0b5c1c2e-0000-4000-8000-000000000202"


def test_a_vm_that_its_host_lists_no_more_is_not_listed_since_then_and_holds_nothing() -> None:
    store = imported(case("gone.jsonl.gz"))
    (gone,) = store.envelopes(VmNotListed, OLD)
    assert gone.metadata.happened == "2026-11-23T09:30:00.000000Z"
    assert (store.vm(OLD).not_listed_since, store.vm(OLD).held) == (gone.metadata.happened, 0)
    assert (store.vm(NEW).not_listed_since, store.vm(NEW).held) == (None, 8 * GiB)


def test_a_vm_that_is_listed_again_is_back_by_itself() -> None:
    spool = Spool().poll(0, vm(), dynamic(2048)).poll(1, vm()).poll(2, vm()).poll(3, vm(), dynamic(3072))
    store = imported(spool)
    assert len(store.events(VmNotListed, ERP)) == 1
    back = store.vm(ERP)
    assert (back.not_listed_since, back.power, back.assigned, back.session) == (None, Power.RUNNING, 3 * GiB, 1)


def test_one_list_without_it_an_error_and_an_empty_list_say_nothing_of_absence() -> None:
    def lost(*lists: Spool) -> int:
        return sum(len(imported(spool).events(VmNotListed, ERP)) for spool in lists)

    both = (vm(), dynamic(2048))
    assert lost(Spool().poll(0, *both).poll(1, vm()).poll(2, *both).poll(3, vm())) == 0
    assert lost(Spool().poll(0, *both).poll(1, vm(), error="x").poll(2, vm(), error="x")) == 0
    assert lost(Spool().poll(0, *both).poll(1).poll(2)) == 0, "without rights a host lists nothing, and no error"


def emptied(*free: int | None) -> tuple[Store, list[str]]:
    """A host that listed two VMs of 6 GiB together, then none, with so much left each minute; and what is noted."""
    store, spool = Store(), Spool()
    for minute, left in enumerate(free):
        spool.poll(minute, *((vm(4096), dynamic(2048)) if minute == 0 else ()), available_mb=left)
    (file,) = store.take(spool)
    return store, file.counts.notes


def test_an_empty_list_is_believed_where_the_host_has_back_what_its_vms_held() -> None:
    store, notes = emptied(40000, 46144, 46144 - 500)
    for id in (WEB, ERP):
        (lost,) = store.envelopes(VmNotListed, id)
        assert (lost.metadata.happened, store.vm(id).held) == ("2026-11-23T09:01:00.000000Z", 0)
    assert notes == []


@pytest.mark.parametrize("free", [(40000, 40000), (40000, 46144 - 512), (40000, 40512), (40000, None), (None, 46144)])
def test_an_empty_list_is_not_believed_where_it_does_not_and_that_is_noted_once(free: tuple[int | None, ...]) -> None:
    store, notes = emptied(*free, *[free[-1]] * 5)
    assert [store.vm(id).held for id in (WEB, ERP)] == [4 * GiB, 2 * GiB]
    (note,) = notes
    assert "host hv01 lists no VM" in note


@pytest.mark.parametrize(("name", "kinds"), [("HV01", {"lists by turns"}), ("hv01.b.local", {"hosts of one name"})])
def test_two_hosts_of_one_name_are_noted(name: str, kinds: set[str]) -> None:
    one, other = Spool("HV01.a.local" if "." in name else name), Spool(name)
    for minute in range(2 if "." in name else 6):
        one.poll(minute, vm())
        other.poll(minute + 0.5, dynamic(2048))
    store = Store()
    for file in store.take(one, other):
        assert set(file.counts.remarks) == kinds
    assert not store.take(one, prefix="a")[0].counts.remarks


def test_a_vm_that_comes_and_goes_now_and_then_is_no_second_host() -> None:
    spool = Spool()
    for minute in range(30):
        spool.poll(minute, vm(), *([] if minute % 3 == 0 else [dynamic(2048)]))
    assert not Store().take(spool)[0].counts.remarks


def test_a_clock_that_was_set_back_is_noted_once() -> None:
    spool = Spool()
    for minute in (0, 1, 2, -58, -57, -56):
        spool.poll(minute, vm(uptime=3600 + 60 * len(spool.lines)))
    store = Store()
    (file,) = store.take(spool)
    assert file.counts.remarks == {"time goes back": 1}
    assert file.counts.notes[0].startswith("spool1.jsonl:4: host HV01 was read at 2026-11-23T08:02:00")
    assert not store.take(spool)[0].counts.remarks
    near = Spool().poll(0, vm()).poll(2, vm(uptime=3720)).poll(1.1, vm(uptime=3780))
    assert not Store().take(near)[0].counts.remarks


def test_a_vm_that_another_host_lists_is_not_lost() -> None:
    first, second = Spool(), Spool("HV02")
    for minute in range(6):
        first.poll(minute, vm(), *([dynamic(2048)] if minute < 2 else []))
        second.poll(minute + 0.5, vm(id=OLD, name="old"), *([dynamic(2048)] if minute >= 2 else []))
    store = imported(first, second)
    assert store.events(VmNotListed, ERP) == []
    assert (store.vm(ERP).host, store.vm(ERP).session) == ("hv02", 1), "its uptime goes on: so does its session"


def two_clocks(overlap: int) -> tuple[Spool, Spool]:
    """A VM that migrates in minute 10 to a host whose clock is this many minutes late."""
    first, second = Spool(), Spool("HV02")
    for minute in range(20):
        first.poll(minute, vm(id=OLD, name="old"), *([dynamic(2048)] if minute < 10 else []))
        there = [dynamic(2048, uptime=3600 + minute * 60)] if minute >= 10 else []
        second.poll(minute + 0.5 - overlap, vm(id=NEW, name="new"), *there)
    return first, second


@pytest.mark.parametrize(("overlap", "remarks"), [(0, 0), (2, 0), (8, 5)])
def test_a_vm_has_one_host_at_a_time_and_two_for_longer_are_one_remark_about_clocks(overlap: int, remarks: int) -> None:
    store = Store()
    files = store.take(*two_clocks(overlap), final=True)
    hosts = [event.host for event in store.events(VmObserved, ERP) if event.host is not None]
    assert hosts == ["hv01", "hv02"]
    assert (store.vm(ERP).session, store.events(VmNotListed, ERP), store.violations()) == (1, [], [])
    assert sum(file.counts.remarks.get("VM on two hosts", 0) for file in files) == remarks
    notes = [note for file in files for note in file.counts.notes]
    assert len(notes) == min(remarks, 1)
    assert all("hosts hv01 and hv02 both list VM erp01" in note and "clocks" in note for note in notes)


def test_a_vm_that_its_own_host_turns_off_is_off_although_another_host_listed_it_once() -> None:
    first, second = Spool(), Spool("HV02").poll(2.5, vm(id=OLD, name="old"), dynamic(2048))
    for minute in range(12):
        first.poll(minute, dynamic(2048) if minute < 3 else off(id=ERP, name="erp01", dynamic=True))
    store = imported(first, second)
    assert (store.vm(ERP).host, store.vm(ERP).power, store.vm(ERP).session) == ("hv01", Power.OFF, 1)


def test_what_an_earlier_import_knew_is_missed_too() -> None:
    store = Store()
    store.take(Spool().poll(0, vm(), dynamic(2048)))
    store.take(Spool().poll(5, vm()).poll(6, vm()))
    assert len(store.events(VmNotListed, ERP)) == 1


def test_what_a_host_tells_late_of_a_vm_that_another_host_has_since_is_older_than_what_is_known() -> None:
    first, second = Spool(), Spool("HV02")
    for minute in range(10):
        first.poll(minute, dynamic(2048 + 64 * minute))
    for minute in range(10, 20):
        second.poll(minute, dynamic(4096))
    store = Store()
    store.take(Spool(lines=first.lines[:5]), second, final=True)
    known = list(store.stored)
    files = store.take(first, second, final=True)
    assert store.of(f"vm/{ERP}") == [each for each in known if each.stream == f"vm/{ERP}"]
    assert files[0].counts.not_needed == {OLDER: 5}, "the VM was on hv02 since"


def test_a_vm_that_starts_on_another_host_after_its_own_fell_silent_begins_a_session() -> None:
    store = imported(case("failover_HV01.jsonl.gz"), case("failover_HV02.jsonl.gz"))
    for id, size in ((WEB, 4 * GiB), (ERP, 2 * GiB)):
        fold = store.vm(id)
        assert (fold.host, fold.session, fold.high_watermark, fold.visible) == ("hv02", 2, size, size)
        assert store.events(VmMemoryMoved, id) == [], "no memory moved: another guest began"


def test_a_restart_short_of_memory_is_said_and_is_no_balloon() -> None:
    store = imported(case("smart.jsonl.gz"))
    (short,) = [event for event in store.events(VmObserved, ERP) if event.label == SHORT_RESTART]
    assert (short.assigned, short.session, short.ballooned, short.in_use) == (1536 * MiB, 2, None, None)


def test_the_time_that_nobody_watched_is_an_event() -> None:
    store = imported(case("gap.jsonl.gz"))
    (gap,) = [envelope for envelope in store.of("host/hv01") if isinstance(envelope.event, HostNotWatched)]
    assert (gap.metadata.earliest, gap.metadata.happened) == (
        "2026-11-23T09:29:00.000000Z",
        "2026-11-23T14:30:00.000000Z",
    )


def test_five_minutes_between_two_polls_are_no_gap() -> None:
    spool = Spool()
    for minute in range(0, 60, 5):
        spool.poll(minute, vm())
    assert [e for e in imported(spool).of("host/hv01") if isinstance(e.event, HostNotWatched)] == []


def test_when_a_host_is_measured_what_its_vms_hold_is_of_that_poll() -> None:
    store = imported(case("stale.jsonl.gz"))
    (free,) = [event.free for event in (store.host("hv01"),)]
    assert free is not None
    order = [envelope.stream for envelope in store.stored if not envelope.stream.startswith("import/")]
    assert order[-1] == "host/hv01", "Dynamic Memory's move of 09:05 stands before the measurement of 09:21"
    assert (store.vm(ERP).held or 0) + (store.vm(WEB).held or 0) + free <= 16 * GiB


def test_a_production_checkpoint_that_is_applied_leaves_the_vm_off_and_then_a_session_begins() -> None:
    store = imported(case("prod.jsonl.gz"))
    states = [(event.power, event.session) for event in store.events(VmObserved) if event.power is not None]
    assert states == [(Power.RUNNING, 1), (Power.OFF, None), (Power.RUNNING, 2)]


def test_an_impossible_figure_is_unknown_and_the_rest_of_the_day_is_read() -> None:
    store = Store()
    (file,) = store.take(case("badcounter.jsonl.gz"), final=True)
    assert file.counts.remarks == {"impossible figure": 2}
    assert store.violations() == []


# What came of a request


def test_what_comes_late_settles_the_request_again() -> None:
    store = imported(case("late.jsonl"))
    first, last = store.events(VmRequestSettled)
    assert (first.outcome, first.granted) == (Outcome.FAILED, 0)
    assert (last.outcome, last.granted, last.late) == (Outcome.PARTIALLY_COMPLETED, 5 * GiB, True)
    assert {first.code, last.code} == {ObservedCode.NOT_REPORTED}, "7096 MiB were not in use"


# The whole story


def test_the_story_of_two_hosts_that_the_collector_wrote() -> None:
    store = Store()
    store.take(*((CASES / "story" / f"HV0{number}-20261128.jsonl").read_bytes() for number in (1, 2)), final=True)
    assert store.violations() == []
    db, idle = "0b5c1c2e-0000-4000-8000-000000000003", "0b5c1c2e-0000-4000-8000-000000000004"
    assert [envelope.metadata.actor for envelope in store.envelopes(VmChangeRequested)] == [
        "CONTOSO\\anna",
        "CONTOSO\\anna",
        NOBODY,
    ]
    assert [envelope.metadata.actor for envelope in store.envelopes(VmChangeRequested, db)] == [BEN]
    (settled,) = store.events(VmRequestSettled, db)
    assert (settled.outcome, settled.granted) == (Outcome.PARTIALLY_COMPLETED, 3192 * MiB)
    assert (settled.code, settled.cause_is) == (Code.MEMORY_IN_USE, CauseIs.INFERRED), "5000 were in use, 5000 are left"
    unknown = {finding.rule for finding in store.findings() if finding.verdict is Verdict.UNKNOWN}
    assert "no_effect_without_grant" not in unknown, "the poll after what was refused at 09:16 shows that nothing moved"
    (gone,) = store.envelopes(VmNotListed, idle)
    assert gone.metadata.happened[11:16] == "09:43"
    assert [store.events(VmNotListed, vm) for vm in (WEB, ERP, db)] == [[], [], []]
    assert (store.vm(db).host, store.vm(db).session) == ("hv02", 1)
    (gap,) = [envelope for envelope in store.of("host/hv01") if isinstance(envelope.event, HostNotWatched)]
    assert ((gap.metadata.earliest or "")[11:16], gap.metadata.happened[11:16]) == ("09:29", "09:37")

"""Histories of Hyper-V: what twelve things that mislead are read as. All spools here are synthetic."""

from __future__ import annotations

from domain.decision import Code, Outcome
from domain.observed.events import VmChangeRequested, VmMemoryMoved, VmObserved, VmRequestSettled
from domain.observed.host import account_of
from domain.observed.words import CauseIs
from domain.quantities import MiB
from domain.settings import Mode
from domain.state import Power
from nilometer.importers.hyperv.jobs import NOBODY
from tests.nilometer.importers.hyperv.synthetic import ERP, WEB, Spool, Store, dynamic, imported, job, off, vm

GUEST_USES = 3096 * MiB


def test_1_sizes_are_bytes_whatever_they_were_written_in() -> None:
    fold = imported(Spool().poll(0, vm())).vm(WEB)
    assert (fold.assigned, fold.visible, fold.in_use) == (4096 * MiB, 4096 * MiB, GUEST_USES)
    host = imported(Spool().poll(0)).host("hv01")
    assert (host.total, host.free) == (65536 * MiB, 40000 * MiB)


def test_2_a_vm_is_its_id_in_any_case_with_or_without_braces() -> None:
    store = imported(Spool().poll(0, vm()).poll(1, vm(id="{" + WEB.upper() + "}")))
    assert {each.stream for each in store.stored if each.stream[:2] != "im"} == {"host/hv01", f"vm/{WEB}"}


def test_2_a_vm_that_is_renamed_is_the_same_and_one_made_again_under_its_name_another() -> None:
    again = "11111111-0000-4000-8000-000000000001"
    spool = Spool().poll(0, vm()).poll(1, vm(name="old")).poll(2).poll(3, vm(2048, 2048, id=again, uptime=30))
    store = imported(spool)
    assert store.vm(WEB).name == "old"
    assert (store.vm(again).name, store.vm(again).assigned) == ("web01", 2048 * MiB)
    assert store.events(VmMemoryMoved) == []


def test_3_a_vm_that_runs_with_nothing_assigned_has_not_told_it_yet() -> None:
    spool = Spool().poll(0, off()).poll(1, vm(0, uptime=0)).poll(2, vm(uptime=60)).poll(3, vm(uptime=120))
    store = Store()
    store.take(spool)
    begun = store.events(VmObserved)[1]
    assert (begun.power, begun.session, begun.assigned) == (Power.RUNNING, 1, None)
    assert store.vm(WEB).assigned == 4096 * MiB
    assert store.events(VmMemoryMoved) == []
    assert imported(spool).vm(WEB).session == 1


def test_3_a_guest_that_starts_again_does_not_keep_the_size_that_it_had() -> None:
    spool = Spool().poll(0, dynamic(6000)).poll(1, dynamic(0, uptime=0)).poll(2, dynamic(2048, uptime=50))
    store = imported(spool)
    assert store.events(VmMemoryMoved, ERP) == []
    assert (store.vm(ERP).session, store.vm(ERP).high_watermark) == (2, 2048 * MiB)


def test_3_a_vm_that_does_not_say_it_once_in_the_midst_of_a_session_moves_as_before() -> None:
    spool = Spool().poll(0, vm()).poll(1, vm(0, 8192)).poll(2, vm(6144, 8192))
    (moved,) = imported(spool).events(VmMemoryMoved)
    assert (moved.size_from, moved.size_to, moved.request) == (4096 * MiB, 6144 * MiB, 1)


def test_4_a_state_number_that_means_another_on_another_release_is_none() -> None:
    spool = Spool().poll(0, vm()).poll(1, vm(0, state=32785, state_name="PausedCritical")).poll(2, vm())
    store = imported(spool)
    assert [each.power for each in store.events(VmObserved)] == [Power.RUNNING]
    assert store.vm(WEB).assigned == 4096 * MiB


def test_5_words_decide_nothing() -> None:
    german = Spool().poll(0, vm(state_name="Wird ausgeführt")).poll(1, off(state_name="Aus"))
    assert imported(german).vm(WEB).power is Power.OFF


def test_6_the_order_is_that_of_the_source_also_when_a_clock_jumps() -> None:
    spool = Spool().poll(10, vm()).poll(3, vm(4096, 6144, uptime=4300)).poll(4, vm(6144, 6144, uptime=4360))
    store = imported(spool)
    assert store.vm(WEB).assigned == 6144 * MiB
    asked = next(each for each in store.of(f"vm/{WEB}") if isinstance(each.event, VmChangeRequested))
    assert asked.metadata.earliest is None, "what was before is dated later: the interval is unknown"


def test_6_two_hosts_whose_clocks_differ_are_each_read_in_their_own_order() -> None:
    one, other = Spool("HV01"), Spool("HV02")
    for minute in range(4):
        one.poll(minute, vm(4096 if minute < 2 else 6144, 6144 if minute > 0 else 4096))
        other.poll(minute + 180, dynamic(2048 + minute))
    store = imported(one, other)
    assert [each.granted for each in store.events(VmRequestSettled)][-1] == 2048 * MiB
    assert (store.vm(WEB).host, store.vm(ERP).host) == ("hv01", "hv02")


def test_7_minimum_and_maximum_of_a_static_vm_are_nothing() -> None:
    spool = Spool().poll(0, vm(256, 256)).poll(1, vm(256, 256, minimum=1, maximum=2))
    store = imported(spool)
    memory = store.vm(WEB).memory
    assert memory is not None
    assert (memory.mode, memory.minimum, memory.maximum) == (Mode.STATIC, 0, 0)
    assert len(store.events(VmObserved)) == 1


def test_8_what_the_guest_uses_is_known_only_if_all_was_measured_in_one_moment() -> None:
    def in_use(**more: int | None) -> int | None:
        return imported(Spool().poll(0, vm(**more))).vm(WEB).in_use  # type: ignore[arg-type]

    assert in_use() == GUEST_USES
    assert in_use(physical_mb=4352) is None, "the memory was on its way between the two measures"
    assert in_use(guest_available_mb=None) is None
    assert in_use(guest_available_mb=5000) is None
    assert in_use(demand=4096 * MiB) == GUEST_USES, "demand is no measure of it"


def test_8_a_counter_of_0_may_not_have_been_measured_so_what_is_used_is_unknown() -> None:
    assert imported(Spool().poll(0, vm(free=0))).vm(WEB).in_use is None


def test_8_what_a_guest_lent_is_what_it_sees_and_does_not_have() -> None:
    spool = Spool().poll(0, dynamic(2048)).poll(1, dynamic(640, visible_mb=2048, free=100))
    fold = imported(spool).vm(ERP)
    assert (fold.assigned, fold.visible, fold.ballooned) == (640 * MiB, 2048 * MiB, 1408 * MiB)
    assert fold.high_watermark == 2048 * MiB


def test_8_the_reserve_of_a_host_is_unknown_for_one_that_is_computed_proves_nothing() -> None:
    store = imported(Spool().poll(0, vm()).poll(1, vm(), available_mb=41000))
    assert store.host("hv01").reserve is None
    account = account_of(store.host("hv01"), [store.vm(WEB)])
    assert (account.held, account.free) == (4096 * MiB, None)


def test_9_that_a_call_succeeded_proves_nothing_request_move_and_settlement_are_told_apart() -> None:
    spool = Spool().poll(0, vm()).poll(1, vm(4096, 8192), jobs=[job(0.5)]).poll(2, vm(6144, 8192))
    spool.poll(3, vm(6144, 8192), available_mb=100).poll(4, vm(6144, 8192)).poll(5, vm(8192, 8192))
    store = imported(spool)
    (asked,) = store.events(VmChangeRequested)
    assert (asked.size_from, asked.target, asked.amount) == (4096 * MiB, 8192 * MiB, 4096 * MiB)
    short, full = store.events(VmRequestSettled)
    assert (short.outcome, short.granted, short.still_open) == (Outcome.PARTIALLY_COMPLETED, 2048 * MiB, True)
    assert (short.code, short.cause_is) == (Code.INSUFFICIENT_HOST_MEMORY, CauseIs.INFERRED)
    assert (full.outcome, full.late, full.still_open) == (Outcome.COMPLETED, True, False)
    assert [each.late for each in store.events(VmMemoryMoved)] == [False, True]


def test_9_one_equal_reading_is_not_enough_to_call_a_request_settled() -> None:
    spool = Spool().poll(0, vm()).poll(1, vm(4096, 8192)).poll(2, vm(6144, 8192)).poll(3, vm(7168, 8192))
    assert imported(spool).events(VmRequestSettled) == []


def test_10_who_is_told_by_a_job_or_by_nobody() -> None:
    def actors(*jobs: object) -> set[str]:
        spool = Spool().poll(0, vm()).poll(1, vm(4096, 8192), jobs=list(jobs)).poll(2, vm(8192, 8192))  # type: ignore[arg-type]
        of = imported(spool).of(f"vm/{WEB}")
        return {each.metadata.actor for each in of if isinstance(each.event, VmChangeRequested | VmRequestSettled)}

    anna, ben = "CONTOSO\\anna", "CONTOSO\\ben"
    assert actors(job(0.5)) == {anna}
    assert actors(job(0.5, vm=None)) == {anna}
    assert actors(job(1.01)) == {anna}, "the poll had begun before the job was given"
    assert actors() == {NOBODY}
    assert actors(job(-5)) == {NOBODY}, "it was given before the last poll, which saw nothing of it"
    assert actors(job(0.5, kind=13)) == {NOBODY}, "a job about power"
    assert actors(job(0.5, owner=None)) == {NOBODY}
    assert actors(job(0.5), job(0.6, ben)) == {f"{anna} or {ben}"}, "it can have been either"
    assert actors(job(0.5), job(0.6, ben, state=10)) == {anna}, "a job that failed changed nothing, if another did"
    assert actors(job(-5, state=4)) == {anna}, "it had not ended when the last poll saw nothing of it"
    assert actors(job(-5, elapsed=330)) == {anna}, "it ended after the last poll"
    assert actors(job(0.5, vm=None), job(0.6, ben)) == {ben}, "one of them says which VM it was about"
    assert actors(job(0.5, vm=ERP)) == {NOBODY}
    assert actors(job(0.5), job(0.6, owner=None)) == {NOBODY}, "it can have been the one of which nobody told whose"


def test_10_a_host_forgets_its_jobs_so_after_a_longer_pause_nobody_is_named() -> None:
    def actor(pause: float) -> str:
        spool = Spool().poll(0, vm()).poll(pause, vm(8192, 8192), jobs=[job(pause - 0.5)])
        of = imported(spool).of(f"vm/{WEB}")
        return next(each.metadata.actor for each in of if isinstance(each.event, VmChangeRequested))

    assert [actor(pause) for pause in (1, 5, 7, 240)] == ["CONTOSO\\anna", "CONTOSO\\anna", NOBODY, NOBODY]


def test_10_what_changed_between_two_files_was_done_since_the_last_that_is_known() -> None:
    store = Store()
    store.take(Spool().poll(0, vm()).poll(5, vm()))
    store.take(Spool().poll(65, vm(8192, 8192), jobs=[job(64.5)]).poll(66, vm(8192, 8192)))
    asked = next(each.metadata for each in store.of(f"vm/{WEB}") if isinstance(each.event, VmChangeRequested))
    assert (asked.earliest, asked.happened, asked.actor) == (
        "2026-11-23T09:00:00.000000Z",
        "2026-11-23T10:05:00.000000Z",
        NOBODY,
    )


def test_10_what_nobody_recorded_was_done_between_two_polls() -> None:
    store = imported(Spool().poll(0, vm()).poll(5, vm(8192, 8192)))
    asked = next(each for each in store.of(f"vm/{WEB}") if isinstance(each.event, VmChangeRequested))
    said = asked.metadata
    assert (said.earliest, said.happened) == ("2026-11-23T09:00:00.000000Z", "2026-11-23T09:05:00.000000Z")


def test_11_a_guest_that_starts_again_begins_a_session_and_one_that_is_saved_does_not() -> None:
    spool = Spool().poll(0, vm()).poll(1, vm(uptime=20)).poll(2, vm(0, uptime=30, state=6)).poll(3, vm(uptime=5))
    store = imported(spool)
    assert [each.session for each in store.events(VmObserved)] == [1, 2, None, None]
    assert store.vm(WEB).held == 4096 * MiB


def test_11_a_vm_that_is_restored_has_what_it_tells_next_and_nothing_moved() -> None:
    saved = dynamic(0, uptime=0, state=6)
    spool = (
        Spool().poll(0, dynamic(6000)).poll(1, saved).poll(2, dynamic(0, uptime=1)).poll(3, dynamic(3000, uptime=61))
    )
    store = imported(spool)
    assert store.events(VmMemoryMoved, ERP) == []
    assert (store.vm(ERP).session, store.vm(ERP).assigned, store.vm(ERP).held) == (1, 3000 * MiB, 3000 * MiB)


def test_11_a_saved_vm_gives_its_host_the_memory_back_and_keeps_its_figures() -> None:
    fold = imported(Spool().poll(0, vm()).poll(1, vm(0, uptime=0, state=6))).vm(WEB)
    assert (fold.power, fold.held, fold.assigned) == (Power.SAVED, 0, 4096 * MiB)


def test_12_a_setting_that_a_running_vm_cannot_take_was_taken_while_it_was_off() -> None:
    spool = Spool().poll(0, dynamic(6000)).poll(1, dynamic(4000, maximum=4096 * MiB))
    store = imported(spool)
    assert (store.vm(ERP).session, store.vm(ERP).high_watermark) == (2, 4000 * MiB)


def test_12_a_raised_maximum_is_a_setting_and_comes_before_the_move_that_it_allows() -> None:
    spool = Spool().poll(0, dynamic(8000)).poll(1, dynamic(9000, maximum=10240 * MiB), jobs=[job(0.5, vm=ERP)])
    store = imported(spool)
    set_to = next(each for each in store.of(f"vm/{ERP}") if each.version == 2)
    assert isinstance(set_to.event, VmObserved)
    assert set_to.event.memory is not None
    assert set_to.metadata.actor == "CONTOSO\\anna"
    assert store.vm(ERP).assigned == 9000 * MiB

"""Event logs beside a spool: what they tell of power and sessions, and who did it. All of it is synthetic.

The events have the shape of the two real ones in ``tests/nilometer/importers/hyperv/samples``.
"""

from __future__ import annotations

import pytest

from domain.decision import Outcome
from domain.observed.events import VmChangeRequested, VmMemoryMoved, VmObserved, VmRequestSettled
from domain.observed.words import ObservedCode
from domain.quantities import MiB
from domain.state import Power
from nilometer.importers.hyperv.jobs import NOBODY
from tests.nilometer.importers.hyperv.sources.event_logs.test_event_log import event
from tests.nilometer.importers.hyperv.synthetic import WEB, Json, Spool, Store, dynamic, imported, job, moment, off, vm

ANNA, BEN = "CONTOSO\\anna", "CONTOSO\\ben"


def log(*events: tuple[float, int]) -> bytes:
    """A log of the Worker: minute and number of each event."""
    told = [event(number, time=moment(minute), record=at) for at, (minute, number) in enumerate(events, 1)]
    return "\n".join(told).encode()


def saved(startup: int = 4096) -> Json:
    """A VM that is saved."""
    return vm(0, startup, uptime=0, state=6)


def powers(store: Store) -> list[tuple[str | None, str, Power | None, int | None]]:
    """Each change of power: since when it can have been, when it was told, what, and in which session."""
    return [
        (
            each.metadata.earliest and each.metadata.earliest[14:19],
            each.metadata.happened[14:19],
            said.power,
            said.session,
        )
        for each in store.of(f"vm/{WEB}")
        if isinstance(said := each.event, VmObserved) and (said.session or said.power) and said.assigned in (None, 0)
    ]


def actors(store: Store) -> list[str]:
    """Who did what the log tells."""
    told = [each for each in store.of(f"vm/{WEB}") if getattr(each.event, "told", None) is not None]
    return [each.metadata.actor for each in told]


def with_log(events: bytes, spool: Spool) -> Store:
    """Both in one import, and the same in two with the log growing: the judge finds nothing violated."""
    store, again = imported(spool, events), Store()
    for share in range(1, len(spool.lines) + 1):
        again.take(b"".join(spool.lines[:share]), b"\n".join(events.splitlines()[:share]))
    again.take(spool, events, final=True)
    assert [each.event for each in again.of(f"vm/{WEB}")] == [each.event for each in store.of(f"vm/{WEB}")]
    return store


def test_a_start_between_two_polls_is_told_at_its_moment_and_begins_one_session() -> None:
    spool = Spool().poll(0, off()).poll(2, vm(uptime=90)).poll(3, vm(uptime=150))
    store = with_log(log((0.5, 18500)), spool)
    assert powers(store) == [(None, "00:00", Power.OFF, None), (None, "00:30", Power.RUNNING, 1)]
    assert (store.vm(WEB).session, store.vm(WEB).assigned) == (1, 4096 * MiB)
    assert store.events(VmMemoryMoved) == []


@pytest.mark.parametrize("number", [18502, 18504, 18508, 18515, 18528])
def test_a_stop_between_two_polls_is_told_once_and_at_its_moment(number: int) -> None:
    spool = Spool().poll(0, vm()).poll(2, off()).poll(3, off())
    store = with_log(log((0.5, number)), spool)
    assert powers(store) == [(None, "00:30", Power.OFF, None)]
    assert store.vm(WEB).held == 0


@pytest.mark.parametrize("number", [18512, 18514, 18539, 18560])
@pytest.mark.parametrize("goes_back", [True, False])
def test_a_reset_begins_one_session_whatever_the_uptime_does(number: int, goes_back: bool) -> None:
    spool = Spool().poll(0, vm()).poll(2, vm(uptime=80 if goes_back else 3720)).poll(3, vm())
    store = with_log(log((0.6, number)), spool)
    assert powers(store) == [(None, "00:36", Power.RUNNING, 2)]
    assert (store.vm(WEB).session, store.vm(WEB).high_watermark) == (2, 4096 * MiB)


def test_a_stop_and_a_start_between_two_polls_are_both_told() -> None:
    store = with_log(log((1, 18502), (4, 18500)), Spool().poll(0, vm()).poll(5, vm(uptime=60)))
    assert powers(store) == [(None, "01:00", Power.OFF, None), (None, "04:00", Power.RUNNING, 2)]


def test_what_was_set_while_a_vm_was_off_is_no_request_and_no_other_session() -> None:
    events = log((1, 18502), (4, 18500))
    static = Spool().poll(0, vm()).poll(5, vm(8192, 8192, uptime=60)).poll(6, vm(8192, 8192, uptime=120))
    store = with_log(events, static)
    assert (store.events(VmChangeRequested), store.events(VmMemoryMoved)) == ([], [])
    assert (store.vm(WEB).session, store.vm(WEB).assigned) == (2, 8192 * MiB)
    changed = dynamic(3000, 3000, id=WEB, uptime=60)
    store = with_log(events, Spool().poll(0, dynamic(2048, id=WEB)).poll(5, changed))
    memory = store.vm(WEB).memory
    assert memory is not None
    assert (store.vm(WEB).session, memory.startup) == (2, 3000 * MiB)


def test_also_when_log_and_spool_are_imported_one_after_the_other() -> None:
    store = Store()
    spool = Spool().poll(0, dynamic(2048, id=WEB))
    store.take(spool)
    store.take(log((1, 18502), (4, 18500)))
    store.take(spool.poll(5, dynamic(3000, 3000, id=WEB, uptime=60)).poll(6, dynamic(3000, 3000, id=WEB)), final=True)
    assert (store.vm(WEB).session, store.vm(WEB).assigned) == (2, 3000 * MiB)


def test_a_saved_vm_that_is_started_is_restored_and_goes_on_in_its_session() -> None:
    spool = Spool().poll(0, dynamic(6000, id=WEB)).poll(1, saved()).poll(3, dynamic(3000, id=WEB, uptime=9))
    store = with_log(log((2, 18500)), spool)
    assert powers(store)[-1] == (None, "02:00", Power.RUNNING, None)
    assert (store.vm(WEB).session, store.vm(WEB).assigned, store.vm(WEB).held) == (1, 3000 * MiB, 3000 * MiB)
    assert store.events(VmMemoryMoved) == []


def test_a_saved_vm_that_is_reset_was_not_saved_any_more() -> None:
    spool = Spool().poll(0, vm()).poll(1, saved()).poll(3, vm(uptime=9))
    assert with_log(log((2, 18514)), spool).vm(WEB).session == 2


def test_an_event_whose_meaning_is_not_known_is_told_and_changes_nothing() -> None:
    spool = Spool().poll(0, vm()).poll(2, vm(state=9)).poll(4, vm())
    store = with_log(log((1, 18516), (3, 18518)), spool)
    assert [each.told for each in store.events(VmObserved) if each.told] == [
        "Hyper-V-Worker 18516",
        "Hyper-V-Worker 18518",
    ]
    turned = [each for each in store.of(f"vm/{WEB}") if isinstance(each.event, VmObserved) and each.event.power]
    told = [(each.metadata.earliest, each.metadata.happened[14:19]) for each in turned[1:]]
    assert told == [("2026-11-23T09:00:00.000000Z", "02:00"), ("2026-11-23T09:02:00.000000Z", "04:00")]


def test_a_log_says_since_when_the_power_can_have_changed_and_nothing_of_memory() -> None:
    spool = Spool().poll(0, vm()).poll(5, saved(startup=8192))
    store = with_log(log((2, 18514)), spool)
    (turned,) = [each for each in store.of(f"vm/{WEB}") if getattr(each.event, "power", None) is Power.SAVED]
    assert (turned.metadata.earliest or "")[14:19] == "02:00"
    spool = Spool().poll(0, vm(), jobs=[]).poll(5, vm(4096, 8192), jobs=[job(1)])
    store = with_log(log((2, 18590)), spool)
    (asked,) = [each for each in store.of(f"vm/{WEB}") if isinstance(each.event, VmChangeRequested)]
    assert (asked.metadata.actor, (asked.metadata.earliest or "")[14:19]) == (ANNA, "00:00")


def test_what_was_not_granted_when_the_log_tells_of_a_reset_is_not_granted_any_more() -> None:
    spool = Spool().poll(0, vm()).poll(1, vm(4096, 8192)).poll(3, vm(8192, 8192, uptime=60))
    (settled,) = with_log(log((2, 18514)), spool).events(VmRequestSettled)
    assert (settled.outcome, settled.code, settled.still_open) == (Outcome.FAILED, ObservedCode.VM_STOPPED, False)


def test_who_stopped_started_or_reset_a_vm_is_the_owner_of_the_job_before_it() -> None:
    def by(number: int, *jobs: dict[str, object]) -> str:
        after = off() if number in (18502, 18504, 18508) else vm(uptime=60)
        spool = Spool().poll(0, vm()).poll(2, after, jobs=list(jobs))
        (actor,) = actors(with_log(log((0.5, number)), spool))
        return actor

    power = job(0.4, kind=13)
    for number in (18500, 18502, 18504, 18512):
        assert by(number, power) == ANNA
    for number in (18508, 18514):
        assert by(number, power) == "importer", "that was the guest's own doing"
    assert by(18502) == by(18502, job(0.4, kind=41)) == NOBODY
    assert by(18502, job(0.6, kind=13)) == NOBODY, "it was given after it"
    assert by(18502, power, job(0.45, BEN, kind=13)) == f"{ANNA} or {BEN}", "it can have been either"


def test_of_two_events_each_has_its_own_job() -> None:
    jobs = [job(0.9, kind=13), job(3.9, BEN, kind=12)]
    spool = Spool().poll(0, vm()).poll(5, vm(uptime=60), jobs=jobs)
    assert actors(with_log(log((1, 18502), (4, 18500)), spool)) == [ANNA, BEN]


def test_ones_own_change_after_an_event_is_told_after_it() -> None:
    spool = Spool().poll(0, vm()).change(1, 1.5, 4096, 8192, 8192).poll(2, vm(8192, 8192, uptime=80))
    store = with_log(log((0.5, 18514)), spool)
    assert [each.session for each in store.events(VmObserved) if each.session] == [1, 2]
    (asked,) = [each for each in store.of(f"vm/{WEB}") if isinstance(each.event, VmChangeRequested)]
    (began,) = [each for each in store.of(f"vm/{WEB}") if getattr(each.event, "session", None) == 2]
    assert began.version < asked.version


def test_events_behind_the_last_poll_wait_for_the_next() -> None:
    store, spool, events = Store(), Spool().poll(0, vm()), log((1, 18502))
    _, file = store.take(spool, events)
    assert (file.counts.not_needed, store.vm(WEB).power) == ({"undecided": 1}, Power.RUNNING)
    store.take(spool.poll(2, off(), jobs=[job(0.9, kind=13)]), events)
    assert (store.vm(WEB).power, actors(store)) == (Power.OFF, [ANNA])
    store.take(spool, events, final=True)
    assert actors(store) == [ANNA]


def test_events_that_were_told_as_the_last_are_not_told_again() -> None:
    store, spool, events = Store(), Spool().poll(0, vm()), log((1, 18502), (1.5, 18500))
    _, file = store.take(spool, events, final=True)
    assert (file.counts.events, file.counts.not_needed, len(actors(store))) == (2, {}, 2)
    store.take(spool.poll(2, vm(uptime=20)), events, final=True)
    assert (store.vm(WEB).session, len(actors(store))) == (2, 2)


def test_a_vm_that_no_poll_knows_is_told_of_at_once() -> None:
    store = Store()
    (file,) = store.take(log((0, 18500), (5, 18502)))
    assert (file.counts.events, file.counts.not_needed) == (2, {})
    told = store.vm(WEB)
    assert (told.name, told.host, told.power, told.session, told.assigned) == ("web01", "hv01", Power.OFF, 1, 0)


def test_an_event_that_is_older_than_what_is_known_is_counted_and_not_told() -> None:
    spool = Spool().poll(0, vm()).poll(5, vm(uptime=100))
    store = Store()
    store.take(spool)
    (file,) = store.take(log((3, 18514), (4, 18590)))
    assert file.counts.not_needed == {"older than what is known": 2}
    assert (store.vm(WEB).session, actors(store)) == (2, [])

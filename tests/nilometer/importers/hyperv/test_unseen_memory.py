"""What a guest sees of the memory that it was given, and what is found where it does not see it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.events import Event
from domain.identifiers import vm_stream
from domain.observed.events import (
    VmMemoryMoved,
    VmObserved,
)
from domain.observed.words import BASE_MEMORY, Means, WhyMoved
from domain.quantities import GiB, MiB
from domain.settings import MemorySetting, Mode
from domain.state import Power
from nilometer.importers.hyperv.news import base_memory
from nilometer.ledger.requests import Fact, Observation
from nilometer.times import parse_time
from rules.judging.findings import Verdict
from rules.judging.observed.guest_count import MOVES
from rules.judging.observed.online import NOT_ONLINE
from tests.nilometer.importers.hyperv.synthetic import (
    WEB,
    Json,
    Spool,
    Store,
    case,
    dynamic,
    imported,
    moment,
    off,
    vm,
)

MK01 = "eeeeeeee-0000-4000-8000-000000000001"


@pytest.mark.parametrize(
    ("name", "vm"), [("spool-1h-5h.jsonl.gz", MK01), ("counters-20h.csv", "mk01"), ("counters-5h.csv", "mk01")]
)
def test_a_guest_that_does_not_see_what_it_was_given_is_found(name: str, vm: str) -> None:
    store = Store()
    store.take(case(name), final=True)
    (finding,) = store.violations()
    assert (finding.rule, finding.expected, finding.found) == (MOVES, {"visible": 4 * GiB}, {"visible": 1 * GiB})
    in_use = [event.in_use for event in store.events(VmObserved, vm) if event.assigned == 4 * GiB]
    assert len(in_use) >= 3
    assert set(in_use) == {None}, "what the guest does not see, it does not use"


def taken(spool: Spool | bytes) -> Store:
    """A store with this spool in it, of which the judge may find something violated."""
    store = Store()
    store.take(spool, final=True)
    return store


def unseen_for(minutes: int, after: Json, *, before: Json) -> Store:
    """A guest that does not see 4 GiB more from minute 5 on, for so many minutes; then the VM is as ``after`` says."""
    unseen, spool = {**before, "assigned": 8192 * MiB, "physical_mb": 8192, "visible_mb": 4096}, Spool()
    if not before["dynamic"]:
        unseen["startup"] = unseen["assigned"]
    for minute in range(5 + minutes + 6):
        spool.poll(minute, before if minute < 5 else unseen if minute < 5 + minutes else after)
    return taken(spool)


@pytest.mark.parametrize("after", [vm(), off()], ids=["taken back", "turned off"])
@pytest.mark.parametrize("begin", [vm(), dynamic(4096)], ids=["static", "dynamic"])
def test_memory_that_was_there_for_ten_minutes_and_never_seen_is_found(begin: Json, after: Json) -> None:
    later = {**after, **{key: begin[key] for key in ("id", "name", "dynamic", "startup", "minimum", "maximum")}}
    found = [unseen_for(minutes, later, before=begin).violations() for minutes in (9, 10, 11)]
    assert [[each.rule for each in one] for one in found] == [[], [MOVES], [MOVES]]


def test_memory_that_counters_show_for_ten_minutes_and_never_seen_is_found() -> None:
    store = taken(case("counters.csv"))
    (finding,) = store.violations()
    assert (finding.rule, finding.expected, finding.found) == (MOVES, {"visible": 4 * GiB}, {"visible": 1 * GiB})
    assert all((event.in_use or 0) <= 1 * GiB for event in store.events(VmObserved, "mk01"))


def test_a_guest_that_sees_its_memory_after_eight_minutes_is_no_violation() -> None:
    store = imported(case("lateonline.jsonl.gz"))
    measures = [event for event in store.events(VmObserved) if event.assigned == 8 * GiB]
    assert [event.in_use is not None for event in measures] == [event.visible == 8 * GiB for event in measures]
    assert MOVES not in {finding.rule for finding in store.findings()}


def remarks_after_an_addition(free: int, *, first_seen: int = 8192, minute: float = 1, before: int = 1000) -> list[str]:
    """What is remarked of what a guest sees, of which 4 GiB more are counted as visible and ``free`` MiB available."""
    added = vm(8192, 8192, free=free)
    spool = Spool().poll(0, vm(free=before)).poll(minute, added | {"visible_mb": first_seen})
    for later in range(1, 15):
        spool.poll(minute + later, added | ({"visible_mb": first_seen} if later == 1 else {}))
    findings = imported(spool).findings()
    return [each.why for each in findings if (each.rule, each.verdict) == (MOVES, Verdict.REMARK)]


def test_an_addition_after_which_little_more_is_available_was_probably_not_put_online() -> None:
    assert remarks_after_an_addition(1000) == [NOT_ONLINE]
    assert remarks_after_an_addition(1000 + 2047) == [NOT_ONLINE]
    assert remarks_after_an_addition(1000 + 2048) == []
    assert remarks_after_an_addition(1000 + 4096) == []


def test_what_shows_less_of_an_addition_is_not_taken_for_memory_that_is_not_online() -> None:
    assert remarks_after_an_addition(1000, first_seen=6144) == [], "a counter that follows the guest is believed"
    assert remarks_after_an_addition(1000, minute=4) == [], "what was available then is too old"
    assert remarks_after_an_addition(1000, before=0) == [], "what was available then was not measured"
    moved = imported(
        Spool().poll(0, dynamic(2048)).poll(1, dynamic(4096)).poll(2, dynamic(4096)).poll(3, dynamic(4096))
    )
    assert NOT_ONLINE not in [each.why for each in moved.findings()], "Dynamic Memory gives what the guest needs"


@pytest.mark.parametrize(("late", "remarks"), [(1, []), (2, []), (3, [NOT_ONLINE])])
def test_a_counter_that_lags_by_a_poll_is_waited_for(late: int, remarks: list[str]) -> None:
    """The second poll that shows the new size is measured; where that shows too little, so is the one after it."""
    spool = Spool().poll(0, vm(free=1000))
    for minute in range(1, 9):
        spool.poll(minute, vm(8192, 8192, free=1000 if minute <= late else 5000))
    findings = imported(spool).findings()
    assert [each.why for each in findings if (each.rule, each.verdict) == (MOVES, Verdict.REMARK)] == remarks


@pytest.mark.parametrize(("mode", "remarks"), [(Mode.STATIC, [NOT_ONLINE]), (Mode.DYNAMIC, [])])
def test_what_dynamic_memory_gave_may_be_used_at_once(mode: Mode, remarks: list[str]) -> None:
    setting = MemorySetting(mode, 2 * GiB, *((0,) * 4 if mode is Mode.STATIC else (GiB, 8 * GiB, 20, 50)))
    store = Store()

    def add(minute: int, event: Event) -> None:
        happened = parse_time(moment(minute))
        store.record(
            [Observation(key=str(minute), facts=(Fact(stream=vm_stream(WEB), event=event, happened=happened),))]
        )

    def measured(assigned: int, in_use: int) -> VmObserved:
        devices = (base_memory(assigned),)
        return VmObserved(assigned=assigned, visible=assigned, ballooned=0, in_use=in_use, devices=devices)

    add(0, replace(measured(2 * GiB, GiB), power=Power.RUNNING, session=1, memory=setting, hypervisor="Hyper-V"))
    add(1, VmMemoryMoved(
        device=BASE_MEMORY, means=Means.BOOT, size_from=2 * GiB, size_to=4 * GiB, why=WhyMoved.BALANCER, backed=True
    ))  # fmt: skip
    add(3, measured(4 * GiB, 3 * GiB))
    add(4, measured(4 * GiB, 3 * GiB))
    assert [each.why for each in store.findings() if each.why == NOT_ONLINE] == remarks


def test_a_move_that_nobody_asked_for_is_measured_at_the_second_poll_that_shows_it() -> None:
    spool = Spool().poll(0, vm(free=1000))
    for minute in range(1, 9):
        spool.poll(minute, vm(3072, 4096, free=900))
    store = Store()
    store.take(spool)
    found = [(one.metadata.happened[14:16], one.event) for one in store.envelopes(VmObserved)]
    measured = [(minute, event.assigned) for minute, event in found if isinstance(event, VmObserved)]
    assert measured == [("00", 4 * GiB), ("02", 3 * GiB)]

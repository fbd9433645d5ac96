"""Which VMs are short of memory and why, worst first; and of which nobody can say that."""

from __future__ import annotations

from dataclasses import replace

import pytest

from domain.decision import Outcome
from domain.events import Event
from domain.observed.events import HostObserved, HostWatched, VmChangeRequested, VmMemoryShort, VmNotListed, VmObserved
from domain.observed.shortage import ShortBy
from domain.observed.words import Means
from domain.quantities import GiB, MiB
from domain.settings import HostVersion, MemorySetting, Mode
from domain.state import Power
from projections.fleet import Fleet
from projections.short import (
    Shortages,
    ShortGrant,
    ShortVm,
    UnmeasuredVm,
    WhyShort,
    find_shortages,
)
from tests.projections.histories import HOST, START, WEB, Recorder, add, in_use, remove, time, told
from tests.projections.test_requests import ASKED, LATE, MOVED, OPEN, SETTLED

SEEN = VmObserved(
    name="Seen",
    host="seen1",
    power=Power.RUNNING,
    session=1,
    assigned=6 * GiB,
    visible=5 * GiB,
    ballooned=GiB,
    held=7 * GiB,
    in_use=2 * GiB,
    memory=MemorySetting(Mode.DYNAMIC, 3 * GiB, GiB, 9 * GiB, 20, 50),
)
LOW = VmMemoryShort(by=ShortBy.AVAILABLE, since=time(-600), available=100 * MiB)
PRESSED = VmMemoryShort(by=ShortBy.PRESSURE, since=time(-300), pressure=120)
FAILED = replace(SETTLED, granted=0, remaining=2 * GiB, outcome=Outcome.FAILED)
OTHER = replace(ASKED, request=2, device="virtio1", means=Means.VIRTIO_MEM)
OTHER_FAILED = replace(FAILED, request=2, device="virtio1")


def fleet_of(*events: Event, vm: str = "seen") -> Fleet:
    """What these events lead to, ten seconds apart."""
    return with_vms({vm: events})


def with_vms(vms: dict[str, tuple[Event, ...]]) -> Fleet:
    recorder = Recorder()
    for vm, events in vms.items():
        for place, event in enumerate(events):
            recorder.append(f"vm/{vm}", event, 10 * place, f"c{place}")
    return recorder.fleet


def short(fleet: Fleet, seconds: int = 60, **grants: ShortGrant) -> Shortages:
    return find_shortages(fleet, time(seconds), grants)


def lacking(*events: Event) -> list[tuple[int | None, str]]:
    """What a VM lacks of what was requested, after these events, and since when."""
    return [(one.missing, one.since) for one in short(fleet_of(SEEN, *events)).short if one.why is WhyShort.SHORT_GRANT]


def test_a_short_vm_is_shown_with_its_figures() -> None:
    # given a VM that is short by its polls, and has some of what was requested
    fleet = fleet_of(SEEN, replace(ASKED, device="base"), replace(SETTLED, device="base"), LOW)
    # then it is short since the polls say so
    assert short(fleet) == Shortages(
        at=time(60),
        short=(
            ShortVm(
                vm="seen",
                name="Seen",
                host="seen1",
                why=WhyShort.AVAILABLE,
                since=time(-600),
                missing=2 * GiB,
                assigned=6 * GiB,
                maximum=9 * GiB,
                available=4 * GiB,
                pressure=None,
                last_heard=time(30),
            ),
        ),
        unknown=(),
        running=1,
    )
    # and when it presses at its maximum, then that is why
    (pressed,) = short(fleet_of(SEEN, PRESSED)).short
    assert (pressed.why, pressed.since, pressed.pressure, pressed.missing) == (
        WhyShort.PRESSURE,
        time(-300),
        120,
        None,
    )
    assert short(fleet_of(SEEN, LOW, replace(LOW, over=True))).short == ()


def test_what_is_not_known_of_a_short_vm_is_left_open() -> None:
    (one,) = short(fleet_of(VmObserved(power=Power.RUNNING), LOW)).short
    assert (one.host, one.assigned, one.maximum, one.available) == (None, None, None, None)
    (static,) = short(fleet_of(replace(SEEN, memory=MemorySetting.static(6 * GiB)), LOW)).short
    assert static.maximum is None
    (unsized,) = short(fleet_of(VmObserved(power=Power.RUNNING, session=1), VmObserved(in_use=GiB), LOW)).short
    assert unsized.available is None
    (unused,) = short(fleet_of(replace(SEEN, in_use=None), LOW)).short
    assert unused.available is None


def test_what_a_request_was_settled_without_is_missing_until_it_came() -> None:
    assert lacking() == []
    assert lacking(ASKED) == []  # it has not settled
    assert lacking(ASKED, FAILED) == [(2 * GiB, time(10))]
    assert lacking(ASKED, MOVED, SETTLED) == [(GiB, time(10))]
    assert lacking(ASKED, MOVED, OPEN, replace(MOVED, size_from=2 * GiB, size_to=3 * GiB)) == []
    assert lacking(ASKED, MOVED, OPEN, replace(MOVED, size_from=2 * GiB, size_to=4 * GiB)) == []
    assert lacking(ASKED, LATE) == []


def test_only_what_more_was_asked_for_is_missing() -> None:
    less = replace(ASKED, size_from=3 * GiB, target=2 * GiB)
    assert lacking(less, replace(MOVED, size_from=3 * GiB, size_to=GiB), FAILED) == []
    same = replace(ASKED, size_from=2 * GiB, target=2 * GiB, amount=0)
    assert lacking(same, replace(MOVED, size_from=2 * GiB, size_to=GiB), FAILED) == []
    # of which size it was asked is not known: nobody knows whether for more
    for amount in (2 * GiB, None):
        assert lacking(replace(ASKED, size_from=None, amount=amount), MOVED, FAILED) == []
        assert lacking(replace(ASKED, size_from=None, amount=amount), FAILED) == []
    # and where both sizes are known, the amount is not needed
    assert lacking(replace(ASKED, amount=None), FAILED) == [(2 * GiB, time(10))]


@pytest.mark.parametrize("turned", [False, True])
def test_what_is_missing_of_several_requests_is_missing_together_since_the_first(turned: bool) -> None:
    first: tuple[VmChangeRequested, ...] = (replace(ASKED, target=2 * GiB), OTHER)
    second = (ASKED, replace(OTHER, target=2 * GiB))
    assert lacking(*(first if turned else second), FAILED, OTHER_FAILED) == [(3 * GiB, time(10))]


def test_a_decided_vm_lacks_what_it_was_not_granted_until_it_has_that() -> None:
    # given a VM that is assigned 5 GiB, and had more
    fleet = Fleet().apply_all(told(HOST, WEB, START, in_use("1GiB"), add("2GiB"), remove("1GiB")))
    # when it was granted less than requested, then it lacks the rest
    grant = ShortGrant(requested=2 * GiB, assigned_before=4 * GiB, happened=time(-5))
    found = short(fleet, web01=grant)
    (one,) = found.short
    assert (one.vm, one.why, one.missing, one.since) == ("web01", WhyShort.SHORT_GRANT, GiB, time(-5))
    assert (one.assigned, one.available, one.maximum, one.pressure) == (5 * GiB, 4 * GiB, None, None)
    assert found.unknown == ()
    # and nothing, when it has that or more
    for before, missing in ((3 * GiB + 1, 1), (3 * GiB, None), (GiB, None)):
        found = short(fleet, web01=replace(grant, assigned_before=before))
        assert [one.missing for one in found.short] == ([] if missing is None else [missing])
    assert short(fleet, web02=grant).short == ()
    # and of an observed VM its own requests count
    assert short(fleet_of(SEEN), seen=replace(grant, assigned_before=99 * GiB)).short == ()


def test_the_worst_comes_first() -> None:
    later = replace(LOW, since=time(-500))
    failed = (ASKED, FAILED)
    fleet = with_vms(
        {
            "a": (SEEN, *failed),
            "b": (SEEN, replace(ASKED, target=4 * GiB), FAILED),
            "c": (SEEN, later),
            "e": (SEEN, LOW),
            "d": (SEEN, LOW),
            "f": (SEEN, later, *failed),
            "g": (SEEN, PRESSED),
        }
    )
    assert [one.vm for one in short(fleet).short] == ["g", "f", "d", "e", "c", "b", "a"]


@pytest.mark.parametrize("power", [None, *Power])
def test_only_a_vm_that_is_not_known_to_be_off_is_short_or_unknown(power: Power | None) -> None:
    runs = power in (Power.RUNNING, Power.PAUSED)
    found = short(fleet_of(VmObserved(power=power), ASKED, FAILED))
    may_run = runs or power is None
    assert (found.running, len(found.short), len(found.unknown)) == (int(runs), int(may_run), int(may_run))
    assert short(fleet_of(SEEN, VmNotListed(host="seen1"))).running == 0


def test_a_vm_that_was_not_seen_for_an_hour_is_not_heard_of() -> None:
    # given a VM that was measured, and after that its host was polled
    recorder = Recorder()
    recorder.append("vm/seen", SEEN, 0, "c0")
    assert short(recorder.fleet, 3600).unknown == ()
    gone = UnmeasuredVm(vm="seen", name="Seen", host="seen1", reason="not-heard", since=time(0))
    assert short(recorder.fleet, 3600 + 1).unknown == (gone,)
    recorder.append("host/seen1", HostWatched(since=time(0), polls=1, longest_gap=0), 100, "c1")
    # then it was heard of until the last poll
    assert short(recorder.fleet, 3600 + 100).unknown == ()
    late = short(recorder.fleet, 3600 + 101).unknown
    assert late == (replace(gone, since=time(100)),)
    # and a measure that is newer than the poll counts
    recorder.append("vm/seen", LOW, 200, "c2")
    assert short(recorder.fleet, 3600 + 200).unknown == ()
    assert short(recorder.fleet, 3600 + 200).short[0].last_heard == time(200)


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        (HostVersion.V2016, "no-counter"),
        (HostVersion.V2019, "no-counter"),
        (HostVersion.V2022, "not-measured"),
        (HostVersion.V2025, "not-measured"),
        (None, "not-measured"),
    ],
)
def test_without_a_measure_nobody_can_say_and_old_hosts_have_no_counter(
    version: HostVersion | None, reason: str
) -> None:
    recorder = Recorder()
    recorder.append("host/seen1", HostObserved(version=version), 0, "c0")
    recorder.append("vm/seen", replace(SEEN, in_use=None), 0, "c1")
    unmeasured = UnmeasuredVm(vm="seen", name="Seen", host="seen1", reason=reason, since=None)
    assert short(recorder.fleet).unknown == (unmeasured,)
    recorder.append("vm/seen", VmObserved(in_use=0), 0, "c2")
    assert short(recorder.fleet).unknown == ()


def test_of_a_decided_vm_it_can_always_be_said() -> None:
    fleet = Fleet().apply_all(told(HOST, WEB, START))  # its guest reported nothing
    for seconds in (60, 99 * 3600):
        assert short(fleet, seconds) == Shortages(at=time(seconds), short=(), unknown=(), running=1)


def test_without_a_host_that_was_seen_nobody_knows_its_release() -> None:
    # given VMs without a host, and on one that was not seen, and on one that a ledger decides about
    recorder = Recorder()
    recorder.run(HOST)
    recorder.append("vm/a", VmObserved(power=Power.RUNNING), 0, "c0")
    recorder.append("vm/b", VmObserved(power=Power.RUNNING, host="unseen"), 0, "c1")
    recorder.append("vm/c", VmObserved(power=Power.RUNNING, host="hv01"), 0, "c2")
    assert [(one.vm, one.host, one.reason) for one in short(recorder.fleet).unknown] == [
        ("a", None, "not-measured"),
        ("b", "unseen", "not-measured"),
        ("c", "hv01", "not-measured"),
    ]

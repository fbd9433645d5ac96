"""Changes whose records are odd: doubled or late events, storms of them, loads in between, steps without commands."""

from __future__ import annotations

import time

import pytest

from domain.decision import Outcome
from domain.observed.events import VmChangeRequested, VmLost, VmMemoryMoved, VmObserved, VmRequestSettled
from domain.observed.words import UNKNOWN_ACTOR, ObservedCode, WhyMoved
from domain.quantities import MiB
from tests.nilometer.importers.qemu.readable import line, list_events
from tests.nilometer.importers.qemu.reading import events, facts, observations
from tests.nilometer.importers.qemu.synthetic import Recording, measure


def sizes(recording: Recording) -> list[int]:
    return [moved.size_to // MiB for moved in events(recording.lines, VmMemoryMoved)]


def test_an_event_that_is_delivered_twice_is_one_move() -> None:
    made = Recording().boot().command(1, 128).event(1.5, 1.4, 64).event(1.6, 1.4, 64).event(2, 1.9, 128)
    made.event(2.1, 1.9, 128).step(9, 128, 0, 128, "complete").event(10, 1.9, 128).end(20)
    assert sizes(made) == [64, 128]
    assert observations(made.lines)[1].repeats == 3


def test_events_that_are_delivered_in_the_wrong_order_leave_the_size_that_was_reached_last() -> None:
    made = Recording().boot().command(1, 128).event(3, 2.9, 128).event(3.1, 1.9, 64).poll(5, 128)
    made.step(9, 128, 0, 128, "complete").end(20)
    assert list_events(made) == [
        "asked r1 vm0 0 -> 128 (128), accepted [in_use=524]  @ (00:00.000, 00:01.000]",
        "moved vm0 0 -> 128, for r1  @ 00:02.900",
        "settled r1 completed 128 of 128  @ 00:02.900",
    ]


def test_a_module_is_what_is_plugged_less_the_virtio_mem_that_was_reached_last() -> None:
    made = Recording().boot().event(3, 2.9, 128).event(3.1, 1.9, 64).poll(5, 384, "pc-dimm").end(20)
    assert [(one.device, one.size_to // MiB) for one in events(made.lines, VmMemoryMoved)] == [
        ("vm0", 128),
        ("pc-dimm", 256),
    ]


@pytest.mark.parametrize("waiting", [True, False])
def test_a_storm_of_balloon_changes_is_read_move_by_move_and_in_time(waiting: bool) -> None:
    made, count = Recording().boot(balloon=1024), 5999
    if waiting:
        made.command(1, 0, "balloon")
    for n in range(1, count + 1):
        at = 2 + n / 1000
        made.event(at, at - 0.0005, 1024 - n % 1000, "BALLOON_CHANGE")
    if waiting:
        made.step(60, 0, 1024, 25, "partial", "balloon", before=measure(0, balloon=1024), after=None)
    begun = time.monotonic()
    moves = events(made.end(90).lines, VmMemoryMoved)
    assert len(moves) == count
    assert all(one.size_to == moves[n + 1].size_from for n, one in enumerate(moves[:-1]))
    assert {one.why for one in moves[:999]} == {WhyMoved.REQUEST if waiting else WhyMoved.UNASKED}
    assert time.monotonic() - begun < 60, "many records are not compared with all others"


def test_a_move_before_a_command_is_judged_by_the_size_before_it_also_after_a_storm() -> None:
    made = Recording().boot(balloon=1024).event(0.05, 0.04, 64)
    for n in range(1, 301):
        made.event(n / 10, n / 10 - 0.001, 1024 - n, "BALLOON_CHANGE")
    made.event(40, 39.999, 32).command(40.001, 0).poll(41, 0).end(200)
    moved = [(one.size_from // MiB, one.size_to // MiB, one.why) for one in events(made.lines, VmMemoryMoved)]
    assert moved[-2:] == [(64, 32, WhyMoved.REQUEST), (32, 0, WhyMoved.REQUEST)]


def test_a_load_in_the_middle_of_a_change_is_measured_in_its_place() -> None:
    """What the guest said before the load is too old: memory moved since the record before it."""
    made = Recording().boot().command(1, 256).event(2, 1.9, 128)
    made.add(3, "load", verb="use", name="a", before=measure(128, 700), after=measure(128, 300)).event(4, 3.9, 256)
    made.step(9, 256, 0, 256, "complete").end(20)
    seen = [line(fact)[5:] for fact in facts(made.lines)][1:-2]
    assert seen == [
        "vm0  asked r1 vm0 0 -> 256 (256), accepted [in_use=524]  @ (00:00.000, 00:01.000]",
        "vm0  moved vm0 0 -> 128, for r1  @ 00:01.900",
        "vm0  observed assigned=1152 in_use=852 total=1112 label=use a  @ 00:03.000",
        "vm0  moved vm0 128 -> 256, for r1  @ 00:03.900",
        "vm0  settled r1 completed 256 of 256  @ 00:03.900",
    ]


def test_a_load_without_measures_tells_nothing() -> None:
    made = Recording().boot().add(3, "load", verb="use", name="a", before=None, after=None).end(9)
    assert len(events(made.lines, VmObserved)) == 2


def test_an_unchanged_step_leaves_its_request_open() -> None:
    made = Recording().boot().command(1, 128).step(9, 128, 0, 0, "unchanged").event(60, 59.9, 128).end(90)
    settled = events(made.lines, VmRequestSettled)
    assert [(one.outcome, one.still_open, one.late) for one in settled] == [
        (Outcome.FAILED, True, False),
        (Outcome.COMPLETED, False, True),
    ]


def test_a_step_whose_command_nobody_recorded_tells_of_the_request_itself() -> None:
    made = Recording().boot().poll(2, 64).step(9, 128, 0, 128, "complete").end(20)
    assert list_events(made) == [
        "moved vm0 0 -> 64, unasked  @ (00:00.000, 00:02.000]",
        "asked r1 vm0 0 -> 128 (128), accepted  @ (00:02.000, 00:09.000]",
        "moved vm0 64 -> 128, for r1  @ (00:02.000, 00:09.000]",
        "settled r1 completed 128 of 128  @ (00:02.000, 00:09.000]",
    ]
    [asked] = events(made.lines, VmChangeRequested)
    assert (asked.asked, asked.answer, asked.record) == (None, None, "made-up#3")


def test_a_short_or_refused_step_without_its_command_is_settled_as_what_it_is() -> None:
    made = Recording().boot().step(9, 128, 0, 64, "partial").step(20, 999, 64, 64, "refused", error={"desc": "no"})
    settled = events(made.end(30).lines, VmRequestSettled)
    assert [(one.outcome, one.code, one.granted, one.still_open) for one in settled] == [
        (Outcome.PARTIALLY_COMPLETED, ObservedCode.NOT_REPORTED, 64 * MiB, True),
        (Outcome.REJECTED, ObservedCode.REFUSED_BY_HYPERVISOR, 0, False),
        (Outcome.PARTIALLY_COMPLETED, ObservedCode.VM_STOPPED, 64 * MiB, False),
    ]
    assert settled[1].told == '{"desc":"no"}'


def test_what_moved_before_a_step_without_its_command_counts_as_granted() -> None:
    made = Recording().boot().poll(2, 64).step(9, 128, 0, 64, "partial", before=None, after=None).end(20)
    first = next(iter(events(made.lines, VmRequestSettled)))
    assert (first.granted, first.remaining, first.still_open) == (64 * MiB, 64 * MiB, True)


def test_a_step_that_says_that_qemu_refused_closes_what_it_had_accepted() -> None:
    made = Recording().boot().command(1, 128).step(9, 128, 0, 0, "refused", error={"desc": "later no"}).end(30)
    [settled] = events(made.lines, VmRequestSettled)
    assert (settled.outcome, settled.code, settled.still_open, settled.told) == (
        Outcome.FAILED,
        ObservedCode.REFUSED_BY_HYPERVISOR,
        False,
        '{"desc":"later no"}',
    )


def test_a_step_that_comes_very_late_is_its_commands_all_the_same() -> None:
    made = Recording().boot().command(1, 128).poll(2, 64).poll(400, 96).step(500, 128, 0, 96, "partial").end(600)
    assert [one.request for one in events(made.lines, VmChangeRequested)] == [1]
    settled = events(made.lines, VmRequestSettled)
    assert [(one.granted, one.still_open) for one in settled] == [(96 * MiB, True), (96 * MiB, False)]


def test_a_step_of_a_vm_that_is_off_asks_for_nothing() -> None:
    made = Recording().boot().qmp(5, "SHUTDOWN").step(9, 128, 0, 0, "guest_lost", after=None).end(20)
    assert events(made.lines, VmChangeRequested) == []
    assert len(events(made.lines, VmLost)) == 1


def test_a_step_without_figures_is_no_more_than_its_outcome() -> None:
    made = Recording().boot()
    made.add(9, "step", mechanism="virtio-mem", requested=128 * MiB, outcome="partial", note="gone quiet").end(20)
    [settled, _] = events(made.lines, VmRequestSettled)
    assert (settled.amount, settled.granted, settled.still_open) == (128 * MiB, 0, True)


# Requests that no step settles


def outcomes(recording: Recording, *, final: bool = True) -> list[str]:
    """The moves and settlements."""
    found = [line(fact)[10:] for fact in facts(recording.lines, final=final)]
    return [text for text in found if text.startswith(("moved", "settled"))]


def test_a_request_that_is_still_settles_for_now_and_again_when_more_came() -> None:
    made = Recording().boot().command(1, 512).event(1.5, 1.4, 128).command(2, 600, "pc-dimm", accepted=False)
    made.observation(5, 128).observation(20, 128).event(31, 30.5, 256).observation(45, 256)
    made.event(70, 69.9, 512).end(99)
    settled = [text for text in outcomes(made) if "settled r1" in text]
    assert settled == [
        "settled r1 partially-completed 128 of 512, not-told (unknown), still open  @ 00:20.000",
        "settled r1 partially-completed 256 of 512, not-told (unknown), still open, late  @ 00:45.000",
        "settled r1 completed 512 of 512, late  @ 01:09.900",
    ]


def test_at_the_end_of_a_recording_every_open_request_settles_for_now() -> None:
    made = Recording().boot().command(1, 512).event(1.5, 1.4, 128)
    last = "settled r1 partially-completed 128 of 512, not-told (unknown), still open  @ 00:01.500"
    assert outcomes(made)[1:] == [last]
    assert [text for text in outcomes(made, final=False) if text.startswith("settled")] == []


def test_a_cause_is_inferred_only_where_less_than_a_block_is_left() -> None:
    """The guest has 64 MiB available of 1280, or 200: then something else stopped the removal."""
    for available, cause in ((64, "memory-in-use (inferred)"), (200, "not-told (unknown)")):
        made = Recording().boot().poll(1, 512).command(2, 0)
        made.step(20, 0, 512, 256, "partial", before=measure(512, available), after=measure(256, available)).end(30)
        assert f"settled r1 partially-completed 256 of 512, {cause}, still open  @ 00:20.000" in outcomes(made)


# Balloons that move in whole pages

PAGE = 64 / 1024


def swinging(count: int) -> Recording:
    """The target lies between two pages of the guest: each second it goes from the one to the other."""
    made = Recording().boot(balloon=1024).command(1, 1024 - PAGE * 17 / 16, "balloon")
    for n in range(count):
        made.event(2 + n, 2 + n, 1024 - PAGE * (2 - n % 2), "BALLOON_CHANGE")
    return made


def test_a_balloon_that_swings_between_the_pages_about_its_target_is_one_move() -> None:
    moves = events(swinging(15).observation(30, 0).end(40).lines, VmMemoryMoved)
    assert [(one.size_from / MiB, one.size_to / MiB, one.why, one.request, one.swings) for one in moves] == [
        (1024, 1024 - 2 * PAGE, WhyMoved.REQUEST, 1, None),
        (1024 - 2 * PAGE, 1024 - 2 * PAGE, WhyMoved.REQUEST, 1, 14),
    ]
    assert (moves[1].least, moves[1].most) == ((1024 - 2 * PAGE) * MiB, (1024 - PAGE) * MiB)


def test_a_swing_of_hours_is_one_event_an_hour() -> None:
    moves = events(swinging(3610).end(3620).lines, VmMemoryMoved)
    assert [one.swings for one in moves] == [None, 3600, 9]


def test_every_record_of_a_swing_is_accounted_for_also_where_the_recording_ends() -> None:
    for final in (True, False):
        counts = observations(swinging(15).lines, final=final)[1]
        assert counts.records == counts.events + counts.repeats + sum(counts.not_needed.values())


def test_as_near_to_the_target_as_the_pages_of_the_guest_allow_is_completed() -> None:
    for size, outcome in ((1024 - PAGE, Outcome.COMPLETED), (1024 - PAGE / 16, Outcome.PARTIALLY_COMPLETED)):
        made = Recording().boot(balloon=1024).command(1, 1024 - PAGE * 17 / 16, "balloon")
        made.event(2, 2, size, "BALLOON_CHANGE").observation(20, 0).end(40)
        assert next(iter(events(made.lines, VmRequestSettled))).outcome is outcome


def test_what_goes_far_from_the_target_again_is_no_swing() -> None:
    made = Recording().boot(balloon=1024).command(1, 512, "balloon").event(2, 2, 500, "BALLOON_CHANGE")
    made.event(30, 30, 900, "BALLOON_CHANGE").end(40)
    assert [one.why for one in events(made.lines, VmMemoryMoved)] == [WhyMoved.REQUEST, WhyMoved.UNASKED]


# Who asked


def test_who_asked_is_who_the_recording_names_and_else_nobody() -> None:
    made = Recording().boot().command(1, 128).event(1.5, 1.4, 128).poll(3, 96)
    qmp = {"execute": "qom-set"}
    named = {"actor": "anna", "via": "virsh", "reason": "CHG-9", "correlation": "chg-9"}
    made.add(4, "command", mechanism="virtio-mem", requested=256 * MiB, qmp=qmp, accepted=True, **named)
    made.event(5, 4.9, 256).end(9)
    who = [
        (type(fact.event), given.actor, given.via, given.reason, given.correlation)
        for given in observations(made.lines)[0]
        for fact in given.facts
        if not isinstance(fact.event, VmObserved)
    ]
    nobody = UNKNOWN_ACTOR, "qemu", None
    anna = "anna", "virsh", "CHG-9", "chg-9"
    assert who == [
        (VmChangeRequested, *nobody, "made-up.vm0/1"),
        (VmMemoryMoved, *nobody, "made-up.vm0/1"),
        (VmRequestSettled, *nobody, "made-up.vm0/1"),
        (VmMemoryMoved, *nobody, "made-up#4"),
        (VmChangeRequested, *anna),
        (VmMemoryMoved, *anna),
        (VmRequestSettled, *anna),
    ]

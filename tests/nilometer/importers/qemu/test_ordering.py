"""Records that are told late, early, or in the wrong order: small recordings made up to show one thing each."""

from __future__ import annotations

import pytest

from domain.decision import Outcome
from domain.observed.events import VmChangeRequested, VmLost, VmMemoryMoved, VmObserved, VmRequestSettled
from domain.observed.words import ObservedCode, WhyMoved
from domain.quantities import MiB
from domain.state import Power
from tests.nilometer.importers.qemu.readable import list_events, mib
from tests.nilometer.importers.qemu.reading import events, facts, observations, states
from tests.nilometer.importers.qemu.synthetic import Recording


def test_an_event_delivered_after_the_step_dates_the_move_that_a_poll_saw() -> None:
    made = (
        Recording()
        .boot()
        .command(1, 128)
        .poll(1.5, 128)
        .step(1.8, 128, 0, 128, "complete")
        .event(2.2, 1.25, 128)
        .end(5)
    )
    assert list_events(made)[1] == "moved vm0 0 -> 128, for r1  @ 00:01.250"


def test_a_poll_is_dated_in_milliseconds_and_the_event_of_the_same_move_in_microseconds() -> None:
    made = Recording().boot().command(1, 128).poll(1.5, 128).event(1.502, 1.5004, 128).end(5)
    assert list_events(made)[1] == "moved vm0 0 -> 128, for r1  @ 00:01.500"
    assert events(made.lines, VmMemoryMoved)[0].record == "made-up#3"
    [moved] = [fact for fact in facts(made.lines) if isinstance(fact.event, VmMemoryMoved)]
    assert (moved.happened, moved.earliest) == ("2026-11-23T09:00:01.500400Z", None)


def test_what_the_guest_said_before_a_command_is_too_old_if_memory_moved_meanwhile() -> None:
    made = Recording().boot().command(1, 128).event(1.5, 1.4, 64).step(9, 128, 0, 64, "partial")
    made.event(10, 9.9, 128).command(10.1, 0).step(20, 0, 128, 128, "unchanged").end(30)
    assert [one.grounds.in_use for one in events(made.lines, VmChangeRequested)] == [524 * 2**20, None]


def test_a_move_that_no_event_tells_lies_between_the_last_other_size_and_the_poll() -> None:
    made = Recording().boot().command(1, 128).poll(1.5, 64).poll(1.7, 128).step(2, 128, 0, 128, "complete").end(9)
    assert list_events(made)[1:3] == [
        "moved vm0 0 -> 64, for r1  @ (00:01.000, 00:01.500]",
        "moved vm0 64 -> 128, for r1  @ (00:01.500, 00:01.700]",
    ]


def test_a_poll_long_after_the_last_event_shows_a_move_though_an_event_before_showed_the_same_size() -> None:
    made = Recording().boot().command(1, 512).event(2, 1.9, 514).event(7, 6.9, 510).poll(12, 514).end(200)
    assert list_events(made)[-1].startswith("moved vm0 514 -> 514, for r1")
    assert [(one.size_to // MiB, one.swings) for one in events(made.lines, VmMemoryMoved)] == [(514, None), (514, 2)]


def test_a_move_told_before_the_command_that_caused_it_belongs_to_the_command() -> None:
    made = Recording().boot().event(1, 0.999, 64).command(1.001, 128).poll(1.3, 128)
    made.step(2, 128, 0, 128, "complete").end(9)
    assert list_events(made)[:2] == [
        "asked r1 vm0 0 -> 128 (128), accepted [in_use=524]  @ (00:00.000, 00:01.001]",
        "moved vm0 0 -> 64, for r1  @ 00:00.999",
    ]


def test_a_move_before_a_command_in_the_other_direction_was_unasked() -> None:
    made = Recording().boot().event(1, 0.999, 64).command(1.001, 0).poll(1.3, 0).step(2, 0, 64, 0, "complete").end(9)
    assert list_events(made)[:2] == [
        "moved vm0 0 -> 64, unasked  @ 00:00.999",
        "asked r1 vm0 64 -> 0 (64), accepted  @ (00:00.000, 00:01.001]",
    ]


def test_a_move_before_a_command_without_a_step_is_the_commands_only_if_it_goes_its_way() -> None:
    for target, why in ((128, "for r1"), (0, "unasked")):
        made = Recording().boot().poll(1, 32).event(5, 4.999, 64).command(5.001, target).poll(6, target).end(9)
        lines = list_events(made)
        moved = lines.index(f"moved vm0 32 -> 64, {why}  @ 00:04.999")
        assert lines[moved - 1].startswith("asked") == (why == "for r1")


def test_a_move_before_what_was_measured_before_a_command_is_not_the_commands() -> None:
    """The size before the command was already 64: so the move to 64 came before it, though in the same interval."""
    made = Recording().boot().event(1, 0.999, 64).command(1.001, 128).step(2, 128, 64, 128, "complete").end(9)
    assert list_events(made)[0] == "moved vm0 0 -> 64, unasked  @ 00:00.999"


def test_a_measure_older_than_an_event_in_front_of_it_is_no_move_back() -> None:
    made = Recording().boot().command(1, 128).poll(1.5, 128).step(2, 128, 0, 128, "complete")
    made.event(5.01, 5.0, 64).observation(5.02, 128).observation(6, 64).end(9)
    moves = [(mib(moved.size_from), mib(moved.size_to)) for moved in events(made.lines, VmMemoryMoved)]
    assert moves == [("0", "128"), ("128", "64")]


def test_an_event_that_comes_long_after_its_time_moves_nothing_back() -> None:
    made = Recording().boot().poll(1, 64).poll(2, 128).observation(10, 128)
    made.event(11, 0.5, 64).observation(12, 128).end(20)
    assert [mib(moved.size_to) for moved in events(made.lines, VmMemoryMoved)] == ["64", "128"]


def test_an_event_between_two_polls_is_put_between_them() -> None:
    made = Recording().boot().command(1, 128).poll(1.5, 32).poll(1.9, 128).event(2.0, 1.7, 96)
    made.step(4.5, 128, 0, 128, "complete").end(9)
    assert [mib(moved.size_to) for moved in events(made.lines, VmMemoryMoved)] == ["32", "96", "128"]


def test_a_command_without_a_step_settles_when_its_target_is_reached() -> None:
    made = Recording().boot().command(1, 128).event(1.5, 1.4, 128).end(5)
    assert list_events(made)[-1] == "settled r1 completed 128 of 128  @ 00:01.400"


def test_a_request_open_when_the_vm_stops_is_closed() -> None:
    made = Recording().boot().command(1, 128).poll(1.5, 64).step(9, 128, 0, 64, "partial")
    made.qmp(12, "SHUTDOWN", {"guest": True, "reason": "guest-shutdown"}).end(13)
    last = events(made.lines, VmRequestSettled)[-1]
    assert (last.outcome, last.code, last.still_open) == (Outcome.PARTIALLY_COMPLETED, ObservedCode.VM_STOPPED, False)


def test_a_second_command_supersedes_the_first_only_if_it_is_accepted() -> None:
    made = Recording().boot().command(1, 128).poll(1.5, 64).step(9, 128, 0, 64, "partial")
    made.command(10, 9999, accepted=False).step(10.5, 9999, 64, 64, "refused").poll(20, 128).end(30)
    settled = [(one.request, one.outcome, one.code) for one in events(made.lines, VmRequestSettled)]
    assert settled == [
        (1, Outcome.PARTIALLY_COMPLETED, ObservedCode.NOT_REPORTED),
        (2, Outcome.REJECTED, ObservedCode.REFUSED_BY_HYPERVISOR),
        (1, Outcome.COMPLETED, None),
    ]


def test_a_refusal_by_the_guest_closes_the_request() -> None:
    made = Recording().boot().command(1, 128, "pc-dimm").qmp(1.2, "ACPI_DEVICE_OST", {"info": {"status": 1}})
    made.step(2, 128, 0, 0, "refused_by_guest", "pc-dimm", note="OST status 1").end(9)
    [settled] = events(made.lines, VmRequestSettled)
    assert (settled.outcome, settled.code) == (Outcome.FAILED, ObservedCode.REFUSED_BY_GUEST)
    assert settled.told == "OST status 1"


def test_a_module_under_a_balloon_is_no_move_of_the_balloon() -> None:
    made = Recording().boot(balloon=1024)
    made.command(1, 128, "pc-dimm").poll(1.1, 128, "pc-dimm")
    made.add(5, "observation", label="look", device={"balloon_actual": (1024 + 128) * 2**20}).end(9)
    assert [(moved.device, mib(moved.size_to)) for moved in events(made.lines, VmMemoryMoved)] == [("pc-dimm", "128")]


def test_a_vm_that_was_started_again_is_in_its_second_session() -> None:
    made = Recording().boot().qmp(5, "SHUTDOWN").add(6, "end").boot(10).end(20)
    begun = [(one.session, one.power) for one in events(made.lines, VmObserved) if one.session]
    assert begun == [(1, Power.RUNNING), (2, Power.RUNNING)]


def test_stopping_and_resuming_qemu_is_pausing() -> None:
    made = Recording().boot().qmp(5, "STOP").qmp(6, "RESUME").end(20)
    assert [one.power for one in events(made.lines, VmObserved)][1:3] == [Power.PAUSED, Power.RUNNING]


def test_a_panic_that_qemu_tells_is_a_lost_guest() -> None:
    made = Recording().boot().qmp(5, "GUEST_PANICKED", {"action": "pause"}).end(20)
    assert [one.told for one in events(made.lines, VmLost)] == ['{"action":"pause"}']


def test_events_that_tell_nothing_of_memory_are_counted_by_name() -> None:
    made = Recording().boot().qmp(5, "RTC_CHANGE", {"offset": 1}).qmp(6, "RTC_CHANGE", {"offset": 2}).end(20)
    assert observations(made.lines)[1].not_needed == {"event RTC_CHANGE": 2, "meta": 1}


def test_a_recording_that_begins_in_the_middle_knows_only_what_it_saw() -> None:
    made = Recording().poll(1, 64).poll(5, 128).end(20)
    vm = [fleet for _, fleet in states(made.lines)][-1].vms["made-up.vm0"]
    [moved] = events(made.lines, VmMemoryMoved)
    assert (moved.why, vm.high_watermark) == (WhyMoved.UNASKED, 0)


def test_an_event_without_qemus_own_time_is_dated_by_its_delivery() -> None:
    made = Recording().boot()
    qmp = {
        "event": "MEMORY_DEVICE_SIZE_CHANGE",
        "timestamp": {"seconds": -1, "microseconds": -1},
        "data": {"size": 2**26},
    }
    made.add(3, "event", qmp=qmp).end(9)
    assert list_events(made) == ["moved vm0 0 -> 64, unasked  @ (00:00.000, 00:03.000]"]


@pytest.mark.parametrize("stopped_after", range(1, 12))
def test_what_waits_at_the_end_of_a_file_is_counted_or_decided(stopped_after: int) -> None:
    made = Recording().boot().event(1, 0.999, 64).command(1.001, 128).poll(1.3, 100).poll(1.5, 128)
    made.step(2, 128, 0, 128, "complete").observation(3, 128).command(4, 0).poll(4.5, 64)
    made.step(9, 0, 128, 64, "partial").qmp(10, "SHUTDOWN").end(11)
    lines = made.lines[:stopped_after]
    given, counts = observations(lines)
    assert counts.records == stopped_after == counts.events + counts.repeats + sum(counts.not_needed.values())
    final, decided = observations(lines, final=True)
    assert "undecided" not in decided.not_needed
    before = [fact for observation in given for fact in observation.facts]
    assert before == [fact for observation in final for fact in observation.facts][: len(before)]


# Requests in quick succession


def test_a_move_towards_the_target_of_an_open_request_belongs_to_it_and_not_to_the_next_command() -> None:
    made = Recording().boot().command(1, 512).event(1.1, 1.05, 128).event(2.05, 1.2, 512).command(6, 256).end(30)
    assert list_events(made) == [
        "asked r1 vm0 0 -> 512 (512), accepted [in_use=524]  @ (00:00.000, 00:01.000]",
        "moved vm0 0 -> 128, for r1  @ 00:01.050",
        "moved vm0 128 -> 512, for r1  @ 00:01.200",
        "settled r1 completed 512 of 512  @ 00:01.200",
        "asked r2 vm0 512 -> 256 (256), accepted  @ (00:01.000, 00:06.000]",
        "settled r2 failed 0 of 256, vm-stopped (inferred)  @ 00:30.000",
    ]


@pytest.mark.parametrize("others", [(), (1.6, 1.7)])
def test_a_move_whose_event_is_held_back_until_later_commands_were_given_belongs_to_the_first(
    others: tuple[float, ...],
) -> None:
    made = Recording().boot().command(1, 512).command(1.5, 256)
    for at in others:
        made.command(at, 128)
    made.event(2.3, 1.3, 512).event(8, 7.9, 500).end(30)
    lines = list_events(made)
    assert lines[1:4] == [
        "moved vm0 0 -> 512, for r1  @ 00:01.300",
        "settled r1 completed 512 of 512  @ 00:01.300",
        "asked r2 vm0 512 -> 256 (256), accepted  @ (00:01.000, 00:01.500]",
    ]
    assert lines[-2].startswith(f"moved vm0 512 -> 500, for r{2 + len(others)}")


def test_a_move_while_a_command_is_given_is_the_commands_if_the_request_before_was_reached_already() -> None:
    made = Recording().boot().command(1, 128).event(1.1, 1.05, 128).event(2.9, 2.85, 64).command(3, 0).end(30)
    lines = list_events(made)
    assert lines[3:5] == [
        "asked r2 vm0 128 -> 0 (128), accepted  @ (00:01.000, 00:03.000]",
        "moved vm0 128 -> 64, for r2  @ 00:02.850",
    ]

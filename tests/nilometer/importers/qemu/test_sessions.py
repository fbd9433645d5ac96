"""Guests that begin anew, stop, or are lost: sessions, and what becomes of their devices and open requests."""

from __future__ import annotations

from copy import deepcopy

from domain.decision import Outcome
from domain.observed.events import VmLost, VmMemoryMoved, VmObserved, VmRequestSettled
from domain.observed.vm import ObservedVm
from domain.observed.words import BASE_MEMORY, ObservedCode, WhyMoved
from domain.quantities import MiB
from domain.state import Power
from tests.nilometer.importers.qemu.reading import events, observations, states
from tests.nilometer.importers.qemu.synthetic import Recording, measure

RESET = {"guest": True, "reason": "guest-reset"}


def after(made: Recording, record: int) -> ObservedVm:
    """The VM after the last fact that a record gave."""
    found = ObservedVm.begin("none")
    for fact, fleet in states(made.lines):
        if getattr(fact.event, "record", None) == f"made-up#{record}":
            found = deepcopy(fleet.vms["made-up.vm0"])
    assert found.id != "none"
    return found


def sizes(vm: ObservedVm) -> dict[str, int | None]:
    """The devices' sizes in MiB."""
    return {device: None if a.size is None else a.size // MiB for device, a in vm.accounts.items()}


def settled(made: Recording) -> list[tuple[int, Outcome, object, bool]]:
    return [(one.request, one.outcome, one.code, one.still_open) for one in events(made.lines, VmRequestSettled)]


def grown() -> Recording:
    """128 of 128 MiB were given."""
    return Recording().boot().command(1, 128).poll(1.5, 128).step(2, 128, 0, 128, "complete")


def test_a_reset_begins_a_session_in_which_all_virtio_mem_is_gone() -> None:
    made = grown().qmp(8, "RESET", RESET).end(20)
    vm = after(made, 5)
    assert (vm.session, vm.power, vm.assigned, vm.in_use, vm.guest_total) == (2, Power.RUNNING, 1024 * MiB, None, None)
    assert sizes(vm) == {"vm0": 0, BASE_MEMORY: 1024}


def test_after_a_reset_the_guest_has_what_its_balloon_had() -> None:
    made = Recording().boot(balloon=1024).poll(1, 512, "balloon").poll(2, 128, "pc-dimm").qmp(8, "RESET", RESET)
    made.event(12, 11.9, 1000, "BALLOON_CHANGE").end(20)
    assert sizes(after(made, 3)) == {"vm0": 0, BASE_MEMORY: 1024, "balloon": 640, "pc-dimm": 128}
    vm = after(made, 4)
    assert sizes(vm) == {"vm0": 0, BASE_MEMORY: 1024, "balloon": 1152, "pc-dimm": 128}
    assert vm.assigned == 1152 * MiB
    last = events(made.lines, VmMemoryMoved)[-1]
    assert (last.size_from, last.size_to) == (1152 * MiB, 1000 * MiB)


def test_what_qemu_tells_while_it_resets_the_devices_is_no_move_of_the_session_before() -> None:
    made = grown().event(8, 7.9, 0).qmp(8.01, "RESET", RESET, 7.95).event(12, 11.9, 64).end(20)
    assert [moved.size_to // MiB for moved in events(made.lines, VmMemoryMoved)] == [128, 64]
    assert observations(made.lines)[1].repeats == 1
    before = grown().event(7.6, 7.6, 0).qmp(8, "RESET", RESET, 7.95).end(20)
    assert [moved.size_to // MiB for moved in events(before.lines, VmMemoryMoved)] == [128, 0]


def test_a_measure_after_a_reset_that_is_older_than_an_event_in_front_of_it_is_no_move_back() -> None:
    made = Recording().boot(balloon=1024).poll(1, 512, "balloon").observation(2, 0).qmp(8, "RESET", RESET)
    made.event(12, 11.9, 1000, "BALLOON_CHANGE")
    made.add(12.05, "observation", label="old", **measure(0, balloon=1024))
    made.add(15, "observation", label="new", **measure(0, balloon=1000)).end(20)
    assert [moved.size_to // MiB for moved in events(made.lines, VmMemoryMoved)] == [512, 1000]


def test_what_qemu_tells_after_a_reset_of_before_it_is_over() -> None:
    made = grown().qmp(8, "RESET", RESET).event(8.5, 7.9, 64).event(8.6, 8.0, 0).observation(9, 0).end(20)
    assert [moved.size_to for moved in events(made.lines, VmMemoryMoved)] == [128 * MiB]


def test_the_new_sessions_driver_takes_up_what_is_still_asked_for() -> None:
    made = Recording().boot().command(1, 256).poll(1.5, 128).step(10, 256, 0, 128, "partial").qmp(12, "RESET", RESET)
    made.event(15, 14.9, 128).event(16, 15.9, 256).observation(20, 256).end(30)
    assert [(moved.size_from // MiB, moved.request) for moved in events(made.lines, VmMemoryMoved)] == [
        (0, 1),
        (0, 1),
        (128, 1),
    ]
    assert settled(made)[-1] == (1, Outcome.COMPLETED, None, False)


def test_a_reset_can_do_what_the_guest_would_not() -> None:
    made = Recording().boot().poll(0.5, 256).command(1, 0).poll(1.5, 128).step(10, 0, 256, 128, "partial")
    made.qmp(12, "RESET", RESET).observation(20, 0).end(30)
    last = events(made.lines, VmRequestSettled)[-1]
    assert (last.outcome, last.granted, last.late) == (Outcome.COMPLETED, 256 * MiB, True)


def test_what_is_plugged_again_after_a_reset_without_an_open_request_is_unasked() -> None:
    made = grown().qmp(8, "RESET", RESET).event(12, 11.9, 128).end(20)
    assert events(made.lines, VmMemoryMoved)[-1].why is WhyMoved.UNASKED


def test_a_reset_that_is_delivered_twice_is_one() -> None:
    made = grown().qmp(8, "RESET", RESET, 7.9).qmp(8.1, "RESET", RESET, 7.9).qmp(20, "RESET", RESET, 19.9).end(30)
    assert [after(made, record).session for record in (5, 7)] == [2, 3]
    assert observations(made.lines)[1].repeats == 1


def test_a_guest_that_has_booted_after_a_reset_is_in_the_session_that_the_reset_began() -> None:
    made = Recording().boot().command(1, 256).poll(1.5, 128).step(10, 256, 0, 128, "partial").qmp(12, "RESET", RESET)
    made.boot(20).event(25, 24.9, 256).qmp(30, "RESET", RESET).qmp(31, "SHUTDOWN").add(32, "end").boot(40).end(50)
    assert [after(made, record).session for record in (5, 6, 8, 11)] == [2, 2, 3, 4]
    assert settled(made)[-1] == (1, Outcome.COMPLETED, None, False), "what was asked for before the reset stayed open"


def test_a_module_is_told_apart_from_virtio_mem_after_a_reset_too() -> None:
    made = grown().qmp(8, "RESET", RESET).poll(9, 128, "pc-dimm").end(20)
    assert sizes(after(made, 6)) == {"vm0": 0, BASE_MEMORY: 1024, "pc-dimm": 128}


def test_under_no_reboot_a_reset_is_the_end_and_its_open_request_is_closed() -> None:
    made = Recording().boot().command(1, 128).poll(1.5, 64).step(9, 128, 0, 64, "partial")
    made.qmp(12, "SHUTDOWN", RESET).end(13)
    assert after(made, 5).power is Power.OFF
    assert settled(made)[-1] == (1, Outcome.PARTIALLY_COMPLETED, ObservedCode.VM_STOPPED, False)
    assert {one.session for one in events(made.lines, VmObserved)} == {1, None}


def test_a_vm_that_was_shut_down_but_kept_can_be_reset_and_runs_on() -> None:
    made = grown().qmp(5, "SHUTDOWN").qmp(5.1, "STOP").qmp(8, "RESET", {"guest": False}).qmp(8.1, "RESUME")
    made.event(10, 9.9, 64).end(12)
    assert sizes(after(made, 5)) == {"vm0": 0, BASE_MEMORY: 0}
    assert sizes(after(made, 7)) == {"vm0": 0, BASE_MEMORY: 1024}
    vm = after(made, 9)
    assert (vm.session, vm.power, vm.assigned) == (2, Power.RUNNING, 1088 * MiB)
    assert observations(made.lines)[1].not_needed == {"event STOP": 1, "meta": 1}


def test_what_is_asked_of_a_vm_that_is_off_is_told_and_comes_to_nothing() -> None:
    made = grown().qmp(5, "SHUTDOWN").command(6, 256).command(7, 9999, accepted=False).end(8)
    assert settled(made)[1:] == [
        (2, Outcome.FAILED, ObservedCode.VM_STOPPED, False),
        (3, Outcome.REJECTED, ObservedCode.REFUSED_BY_HYPERVISOR, False),
    ]


def test_a_vm_that_boots_again_has_only_the_devices_that_it_has_now() -> None:
    for ends in (True, False):
        made = Recording().boot(balloon=1024).poll(1, 512, "balloon")
        if ends:
            made.qmp(5, "SHUTDOWN").add(6, "end", qemu_exit=0)
        made.boot(10).poll(12, 64).end(20)
        vm = after(made, len(made.lines) - 2)
        assert (vm.session, vm.assigned, sizes(vm)) == (2, 1088 * MiB, {"vm0": 64, BASE_MEMORY: 1024})


def test_a_boot_that_measured_nothing_leaves_its_devices_unknown() -> None:
    made = grown().add(10, "boot", argv=["qemu", "-m", "2G", "-device", "virtio-mem-pci,id=vm0,memdev=m"]).end(30)
    vm = after(made, 5)
    assert (vm.session, vm.assigned, sizes(vm)) == (2, None, {"vm0": None, BASE_MEMORY: 2048})
    assert sizes(after(Recording().add(1, "boot").end(9), 1)) == {}


def test_a_request_that_is_open_when_the_guest_panics_is_closed_with_it() -> None:
    made = Recording().boot().command(1, 128).event(2, 1.9, 64).qmp(5, "GUEST_PANICKED", {"action": "pause"}).end(20)
    assert settled(made) == [(1, Outcome.PARTIALLY_COMPLETED, ObservedCode.GUEST_LOST, False)]
    crashed = Recording().boot().qmp(5, "GUEST_CRASHLOADED", {"action": "run"}).end(20)
    assert len(events(crashed.lines, VmLost)) == 1


def test_a_step_of_a_lost_guest_tells_what_the_guest_said() -> None:
    made = Recording().boot().command(1, 0).qmp(2, "SHUTDOWN", RESET)
    made.step(9, 0, 0, 0, "guest_lost", before=measure(64), after=None, guest_console="out of memory").end(20)
    assert [one.told for one in events(made.lines, VmLost)] == ['"out of memory"']


def test_a_request_of_a_lost_guest_whose_step_never_came_is_lost_with_it() -> None:
    made = (
        Recording()
        .boot()
        .poll(0.5, 256)
        .command(1, 0)
        .qmp(2, "GUEST_PANICKED")
        .step(9, 0, 256, 256, "unchanged", after={"guest": None})
    )
    made.end(20)
    assert settled(made)[-1] == (1, Outcome.FAILED, ObservedCode.GUEST_LOST, False)


def test_a_guest_that_answers_again_is_not_lost_any_more() -> None:
    made = grown().step(9, 999, 128, 128, "guest_lost", after=None).observation(15, 128).end(20)
    assert [after(made, record).lost for record in (5, 6)] == [True, False]


def test_an_agent_that_stops_answering_is_no_lost_guest_and_its_devices_are_still_told() -> None:
    made = grown()
    made.add(5, "observation", label="silent", guest=None, device=measure(64)["device"])
    made.command(6, 0).poll(6.5, 0).step(7, 0, 64, 0, "complete", before={"guest": None}, after={"guest": None}).end(9)
    vm = after(made, 5)
    assert (vm.lost, vm.assigned, vm.in_use) == (False, 1088 * MiB, None)
    assert settled(made)[-1] == (2, Outcome.COMPLETED, None, False)
    assert [one.grounds.in_use for one in events(made.lines, VmRequestSettled)][-1] is None


# Migrations

QUIT = {"guest": False, "reason": "host-qmp-quit"}


def migrated(*, told: bool = True) -> Recording:
    """128 MiB were given, 64 of them are to be taken again, and then the VM goes on in another QEMU."""
    made = grown().command(3, 64)
    if told:
        made.add(4, "command", mechanism="migrate", requested=None, qmp={"execute": "migrate"}, accepted=True)
    return made.qmp(5, "STOP").qmp(5.1, "SHUTDOWN", QUIT).add(5.2, "end", qemu_exit=0, qemu_stderr="")


def look(made: Recording, at: float, virtio: int, uptime: float | None) -> Recording:
    """A measure, with the time since the guest booted."""
    measures = measure(virtio)
    guest = {**measures["guest"], "uptime_s": uptime}
    return made.add(at, "observation", label="look", guest=guest, device=measures["device"])


def test_a_vm_that_was_migrated_goes_on_with_its_session_and_its_open_request() -> None:
    made = look(migrated().qmp(5.05, "RESUME"), 8, 128, 7)
    assert settled(made)[1:] == []
    vm = after(made, 11)
    assert (vm.power, vm.session, vm.assigned, vm.high_watermark) == (Power.RUNNING, 1, 1152 * MiB, 1152 * MiB)
    made.event(9, 8.9, 64).end(20)
    assert settled(made)[1:] == [(2, Outcome.COMPLETED, None, False)]
    assert after(made, 13).power is Power.OFF


def test_that_it_was_resumed_there_follows_from_an_answer_of_its_guest() -> None:
    assert after(migrated(), 9).power is Power.PAUSED
    assert after(look(migrated(), 8, 128, 7), 10).power is Power.RUNNING


def test_a_migration_that_failed_or_a_guest_that_shuts_itself_down_ends_as_without_one() -> None:
    failed = grown().add(4, "command", mechanism="migrate", requested=None, qmp={"execute": "migrate"}, accepted=True)
    failed.qmp(5, "MIGRATION", {"status": "failed"}).qmp(8, "SHUTDOWN", QUIT).end(9)
    shut = grown().add(4, "command", mechanism="migrate", requested=None, qmp={"execute": "migrate"}, accepted=True)
    shut.qmp(8, "SHUTDOWN", {"guest": True, "reason": "guest-shutdown"}).end(9)
    for made, record in ((failed, 7), (shut, 6)):
        assert after(made, record).power is Power.OFF


def test_a_vm_that_is_measured_after_its_qemu_ended_runs_in_another_one() -> None:
    """Whether its session goes on is known by the time since its guest booted."""
    for uptime, session in ((7, 1), (2, 2), (None, 2)):
        made = look(migrated(told=False), 8, 128, uptime).event(9, 8.9, 96).end(20)
        vm = after(made, 9)
        assert (vm.power, vm.session, vm.assigned) == (Power.RUNNING, session, 1152 * MiB)
        assert events(made.lines, VmMemoryMoved)[-1].size_to == 96 * MiB


def test_a_vm_that_moves_or_is_asked_after_its_qemu_ended_runs_with_sizes_that_nobody_knows() -> None:
    made = migrated(told=False).command(8, 256).poll(9, 192).poll(10, 256).end(20)
    assert after(made, 9).power is Power.RUNNING
    assert [(move.size_from, move.size_to) for move in events(made.lines, VmMemoryMoved)][1:] == [
        (192 * MiB, 256 * MiB)
    ]


def test_what_is_told_late_of_the_time_before_the_end_starts_no_vm() -> None:
    made = migrated(told=False).event(6, 5.05, 96).qmp(6, "STOP", happened=5)
    assert after(made, 8).power is Power.OFF
    assert not [
        one for one in events(made.lines, VmObserved) if one.record in ("made-up#9", "made-up#10") and one.power
    ]

"""The tables of commands: the rule by which each is decided and recorded, and by which it is decided again."""

from __future__ import annotations

from collections.abc import Callable
from inspect import signature
from typing import Final

from domain import commands, events, lifecycle, resizing
from domain.changes import VM_CHANGES, StateChange
from domain.commands import HostCommand, VmCommand
from domain.decision import Decision
from domain.events import VmEvent
from domain.record import Record, record
from domain.recording.hosts import (
    HostRecording,
    record_register_host,
    record_remove_host,
    record_resize_host,
    record_set_reserve,
)
from domain.recording.vms.lifecycle import (
    record_configure_guest,
    record_configure_memory,
    record_move_vm,
    record_pause,
    record_reboot_guest,
    record_remove_vm,
    record_report_in_use,
    record_restore,
    record_resume,
    record_save,
    record_start,
    record_stop,
)
from domain.recording.vms.memory import (
    record_add_memory,
    record_grow,
    record_reclaim,
    record_remove_memory,
    record_set_memory,
)
from domain.recording.vms.records import VmRecording
from domain.state import Vm


@record()
class Step(Record):
    """How a recorded VM command is decided again, and the event of its success.

    ``takes`` are the arguments of the rule beyond the site, by the names that the command gives them. It is proved that
    ``RECORDINGS`` decides and records the same.
    """

    rule: Callable[..., Decision]
    takes: tuple[str, ...]
    event: type[VmEvent]
    change: StateChange[Vm]
    """What the event changes."""
    decided: tuple[str, ...]
    """The figures of the change that the decision gives; the command gives the others."""


def step(rule: Callable[..., Decision], event: type[VmEvent]) -> Step:
    """The step of a command that ``rule`` decides."""
    change = VM_CHANGES[event]
    decided = tuple(name for name in change.carries if name in Decision.__slots__)
    return Step(rule=rule, takes=tuple(signature(rule).parameters)[1:], event=event, change=change, decided=decided)


STEPS: Final[dict[type[VmCommand], Step]] = {
    commands.ConfigureMemory: step(lifecycle.configure_memory, events.VmMemoryConfigured),
    commands.ConfigureGuest: step(lifecycle.configure_guest, events.VmGuestConfigured),
    commands.Start: step(lifecycle.start, events.VmStarted),
    commands.Stop: step(lifecycle.stop, events.VmStopped),
    commands.Pause: step(lifecycle.pause, events.VmPaused),
    commands.Resume: step(lifecycle.resume, events.VmResumed),
    commands.Save: step(lifecycle.save, events.VmSaved),
    commands.Restore: step(lifecycle.restore, events.VmRestored),
    commands.RebootGuest: step(lifecycle.reboot_guest, events.VmRebooted),
    commands.ReportInUse: step(lifecycle.report_in_use, events.VmInUseReported),
    commands.AddMemory: step(resizing.add_memory, events.VmMemoryAdded),
    commands.RemoveMemory: step(resizing.remove_memory, events.VmMemoryRemoved),
    commands.Grow: step(resizing.grow, events.VmMemoryAdded),
    commands.Reclaim: step(resizing.reclaim, events.VmMemoryRemoved),
    commands.MoveVm: step(lifecycle.move_vm, events.VmMoved),
    commands.RemoveVm: step(lifecycle.remove_vm, events.VmRemoved),
}
"""Every VM command but ``define-vm``, which has no VM yet, and ``set-memory``, which becomes one of these."""


RECORDINGS: Final[dict[type[VmCommand], Callable[..., VmRecording]]] = {
    commands.ConfigureMemory: record_configure_memory,
    commands.ConfigureGuest: record_configure_guest,
    commands.Start: record_start,
    commands.Stop: record_stop,
    commands.Pause: record_pause,
    commands.Resume: record_resume,
    commands.Save: record_save,
    commands.Restore: record_restore,
    commands.RebootGuest: record_reboot_guest,
    commands.ReportInUse: record_report_in_use,
    commands.AddMemory: record_add_memory,
    commands.RemoveMemory: record_remove_memory,
    commands.Grow: record_grow,
    commands.Reclaim: record_reclaim,
    commands.RemoveVm: record_remove_vm,
    commands.SetMemory: record_set_memory,
    commands.MoveVm: record_move_vm,
}
"""The rule by which each VM command is decided, and its events are filled in. ``define-vm`` has no VM yet.

Its parameters beyond the site have the names of the command's arguments; ``move-vm`` has the host of destination, and
whether that is the VM's own.
"""

HOST_RECORDINGS: Final[dict[type[HostCommand], Callable[..., HostRecording]]] = {
    commands.RegisterHost: record_register_host,
    commands.ResizeHost: record_resize_host,
    commands.SetReserve: record_set_reserve,
    commands.RemoveHost: record_remove_host,
}
"""The rule by which each host command is decided, and its event is filled in.

Its parameters are the ``host``, how many ``vms`` are on it, and what has the name of an argument of the command.
``define-vm`` has a rule of its own, ``record_define_vm``.
"""

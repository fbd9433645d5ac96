"""The log of a QEMU monitor (QMP): each message on a line with its time, as ``ts`` or libvirt's own log write it.

A log says nothing of the boot: sizes are known from the first answers that show them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from domain.identifiers import UtcTime, seconds_between
from nilometer.importers.qemu.logs.answers import as_size, find_request, read_devices, read_guest, read_summary
from nilometer.importers.qemu.logs.messages import read_message
from nilometer.importers.qemu.logs.writing import RecordWriter, Thinning
from nilometer.importers.qemu.records import Json, as_object

_SIZES_TOGETHER: Final = 2.0
"""Seconds within which several answers are one measurement."""
_QUERIES: Final = {
    "query-balloon": "balloon_actual",
    "query-memory-size-summary": "size_summary",
    "query-memory-devices": "memory_devices",
}
_COMMAND: Final = ("execute", "exec-oob")
_ASKING: Final = ("query-", "qom-get", "qom-list", "qmp_capabilities", "device-list-properties")
"""The beginnings of commands that change nothing."""
_SIZE_EVENTS: Final = ("MEMORY_DEVICE_SIZE_CHANGE", "BALLOON_CHANGE", "DEVICE_DELETED")
_NOTABLE_EVENTS: Final = (*_SIZE_EVENTS, "STOP", "RESUME", "RESET", "SHUTDOWN", "GUEST_PANICKED", "MIGRATION")
_MOST_PENDING: Final = 1000
"""Commands of a monitor that wait for their answer."""


@dataclass(slots=True)
class _Monitor:
    """One monitor: that of one VM."""

    vm: str
    pending: list[Json] = field(default_factory=list[Json])
    """Commands that are not answered yet."""
    backends: dict[str, int] = field(default_factory=dict[str, int])
    """The sizes of memory backends that were added."""
    plugged: dict[str, int] | None = None
    """The sizes of memory devices by their ids; ``None`` while nothing says which there are."""
    modules: set[str] = field(default_factory=set[str])
    """Those of them that are modules."""
    answers: dict[str, tuple[UtcTime, object]] = field(default_factory=dict[str, tuple[UtcTime, object]])
    """The last answers about sizes, since anything happened."""
    changed_at: UtcTime | None = None
    """When its memory last changed, or was told to."""
    thinning: Thinning = field(default_factory=Thinning)

    def find_command(self, answer: Json) -> Json | None:
        """The command that is answered: that of the same id, else the oldest."""
        id = answer.get("id")
        found = next((sent for sent in self.pending if sent.get("id") == id), None)
        if found is not None:
            self.pending.remove(found)
        return found

    def note_command(self, name: str, arguments: Json) -> None:
        """Takes note of a command that was carried out: a backend that was added, or a module that was plugged."""
        id = arguments.get("id")
        if name == "object-add" and isinstance(id, str):
            size = as_size(arguments.get("size")) or as_size(as_object(arguments.get("props")).get("size"))
            if size is not None:
                self.backends[id] = size
        elif name == "device_add" and arguments.get("driver") == "pc-dimm" and self.plugged is not None:
            size = self.backends.get(str(arguments.get("memdev")))
            if size is None or not isinstance(id, str):
                self.plugged = None
            else:
                self.plugged[id] = size
                self.modules.add(id)

    def note_devices(self, devices: list[Json] | None) -> None:
        """Takes note of the memory devices that there are."""
        ids = [device["data"]["id"] for device in devices or ()]
        is_known = devices is not None and None not in ids and len(set(ids)) == len(ids)
        self.plugged = {device["data"]["id"]: device["data"]["size"] for device in devices or ()} if is_known else None
        self.modules = {device["data"]["id"] for device in devices or () if device["type"] == "dimm"}


class MonitorLog:
    """Turns messages into records.

    The VMs are ``vm0``, ``vm1``, … by the order in which their monitors appear; ``vm`` is the first one's name.
    """

    def __init__(self, name: str, vm: str | None = None) -> None:
        self._writer = RecordWriter(name)
        self._first = vm or "vm0"
        self._monitors: dict[bytes, _Monitor] = {}
        self.passed_over = 0

    def translate(self, line: bytes, place: str) -> Iterator[bytes]:
        """The records of a line."""
        logged = read_message(line, place)
        records = [] if logged is None else list(self._take(self._find(logged.monitor), logged.at, logged.message))
        is_command = logged is not None and not logged.message.keys().isdisjoint(_COMMAND)
        self.passed_over += not records and not is_command  # a command is counted with its answer
        yield from records

    def finish(self) -> Iterator[bytes]:
        """Nothing is pending: a command without an answer is none that was carried out, as far as is known."""
        return iter(())

    def _find(self, key: bytes) -> _Monitor:
        return self._monitors.setdefault(
            key, _Monitor(vm=f"vm{len(self._monitors)}" if self._monitors else self._first)
        )

    def _take(self, monitor: _Monitor, at: UtcTime, message: Json) -> Iterator[bytes]:
        if not message.keys().isdisjoint(_COMMAND):
            monitor.pending = [*monitor.pending[1 - _MOST_PENDING :], message]
        elif "event" in message:
            if message["event"] in _NOTABLE_EVENTS:
                yield from self._interrupt(monitor)
            self._note_event(monitor, at, message)
            yield self._writer.write(monitor.vm, "event", at, qmp=message)
        elif "return" in message or "error" in message:
            command = monitor.find_command(message)
            if command is not None:
                yield from self._take_answer(monitor, at, command, message)

    def _interrupt(self, monitor: _Monitor) -> Iterator[bytes]:
        monitor.answers.clear()
        for at, measured in monitor.thinning.interrupt():
            yield self._writer.write(monitor.vm, "observation", at, **measured)

    @staticmethod
    def _note_event(monitor: _Monitor, at: UtcTime, message: Json) -> None:
        data = as_object(message.get("data"))
        id, size = data.get("id") or data.get("device"), as_size(data.get("size"))
        if message["event"] in _SIZE_EVENTS:
            monitor.changed_at = at
        if monitor.plugged is not None and isinstance(id, str):
            if message["event"] == "MEMORY_DEVICE_SIZE_CHANGE" and size is not None:
                monitor.plugged[id] = size
            elif message["event"] == "DEVICE_DELETED":
                monitor.plugged.pop(id, None)

    def _take_answer(self, monitor: _Monitor, at: UtcTime, command: Json, answer: Json) -> Iterator[bytes]:
        name = command.get("execute") or command.get("exec-oob")
        arguments = as_object(command.get("arguments"))
        if name in _QUERIES or (name == "qom-get" and arguments.get("property") == "guest-stats"):
            if "return" in answer:
                yield from self._measure(monitor, at, str(name), answer["return"])
            return
        if not isinstance(name, str) or name.startswith(_ASKING):
            return
        accepted = "error" not in answer
        mechanism, requested = find_request(
            name, arguments, monitor.plugged, modules=monitor.modules, backends=monitor.backends
        )
        if mechanism is not None:
            yield from self._interrupt(monitor)
            monitor.changed_at = at
        if accepted:
            monitor.note_command(name, arguments)
        yield self._writer.write(
            monitor.vm,
            "command",
            at,
            mechanism=mechanism if requested is not None else name,
            requested=requested,
            qmp=command,
            reply=answer,
            accepted=accepted,
        )

    def _measure(self, monitor: _Monitor, at: UtcTime, query: str, answer: object) -> Iterator[bytes]:
        part = _QUERIES.get(query, "guest")
        value: object
        if part == "guest":
            stats, reported = as_object(as_object(answer).get("stats")), as_object(answer).get("last-update")
            total, available = stats.get("stat-total-memory"), stats.get("stat-available-memory")
            value = read_guest(total, available, reported, at, monitor.changed_at)
        elif part == "balloon_actual":
            value = as_size(as_object(answer).get("actual"))
        elif part == "memory_devices":
            value = devices = read_devices(answer)
            monitor.note_devices(devices)
        else:
            value = read_summary(answer)
        if value is None:
            return
        monitor.answers[part] = at, value
        together = {
            part: value
            for part, (when, value) in monitor.answers.items()
            if seconds_between(when, at) <= _SIZES_TOGETHER
        }
        if part == "size_summary" and not monitor.thinning.is_news({"device": {part: value}}):
            return  # what is plugged follows
        guest = together.pop("guest", None)
        measured = {"guest": guest, "device": together or None}
        measured = {key: figures for key, figures in measured.items() if figures is not None}
        for moment, figures in monitor.thinning.take(at, measured):
            yield self._writer.write(monitor.vm, "observation", moment, **figures)

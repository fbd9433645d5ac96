"""The plain model, first half: which hosts and VMs there are, how they are set, and what is recorded."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

from tests.oracle.shapes import Expected, Line, Setting, State, number, setting, size, text, version
from tests.oracle.things import GUESTS, HOST_VERSIONS, PlainHost, PlainVm, size_cap, valid

KEYS = {
    "register-host": {"host", "total", "reserve", "version"},
    "resize-host": {"host", "total"},
    "set-reserve": {"host", "reserve"},
    "remove-host": {"host"},
    "define-vm": {"vm", "host", "generation", "guest", "config_version", "memory"},
    "configure-memory": {"vm", "memory"},
    "configure-guest": {"vm", "guest", "config_version"},
    "start": {"vm"},
    "stop": {"vm"},
    "pause": {"vm"},
    "resume": {"vm"},
    "save": {"vm"},
    "restore": {"vm"},
    "reboot-guest": {"vm"},
    "report-in-use": {"vm", "in_use"},
    "add-memory": {"vm", "amount"},
    "remove-memory": {"vm", "amount"},
    "set-memory": {"vm", "size"},
    "grow": {"vm", "amount"},
    "reclaim": {"vm", "amount"},
    "move-vm": {"vm", "to"},
    "remove-vm": {"vm"},
}
ALWAYS_ALLOWED = {"command", "at", "actor", "via", "reason", "correlation"}


class PlainFleet:
    """All decided hosts and VMs, and what one command after another does to them."""

    def __init__(self) -> None:
        self.hosts: dict[str, PlainHost] = {}
        self.vms: dict[str, PlainVm] = {}
        self.used: set[str] = set()
        """Streams that exist or once existed, as ``vm/web01``: such an id is never given again."""
        self.last: dict[str, datetime] = {}
        """The latest ``at`` on each stream. A line without ``at`` fits anywhere and moves nothing on."""

    def apply(self, line: Line) -> Expected:
        """Decide one line, change the state accordingly, and tell what became of it."""
        try:
            command = text(line, "command")
            given = set(line) - ALWAYS_ALLOWED - ({"name"} if command == "define-vm" else set[str]())
            if command not in KEYS or given != KEYS[command]:
                raise ValueError(f"not a line of this command: {line!r}")
            handle: Callable[[Line], Expected] = getattr(self, command.replace("-", "_"))
            return handle(line)
        except ValueError:
            return Expected("input-error")

    def snapshot(self) -> State:
        """The state as plain dicts that share nothing with the model."""
        hosts = {host.id: host.told() for host in self.hosts.values()}
        return State(hosts=hosts, vms={vm.id: vm.told() for vm in self.vms.values()})

    # Finding what a line names, and recording

    def _host(self, line: Line, key: str = "host") -> PlainHost:
        found = self.hosts.get(text(line, key))
        if found is None:
            raise ValueError(f"no such host: {line[key]!r}")
        return found

    def _vm(self, line: Line) -> PlainVm:
        found = self.vms.get(text(line, "vm"))
        if found is None:
            raise ValueError(f"no such VM: {line['vm']!r}")
        return found

    def _record(self, line: Line, *written: tuple[str, str]) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Write these (stream, event) pairs, or raise, before anything is changed, when ``at`` is too early.

        A line touches the streams that it writes to and those of the VM and the hosts that it names.
        """
        streams = tuple(stream for stream, _ in written)
        if "at" in line:
            moment = datetime.fromisoformat(text(line, "at"))
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
            named = {
                f"{kind}/{line[key]}" for key, kind in (("vm", "vm"), ("host", "host"), ("to", "host")) if key in line
            }
            if any(moment < self.last[stream] for stream in named | set(streams) if stream in self.last):
                raise ValueError(f"earlier than what is recorded: {moment}")
            self.last.update(dict.fromkeys(streams, moment))
        self.used.update(streams)
        return streams, tuple(event for _, event in written)

    def _done(self, line: Line, *written: tuple[str, str]) -> Expected:
        streams, events = self._record(line, *written)
        return Expected("done", None, None, None, streams, events)

    def _refused(
        self, line: Line, stream: str, code: str, outcome: str = "rejected", amount: int | None = None
    ) -> Expected:
        event = stream.partition("/")[0] + ".command-refused"
        streams, events = self._record(line, (stream, event))
        return Expected(outcome, code, amount, None if amount is None else 0, streams, events)

    # Hosts

    def register_host(self, line: Line) -> Expected:
        id, total, reserve, kind = (
            text(line, "host"),
            size(line, "total"),
            size(line, "reserve"),
            text(line, "version"),
        )
        if kind not in HOST_VERSIONS or f"host/{id}" in self.used:
            raise ValueError(f"an unknown version, or an id that is taken: {line!r}")
        if total == 0 or reserve > total:
            self._record(line)
            return Expected("rejected", "invalid-setting")
        answer = self._done(line, (f"host/{id}", "host.registered"))
        self.hosts[id] = PlainHost(id, total, reserve, kind)
        return answer

    def resize_host(self, line: Line) -> Expected:
        host, total = self._host(line), size(line, "total")
        if total == 0:
            return self._refused(line, f"host/{host.id}", "invalid-setting")
        return self._refit(line, host, total, host.reserve, "host.resized")

    def set_reserve(self, line: Line) -> Expected:
        host, reserve = self._host(line), size(line, "reserve")
        return self._refit(line, host, host.total, reserve, "host.reserve-set")

    def _refit(self, line: Line, host: PlainHost, total: int, reserve: int, event: str) -> Expected:
        if reserve + sum(host.book.values()) > total:
            return self._refused(line, f"host/{host.id}", "host-would-be-overcommitted")
        changes = (total, reserve) != (host.total, host.reserve)
        answer = self._done(line, (f"host/{host.id}", event)) if changes else self._done(line)
        host.total, host.reserve = total, reserve
        return answer

    def remove_host(self, line: Line) -> Expected:
        host = self._host(line)
        if any(vm.host == host.id for vm in self.vms.values()):
            return self._refused(line, f"host/{host.id}", "host-not-empty")
        answer = self._done(line, (f"host/{host.id}", "host.removed"))
        del self.hosts[host.id]
        return answer

    # VMs: what they are

    def define_vm(self, line: Line) -> Expected:
        id, host, guest = text(line, "vm"), self._host(line), text(line, "guest")
        memory, generation, written = setting(line), number(line, "generation"), text(line, "config_version")
        version(written)
        if generation not in (1, 2) or guest not in GUESTS:
            raise ValueError(f"an unknown generation or guest: {line!r}")
        name = text(line, "name") if "name" in line else id
        if f"vm/{id}" in self.used:
            raise ValueError(f"the id is taken: {id!r}")
        if not valid(memory, size_cap(generation, host.version)):
            return self._refused(line, f"host/{host.id}", "invalid-setting")
        answer = self._done(line, (f"vm/{id}", "vm.defined"))
        self.vms[id] = PlainVm(id, host.id, name, generation, guest, written, memory)
        return answer

    def configure_memory(self, line: Line) -> Expected:
        return self._configure(line, self._vm(line), setting(line))

    def _configure(self, line: Line, vm: PlainVm, new: Setting) -> Expected:
        old, stream = vm.memory, f"vm/{vm.id}"
        if not valid(new, size_cap(vm.generation, self.hosts[vm.host].version)):
            return self._refused(line, stream, "invalid-setting")
        if vm.power != "off":
            if vm.static():
                return self._refused(line, stream, "static-while-running")
            if new["mode"] != old["mode"] or new["startup"] != old["startup"]:
                return self._refused(line, stream, "not-while-running")
            if new["maximum"] < old["maximum"] or new["minimum"] > old["minimum"]:
                return self._refused(line, stream, "not-while-running")
        answer = self._done(line, (stream, "vm.memory-configured"))
        vm.memory = new
        return answer

    def configure_guest(self, line: Line) -> Expected:
        vm, guest, written = self._vm(line), text(line, "guest"), text(line, "config_version")
        lowered = version(written) < version(vm.config_version)
        if guest not in GUESTS:
            raise ValueError(f"an unknown guest: {guest!r}")
        if vm.power != "off":
            return self._refused(line, f"vm/{vm.id}", "wrong-power-state")
        if lowered:
            return self._refused(line, f"vm/{vm.id}", "invalid-setting")
        answer = self._done(line, (f"vm/{vm.id}", "vm.guest-configured"))
        vm.guest, vm.config_version = guest, written
        return answer

    def remove_vm(self, line: Line) -> Expected:
        vm = self._vm(line)
        if vm.power != "off":
            return self._refused(line, f"vm/{vm.id}", "wrong-power-state")
        answer = self._done(line, (f"vm/{vm.id}", "vm.removed"))
        del self.vms[vm.id]
        return answer

    def move_vm(self, line: Line) -> Expected:
        vm, there = self._vm(line), self._host(line, "to")
        here, stream, held = self.hosts[vm.host], f"vm/{vm.id}", vm.held()
        if there is here:
            return self._refused(line, stream, "same-host")
        cap = size_cap(vm.generation, there.version)
        if not valid(vm.memory, cap) or vm.high_watermark > cap:
            return self._refused(line, stream, "invalid-setting")
        if there.free() < held:
            return self._refused(line, stream, "insufficient-host-memory", "failed")
        gone, come = (f"host/{here.id}", "host.memory-returned"), (f"host/{there.id}", "host.memory-granted")
        answer = self._done(line, (stream, "vm.moved"), gone, come)
        here.enter(vm.id, 0)
        there.enter(vm.id, held)
        vm.host = there.id
        return answer

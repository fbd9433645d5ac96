"""A deliberately plain second reading of the memory model for decided hosts and VMs.

It imports nothing of the product and shares no code with it: one mutable class a thing, one method a
command, the checks in the order of the table. Where it and the product differ, one of them has misread it.

    model = PlainModel()
    expected = model.apply({"command": "register-host", "host": "hv01", "version": "2022", ...})
    model.snapshot()   # the state as plain dicts
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from tests.oracle.fleet import PlainFleet
from tests.oracle.shapes import FLOOR, QUANTUM, Expected, Line, size, version
from tests.oracle.things import CAN_RESIZE, PlainHost, PlainVm, grant, size_cap

__all__ = ["Expected", "PlainHost", "PlainModel", "PlainVm"]


class PlainModel(PlainFleet):
    """All decided hosts and VMs, and what one command after another does to them."""

    # VMs: power

    def _powered(self, line: Line, fits: tuple[str, ...], event: str, change: Callable[[PlainVm], None]) -> Expected:
        """A command on a VM that must be in one of these power states, with room on its host."""
        vm = self._vm(line)
        host, stream, held = self.hosts[vm.host], f"vm/{vm.id}", vm.held()
        if vm.power not in fits:
            return self._refused(line, stream, "wrong-power-state")
        needs = {
            "vm.started": vm.memory["startup"],
            "vm.rebooted": vm.memory["startup"],
            "vm.restored": vm.assigned,
        }
        more = needs.get(event, 0) - held
        if event in needs and host.free() < more:
            return self._refused(line, stream, "insufficient-host-memory", "failed")
        if event in ("vm.stopped", "vm.saved"):
            more = -held
        written = [(stream, event)]
        if more and event not in ("vm.paused", "vm.resumed"):
            written.append((f"host/{host.id}", "host.memory-granted" if more > 0 else "host.memory-returned"))
        answer = self._done(line, *written)
        change(vm)
        host.enter(vm.id, vm.held())
        return answer

    def start(self, line: Line) -> Expected:
        return self._powered(line, ("off",), "vm.started", PlainVm.boot)

    def stop(self, line: Line) -> Expected:
        return self._powered(line, ("running", "paused", "saved"), "vm.stopped", PlainVm.power_off)

    def pause(self, line: Line) -> Expected:
        return self._powered(line, ("running",), "vm.paused", lambda vm: setattr(vm, "power", "paused"))

    def resume(self, line: Line) -> Expected:
        return self._powered(line, ("paused",), "vm.resumed", lambda vm: setattr(vm, "power", "running"))

    def save(self, line: Line) -> Expected:
        return self._powered(line, ("running", "paused"), "vm.saved", lambda vm: setattr(vm, "power", "saved"))

    def restore(self, line: Line) -> Expected:
        return self._powered(line, ("saved",), "vm.restored", lambda vm: setattr(vm, "power", "running"))

    def reboot_guest(self, line: Line) -> Expected:
        return self._powered(line, ("running",), "vm.rebooted", PlainVm.boot)

    # VMs: memory

    def report_in_use(self, line: Line) -> Expected:
        vm, in_use = self._vm(line), size(line, "in_use")
        if vm.power != "running":
            return self._refused(line, f"vm/{vm.id}", "wrong-power-state")
        if in_use > vm.assigned:
            return self._refused(line, f"vm/{vm.id}", "implausible")
        answer = self._done(line, (f"vm/{vm.id}", "vm.in-use-reported"))
        vm.in_use, vm.in_use_reported = in_use, True
        return answer

    def add_memory(self, line: Line) -> Expected:
        return self._add(line, self._vm(line), size(line, "amount"))

    def remove_memory(self, line: Line) -> Expected:
        return self._remove(line, self._vm(line), size(line, "amount"))

    def set_memory(self, line: Line) -> Expected:
        vm, target = self._vm(line), size(line, "size")
        difference = target - vm.assigned
        if not vm.static():
            amount = None if vm.power == "off" else abs(difference)
            return self._refused(line, f"vm/{vm.id}", "dynamic-memory-enabled", amount=amount)
        if vm.power == "off":
            return self._configure(line, vm, {**vm.memory, "startup": target})
        if difference == 0:
            self._record(line)
            return Expected("completed", None, 0, 0)
        return self._add(line, vm, difference) if difference > 0 else self._remove(line, vm, -difference)

    def _why_no_resize(self, vm: PlainVm, amount: int) -> str | None:
        """The first thing that forbids adding to or removing from a static VM."""
        if vm.power != "running":
            return "wrong-power-state"
        if not vm.static():
            return "dynamic-memory-enabled"
        if not (vm.vsc and vm.guest in CAN_RESIZE):
            return "guest-cannot-resize"
        if version(vm.config_version) < (6, 2):
            return "configuration-version"
        return "invalid-amount" if amount == 0 or amount % QUANTUM else None

    def _why_no_balancing(self, vm: PlainVm, amount: int) -> str | None:
        """The first thing that forbids Dynamic Memory to give or to take."""
        if vm.power != "running":
            return "wrong-power-state"
        if vm.static():
            return "dynamic-memory-disabled"
        if not vm.vsc:
            return "guest-cannot-resize"
        return "invalid-amount" if amount == 0 or amount % QUANTUM else None

    def _add(self, line: Line, vm: PlainVm, amount: int) -> Expected:
        host = self.hosts[vm.host]
        if code := self._why_no_resize(vm, amount):
            return self._refused(line, f"vm/{vm.id}", code, amount=amount)
        room = size_cap(vm.generation, host.version) - vm.assigned
        return self._give(line, vm, amount, [("insufficient-host-memory", host.free()), ("size-limit", room)])

    def _remove(self, line: Line, vm: PlainVm, amount: int) -> Expected:
        code = self._why_no_resize(vm, amount)
        if code is None and not vm.in_use_reported:
            code = "in-use-not-reported"
        if code:
            return self._refused(line, f"vm/{vm.id}", code, amount=amount)
        bounds = [("memory-in-use", vm.assigned - vm.in_use), ("minimum-reached", vm.assigned - FLOOR)]
        return self._take(line, vm, amount, bounds)

    def grow(self, line: Line) -> Expected:
        vm, amount = self._vm(line), size(line, "amount")
        if code := self._why_no_balancing(vm, amount):
            return self._refused(line, f"vm/{vm.id}", code, amount=amount)
        free, room = self.hosts[vm.host].free(), vm.memory["maximum"] - vm.assigned
        return self._give(line, vm, amount, [("insufficient-host-memory", free), ("size-limit", room)])

    def reclaim(self, line: Line) -> Expected:
        vm, amount = self._vm(line), size(line, "amount")
        legacy = vm.guest == "windows-legacy"
        code = self._why_no_balancing(vm, amount)
        if code is None and not legacy and not vm.in_use_reported:
            code = "in-use-not-reported"
        if code:
            return self._refused(line, f"vm/{vm.id}", code, amount=amount)
        bounds = [] if legacy else [("memory-in-use", vm.assigned - vm.in_use)]
        return self._take(line, vm, amount, [*bounds, ("minimum-reached", vm.assigned - vm.memory["minimum"])])

    def _give(self, line: Line, vm: PlainVm, amount: int, bounds: Iterable[tuple[str, int]]) -> Expected:
        answer = self._granted(line, amount, bounds, ("vm.memory-added", "host.memory-granted"))
        if answer.granted:
            vm.assigned += answer.granted
            vm.ballooned -= min(answer.granted, vm.ballooned)
            vm.high_watermark = max(vm.high_watermark, vm.assigned)
            self._resized(vm)
        return answer

    def _take(self, line: Line, vm: PlainVm, amount: int, bounds: Iterable[tuple[str, int]]) -> Expected:
        answer = self._granted(line, amount, bounds, ("vm.memory-removed", "host.memory-returned"))
        if answer.granted:
            vm.assigned -= answer.granted
            if vm.guest != "windows":
                vm.ballooned += answer.granted
            if vm.guest == "windows-legacy" and vm.in_use > vm.assigned:
                vm.paged_out += vm.in_use - vm.assigned
                vm.in_use = vm.assigned
            self._resized(vm)
        return answer

    def _granted(self, line: Line, amount: int, bounds: Iterable[tuple[str, int]], events: tuple[str, str]) -> Expected:
        """Record on the VM and its host what is granted of this amount, or that it failed."""
        granted, code = grant(amount, bounds)
        vm = self._vm(line)
        if granted == 0:
            return self._refused(line, f"vm/{vm.id}", code or "", "failed", amount)
        streams, told = self._record(line, (f"vm/{vm.id}", events[0]), (f"host/{vm.host}", events[1]))
        outcome = "completed" if granted == amount else "partially-completed"
        return Expected(outcome, code, amount, granted, streams, told)

    def _resized(self, vm: PlainVm) -> None:
        vm.resized()
        self.hosts[vm.host].enter(vm.id, vm.held())

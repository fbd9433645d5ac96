"""What must become of a line, judged from the snapshot before it: a second text, in tables instead of steps.

It works in any state, not only in reachable ones. Whether a line is unreadable or its id was once taken does
not show in a snapshot, so input errors are not judged here.
"""

from __future__ import annotations

from dataclasses import dataclass

from tests.oracle.invariants import cap_of, setting_is_valid
from tests.oracle.shapes import (
    FLOOR,
    QUANTUM,
    HostState,
    Line,
    State,
    VmState,
    number,
    setting,
    text,
    version,
)

MEMORY_COMMANDS = ("add-memory", "remove-memory", "grow", "reclaim")
FITTING_POWER = {
    "configure-guest": ("off",),
    "start": ("off",),
    "stop": ("running", "paused", "saved"),
    "pause": ("running",),
    "resume": ("paused",),
    "save": ("running", "paused"),
    "restore": ("saved",),
    "reboot-guest": ("running",),
    "report-in-use": ("running",),
    "add-memory": ("running",),
    "remove-memory": ("running",),
    "grow": ("running",),
    "reclaim": ("running",),
    "remove-vm": ("off",),
}
BLAMED_FIRST = ("insufficient-host-memory", "size-limit", "memory-in-use", "minimum-reached")

Conditions = list[tuple[bool, str]]


@dataclass(frozen=True)
class Verdict:
    """The one right decision."""

    outcome: str
    code: str | None
    requested: int | None
    granted: int | None


def unknown_names(before: State, line: Line) -> list[str]:
    """The VMs and hosts that the line needs and that are not there."""
    needed = [("vms", "vm")] if line["command"] != "define-vm" else []
    needed += [("hosts", "host")] if line["command"] != "register-host" else []
    needed += [("hosts", "to")]
    return [
        f"{key} {line[key]}"
        for kind, key in needed
        if key in line and line[key] not in (before["vms"] if kind == "vms" else before["hosts"])
    ]


def vm_of(state: State, line: Line) -> VmState:
    return state["vms"][text(line, "vm")]


def host_of(state: State, line: Line) -> HostState:
    """The host that the line names, or that of its VM."""
    return state["hosts"][text(line, "host") if "host" in line else vm_of(state, line)["host"]]


def free_of(host: HostState) -> int:
    return host["total"] - host["reserve"] - sum(host["book"].values())


def as_decided(before: State, line: Line) -> Line:
    """The line as it is recorded: set-memory on a static VM is another command, or none."""
    if line["command"] != "set-memory":
        return line
    vm, target = vm_of(before, line), number(line, "size")
    if vm["memory"]["mode"] == "dynamic":
        return line
    rest = {key: value for key, value in line.items() if key not in ("command", "size")}
    if vm["power"] == "off":
        return {**rest, "command": "configure-memory", "memory": {"static": {"size": target}}}
    if target == vm["assigned"]:
        return {**rest, "command": "nothing"}
    command = "add-memory" if target > vm["assigned"] else "remove-memory"
    return {**rest, "command": command, "amount": abs(target - vm["assigned"])}


def conditions(before: State, line: Line) -> Conditions:
    """What must hold, in order, each with the code of the rejection when it does not."""
    command = text(line, "command")
    listed: Conditions = []
    if command in FITTING_POWER:
        listed.append((vm_of(before, line)["power"] in FITTING_POWER[command], "wrong-power-state"))
    if command in MEMORY_COMMANDS:
        return listed + _of_a_change(vm_of(before, line), line)
    return listed + _of_the_rest(before, line, command)


def _of_a_change(vm: VmState, line: Line) -> Conditions:
    command, amount = text(line, "command"), number(line, "amount")
    static = vm["memory"]["mode"] == "static"
    resizable = vm["guest"] not in ("windows-legacy", "unenlightened")
    listed: Conditions = []
    if command in ("add-memory", "remove-memory"):
        listed.append((static, "dynamic-memory-enabled"))
        listed.append((vm["vsc"] and resizable, "guest-cannot-resize"))
        listed.append((version(vm["config_version"]) >= (6, 2), "configuration-version"))
    else:
        listed.append((not static, "dynamic-memory-disabled"))
        listed.append((vm["vsc"], "guest-cannot-resize"))
    listed.append((amount > 0 and amount % QUANTUM == 0, "invalid-amount"))
    needs_report = command == "remove-memory" or (command == "reclaim" and vm["guest"] != "windows-legacy")
    if needs_report:
        listed.append((vm["in_use_reported"], "in-use-not-reported"))
    return listed


def _of_the_rest(before: State, line: Line, command: str) -> Conditions:
    if command == "register-host":
        return [
            (
                number(line, "total") > 0 and number(line, "reserve") <= number(line, "total"),
                "invalid-setting",
            )
        ]
    if command in ("resize-host", "set-reserve"):
        total = number(line, "total") if command == "resize-host" else host_of(before, line)["total"]
        reserve = number(line, "reserve") if command == "set-reserve" else host_of(before, line)["reserve"]
        fits = reserve + sum(host_of(before, line)["book"].values()) <= total
        return [(total > 0, "invalid-setting"), (fits, "host-would-be-overcommitted")]
    if command == "remove-host":
        return [(all(vm["host"] != line["host"] for vm in before["vms"].values()), "host-not-empty")]
    if command == "define-vm":
        cap = cap_of(number(line, "generation"), host_of(before, line)["version"])
        return [(setting_is_valid(setting(line), cap), "invalid-setting")]
    if command == "configure-memory":
        return _of_a_setting(before, line)
    vm = vm_of(before, line)
    if command == "configure-guest":
        kept = version(text(line, "config_version")) >= version(vm["config_version"])
        return [(kept, "invalid-setting")]
    if command == "report-in-use":
        return [(number(line, "in_use") <= vm["assigned"], "implausible")]
    if command == "set-memory":
        return [(False, "dynamic-memory-enabled")]
    if command == "move-vm":
        cap = cap_of(vm["generation"], before["hosts"][text(line, "to")]["version"])
        fits = setting_is_valid(vm["memory"], cap) and vm["high_watermark"] <= cap
        return [(line["to"] != vm["host"], "same-host"), (fits, "invalid-setting")]
    return []


def _of_a_setting(before: State, line: Line) -> Conditions:
    vm, new = vm_of(before, line), setting(line)
    old, off = vm["memory"], vm["power"] == "off"
    same = (new["mode"], new["startup"]) == (old["mode"], old["startup"])
    wider = new["maximum"] >= old["maximum"] and new["minimum"] <= old["minimum"]
    cap = cap_of(vm["generation"], host_of(before, line)["version"])
    return [
        (setting_is_valid(new, cap), "invalid-setting"),
        (off or old["mode"] == "dynamic", "static-while-running"),
        (off or (same and wider), "not-while-running"),
    ]


def shortage(before: State, line: Line) -> int:
    """How much more memory a command without a grant needs than its host has; 0 or less is enough."""
    command = line["command"]
    if command not in ("start", "restore", "reboot-guest", "move-vm"):
        return 0
    vm = vm_of(before, line)
    needs = {
        "start": vm["memory"]["startup"],
        "restore": vm["assigned"],
        "reboot-guest": vm["memory"]["startup"] - vm["assigned"],
        "move-vm": vm["held"],
    }[command]
    host = before["hosts"][text(line, "to")] if command == "move-vm" else host_of(before, line)
    return needs - free_of(host)


def limits(before: State, line: Line) -> dict[str, int]:
    """How far each bound lets one of the four memory changes go, by the code that blames it."""
    vm, host, command = vm_of(before, line), host_of(before, line), line["command"]
    unused, cap = vm["assigned"] - vm["in_use"], cap_of(vm["generation"], host["version"])
    if command == "add-memory":
        return {"insufficient-host-memory": free_of(host), "size-limit": cap - vm["assigned"]}
    if command == "grow":
        return {
            "insufficient-host-memory": free_of(host),
            "size-limit": vm["memory"]["maximum"] - vm["assigned"],
        }
    if command == "remove-memory":
        return {"memory-in-use": unused, "minimum-reached": vm["assigned"] - FLOOR}
    minimum = {"minimum-reached": vm["assigned"] - vm["memory"]["minimum"]}
    return minimum if vm["guest"] == "windows-legacy" else {"memory-in-use": unused, **minimum}


def due(before: State, line: Line) -> Verdict:
    """The decision that the model prescribes for this line in this state."""
    decided = as_decided(before, line)
    command = text(decided, "command")
    if command == "nothing":
        return Verdict("completed", None, 0, 0)
    amount = number(decided, "amount") if command in MEMORY_COMMANDS else None
    if command == "set-memory" and vm_of(before, line)["power"] != "off":
        amount = abs(number(line, "size") - vm_of(before, line)["assigned"])
    for holds, code in conditions(before, decided):
        if not holds:
            return Verdict("rejected", code, amount, None if amount is None else 0)
    if command not in MEMORY_COMMANDS or amount is None:
        short = shortage(before, decided) > 0
        return Verdict("failed", "insufficient-host-memory", None, None) if short else Verdict("done", None, None, None)
    room = limits(before, decided)
    if all(limit >= amount for limit in room.values()):
        return Verdict("completed", None, amount, amount)
    least = min(room.values())
    blamed = next(code for code in BLAMED_FIRST if room.get(code) == least)
    quanta = least // QUANTUM if least > 0 else 0
    return Verdict("partially-completed" if quanta else "failed", blamed, amount, quanta * QUANTUM)

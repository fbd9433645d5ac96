"""The state that must stand after a line, from the snapshot before it and what was granted."""

from __future__ import annotations

from tests.oracle.invariants import MECHANISM, has_driver
from tests.oracle.judge import MEMORY_COMMANDS, as_decided
from tests.oracle.shapes import HostState, Line, Result, State, VmState, number, setting, text

NOTHING = ("rejected", "failed", "input-error")


def copy_of(state: State) -> State:
    """The same figures, sharing nothing."""
    hosts = {id: host.copy() for id, host in state["hosts"].items()}
    for host in hosts.values():
        host["book"] = dict(host["book"])
    vms = {id: vm.copy() for id, vm in state["vms"].items()}
    for vm in vms.values():
        vm["memory"] = vm["memory"].copy()
    return State(hosts=hosts, vms=vms)


def differences(left: State, right: State) -> list[str]:
    """Every figure that differs, as ``vm/web01 assigned: 4 became 6``. An entry of 0 is no entry."""
    found: list[str] = []
    if left == right:  # mostly; to compare figure by figure takes long
        return found
    for kind, mine, yours in (
        ("host", _hosts(left), _hosts(right)),
        ("vm", _vms(left), _vms(right)),
    ):
        for id in sorted(mine.keys() | yours.keys()):
            if id not in mine or id not in yours:
                found.append(f"{kind}/{id} {'appeared' if id in yours else 'is gone'}")
                continue
            if mine[id] == yours[id]:
                continue
            found += [
                f"{kind}/{id} {name}: {mine[id].get(name)} became {yours[id].get(name)}"
                for name in sorted(mine[id].keys() | yours[id].keys())
                if mine[id].get(name) != yours[id].get(name)
            ]
    return found


def _hosts(state: State) -> dict[str, Line]:
    rows: dict[str, Line] = {id: dict(host) for id, host in state["hosts"].items()}
    for id, host in state["hosts"].items():
        rows[id]["book"] = {vm: held for vm, held in host["book"].items() if held}
    return rows


def _vms(state: State) -> dict[str, Line]:
    return {id: dict(vm) for id, vm in state["vms"].items()}


def state_due(before: State, line: Line, result: Result) -> State:
    """The state after the line, if it gets the outcome and the grant of the result, figure by figure."""
    after = copy_of(before)
    if result.outcome in NOTHING:
        return after
    decided = as_decided(before, line)
    command = text(decided, "command")
    if command in ("register-host", "resize-host", "set-reserve", "remove-host"):
        _change_host(after, decided, command)
        return after
    id = text(line, "vm")
    if command == "remove-vm":
        del after["vms"][id]
        return after
    if command == "define-vm":
        after["vms"][id] = _defined(decided)
        return after
    vm = after["vms"][id]
    if command in MEMORY_COMMANDS:
        gives = command in ("add-memory", "grow")
        _change_memory(vm, result.granted or 0 if gives else -(result.granted or 0))
    else:
        _change_vm(vm, decided, command)
    vm["held"] = 0 if vm["power"] in ("off", "saved") else vm["assigned"]
    vm["visible"] = vm["assigned"] + (vm["ballooned"] if MECHANISM[vm["guest"]] == "balloon" else 0)
    after["hosts"][before["vms"][id]["host"]]["book"].pop(id, None)
    after["hosts"][vm["host"]]["book"][id] = vm["held"]
    return after


def _change_host(after: State, line: Line, command: str) -> None:
    id = text(line, "host")
    if command == "register-host":
        total, reserve = number(line, "total"), number(line, "reserve")
        after["hosts"][id] = HostState(total=total, reserve=reserve, version=text(line, "version"), book={})
    elif command == "remove-host":
        del after["hosts"][id]
    elif command == "resize-host":
        after["hosts"][id]["total"] = number(line, "total")
    else:
        after["hosts"][id]["reserve"] = number(line, "reserve")


def _defined(line: Line) -> VmState:
    return VmState(
        host=text(line, "host"),
        generation=number(line, "generation"),
        guest=text(line, "guest"),
        config_version=text(line, "config_version"),
        power="off",
        session=0,
        memory=setting(line),
        assigned=0,
        ballooned=0,
        in_use=0,
        in_use_reported=False,
        paged_out=0,
        high_watermark=0,
        vsc=False,
        hot_pluggable=0,
        visible=0,
        held=0,
    )


def _change_memory(vm: VmState, change: int) -> None:
    """Give (above zero) or take (below) so much memory."""
    has = vm["assigned"] + change
    let_down = min(change, vm["ballooned"]) if change > 0 else 0
    blown_up = -change if change < 0 and MECHANISM[vm["guest"]].startswith("balloon") else 0
    no_longer_fits = max(0, vm["in_use"] - has) if vm["guest"] == "windows-legacy" else 0
    vm["in_use"] -= no_longer_fits
    vm["paged_out"] += no_longer_fits
    vm["ballooned"] += blown_up - let_down
    vm["assigned"] = has
    vm["high_watermark"] = max(vm["high_watermark"], has)
    if vm["guest"] == "windows":
        vm["hot_pluggable"] = has
    if vm["memory"]["mode"] == "static":
        vm["memory"]["startup"] = has


def _change_vm(vm: VmState, line: Line, command: str) -> None:
    if command == "configure-memory":
        vm["memory"] = setting(line)
    elif command == "configure-guest":
        vm["guest"], vm["config_version"] = text(line, "guest"), text(line, "config_version")
    elif command == "report-in-use":
        vm["in_use"], vm["in_use_reported"] = number(line, "in_use"), True
    elif command == "move-vm":
        vm["host"] = text(line, "to")
    elif command in ("pause", "save"):
        vm["power"] = {"pause": "paused", "save": "saved"}[command]
    elif command in ("resume", "restore"):
        vm["power"] = "running"
    elif command in ("start", "stop", "reboot-guest"):
        starts = command != "stop"
        size = vm["memory"]["startup"] if starts else 0
        vm["power"] = "running" if starts else "off"
        vm["session"] += starts
        vm["assigned"] = vm["high_watermark"] = size
        vm["ballooned"] = vm["in_use"] = vm["paged_out"] = 0
        vm["in_use_reported"] = False
        vm["vsc"] = starts and has_driver(vm)
        vm["hot_pluggable"] = size if vm["guest"] == "windows" else 0

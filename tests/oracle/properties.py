"""The properties of every change, as plain predicates over the snapshots before and after one line.

Each takes (before, line, result, after) and returns None when it holds, else one sentence with figures.
``INVARIANTS`` (of one snapshot) and ``PROPERTIES`` (of one change) are everything that must be judged.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.oracle.effects import NOTHING, copy_of, differences, state_due
from tests.oracle.invariants import INVARIANTS, MECHANISM, Broken, Invariant
from tests.oracle.judge import (
    MEMORY_COMMANDS,
    Verdict,
    as_decided,
    due,
    free_of,
    host_of,
    limits,
    unknown_names,
    vm_of,
)
from tests.oracle.shapes import QUANTUM, TIB, Line, Result, State, VmState, mib, number, text

__all__ = ["INVARIANTS", "PROPERTIES", "Broken", "Invariant", "Property", "broken_by"]

Property = Callable[[State, Line, Result, State], Broken]

SUBJECTS = {
    "start": "vm.started",
    "stop": "vm.stopped",
    "pause": "vm.paused",
    "resume": "vm.resumed",
    "save": "vm.saved",
    "restore": "vm.restored",
    "reboot-guest": "vm.rebooted",
    "report-in-use": "vm.in-use-reported",
    "add-memory": "vm.memory-added",
    "grow": "vm.memory-added",
    "remove-memory": "vm.memory-removed",
    "reclaim": "vm.memory-removed",
    "configure-memory": "vm.memory-configured",
    "configure-guest": "vm.guest-configured",
    "define-vm": "vm.defined",
    "remove-vm": "vm.removed",
    "move-vm": "vm.moved",
    "register-host": "host.registered",
    "resize-host": "host.resized",
    "set-reserve": "host.reserve-set",
    "remove-host": "host.removed",
}


def _pair(before: State, line: Line, after: State) -> tuple[VmState, VmState] | None:
    """The VM that the line names, before and after, when it stands in both."""
    id = line.get("vm")
    if not isinstance(id, str) or id not in before["vms"] or id not in after["vms"]:
        return None
    return before["vms"][id], after["vms"][id]


def _change(before: State, line: Line, result: Result) -> str | None:
    """Which of the four memory changes this line is, when it was granted anything or refused; else None."""
    if result.outcome == "input-error" or unknown_names(before, line):
        return None
    command = text(as_decided(before, line), "command")
    return command if command in MEMORY_COMMANDS else None


def outcome_is_honest(before: State, line: Line, result: Result, _after: State) -> Broken:
    """The outcome, the code and the grant are exactly those that the model prescribes."""
    if result.outcome == "input-error":
        return None if result.granted is None else f"an input error was granted {mib(result.granted)}"
    unknown = unknown_names(before, line)
    if unknown:
        return f"{result.outcome}, though unknown: {', '.join(unknown)}"
    if result.granted is not None and not 0 <= result.granted <= (result.requested or 0):
        return f"granted {result.granted} of {result.requested} bytes"
    told = Verdict(result.outcome, result.code, result.requested, result.granted)
    right = due(before, line)
    return None if told == right else f"{told}, where the model says {right}"


def grant_is_applied(before: State, line: Line, result: Result, after: State) -> Broken:
    """The assigned memory changes by exactly what was granted."""
    pair, change = _pair(before, line, after), _change(before, line, result)
    if pair is None or change is None:
        return None
    moved = pair[1]["assigned"] - pair[0]["assigned"]
    granted = result.granted or 0
    if moved != (granted if change in ("add-memory", "grow") else -granted):
        return f"granted {mib(granted)}, but assigned moved by {mib(moved)}"
    return f"rejected, and yet granted {mib(granted)}" if result.outcome == "rejected" and granted else None


def effects(before: State, line: Line, result: Result, after: State) -> Broken:
    """Exactly the figures that the command names change, to the values that it names."""
    if unknown_names(before, line) and result.outcome != "input-error":
        return "it had an effect on what is not there"
    found = differences(state_due(before, line, result), after)
    return f"not as due: {'; '.join(found)}" if found else None


def maximal(before: State, line: Line, result: Result, _after: State) -> Broken:
    """After a short grant not even one quantum more could have been given or taken."""
    change = _change(before, line, result)
    if change is None or result.outcome not in ("partially-completed", "failed"):
        return None
    decided = as_decided(before, line)
    more = (result.granted or 0) + QUANTUM
    fits = more <= number(decided, "amount") and all(more <= bound for bound in limits(before, decided).values())
    return f"granted {mib(result.granted or 0)}, though {mib(more)} would fit" if fits else None


def no_effect_without_grant(before: State, _line: Line, result: Result, after: State) -> Broken:
    """A failed or rejected command, and an input error, change nothing."""
    found = differences(before, after) if result.outcome in NOTHING else []
    return f"{result.outcome}, and yet {'; '.join(found)}" if found else None


def in_use_never_removed(before: State, line: Line, result: Result, after: State) -> Broken:
    """What processes in the guest hold stays theirs, but for a windows-legacy guest under reclaim."""
    pair, change = _pair(before, line, after), _change(before, line, result)
    if pair is None or change is None or (change == "reclaim" and pair[0]["guest"] == "windows-legacy"):
        return None
    old, new = pair
    if (old["in_use"], old["paged_out"]) != (new["in_use"], new["paged_out"]):
        return f"in use {mib(old['in_use'])} became {mib(new['in_use'])}, or was paged out"
    if new["in_use"] > new["assigned"]:
        return f"{mib(new['in_use'])} in use, {mib(new['assigned'])} left"
    return None


def only_balloon_pages_out(before: State, line: Line, result: Result, after: State) -> Broken:
    """Only reclaim on a windows-legacy guest pages out, and no more than no longer fits."""
    pair = _pair(before, line, after)
    paged = pair[1]["paged_out"] - pair[0]["paged_out"] if pair else 0
    if pair is None or paged <= 0:
        return None
    if _change(before, line, result) != "reclaim" or pair[0]["guest"] != "windows-legacy":
        return f"{mib(paged)} paged out by {line['command']} on {pair[0]['guest']}"
    must = pair[0]["in_use"] - pair[1]["assigned"]
    return f"{mib(paged)} paged out, {mib(must)} had to be" if paged > must else None


def conserved(before: State, line: Line, _result: Result, after: State) -> Broken:
    """No memory comes from nowhere or is lost, and no command changes another VM or host."""
    named = {f"vm/{line.get('vm')}", f"host/{line.get('host')}", f"host/{line.get('to')}"}
    if line.get("vm") in before["vms"]:
        named.add(f"host/{vm_of(before, line)['host']}")
    if line["command"] == "define-vm":
        named.discard(f"host/{line.get('host')}")
    others = [each for each in differences(before, after) if each.split(" ")[0] not in named]
    if others:
        return f"it is none of this command's: {'; '.join(others)}"
    for id in before["hosts"].keys() & after["hosts"].keys():
        if line["command"] in ("resize-host", "set-reserve"):
            continue
        old, new = (
            free_of(state["hosts"][id]) + sum(vm["held"] for vm in state["vms"].values() if vm["host"] == id)
            for state in (before, after)
        )
        if old != new:
            return f"free and held of host {id} together were {mib(old)} and are {mib(new)}"
    if line["command"] in ("resize-host", "set-reserve") and before["vms"] != after["vms"]:
        return "a change of a host changed a VM"
    pair = _pair(before, line, after)
    if line["command"] == "move-vm" and pair is not None and {**pair[0], "host": ""} != {**pair[1], "host": ""}:
        return "a move changed more of the VM than its host"
    return None


def watermark_monotone(before: State, line: Line, _result: Result, after: State) -> Broken:
    """Within a session the high watermark is the most that was ever assigned."""
    pair = _pair(before, line, after)
    if pair is None or "off" in (pair[0]["power"], pair[1]["power"]) or pair[0]["session"] != pair[1]["session"]:
        return None
    most = max(pair[0]["high_watermark"], pair[1]["assigned"])
    got = pair[1]["high_watermark"]
    return None if got == most else f"the watermark is {mib(got)}, the most was {mib(most)}"


def visible_moves_as_said(before: State, line: Line, result: Result, after: State) -> Broken:
    """The guest sees a change as its mechanism lets it."""
    pair, change = _pair(before, line, after), _change(before, line, result)
    if pair is None or change is None:
        return None
    moved, granted = pair[1]["visible"] - pair[0]["visible"], result.granted or 0
    balloon = MECHANISM[pair[0]["guest"]] == "balloon"
    if change in ("add-memory", "grow"):
        right = granted - min(granted, pair[0]["ballooned"]) if balloon else granted
    else:
        right = 0 if balloon else -granted
    return None if moved == right else f"visible moved by {mib(moved)}, not by {mib(right)}"


def removed_was_hot_pluggable(before: State, line: Line, result: Result, after: State) -> Broken:
    """A hot-remove takes only what the guest's kernel knows to be volatile."""
    pair, change = _pair(before, line, after), _change(before, line, result)
    if pair is None or change not in ("remove-memory", "reclaim") or pair[0]["guest"] != "windows":
        return None
    granted, volatile = result.granted or 0, pair[0]["hot_pluggable"]
    return f"removed {mib(granted)} of {mib(volatile)} hot pluggable" if granted > volatile else None


def generation_is_no_matter(before: State, line: Line, result: Result, _after: State) -> Broken:
    """Where no size comes near a cap, the same VM of the other generation is decided alike."""
    id = line.get("vm")
    sizes = [line.get(key) for key in ("amount", "size", "in_use")]
    if result.outcome == "input-error" or id not in before["vms"] or line["command"] == "configure-memory":
        return None
    vm = vm_of(before, line)
    reach = vm["high_watermark"] + sum(each for each in sizes if isinstance(each, int))
    if max(reach, vm["memory"]["startup"], vm["memory"]["maximum"]) > TIB:
        return None
    other = copy_of(before)
    other["vms"][text(line, "vm")]["generation"] = 3 - vm["generation"]
    right = due(other, line)
    alike = (right.outcome, right.code, right.granted) == (result.outcome, result.code, result.granted)
    return None if alike else f"{result.outcome} {result.code}, but the other generation gets {right}"


def events_where_due(before: State, line: Line, result: Result, after: State) -> Broken:
    """Exactly the streams of the event table get an event, of the kind that it names."""
    right = _events_due(before, line, result, after)
    told = list(zip(result.streams, result.events, strict=True))
    return None if told == right else f"events {told}, where {right} are due"


def _events_due(before: State, line: Line, result: Result, after: State) -> list[tuple[str, str]]:
    if result.outcome == "input-error":
        return []
    command = text(as_decided(before, line), "command")
    kind = "host" if command in ("register-host", "resize-host", "set-reserve", "remove-host") else "vm"
    if result.outcome in ("rejected", "failed"):
        kind = "host" if command == "define-vm" else kind
        stream = f"{kind}/{line[kind]}"
        return [] if command == "register-host" else [(stream, f"{kind}.command-refused")]
    if command == "nothing":
        return []
    if kind == "host":
        same = command in ("resize-host", "set-reserve") and not differences(before, after)
        return [] if same else [(f"host/{line['host']}", SUBJECTS[command])]
    id = text(line, "vm")
    events = [(f"vm/{id}", SUBJECTS[command])]
    if command == "move-vm":
        events.append((f"host/{vm_of(before, line)['host']}", "host.memory-returned"))
        return [*events, (f"host/{line['to']}", "host.memory-granted")]
    for host in sorted(before["hosts"].keys() & after["hosts"].keys()):
        old, new = (state["hosts"][host]["book"].get(id, 0) for state in (before, after))
        if old != new:
            events.append((f"host/{host}", "host.memory-granted" if new > old else "host.memory-returned"))
    return events


def event_tells_all(before: State, _line: Line, result: Result, after: State) -> Broken:
    """Whatever changed has an event on its own stream that can tell of it.

    The rule says more, of what an event carries; this is what snapshots can show of it.
    """
    told = dict(zip(result.streams, result.events, strict=True))
    for each in differences(before, after):
        stream = each.split(" ")[0]
        if stream not in told or told[stream].endswith("command-refused"):
            return f"no event tells of {each}"
        told_of_memory = told[stream] in ("host.memory-granted", "host.memory-returned")
        if told_of_memory and not each.startswith(f"{stream} book"):
            return f"{told[stream]} cannot tell of {each}"
    return None


def total(before: State, line: Line, result: Result, _after: State) -> Broken:
    """Every command has one decision, and what must always be possible is."""
    outcomes = ("completed", "partially-completed", "failed", "rejected", "done", "input-error")
    if result.outcome not in outcomes:
        return f"{result.outcome!r} is no outcome"
    wordless = result.outcome in ("completed", "done")
    if result.outcome != "input-error" and wordless != (result.code is None):
        return f"{result.outcome} with the code {result.code}"
    id = line.get("vm")
    if result.outcome in ("done", "input-error") or id not in before["vms"]:
        return None
    vm, free = vm_of(before, line), free_of(host_of(before, line)) if "to" not in line else 0
    always = {
        "stop": vm["power"] != "off",
        "remove-vm": vm["power"] == "off",
        "restore": vm["power"] == "saved" and vm["assigned"] <= free,
        "start": vm["power"] == "off" and vm["memory"]["startup"] <= free,
    }
    stuck = always.get(text(line, "command"), False)
    return f"{line['command']} is {result.outcome} in power state {vm['power']}, {mib(free)} free" if stuck else None


PROPERTIES: tuple[Property, ...] = (
    outcome_is_honest,
    grant_is_applied,
    effects,
    maximal,
    no_effect_without_grant,
    in_use_never_removed,
    only_balloon_pages_out,
    conserved,
    watermark_monotone,
    visible_moves_as_said,
    removed_was_hot_pluggable,
    generation_is_no_matter,
    events_where_due,
    event_tells_all,
    total,
)


def broken_by(before: State, line: Line, result: Result, after: State) -> list[str]:
    """Every invariant of the state after and every property of the change that is broken, with its name."""
    states = [(rule.__name__, rule(after)) for rule in INVARIANTS]
    changes = [(rule.__name__, rule(before, line, result, after)) for rule in PROPERTIES]
    return [f"{name}: {says}" for name, says in [*states, *changes] if says is not None]

"""Random commands that look for trouble: few ids, tight hosts, and sizes at or next to every bound.

One generator serves both a Hypothesis state machine and a plain seeded simulation: it asks a ``Chooser``.

    chooser = Seeded(7)                  # or Drawn(data) inside a Hypothesis test with data = st.data()
    line = next_line(chooser, model.snapshot())
    lines = script(Seeded(7), 200)       # 200 lines, chosen against the plain model
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Protocol, TypeVar

from hypothesis import strategies as st

from tests.oracle.invariants import MECHANISM, cap_of
from tests.oracle.judge import free_of
from tests.oracle.model import PlainModel
from tests.oracle.shapes import BIGGEST, FLOOR, MIB, QUANTUM, TIB, Line, State, VmState

Option = TypeVar("Option")

HOSTS = tuple(f"hv{n:02}" for n in range(1, 7))
VMS = tuple("abcdefghijklmnop")
LIVELY = ("windows", "windows", "linux", "linux-legacy")  # guests that most commands do something to
NOBODY = "nobody"
EPOCH = datetime(2026, 11, 23, 9, tzinfo=UTC)

FITS_WHEN = {
    "off": (
        "start",
        "start",
        "start",
        "configure-memory",
        "configure-guest",
        "move-vm",
        "set-memory",
        "remove-vm",
    ),
    "paused": ("resume", "save", "configure-memory", "move-vm", "stop", "set-memory"),
    "saved": ("restore", "restore", "configure-memory", "move-vm", "stop", "set-memory"),
}
FITS_RUNNING = {
    "static": ("add-memory", "remove-memory", "set-memory") * 3,
    "dynamic": (*("grow", "reclaim") * 4, "reboot-guest", "configure-memory"),
}
ANY_RUNNING = ("report-in-use", "report-in-use", "reboot-guest", "pause", "save", "stop", "move-vm")
ON_VMS = (
    *("start", "stop", "pause", "resume", "save", "restore", "reboot-guest", "report-in-use", "add-memory"),
    *("remove-memory", "set-memory", "grow", "reclaim", "move-vm", "remove-vm", "configure-memory"),
    "configure-guest",
)
ON_HOSTS = ("register-host", "resize-host", "set-reserve", "resize-host", "set-reserve", "remove-host")
TOTALS = (64 * MIB, 96 * MIB + 1, 256 * MIB, 1025 * MIB, TIB + 64 * MIB, 14 * TIB, 260 * TIB, BIGGEST)
SIZES = (
    FLOOR,
    FLOOR + QUANTUM,
    64 * MIB,
    128 * MIB,
    TIB - QUANTUM,
    TIB,
    TIB + QUANTUM,
    12 * TIB,
    12 * TIB + QUANTUM,
)
NO_SIZES = (0, 1, FLOOR - QUANTUM, FLOOR + 1, FLOOR + MIB, 240 * TIB, 240 * TIB + QUANTUM)
VERSIONS = ("5.0", "6.1", "6.2", "8.0", "9.0", "10.0")


class Chooser(Protocol):
    """Where the generator gets its choices from."""

    def integer(self, low: int, high: int) -> int:
        """A whole number from low to high, both included."""
        ...


class Seeded:
    """Choices of a seeded generator: the same seed, the same lines."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)

    def integer(self, low: int, high: int) -> int:
        return self._random.randint(low, high)


class Drawn:
    """Choices that Hypothesis makes, and shrinks."""

    def __init__(self, data: st.DataObject) -> None:
        self._data = data

    def integer(self, low: int, high: int) -> int:
        return self._data.draw(st.integers(low, high))


def pick(chooser: Chooser, options: Sequence[Option]) -> Option:
    return options[chooser.integer(0, len(options) - 1)]


def one_in(chooser: Chooser, n: int) -> bool:
    """True about once in n; the simplest choice is False."""
    return chooser.integer(0, n - 1) == n - 1


def next_line(chooser: Chooser, state: State, at: str | None = None) -> Line:
    """One line, likely or hostile, that fits this state or just does not."""
    line = _line(chooser, state)
    return line if at is None else {**line, "at": at}


def script(chooser: Chooser, lines: int, timed: bool = False) -> list[Line]:
    """So many lines, each chosen against the state in which the lines before it leave the plain model.

    Timed, each line carries an ``at`` that now and then is before all the others; untimed none does.
    """
    model, written = PlainModel(), list[Line]()
    moment = EPOCH
    for _ in range(lines):
        at = None
        if timed:
            moment += timedelta(seconds=chooser.integer(0, 90))
            at = (EPOCH - timedelta(days=1) if one_in(chooser, 25) else moment).isoformat()
        written.append(next_line(chooser, model.snapshot(), at))
        model.apply(written[-1])
    return written


def _line(chooser: Chooser, state: State) -> Line:
    hosts, vms = sorted(state["hosts"]), sorted(state["vms"])
    if not hosts or one_in(chooser, 14 if len(hosts) > 1 else 4):
        few = not hosts or (len(hosts) < 2 and not one_in(chooser, 3))
        return _host_line(chooser, state, "register-host" if few else pick(chooser, ON_HOSTS))
    if not vms or one_in(chooser, 25 if len(vms) > 2 else 4):
        return _definition(chooser, state)
    id = NOBODY if one_in(chooser, 60) else pick(chooser, vms)
    command = pick(chooser, ON_VMS)
    if id in state["vms"] and not one_in(chooser, 5):
        vm = state["vms"][id]
        running = (*FITS_RUNNING[vm["memory"]["mode"]], *ANY_RUNNING)
        command = pick(chooser, FITS_WHEN.get(vm["power"], running))
        if command in ("stop", "remove-vm", "save") and not one_in(chooser, 3):
            command = pick(chooser, FITS_WHEN.get(vm["power"], running))
    return _vm_line(chooser, state, command, id)


def _host_line(chooser: Chooser, state: State, command: str) -> Line:
    if command == "register-host":
        fresh = [id for id in HOSTS if id not in state["hosts"]] or HOSTS
        total = 0 if one_in(chooser, 25) else pick(chooser, TOTALS)
        reserve = pick(chooser, (0, 0, MIB, FLOOR, FLOOR, total, total + 1) if one_in(chooser, 4) else (0, MIB))
        version = pick(chooser, ("2022", "2016", "2025", "2019"))
        id = pick(chooser, HOSTS if one_in(chooser, 6) else fresh)
        return {"command": command, "host": id, "version": version, "total": total, "reserve": reserve}
    id = NOBODY if one_in(chooser, 20) else pick(chooser, sorted(state["hosts"]))
    if command == "remove-host" or id not in state["hosts"]:
        return {"command": "remove-host", "host": id}
    host = state["hosts"][id]
    spent = sum(host["book"].values())
    if command == "resize-host":
        least = spent + host["reserve"]
        totals = (least, least, least - 1, least + QUANTUM, least + 1, host["total"], 2 * host["total"], 0)
        return {"command": command, "host": id, "total": _readable(chooser, pick(chooser, totals))}
    most = host["total"] - spent
    reserves = (
        most,
        most + 1,
        0,
        MIB,
        most - QUANTUM + 1,
        most - QUANTUM,
        host["reserve"],
        host["total"] + 1,
    )
    return {"command": command, "host": id, "reserve": _readable(chooser, pick(chooser, reserves))}


def _readable(chooser: Chooser, size: int) -> int:
    """Mostly this size within the readable range; now and then one that is not."""
    if one_in(chooser, 80):
        return pick(chooser, (-1, -QUANTUM, BIGGEST + 1, BIGGEST + QUANTUM))
    return max(0, min(size, BIGGEST))


def _definition(chooser: Chooser, state: State) -> Line:
    fresh = [id for id in VMS if id not in state["vms"]] or VMS
    host = NOBODY if one_in(chooser, 40) else pick(chooser, sorted(state["hosts"]))
    return {
        "command": "define-vm",
        "vm": pick(chooser, VMS if one_in(chooser, 12) else fresh),
        "host": host,
        "generation": pick(chooser, (2, 1)),
        "guest": pick(chooser, tuple(MECHANISM) if one_in(chooser, 2) else LIVELY),
        "config_version": pick(chooser, VERSIONS if one_in(chooser, 3) else VERSIONS[2:]),
        "memory": _memory(chooser, free_of(state["hosts"][host]) if host in state["hosts"] else TIB),
    }


def _size(chooser: Chooser, free: int) -> int:
    if one_in(chooser, 20):
        return _readable(chooser, pick(chooser, NO_SIZES))
    if one_in(chooser, 3):
        return pick(chooser, SIZES)
    near = max(FLOOR, free // QUANTUM * QUANTUM)
    half = max(FLOOR, free // 2 // QUANTUM * QUANTUM)
    return pick(chooser, (FLOOR, FLOOR + QUANTUM, near, half, max(FLOOR, near - 2 * QUANTUM), 64 * MIB))


def _memory(chooser: Chooser, free: int) -> Line:
    if one_in(chooser, 2):
        return {"static": {"size": _size(chooser, free)}}
    sizes = [_size(chooser, free) for _ in range(3)]
    if not one_in(chooser, 12):
        sizes.sort()
    buffer = pick(chooser, (20, 5, 2000) if not one_in(chooser, 20) else (4, 2001))
    weight = pick(chooser, (50, 0, 100) if not one_in(chooser, 20) else (101, 10000))
    minimum, startup, maximum = sizes
    figures = {"minimum": minimum, "startup": startup, "maximum": maximum}
    return {"dynamic": {**figures, "buffer": buffer, "weight": weight}}


def _new_setting(chooser: Chooser, vm: VmState, free: int) -> Line:
    """A fresh setting, or the one that stands with one or two figures nudged."""
    old = vm["memory"]
    if old["mode"] == "static" or one_in(chooser, 4):
        return _memory(chooser, free)
    nudges = (0, 0, QUANTUM, -QUANTUM)
    raised = pick(chooser, (*nudges, QUANTUM, 32 * QUANTUM))
    figures = {
        "minimum": max(0, old["minimum"] + pick(chooser, (*nudges, -QUANTUM))),
        "startup": max(0, old["startup"] + (pick(chooser, nudges) if one_in(chooser, 4) else 0)),
        "maximum": max(0, min(BIGGEST, old["maximum"] + raised)),
    }
    return {"dynamic": {**figures, "buffer": pick(chooser, (5, 20, 2000)), "weight": pick(chooser, (0, 100))}}


def _vm_line(chooser: Chooser, state: State, command: str, id: str) -> Line:
    line: Line = {"command": command, "vm": id}
    vm = state["vms"].get(id)
    if vm is None:
        return {"command": "start", "vm": id}
    host = state["hosts"][vm["host"]]
    if command == "configure-memory":
        line["memory"] = _new_setting(chooser, vm, free_of(host))
    elif command == "configure-guest":
        line["guest"] = pick(chooser, tuple(MECHANISM))
        line["config_version"] = pick(chooser, (vm["config_version"], *VERSIONS))
    elif command == "report-in-use":
        line["in_use"] = _readable(chooser, _in_use(chooser, vm))
    elif command in ("add-memory", "remove-memory", "grow", "reclaim"):
        line["amount"] = _readable(chooser, _amount(chooser, vm, state, command in ("add-memory", "grow")))
    elif command == "set-memory":
        more = one_in(chooser, 2)
        amount = _amount(chooser, vm, state, more) * (1 if more else -1)
        wanted = vm["memory"]["startup"] if one_in(chooser, 6) else vm["memory"]["startup"] + amount
        line["size"] = _readable(chooser, wanted)
    elif command == "move-vm":
        elsewhere = [each for each in sorted(state["hosts"]) if each != vm["host"]]
        here_or_nowhere = (vm["host"], NOBODY)
        stays = not elsewhere or one_in(chooser, 12)
        line["to"] = pick(chooser, here_or_nowhere if stays else elsewhere)
    return line


def _in_use(chooser: Chooser, vm: VmState) -> int:
    has, minimum = vm["assigned"], max(FLOOR, vm["memory"]["minimum"])
    near = (0, minimum, minimum - MIB, minimum + 1, minimum + QUANTUM, has // 2, 31 * MIB)
    if one_in(chooser, 3):
        return pick(chooser, (has, has - 1, has - MIB, has - QUANTUM, has - QUANTUM + 1, has - 3 * QUANTUM, has + 1))
    return pick(chooser, near)


def _amount(chooser: Chooser, vm: VmState, state: State, gives: bool) -> int:
    """An amount at, just under or just over one of the bounds, or a small one, or none at all."""
    if one_in(chooser, 15):
        return pick(chooser, (0, 1, QUANTUM - 1, QUANTUM + 1, MIB, 3 * MIB))
    if one_in(chooser, 3):
        return QUANTUM * pick(chooser, (1, 2, 3, 8, 16))
    host, has = state["hosts"][vm["host"]], vm["assigned"]
    if gives:
        cap = cap_of(vm["generation"], host["version"])
        bounds = (free_of(host), cap - has, vm["memory"]["maximum"] - has, vm["ballooned"])
    else:
        bounds = (has - vm["in_use"], has - FLOOR, has - vm["memory"]["minimum"], has)
    wanted = max(0, pick(chooser, bounds)) // QUANTUM + chooser.integer(-1, 2)
    return QUANTUM * max(1, wanted)

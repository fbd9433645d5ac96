"""The invariants of the memory model, as plain predicates over one snapshot.

Each returns None when it holds and else one sentence with the figures. They are written from stored figures
alone and share no arithmetic with the plain model.
"""

from __future__ import annotations

from collections.abc import Callable

from tests.oracle.shapes import FLOOR, QUANTUM, TIB, Setting, State, VmState, mib

Broken = str | None
Invariant = Callable[[State], Broken]

MECHANISM = {
    "windows": "hot-remove",
    "windows-legacy": "balloon",
    "linux": "balloon-adjusted",
    "linux-legacy": "balloon",
    "unenlightened": "none",
}
FIGURES = ("assigned", "ballooned", "in_use", "paged_out", "high_watermark", "hot_pluggable")


def cap_of(generation: int, host_version: str) -> int:
    """The most memory a VM of this generation may have on a host of this version."""
    by_version = {"2016": 12 * TIB, "2019": 12 * TIB, "2022": 240 * TIB, "2025": 240 * TIB}
    return TIB if generation == 1 else by_version[host_version]


def setting_is_valid(memory: Setting, cap: int) -> bool:
    """Whether this setting may stand for a VM with this cap."""

    def fits(figure: int) -> bool:
        return figure % QUANTUM == 0 and figure >= FLOOR and figure <= cap

    if not fits(memory["startup"]):
        return False
    if memory["mode"] == "static":
        return memory["minimum"] == memory["maximum"] == memory["buffer"] == memory["weight"] == 0
    if not (fits(memory["minimum"]) and fits(memory["maximum"])):
        return False
    if not memory["minimum"] <= memory["startup"] <= memory["maximum"]:
        return False
    return memory["buffer"] in range(5, 2001) and memory["weight"] in range(101)


def has_driver(vm: VmState) -> bool:
    """Whether guest and setting together run the Dynamic Memory client once started."""
    always = vm["guest"] in ("windows", "linux", "linux-legacy")
    return always or (vm["guest"] == "windows-legacy" and vm["memory"]["mode"] == "dynamic")


def figure(vm: VmState, name: str) -> int:
    """One of the FIGURES by name."""
    value = dict(vm)[name]
    assert isinstance(value, int)
    return value


def host_is_real(state: State) -> Broken:
    """A host has memory, a reserve of no less than nothing, and no entry below zero."""
    for id, host in state["hosts"].items():
        if host["total"] <= 0 or host["reserve"] < 0:
            return f"host {id} has total {mib(host['total'])} and reserve {mib(host['reserve'])}"
        for vm, held in host["book"].items():
            if held < 0:
                return f"host {id} has an entry of {mib(held)} for {vm}"
    return None


def host_never_overcommitted(state: State) -> Broken:
    """A host never gives more than it has."""
    for id, host in state["hosts"].items():
        spent = host["reserve"] + sum(host["book"].values())
        if spent > host["total"]:
            return f"host {id} has {mib(host['total'])}, but reserve and VMs take {mib(spent)}"
    return None


def book_agrees(state: State) -> Broken:
    """The host's book and the VM tell the same, and no other host has an entry for it."""
    for id, vm in state["vms"].items():
        held = vm["assigned"] if vm["power"] in ("running", "paused") else 0
        if vm["held"] != held:
            return f"VM {id} is {vm['power']} at {mib(vm['assigned'])} and said to hold {mib(vm['held'])}"
        if vm["host"] not in state["hosts"]:
            return f"VM {id} is on host {vm['host']}, which is not there"
    for id, host in state["hosts"].items():
        for name in host["book"].keys() | state["vms"].keys():
            there = state["vms"].get(name)
            due = there["held"] if there is not None and there["host"] == id else 0
            if host["book"].get(name, 0) != due:
                return f"host {id} has {mib(host['book'].get(name, 0))} for {name}, which holds {mib(due)} there"
    return None


def _of_each(name: str, says: str, judge: Callable[[VmState, State], str | None]) -> Invariant:
    """An invariant that says something of every VM."""

    def invariant(state: State) -> Broken:
        for id, vm in state["vms"].items():
            there = vm["host"] in state["hosts"]
            broken = judge(vm, state) if there else f"its host {vm['host']} is not there"
            if broken is not None:
                return f"VM {id}: {broken}"
        return None

    invariant.__name__ = invariant.__qualname__ = name
    invariant.__doc__ = says
    return invariant


def _in_use(vm: VmState, _: State) -> Broken:
    if not 0 <= vm["in_use"] <= vm["assigned"]:
        return f"{mib(vm['in_use'])} in use of {mib(vm['assigned'])}"
    if not vm["in_use_reported"] and vm["in_use"]:
        return f"{mib(vm['in_use'])} in use, though nothing was reported"
    return None


def _off(vm: VmState, _: State) -> Broken:
    if vm["power"] != "off":
        return None
    left = [f"{name} {mib(figure(vm, name))}" for name in FIGURES if figure(vm, name)]
    left += [name for name in ("vsc", "in_use_reported") if dict(vm)[name]]
    return f"off, and yet {', '.join(left)}" if left else None


def _valid(vm: VmState, state: State) -> Broken:
    cap = cap_of(vm["generation"], state["hosts"][vm["host"]]["version"])
    return None if setting_is_valid(vm["memory"], cap) else f"the setting {vm['memory']} under a cap of {mib(cap)}"


def _bounds(vm: VmState, state: State) -> Broken:
    if vm["power"] == "off":
        return None
    chain = [FLOOR, vm["assigned"], vm["high_watermark"]]
    cap = cap_of(vm["generation"], state["hosts"][vm["host"]]["version"])
    if [*chain, cap] != sorted([*chain, cap]):
        return f"not in order: floor, assigned, watermark, cap are {[*chain, cap]}"
    chain = [vm["memory"]["minimum"], *chain[1:], vm["memory"]["maximum"]]
    if vm["memory"]["mode"] == "dynamic" and chain != sorted(chain):
        return f"not in order: minimum, assigned, watermark, maximum are {chain}"
    return None


def _size(vm: VmState, _: State) -> Broken:
    if vm["memory"]["mode"] == "dynamic" or vm["power"] == "off" or vm["memory"]["startup"] == vm["assigned"]:
        return None
    return f"static {mib(vm['memory']['startup'])}, assigned {mib(vm['assigned'])}"


def _whole(vm: VmState, _: State) -> Broken:
    odd = [name for name in ("assigned", "ballooned", "high_watermark") if figure(vm, name) % QUANTUM]
    if odd or vm["ballooned"] < 0:
        return f"no whole quanta: {', '.join(f'{each} {figure(vm, each)}' for each in odd or ['ballooned'])}"
    return None


def _no_balloon(vm: VmState, _: State) -> Broken:
    without = MECHANISM[vm["guest"]] in ("hot-remove", "none")
    return f"{vm['guest']} with {mib(vm['ballooned'])} in a balloon" if without and vm["ballooned"] else None


def _rest(vm: VmState, _: State) -> Broken:
    balloons = MECHANISM[vm["guest"]] in ("balloon", "balloon-adjusted")
    if vm["power"] == "off" or not balloons or vm["assigned"] + vm["ballooned"] == vm["high_watermark"]:
        return None
    return f"{mib(vm['assigned'])} + balloon {mib(vm['ballooned'])} is not {mib(vm['high_watermark'])}"


def _watermark_seen(vm: VmState, _: State) -> Broken:
    if vm["power"] == "off" or MECHANISM[vm["guest"]] != "balloon" or vm["visible"] == vm["high_watermark"]:
        return None
    return f"sees {mib(vm['visible'])}, the watermark is {mib(vm['high_watermark'])}"


def _current_seen(vm: VmState, _: State) -> Broken:
    if MECHANISM[vm["guest"]] == "balloon" or vm["visible"] == vm["assigned"]:
        return None
    return f"sees {mib(vm['visible'])} of {mib(vm['assigned'])} assigned"


def _hot(vm: VmState, _: State) -> Broken:
    due = vm["assigned"] if vm["guest"] == "windows" else 0
    return None if vm["hot_pluggable"] == due else f"hot pluggable {mib(vm['hot_pluggable'])}, not {mib(due)}"


def _driver(vm: VmState, _: State) -> Broken:
    on = vm["power"] != "off"
    if vm["vsc"] != (on and has_driver(vm)):
        return f"vsc is {vm['vsc']} in {vm['guest']}, {vm['memory']['mode']}, {vm['power']}"
    if on and vm["session"] < 1:
        return f"{vm['power']} in session {vm['session']}"
    if vm["guest"] == "unenlightened" and vm["high_watermark"] != vm["assigned"]:
        return f"unenlightened at {mib(vm['assigned'])}, watermark {mib(vm['high_watermark'])}"
    return None


def _pages(vm: VmState, _: State) -> Broken:
    if vm["paged_out"] < 0 or (vm["paged_out"] and vm["guest"] != "windows-legacy"):
        return f"{vm['guest']} paged out {mib(vm['paged_out'])}"
    return None


in_use_is_assigned = _of_each("in_use_is_assigned", "What is in use is assigned; unreported is zero.", _in_use)
off_means_nothing = _of_each("off_means_nothing", "A VM that is off has nothing.", _off)
settings_valid = _of_each("settings_valid", "The setting is valid for its generation and host.", _valid)
within_bounds = _of_each("within_bounds", "What a VM has lies within its floor, setting and cap.", _bounds)
size_is_assigned = _of_each("size_is_assigned", "A static VM that is not off has its size.", _size)
whole_quanta = _of_each("whole_quanta", "Memory moves in whole quanta.", _whole)
no_balloon_without_one = _of_each("no_balloon_without_one", "Only a balloon guest has one.", _no_balloon)
balloon_is_the_rest = _of_each("balloon_is_the_rest", "The balloon is what the watermark leaves.", _rest)
watermark_is_visible = _of_each("watermark_is_visible", "A balloon guest sees its watermark.", _watermark_seen)
current_is_visible = _of_each("current_is_visible", "Every other guest sees what it has.", _current_seen)
all_hot_pluggable = _of_each("all_hot_pluggable", "A windows guest can lose all that it has.", _hot)
driver_runs = _of_each("driver_runs", "The driver runs exactly where there is one.", _driver)
only_legacy_pages = _of_each("only_legacy_pages", "Only windows-legacy is forced to page out.", _pages)

INVARIANTS: tuple[Invariant, ...] = (
    host_is_real,
    host_never_overcommitted,
    book_agrees,
    in_use_is_assigned,
    off_means_nothing,
    settings_valid,
    within_bounds,
    size_is_assigned,
    whole_quanta,
    no_balloon_without_one,
    balloon_is_the_rest,
    watermark_is_visible,
    current_is_visible,
    all_hot_pluggable,
    driver_runs,
    only_legacy_pages,
)

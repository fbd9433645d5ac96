"""What the plain model is made of: hosts, VMs, what a guest can do, what is valid, what is granted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.oracle.shapes import FLOOR, QUANTUM, TIB, HostState, Setting, VmState

CAN_RESIZE = {"windows", "linux", "linux-legacy"}
SEES_WATERMARK = {"windows-legacy", "linux-legacy"}
GUESTS = {"windows", "windows-legacy", "linux", "linux-legacy", "unenlightened"}
HOST_VERSIONS = {"2016", "2019", "2022", "2025"}


@dataclass
class PlainHost:
    """A host and its book: bytes held by each VM that holds any."""

    id: str
    total: int
    reserve: int
    version: str
    book: dict[str, int] = field(default_factory=dict[str, int])

    def free(self) -> int:
        return self.total - self.reserve - sum(self.book.values())

    def enter(self, vm: str, held: int) -> None:
        """Write what the VM holds now; nothing is no entry."""
        self.book.pop(vm, None)
        if held:
            self.book[vm] = held

    def told(self) -> HostState:
        """The host as a snapshot tells it."""
        return HostState(total=self.total, reserve=self.reserve, version=self.version, book=dict(self.book))


@dataclass
class PlainVm:
    """A VM: what it is, how it is set, and what it has."""

    id: str
    host: str
    name: str
    generation: int
    guest: str
    config_version: str
    memory: Setting
    power: str = "off"
    session: int = 0
    assigned: int = 0
    ballooned: int = 0
    in_use: int = 0
    in_use_reported: bool = False
    paged_out: int = 0
    high_watermark: int = 0
    vsc: bool = False
    hot_pluggable: int = 0

    def static(self) -> bool:
        return self.memory["mode"] == "static"

    def held(self) -> int:
        return self.assigned if self.power in ("running", "paused") else 0

    def visible(self) -> int:
        return self.assigned + self.ballooned if self.guest in SEES_WATERMARK else self.assigned

    def boot(self) -> None:
        """A guest boot: a new session with the startup memory and nothing known of its use."""
        self.power = "running"
        self.session += 1
        self.assigned = self.high_watermark = self.memory["startup"]
        self.ballooned = self.in_use = self.paged_out = 0
        self.in_use_reported = False
        self.vsc = self.guest in CAN_RESIZE or (self.guest == "windows-legacy" and not self.static())
        self.hot_pluggable = self.assigned if self.guest == "windows" else 0

    def power_off(self) -> None:
        self.power = "off"
        self.assigned = self.ballooned = self.in_use = self.paged_out = 0
        self.high_watermark = self.hot_pluggable = 0
        self.in_use_reported = self.vsc = False

    def resized(self) -> None:
        """What follows every change of the assigned memory."""
        if self.guest == "windows":
            self.hot_pluggable = self.assigned
        if self.static():
            self.memory["startup"] = self.assigned

    def told(self) -> VmState:
        """The VM as a snapshot tells it."""
        return VmState(
            host=self.host,
            generation=self.generation,
            guest=self.guest,
            config_version=self.config_version,
            power=self.power,
            session=self.session,
            memory=self.memory.copy(),
            assigned=self.assigned,
            ballooned=self.ballooned,
            in_use=self.in_use,
            in_use_reported=self.in_use_reported,
            paged_out=self.paged_out,
            high_watermark=self.high_watermark,
            vsc=self.vsc,
            hot_pluggable=self.hot_pluggable,
            visible=self.visible(),
            held=self.held(),
        )


def size_cap(generation: int, host_version: str) -> int:
    """The most memory that a VM of this generation can have on such a host."""
    if generation == 1:
        return 1 * TIB
    return 12 * TIB if host_version in ("2016", "2019") else 240 * TIB


def valid(memory: Setting, cap: int) -> bool:
    """Whether a memory setting may stand under this cap."""
    sizes = [memory["startup"]]
    if memory["mode"] == "dynamic":
        sizes = [memory["minimum"], memory["startup"], memory["maximum"]]
        if sizes != sorted(sizes):
            return False
        if not 5 <= memory["buffer"] <= 2000 or not 0 <= memory["weight"] <= 100:
            return False
    return all(each % QUANTUM == 0 and FLOOR <= each <= cap for each in sizes)


def grant(amount: int, bounds: Iterable[tuple[str, int]]) -> tuple[int, str | None]:
    """The whole quanta that every bound allows, and the code of the least bound if that is short.

    The bounds come in the order in which they are blamed when two are equally short.
    """
    least, blamed = amount, None
    for code, bound in bounds:
        if bound < least:
            least, blamed = bound, code
    return max(0, least) // QUANTUM * QUANTUM, blamed

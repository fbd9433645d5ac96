"""An observed VM: the state that its events, applied in order, give. A figure without a measure is ``None``, never 0.

Every figure has the time of its last measure (``measured``), because an observed figure ages. The fold is plain
data, and its size does not grow with the length of the history.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from domain.guests import Guest
from domain.identifiers import UtcTime, seconds_between
from domain.observed.devices import DeviceAccount, assigned_of, balloon_of, held_of, lent_of
from domain.observed.events import (
    Observed,
    VmAnnotated,
    VmChangeRequested,
    VmCheckpoint,
    VmLost,
    VmMemoryMoved,
    VmMemoryShort,
    VmNotListed,
    VmObserved,
    VmRequestSettled,
    VmRetired,
)
from domain.observed.polls import PollFigures
from domain.observed.shortage import MemoryShortage
from domain.observed.words import BASE_MEMORY, Means
from domain.settings import MemorySetting
from domain.shapes import ConfigVersionText
from domain.state import Power

NOT_LISTED: Final = "not_listed"
"""The name under which ``measured`` keeps since when no host lists a VM; it has no such entry while one does."""

RETIRED: Final = "retired"
"""The name under which ``measured`` of a VM or host keeps since when it is retired; it has none while it is not."""

JUST_BEFORE_SECONDS: Final = 90
"""What a guest used longer before a removal shows nothing of that: polls are a minute apart."""


@dataclass(slots=True)
class OpenRequest:
    """The last request for a device, and its outcome so far."""

    number: int
    device: str
    size_from: int | None
    target: int
    amount: int | None
    asked_at: str
    asked_after: str | None
    """The beginning of the interval in which it was made, if only an interval is known."""
    size: int | None
    """The device's size now, or when the request was closed."""
    in_use_before: int | None = None
    """What the guest used just before it was made."""
    settled: VmRequestSettled | None = None
    """Its last settlement."""
    settled_at: str | None = None
    still_open: bool = True

    @property
    def granted(self) -> int | None:
        """The bytes moved towards the target so far: at least 0, at most what was requested."""
        if self.amount is None or self.size_from is None or self.size is None:
            return None
        way = self.size - self.size_from if self.target > self.size_from else self.size_from - self.size
        return max(0, min(self.amount, way))

    @property
    def beyond(self) -> int | None:
        """The bytes that the device moved beyond the target; ``None`` if it did not, or that is unknown."""
        if self.size is None or self.size_from is None or self.target == self.size_from:
            return None
        beyond = self.size - self.target if self.target > self.size_from else self.target - self.size
        return beyond if beyond > 0 else None

    @property
    def reached(self) -> bool:
        """Whether the device has the requested size."""
        return self.size == self.target

    def serves(self, size_from: int, size_to: int) -> bool:
        """Whether a move goes towards the target."""
        return abs(self.target - size_to) < abs(self.target - size_from)


@dataclass(slots=True)
class ObservedVm:
    """A VM that a hypervisor decides about. ``version`` counts the events of its stream."""

    id: str
    name: str
    host: str | None = None
    version: int = 0
    removed: bool = False
    power: Power | None = None
    session: int | None = None
    generation: int | None = None
    guest: Guest | None = None
    kernel: str | None = None
    hypervisor: str | None = None
    config_version: ConfigVersionText | None = None
    memory: MemorySetting | None = None
    assigned: int | None = None
    in_use: int | None = None
    """As measured after the last move; unknown from a move to the next measure."""
    visible: int | None = None
    high_watermark: int | None = None
    """The most that it was seen to have in this session."""
    paged_out: int | None = None
    told_ballooned: int | None = None
    told_held: int | None = None
    guest_total: int | None = None
    guest_block: int | None = None
    guest_offline: int | None = None
    """Memory that the guest has but left offline, as last reported: its own count leaves it out."""
    checkpoints: dict[str, int | None] = field(default_factory=dict[str, int | None])
    """The watermark of each checkpoint that was taken, by its name."""
    kept: int | None = None
    """Memory that firmware and kernel keep out of the guest's own count, by the first measure of the session."""
    lost: bool = False
    short: MemoryShortage | None = None
    """That the guest is short of memory, by its polls."""
    accounts: dict[str, DeviceAccount] = field(default_factory=dict[str, DeviceAccount])
    requests: dict[str, OpenRequest] = field(default_factory=dict[str, OpenRequest])
    """The last request for each device, open or not."""
    requests_made: int = 0
    measured: dict[str, UtcTime] = field(default_factory=dict[str, UtcTime])
    """When each figure was last measured, by its name."""

    @staticmethod
    def begin(id: str) -> ObservedVm:
        """A VM before its first event: nothing is known."""
        return ObservedVm(id=id, name=id)

    def apply(self, event: Observed, happened: UtcTime, earliest: UtcTime | None = None) -> None:
        """Applies the next event of the stream."""
        self.version += 1
        if isinstance(event, VmAnnotated):  # nobody saw the VM: what is known of it is as it was
            return
        self.measured.pop(RETIRED, None)
        if isinstance(event, VmObserved):
            self._observe(event, happened)
        elif isinstance(event, VmMemoryMoved):
            self._move(event, happened)
        elif isinstance(event, VmChangeRequested):
            self.requests_made = max(self.requests_made, event.request)
            if event.accepted is not False:
                self.requests[event.device] = OpenRequest(
                    number=event.request,
                    device=event.device,
                    size_from=event.size_from,
                    target=event.target,
                    amount=event.amount,
                    asked_at=happened,
                    asked_after=earliest,
                    size=event.size_from,
                    in_use_before=self._find_in_use_before(happened),
                )
        elif isinstance(event, VmRequestSettled):
            request = self.requests.get(event.device)
            if request is not None and request.number == event.request:
                request.settled, request.settled_at, request.still_open = event, happened, event.still_open
        elif isinstance(event, VmLost):
            self.lost = True
            self._forget_guest()
        elif isinstance(event, VmCheckpoint) and event.applied:
            self._restore(self.checkpoints.get(event.name))
        elif isinstance(event, VmCheckpoint):
            self.checkpoints[event.name] = self.high_watermark
        elif isinstance(event, VmNotListed | VmRetired):
            name = NOT_LISTED if isinstance(event, VmNotListed) else RETIRED
            self.measured[name], self.power, self.short = happened, None, None
            self._forget_guest()
        elif isinstance(event, VmMemoryShort):
            self.short = (
                None
                if event.over
                else MemoryShortage(by=event.by, since=event.since, available=event.available, pressure=event.pressure)
            )

    @property
    def ballooned(self) -> int | None:
        """What the guest lent to the host through its balloon."""
        if balloon_of(self.accounts) is None:
            return self.told_ballooned if self.told_ballooned is not None or not self.accounts else 0
        return lent_of(self.accounts)

    @property
    def held_as_of(self) -> str:
        """When what it holds was last measured; empty if it never was."""
        return max(self.measured.get("assigned", ""), self.measured.get("power", ""))

    @property
    def held(self) -> int | None:
        """What the VM takes of its host's budget: the devices that the budget backs, or else all that is assigned."""
        if self.not_listed_since is not None or self.retired_since is not None:
            return 0
        if self.told_held is not None:
            return self.told_held
        if not self.accounts:
            if self.power in (Power.OFF, Power.SAVED):
                return 0
            return self.assigned if self.power is not None else None
        return held_of(self.accounts)

    @property
    def not_listed_since(self) -> UtcTime | None:
        """When the first list of its last host lacked it. It holds nothing until it is listed again."""
        return self.measured.get(NOT_LISTED)

    @property
    def retired_since(self) -> UtcTime | None:
        """When somebody said that it is gone for good. It is not retired any more once it is seen again."""
        return self.measured.get(RETIRED)

    def open_request(self, device: str) -> OpenRequest | None:
        """The request for a device that is still open."""
        request = self.requests.get(device)
        return request if request is not None and request.still_open else None

    def size(self, device: str) -> int | None:
        """A device's size; ``None`` if it is unknown."""
        account = self.accounts.get(device)
        return None if account is None else account.size

    def _find_in_use_before(self, moment: UtcTime) -> int | None:
        """What the guest uses, if that was measured just before."""
        measured = self.measured.get("in_use")
        if measured is None or not 0 <= seconds_between(measured, moment) <= JUST_BEFORE_SECONDS:
            return None
        return self.in_use

    def _restore(self, watermark: int | None) -> None:
        """A checkpoint with this watermark was applied. What virtio-mem and balloons had is of a time that is undone.

        Modules cannot have changed: a checkpoint is applied only to a VM that has the same.
        """
        if self.power is Power.OFF:
            return
        self.high_watermark = watermark
        self._forget_guest()
        undone = [account for account in self.accounts.values() if account.means not in (Means.BOOT, Means.PC_DIMM)]
        for account in undone:
            account.size = None
        if undone or watermark is None or (self.assigned is not None and self.assigned > watermark):
            self.assigned = None

    def _set_assigned(self, assigned: int | None, happened: UtcTime) -> None:
        self.assigned = assigned
        if assigned is not None:
            self.measured["assigned"] = happened
            self._raise_watermark(assigned)

    def _raise_watermark(self, size: int) -> None:
        self.high_watermark = max(self.high_watermark or 0, size)

    def _forget_guest(self) -> None:
        self.in_use = self.visible = self.guest_total = self.guest_offline = None

    def _begin_session(self, session: int) -> None:
        self.session = session
        self.assigned = self.high_watermark = self.kept = self.paged_out = None
        self.told_ballooned = self.told_held = None
        self.lost = False
        self._forget_guest()
        for account in self.accounts.values():
            if account.means is not Means.BOOT or self.power is Power.OFF:
                account.size = None

    def _observe(self, event: VmObserved, happened: UtcTime) -> None:
        if event.host is not None or event.power is not None or event.assigned is not None:
            self.measured.pop(NOT_LISTED, None)
        if event.session is not None and event.session != self.session:
            self._begin_session(event.session)
            if event.devices:  # a session begins with all the devices that there are
                there = {BASE_MEMORY, *(figures.device for figures in event.devices)}
                self.accounts = {device: account for device, account in self.accounts.items() if device in there}
            for figures in event.devices:
                if figures.device in self.accounts:  # also a size that nobody knows yet
                    self.accounts[figures.device].size = figures.size
        for name in (
            "name", "host", "hypervisor", "generation", "guest", "kernel", "config_version", "memory", "power",
            "in_use", "visible", "paged_out", "guest_total", "guest_block", "guest_offline",
        ):  # fmt: skip
            value = getattr(event, name)
            if value is not None:
                setattr(self, name, value)
                self.measured[name] = happened
        if event.ballooned is not None:
            self.told_ballooned = event.ballooned
        if event.held is not None:
            self.told_held = event.held
        elif event.power in (Power.RUNNING, Power.PAUSED):
            self.told_held = None  # what it gave back while it was saved, it has again
        for device in event.devices:
            account = self.accounts.setdefault(device.device, DeviceAccount(means=device.means, size=None))
            account.size = device.size if device.size is not None else account.size
            account.maximum = device.maximum if device.maximum is not None else account.maximum
            account.backed = device.backed if device.backed is not None else account.backed
            account.mechanism = device.mechanism or account.mechanism
            request = self.open_request(device.device)
            if request is not None and device.size is not None:
                request.size = device.size
        if event.assigned is not None or event.devices:
            assigned = event.assigned if event.assigned is not None else assigned_of(self.accounts)
            if event.in_use is None and assigned != self.assigned:
                self.in_use = None  # it was measured of another size
            self._set_assigned(assigned, happened)
        if event.power is Power.OFF:
            self._stop(event, happened)
        elif event.guest_total is not None:
            self.lost = False  # it answers
            if event.visible is None:
                self._see(event.guest_total, happened)

    def _see(self, guest_total: int, happened: UtcTime) -> None:
        """Guest-visible memory is judged by how the guest's own count moves from the first measure of the session."""
        if self.kept is None and self.assigned is not None and self.ballooned == 0:
            self.kept = self.assigned - guest_total - (self.guest_offline or 0)
        if self.kept is not None:
            self.visible = guest_total + self.kept
            self.measured["visible"] = happened

    def _stop(self, event: VmObserved, happened: UtcTime) -> None:
        """Off, a VM has nothing; but its process may hold the memory until it is gone."""
        if event.held is None:
            self.told_held = None
            self.told_held = self.held
        for account in self.accounts.values():
            account.size = 0
        self.assigned = self.in_use = self.visible = self.high_watermark = self.paged_out = 0
        self.short = None
        self.told_ballooned = self.guest_total = self.guest_offline = self.kept = None
        self.measured.update(dict.fromkeys(("assigned", "in_use", "visible"), happened))

    def _move(self, event: VmMemoryMoved, happened: UtcTime) -> None:
        account = self.accounts.setdefault(event.device, DeviceAccount(means=event.means, size=None))
        account.size = event.size_to
        account.backed = event.backed if event.backed is not None else account.backed
        account.mechanism = event.mechanism or account.mechanism
        balloon = balloon_of(self.accounts)
        if event.means is Means.PC_DIMM and balloon is not None and balloon.size is not None:
            size = balloon.size + event.size_to - event.size_from  # its account grows by the module
            balloon.size = size if size >= 0 else None  # what was told before cannot have been so
        self.in_use = None
        self._set_assigned(assigned_of(self.accounts), happened)
        if event.most is not None and self.assigned == event.size_to:
            self._raise_watermark(event.most)
        request = self.open_request(event.device)
        if request is not None:
            request.size = event.size_to
        if event.newest is not None and event.newest.assigned == self.assigned:
            self._poll(event.newest)

    def _poll(self, figures: PollFigures) -> None:
        """What a poll shows of the size that it is."""
        self.measured["assigned"] = figures.at
        if figures.visible is not None:
            self.visible = figures.visible
            self.measured["visible"] = figures.at
        if figures.in_use is not None:
            self.in_use = figures.in_use
            self.measured["in_use"] = figures.at
            if figures.visible is not None and figures.visible >= figures.assigned:
                self.told_ballooned = figures.visible - figures.assigned

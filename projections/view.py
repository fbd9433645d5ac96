"""The guest-visible memory view: what each guest sees, has and uses, and what each host has left, at one moment.

Rows have the names of the view's JSON; sizes are bytes, and ``None`` is unknown.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from domain.aggregates import HostAggregate, VmAggregate
from domain.errors import UnknownHost, UnknownVm
from domain.guests import Guest
from domain.observed.host import ObservedHost
from domain.observed.vm import ObservedVm, OpenRequest
from domain.observed.words import BASE_MEMORY
from domain.settings import HostVersion, MemorySetting
from domain.state import Power
from projections.fleet import Fleet
from projections.tracked import AnyTracked, TrackedVm
from projections.unknowns import (
    UnknownFigure,
    has_stale_balloon,
    in_use_before,
    is_stale,
    known_in_use,
    unknown_figures,
    unknown_host_figures,
)

Origin = Literal["decided", "observed"]


@dataclass(frozen=True, slots=True)
class OpenRequestRow:
    """A request that is not settled for good."""

    request: int
    device: str
    asked_at: str
    asked_after: str | None
    """The beginning of the interval in which it was made, if only an interval is known."""
    requested: int | None
    """The amount that was asked for."""
    granted: int | None
    remaining: int | None
    target: int
    gives: bool | None
    """Whether it asks for more; ``None`` if the size before is unknown."""
    code: str | None
    """Why it is short so far; ``None`` if it has not been settled."""
    settled_at: str | None


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """The last change of what a VM is assigned."""

    vm: str
    position: int
    at: str
    before: int | None
    after: int | None


@dataclass(frozen=True, slots=True)
class HostRow:
    """A host at one moment."""

    host: str
    origin: Origin
    version: HostVersion | None
    total: int | None
    reserve: int | None
    assigned: int | None
    """What its VMs hold of it."""
    free: int | None
    as_of: str | None
    """When its last event happened; ``None`` of a host that only its VMs name."""
    measured: Mapping[str, str]
    """When each figure of an observed host was last measured, by name; those of a decided host are of ``as_of``."""
    reserve_is_stated: bool = False
    """Somebody stated the reserve of an observed host."""
    booted: str | None = None
    """When an observed host booted, as it last said itself."""
    cluster: str | None = None
    """The failover cluster that an observed host is a member of, as it last said itself."""
    watched_until: str | None = None
    """When the last poll was that an import read of an observed host."""
    not_watched: Mapping[str, str] | None = None
    """The last time in which an observed host was not polled: ``since`` and ``until``."""
    unmet: int | None = None
    """What open requests for more memory of its VMs still wait for, together; ``None`` if there is none."""
    last_change: ChangeRow | None = None
    """The last change of what one of its VMs is assigned."""
    unknown: Mapping[str, UnknownFigure] = field(default_factory=dict[str, UnknownFigure])
    """Why each figure that is not known is not, by name."""


@dataclass(frozen=True, slots=True)
class VmRow:
    """A VM at one moment."""

    vm: str
    name: str
    host: str | None
    origin: Origin
    generation: int | None
    guest: Guest | None
    config_version: str | None
    power: Power | None
    session: int | None
    memory: MemorySetting | None
    assigned: int | None
    held: int | None
    visible: int | None
    high_watermark: int | None
    in_use: int | None
    in_use_reported: bool
    ballooned: int | None
    paged_out: int | None
    hot_pluggable: int | None
    as_of: str
    """When its last event happened."""
    in_use_as_of: str | None
    """When the guest last reported its memory in use; ``None`` while that is unknown."""
    measured: Mapping[str, str]
    """When each figure of an observed VM was last measured, by name; those of a decided VM are of ``as_of``."""
    not_listed_since: str | None = None
    """Since when no host lists an observed VM."""
    retired_since: str | None = None
    """Since when an observed VM is retired."""
    watched_until: str | None = None
    """When the last poll of an observed VM's host was that an import read: until then nothing else was seen."""
    requested: int | None = None
    """The size that the open request of an observed VM is for; ``None`` if none is open."""
    open_requests: tuple[OpenRequestRow, ...] = ()
    """The requests of an observed VM that are open, in the order in which they were made."""
    last_change: ChangeRow | None = None
    """The last change of what it is assigned."""
    unknown: Mapping[str, UnknownFigure] = field(default_factory=dict[str, UnknownFigure])
    """Why each figure that is not known is not, by name."""
    newest_poll: str | None = None
    """The time of the poll that assigned, visible and in use are from, if they are newer than the VM's last event."""


@dataclass(frozen=True, slots=True)
class View:
    """The view of a fleet, sorted by id."""

    position: int
    """The position of the last event in it."""
    at: str | None
    """The moment that it shows; ``None`` for an empty ledger."""
    hosts: tuple[HostRow, ...]
    vms: tuple[VmRow, ...]


def view(fleet: Fleet, *, at: str | None = None, vm: str | None = None, host: str | None = None) -> View:
    """The view of a fleet: of one VM and its host, of one host and its VMs, or of all that is not retired.

    ``at`` is the moment that was asked for, if one was; else the view is of its latest event. Raises ``UnknownVm`` or
    ``UnknownHost`` for what is not there at that moment.
    """
    if vm is not None and vm not in fleet.vms:
        raise UnknownVm(vm)
    if host is not None and host not in fleet.hosts and not fleet.on(host):
        raise UnknownHost(host)
    wanted = (id for id in fleet.vms if not _is_retired(fleet.vms[id])) if vm is None else (vm,)
    vms = [polled_vm_row(fleet, id) for id in sorted(wanted)]
    vms = [row for row in vms if host is None or row.host == host]
    current = {id for id in fleet.hosts if id == host or not _is_retired(fleet.hosts[id])}
    only_named = {row.host for row in vms if row.host is not None} - fleet.hosts.keys()
    named = current | only_named if vm is None else {row.host for row in vms}
    ids = sorted(id for id in fleet.hosts.keys() | only_named if id in named and host in (None, id))
    hosts = [_with_requests(host_row(fleet, id) if id in fleet.hosts else _named_host(id), vms) for id in ids]
    return View(position=fleet.position, at=at or fleet.latest, hosts=tuple(hosts), vms=tuple(vms))


def _named_host(id: str) -> HostRow:
    """The row of a host that no event is about: a VM names it."""
    return HostRow(
        host=id,
        origin="observed",
        version=None,
        total=None,
        reserve=None,
        assigned=None,
        free=None,
        as_of=None,
        measured={},
        unknown=unknown_host_figures(None, None),
    )


def _with_requests(row: HostRow, vms: Sequence[VmRow]) -> HostRow:
    """The row of a host with what its VMs, as far as they are shown, wait for, and with their last change."""
    on = [vm for vm in vms if vm.host == row.host]
    changes = [vm.last_change for vm in on if vm.last_change is not None]
    return replace(
        row,
        unmet=_unmet(request for vm in on for request in vm.open_requests),
        last_change=max(changes, key=lambda change: (change.at, change.position), default=None),
    )


def _unmet(requests: Iterable[OpenRequestRow]) -> int | None:
    """What open requests for more still wait for; ``None`` if that is nothing."""
    return sum(request.remaining for request in requests if request.gives and request.remaining) or None


def _is_retired(tracked: AnyTracked) -> bool:
    subject = tracked.subject
    return isinstance(subject, ObservedVm | ObservedHost) and subject.retired_since is not None


def host_row(fleet: Fleet, id: str) -> HostRow:
    """The row of one host, which must be in the fleet."""
    tracked, account = fleet.hosts[id], fleet.account(id)
    subject = tracked.subject
    return HostRow(
        host=id,
        origin="decided" if isinstance(subject, HostAggregate) else "observed",
        version=subject.state.version if isinstance(subject, HostAggregate) else subject.host_version,
        total=account.total,
        reserve=account.reserve,
        assigned=account.held,
        free=account.known_free,
        as_of=tracked.as_of,
        measured={} if isinstance(subject, HostAggregate) else dict(subject.measured),
        reserve_is_stated=not isinstance(subject, HostAggregate) and subject.reserve_is_stated,
        booted=None if isinstance(subject, HostAggregate) else subject.booted,
        cluster=None if isinstance(subject, HostAggregate) else subject.cluster,
        watched_until=None if isinstance(subject, HostAggregate) else subject.watched_until,
        not_watched=None
        if isinstance(subject, HostAggregate) or subject.gap is None
        else {"since": subject.gap.since, "until": subject.gap.until},
        unmet=_unmet(
            request for vm in fleet.observed_on(id) if vm.retired_since is None for request in _open_requests(vm)
        ),
        unknown=unknown_host_figures(tracked, account),
    )


def polled_vm_row(fleet: Fleet, id: str) -> VmRow:
    """The row of a VM with what the newest poll of its host shows, if that is newer than the VM's last event."""
    row = vm_row(id, fleet.vms[id])
    host = None if row.host is None else fleet.hosts.get(row.host)
    if host is None or not isinstance(host.subject, ObservedHost) or row.not_listed_since is not None:
        return row
    row = replace(row, watched_until=host.subject.watched_until)
    newest = host.subject.newest.get(row.vm)
    if newest is None or newest.at <= row.measured.get("assigned", ""):
        return row
    figures = {"assigned": newest.assigned, "visible": newest.visible, "in_use": newest.in_use}
    known = {name: size for name, size in figures.items() if size is not None}
    polled = known.keys() | ({"ballooned"} if newest.visible is not None else set[str]())
    unknown = {name: figure for name, figure in row.unknown.items() if name not in polled}
    if newest.in_use is None and row.in_use is not None:
        unknown["in_use"] = in_use_before(newest.at, row.in_use, fleet.vms[row.vm].in_use_as_of)
    return replace(
        row,
        assigned=newest.assigned,
        visible=known.get("visible", row.visible),
        high_watermark=max(newest.assigned, row.high_watermark or 0),
        in_use=newest.in_use,
        in_use_reported=newest.in_use is not None,
        in_use_as_of=None if newest.in_use is None else newest.at,
        measured={**row.measured, **dict.fromkeys(known, newest.at)},
        newest_poll=newest.at,
        unknown=unknown,
    )


def vm_row(id: str, tracked: TrackedVm) -> VmRow:
    """The row of one VM."""
    subject = tracked.subject
    if isinstance(subject, VmAggregate):
        return _decided_vm(id, subject, tracked)
    return _observed_vm(id, subject, tracked)


def _decided_vm(id: str, vm: VmAggregate, tracked: TrackedVm) -> VmRow:
    state = vm.state
    return VmRow(
        vm=id,
        name=vm.name,
        host=vm.host,
        origin="decided",
        generation=state.generation,
        guest=state.guest,
        config_version=str(state.config_version),
        power=state.power,
        session=state.session,
        memory=state.memory,
        assigned=state.assigned,
        held=state.held,
        visible=state.visible,
        high_watermark=state.high_watermark,
        in_use=known_in_use(state),
        in_use_reported=state.in_use_reported,
        ballooned=state.ballooned,
        paged_out=state.paged_out,
        hot_pluggable=state.hot_pluggable,
        as_of=tracked.as_of,
        in_use_as_of=tracked.in_use_as_of,
        measured={},
        last_change=_change_row(id, tracked),
        unknown=unknown_figures(tracked),
    )


def _observed_vm(id: str, vm: ObservedVm, tracked: TrackedVm) -> VmRow:
    return VmRow(
        vm=id,
        name=vm.name,
        host=vm.host,
        origin="observed",
        generation=vm.generation,
        guest=vm.guest,
        config_version=None if vm.config_version is None else str(vm.config_version),
        power=vm.power,
        session=vm.session,
        memory=vm.memory,
        assigned=vm.assigned,
        held=vm.held,
        visible=None if is_stale(tracked, "visible") else vm.visible,
        high_watermark=vm.high_watermark,
        in_use=vm.in_use,
        in_use_reported=vm.in_use is not None,
        ballooned=None if has_stale_balloon(tracked) else vm.ballooned,
        paged_out=vm.paged_out,
        hot_pluggable=None,
        as_of=tracked.as_of,
        in_use_as_of=tracked.in_use_as_of,
        measured=dict(vm.measured),
        not_listed_since=vm.not_listed_since,
        retired_since=vm.retired_since,
        requested=None if (request := vm.open_request(BASE_MEMORY)) is None else request.target,
        open_requests=_open_requests(vm),
        last_change=_change_row(id, tracked),
        unknown=unknown_figures(tracked),
    )


def _open_requests(vm: ObservedVm) -> tuple[OpenRequestRow, ...]:
    """The requests of an observed VM that are open, in the order in which they were made."""
    by_number = sorted(vm.requests.values(), key=lambda request: request.number)
    return tuple(_open_request_row(request) for request in by_number if request.still_open)


def _open_request_row(request: OpenRequest) -> OpenRequestRow:
    settled, granted = request.settled, request.granted
    remaining = None if request.amount is None or granted is None else request.amount - granted
    return OpenRequestRow(
        request=request.number,
        device=request.device,
        asked_at=request.asked_at,
        asked_after=request.asked_after,
        requested=request.amount,
        granted=granted,
        remaining=remaining,
        target=request.target,
        gives=None if request.size_from is None else request.target > request.size_from,
        code=None if settled is None or settled.code is None else str(settled.code),
        settled_at=request.settled_at,
    )


def _change_row(id: str, tracked: TrackedVm) -> ChangeRow | None:
    change = tracked.last_change
    if change is None:
        return None
    return ChangeRow(vm=id, position=change.position, at=change.at, before=change.before, after=change.after)

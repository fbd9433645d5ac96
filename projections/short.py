"""Which VMs are short of memory and why, worst first; and of which that cannot be said. Sizes are bytes."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from domain.aggregates import VmAggregate
from domain.decision import Outcome
from domain.identifiers import UtcTime, seconds_between
from domain.observed.host import ObservedHost
from domain.observed.shortage import ShortBy
from domain.observed.vm import ObservedVm, OpenRequest
from domain.settings import HostVersion
from domain.state import Power
from projections.fleet import Fleet
from projections.tracked import TrackedVm
from projections.view import View, VmRow, view

HEARD_SECONDS: Final = 3600
"""A VM that was seen for the last time longer ago is not heard of."""
_WITHOUT_AVAILABLE: Final = (HostVersion.V2016, HostVersion.V2019)
"""Releases without the counter Guest Available Memory."""
_ON: Final = (Power.RUNNING, Power.PAUSED)
_MAY_RUN: Final = (*_ON, None)
"""A VM that only counters or reports show has no power that is known."""


class WhyShort(StrEnum):
    """Why a VM is short of memory, the worst first."""

    PRESSURE = "pressure"
    """At its maximum, it needs more than it has."""
    AVAILABLE = "available"
    """Little of its memory is available."""
    SHORT_GRANT = "short-grant"
    """It was granted less than was requested, and has no more since."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ShortVm:
    """A VM that is short of memory."""

    vm: str
    name: str
    host: str | None
    why: WhyShort
    since: str
    missing: int | None
    """What it was not granted; ``None`` where nothing was requested."""
    assigned: int | None
    maximum: int | None
    """The most that Dynamic Memory gives it; ``None`` without Dynamic Memory."""
    available: int | None
    pressure: int | None
    last_heard: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UnmeasuredVm:
    """A VM of which nobody can say whether it is short of memory."""

    vm: str
    name: str
    host: str | None
    reason: str
    """``not-heard``, ``power-unknown``, ``not-measured`` or ``no-counter`` (a host before Server 2022: by pressure)."""
    since: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shortages:
    """All VMs that are short of memory, and those of which that is unknown, at a moment."""

    at: str
    short: tuple[ShortVm, ...]
    unknown: tuple[UnmeasuredVm, ...]
    running: int
    """The VMs that run, as far as is known."""


@dataclass(frozen=True, slots=True)
class ShortGrant:
    """A command that a decided VM was granted in part, or not at all."""

    requested: int
    assigned_before: int
    happened: str


@dataclass(frozen=True, slots=True)
class _Lack:
    """What is missing of what was requested."""

    missing: int
    since: str


def find_shortages(fleet: Fleet, at: UtcTime, grants: dict[str, ShortGrant]) -> Shortages:
    """The VMs that are short of memory at a moment. ``grants`` has the last short grant of decided VMs, by id."""
    rows: View = view(fleet)
    short: list[ShortVm] = []
    unknown: list[UnmeasuredVm] = []
    for row in rows.vms:
        if row.power not in _MAY_RUN or row.not_listed_since is not None:
            continue
        found = _find(fleet.vms[row.vm], row, grants.get(row.vm))
        if found is not None:
            short.append(found)
        reason = _find_unknown(fleet, row, at)
        if reason is not None:
            unknown.append(reason)
    order = list(WhyShort)
    short.sort(key=lambda one: (order.index(one.why), -(one.missing or 0), one.since))  # rows are sorted by id
    running = sum(row.power in _ON for row in rows.vms)
    return Shortages(at=at, short=tuple(short), unknown=tuple(unknown), running=running)


def _find(tracked: TrackedVm, row: VmRow, grant: ShortGrant | None) -> ShortVm | None:
    subject = tracked.subject
    lack = _find_lack(subject, grant)
    shortage = subject.short if isinstance(subject, ObservedVm) else None
    if shortage is not None:
        why = WhyShort.PRESSURE if shortage.by is ShortBy.PRESSURE else WhyShort.AVAILABLE
        since: str = shortage.since
    elif lack is not None:
        why, since = WhyShort.SHORT_GRANT, lack.since
    else:
        return None
    return ShortVm(
        vm=row.vm,
        name=row.name,
        host=row.host,
        why=why,
        since=since,
        missing=None if lack is None else lack.missing,
        assigned=row.assigned,
        maximum=None if row.memory is None else row.memory.maximum or None,
        available=None if row.in_use is None or row.assigned is None else row.assigned - row.in_use,
        pressure=None if shortage is None else shortage.pressure,
        last_heard=_last_heard(row),
    )


def _find_lack(subject: VmAggregate | ObservedVm, grant: ShortGrant | None) -> _Lack | None:
    """What the last request for more was not granted and is missing still, and since when."""
    if isinstance(subject, ObservedVm):
        lacks = [_Lack(size, request.asked_at) for request in subject.requests.values() if (size := _lacking(request))]
        return _Lack(sum(lack.missing for lack in lacks), min(lack.since for lack in lacks)) if lacks else None
    if grant is None:
        return None
    missing = grant.assigned_before + grant.requested - subject.state.assigned
    return _Lack(missing, grant.happened) if missing > 0 else None


def _lacking(request: OpenRequest) -> int:
    """What a request for more was settled without and is missing still; 0 if it is nothing, or not known."""
    if request.settled is None or request.size_from is None or request.size is None:
        return 0
    if request.target <= request.size_from or request.settled.outcome is Outcome.COMPLETED:
        return 0
    return max(0, request.target - request.size)


def _last_heard(row: VmRow) -> str:
    return max(row.as_of, row.watched_until or row.as_of)


def _find_unknown(fleet: Fleet, row: VmRow, at: UtcTime) -> UnmeasuredVm | None:
    """Why nobody can say whether an observed VM is short."""
    if row.origin != "observed":
        return None
    heard = _last_heard(row)
    if seconds_between(heard, at) > HEARD_SECONDS:
        return UnmeasuredVm(vm=row.vm, name=row.name, host=row.host, reason="not-heard", since=heard)
    if row.in_use is not None:
        return None
    if row.power is None:
        return UnmeasuredVm(vm=row.vm, name=row.name, host=row.host, reason="power-unknown", since=None)
    host = None if row.host is None else fleet.hosts.get(row.host)
    release = host.subject.host_version if host is not None and isinstance(host.subject, ObservedHost) else None
    reason = "no-counter" if release in _WITHOUT_AVAILABLE else "not-measured"
    return UnmeasuredVm(vm=row.vm, name=row.name, host=row.host, reason=reason, since=None)

"""The figures of decided events, read out of the stored bytes: the loop that runs for each event of a long ledger."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Final

from domain.events import (
    Decided,
    Event,
    HostRemoved,
    VmCommandRefused,
    VmDefined,
    VmInUseReported,
    VmMemoryAdded,
    VmMemoryRemoved,
    VmMoved,
    VmRebooted,
    VmRemoved,
    VmStarted,
    VmStopped,
)
from domain.identifiers import split_stream
from domain.kinds import EVENTS
from domain.policy_events import PolicyEvent
from nilometer.report.collecting import Collector
from nilometer.report.skimming.figure_texts import BEGIN, Figures, read_host, read_vm
from nilometer.report.skimming.kept import Beginnings, Listed, Skimmed, SkimmedVm, VmSample, envelope_of
from nilometer.storage.bodies import decode, is_decided, topic_of
from nilometer.storage.reader import Columns

_HAPPENED: Final = b',"earliest":null,"happened":"'
_REASON: Final = b'","reason":'
_TIME: Final = len(_HAPPENED)
_AFTER_TIME: Final = _TIME + len("2026-11-23T09:00:00.000000Z")
_AFTER_REASON: Final = _AFTER_TIME + len(_REASON)
_COMPLETED: Final = b'"outcome":"completed"'
_RESIZE: Final = re.compile(rb'"command":"(?:add-memory|remove-memory|set-memory|grow|reclaim)"')


def _topics_of(*kinds: type[Event]) -> frozenset[str]:
    """The topics of the events of these classes, and of their subclasses, as they are written now."""
    return frozenset(topic_of(event) for event in EVENTS.values() if issubclass(event, kinds))


_DECIDED: Final = _topics_of(Decided)
_REPORTS: Final = _topics_of(VmInUseReported)
_FORGETS: Final = _topics_of(VmStarted, VmRebooted, VmStopped, VmDefined, VmRemoved)
_PLACES: Final = _topics_of(VmDefined, VmMoved)
_CHANGES: Final = _FORGETS | _PLACES | _REPORTS
_VM_REMOVED: Final = _topics_of(VmRemoved)
_HOST_REMOVED: Final = _topics_of(HostRemoved)
_UNSHOWN: Final = _topics_of(PolicyEvent)
"""What a report counts, and shows nothing of."""
_RESIZES: Final = _topics_of(VmMemoryAdded, VmMemoryRemoved)
_REFUSALS: Final = _topics_of(VmCommandRefused)
STEP: Final = 10_000
"""Progress is told every so many events."""


def take_all(
    skimmed: Skimmed,
    others: Collector,
    rows: Iterable[Columns],
    beginnings: Beginnings,
    until: str | None,
    on_progress: Callable[[int], None],
) -> bool:
    """Takes stored events in order; returns whether all could be skimmed.

    This runs for each event of a long ledger: what it costs, a report costs. A byte string is searched from its end,
    which is quicker, and figures that were read once are not read again.
    """
    vms, hosts = skimmed.vms, skimmed.hosts
    vm_figures, host_figures = Figures(read_vm), Figures(read_host)
    first, last, events, read = "", "", 0, 0
    for row in rows:
        position, stream, version, topic, body = row
        read += 1
        if not read % STEP:
            on_progress(read)
        if type(body) is not bytes or type(topic) is not str:  # somebody changed it
            return False
        if topic not in _DECIDED:
            if is_decided(topic):  # in an older shape
                return False
            if topic in _UNSHOWN and until is None:
                others.collected.events += 1
                continue
            # somebody saw it happen, or it is about an import
            envelope = decode(stream, version, topic, body, position)
            if until is None or envelope.metadata.happened <= until:
                others.take(envelope)
            continue
        mark = body.rfind(_HAPPENED)
        if mark < 0 or body[mark + _AFTER_TIME : mark + _AFTER_REASON] != _REASON:
            return False
        happened = body[mark + _TIME : mark + _AFTER_TIME].decode()
        if until is not None and happened > until:
            continue
        if happened > last:
            last = happened
        if not first or happened < first:
            first = happened
        events += 1
        begin = body.find(BEGIN) + len(BEGIN)
        text = body[begin : body.find(b"}", begin)]
        vm = vms.get(stream)
        host = None if vm is not None else hosts.get(stream)
        if vm is None and host is None:
            kind, id = split_stream(stream)
            if kind == "vm":
                vm = vms[stream] = beginnings.new_vm(id)
            else:
                host = hosts[stream] = beginnings.new_host(id)
        if vm is not None:
            if (of_vm := vm_figures[text]) is None:
                return False
            if topic in _CHANGES:
                _change(vm, row, happened)
            assigned, visible, watermark, used, ballooned, power, session = of_vm
            in_use = used if vm.in_use_as_of is not None or power == b"off" else None
            sample: VmSample = (
                position, happened, assigned, visible, watermark, in_use, ballooned, power, session,
                vm.host, vm.in_use_as_of,
            )  # fmt: skip
            if topic in _VM_REMOVED:
                sample = (position, happened, None, None, None, None, None, b"off", None, vm.host, None)
            listed = (row, sample)
            vm.rows.append(listed)
            vm.first = vm.first or happened
            if happened > vm.last:
                vm.last = happened
            vm.waiting.append(sample)
            if len(vm.waiting) >= beginnings.waiting:
                vm.points.extend(vm.waiting)
                vm.waiting.clear()
            if topic in _RESIZES or topic in _REFUSALS:
                _take_request(skimmed, vm, listed)
        elif host is not None and topic in _HOST_REMOVED:
            host.rows.append((row, None))
            host.removals += 1
            host.last = max(host.last, happened)
        elif host is not None:
            if (of_host := host_figures[text]) is None:
                return False
            host_sample = (position, happened, *of_host)
            host.rows.append((row, host_sample))
            host.first = host.first or happened
            if happened > host.last:
                host.last = happened
            host.waiting.append(host_sample)
            if len(host.waiting) >= beginnings.waiting:
                host.points.extend(host.waiting)
                host.waiting.clear()
    skimmed.first, skimmed.last, skimmed.events = first, last, events
    for vm in vms.values():
        vm.points.extend(vm.waiting)
        vm.waiting.clear()
    for host in hosts.values():
        host.points.extend(host.waiting)
        host.waiting.clear()
    return True


def _change(vm: SkimmedVm, row: Columns, happened: str) -> None:
    """What an event says of a VM beside its figures."""
    topic = row[3]
    if topic in _REPORTS:
        vm.in_use_as_of = happened
    elif topic in _FORGETS:
        vm.in_use_as_of = None
    if topic in _PLACES:
        vm.host = _host_of(row) or vm.host


def _take_request(skimmed: Skimmed, vm: SkimmedVm, listed: Listed) -> None:
    _, _, _, topic, body = listed[0]
    is_refused = topic in _REFUSALS
    if is_refused and _RESIZE.search(body) is None:
        return
    vm.asked += 1
    vm.requests.append(listed)
    skimmed.requests.append(listed)
    if is_refused or body.rfind(_COMPLETED) < 0:
        vm.fell_short += 1
        vm.short.append(listed)


def _host_of(row: Columns) -> str | None:
    """The host that an event puts its VM on."""
    event = envelope_of(row).event
    if isinstance(event, VmDefined):
        return event.host
    return event.destination if isinstance(event, VmMoved) else None

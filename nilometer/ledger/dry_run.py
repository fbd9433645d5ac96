"""Rehearsals: commands decided as if they were recorded, each on what those before it would have left."""

from __future__ import annotations

from collections.abc import Sequence

from domain.aggregates import HostAggregate, VmAggregate
from domain.commands import NAMES
from domain.deciding.decider import decide
from domain.envelope import Envelope, Metadata
from domain.errors import InputError, UnknownHost, UnknownVm
from domain.identifiers import UtcTime, host_stream, split_stream, vm_stream
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.requests import Request, Result
from nilometer.times import current_time, format_exact_time
from projections.fleet import Fleet


class DryRun:
    """Decides commands on a ledger, and records nothing. Without a ledger it begins with nothing.

    Results have no positions, but for those of commands that were recorded before.
    """

    def __init__(self, ledger: Ledger | None) -> None:
        self._ledger = ledger
        self._fleet = Fleet() if ledger is None else ledger.views.fleet()
        self._begun: set[str] = set()
        self._touched: set[str] = set()
        """The streams that the command read."""

    def execute_all(self, requests: Sequence[Request], *, keep_going: bool = False) -> list[Result | InputError]:
        """As ``Ledger.execute_all``, without recording anything."""
        answers: list[Result | InputError] = []
        known = self._known([request.key for request in requests if request.key is not None])
        for request in requests:
            try:
                if self._ledger is not None and request.key in known:
                    answers.append(self._ledger.execute(request))  # there already, so nothing is written
                else:
                    answers.append(self._rehearse(request))
            except InputError as error:
                answers.append(error)
                if not keep_going:
                    break
        return answers

    @property
    def fleet(self) -> Fleet:
        """What the commands so far would have left."""
        return self._fleet

    # What a command reads: a ``domain.deciding.decider.World``

    def vm(self, id: str) -> VmAggregate:
        """The decided VM with this id."""
        self._touched.add(vm_stream(id))
        tracked = self._fleet.vms.get(id)
        if tracked is None:
            raise UnknownVm(id)
        subject: object = tracked.subject
        if not isinstance(subject, VmAggregate):
            raise _observed("VM", id)
        return subject

    def host(self, id: str) -> HostAggregate:
        """The decided host with this id."""
        self._touched.add(host_stream(id))
        tracked = self._fleet.hosts.get(id)
        if tracked is None:
            raise UnknownHost(id)
        subject: object = tracked.subject
        if not isinstance(subject, HostAggregate):
            raise _observed("host", id)
        return subject

    def is_taken(self, stream: str) -> bool:
        """Whether a stream of this name ever began."""
        recorded = self._ledger is not None and any(True for _ in self._ledger.stream(stream))
        return stream in self._begun or recorded

    def vms_on(self, host: str) -> int:
        """How many VMs, running or not, are on a host."""
        return len(self._fleet.on(host))

    # Deciding

    def _known(self, keys: Sequence[str]) -> frozenset[str]:
        return frozenset() if self._ledger is None or not keys else self._ledger.known(keys)

    def _rehearse(self, request: Request) -> Result:
        self._touched.clear()
        answer = decide(request.command, self)
        happened = self._happened(request, self._touched | {stream for stream, _ in answer.events})
        metadata = Metadata(request.actor, request.via, happened, current_time(), request.correlation or "rehearsal")
        for stream, event in answer.events:
            self._begun.add(stream)
            self._fleet.apply(Envelope(stream, 0, event, metadata, self._fleet.position + 1))
        return Result(
            request,
            NAMES[type(request.command)],
            answer.target,
            answer.outcome,
            answer.code,
            answer.requested,
            answer.granted,
            (),
            tuple(event for _, event in answer.events),
            happened=happened if answer.events else None,
        )

    def _happened(self, request: Request, touched: set[str]) -> UtcTime:
        newest = max(touched, key=self._as_of)
        last = self._as_of(newest)
        if request.at is not None and request.at < last:
            at, latest = format_exact_time(request.at), format_exact_time(last)
            raise InputError(
                f"'at' {at} is before the last event of {newest}, which happened {latest}",
                hint="times in a history only go forward: give a later time, or leave 'at' out to mean now",
            )
        return request.at or max(current_time(), last)

    def _as_of(self, stream: str) -> UtcTime:
        kind, id = split_stream(stream)
        tracked = (self._fleet.vms if kind == "vm" else self._fleet.hosts).get(id)
        return UtcTime("") if tracked is None else tracked.as_of


def _observed(kind: str, id: str) -> InputError:
    return InputError(
        f"the {kind} {id!r} is observed: a hypervisor decides about it, and Nilometer only records what it did",
        hint="record what was done with: nilo record",
    )

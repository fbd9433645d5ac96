"""Dry runs: commands decided as if they were recorded, each on what those before it would have left."""

from __future__ import annotations

from collections.abc import Sequence

from domain.aggregates import GroupAggregate, HistoryError, HostAggregate, VmAggregate
from domain.deciding.decider import decide
from domain.deciding.enforced import EnforcedPolicy, at_time, has_windows, sum_group
from domain.deciding.reads import load, named_streams
from domain.envelope import Envelope, Metadata
from domain.errors import InputError
from domain.identifiers import StreamName, UtcTime, host_stream, split_stream, vm_stream
from domain.replacing import replace
from nilometer.errors import UnreadableEvent
from nilometer.ledger.ledger import Ledger
from nilometer.ledger.moments import find_moment
from nilometer.ledger.repository import count_on, decided_host, decided_on, decided_vm, decided_vms
from nilometer.ledger.requests import Request, Result, result_of
from nilometer.ledger.unit_of_work import undecidable
from nilometer.ledger.validating import check_requests
from nilometer.times import Clock, current_time, system_clock
from projections.fleet import Fleet


class DryRun:
    """Decides commands on a ledger, and records nothing. Without a ledger it begins with nothing, by ``clock``.

    Results have no positions, but for those of commands that were recorded before.
    """

    def __init__(self, ledger: Ledger | None, clock: Clock = system_clock) -> None:
        self._ledger = ledger
        self._clock = clock if ledger is None else ledger.clock
        self._fleet = Fleet() if ledger is None else ledger.views.fleet()
        self._begun: set[StreamName] = set()
        """The streams that began here."""
        self._policies: tuple[EnforcedPolicy, ...] | None = None

    def execute_all(self, requests: Sequence[Request], *, keep_going: bool = False) -> list[Result | InputError]:
        """As ``Ledger.execute_all``, without recording anything."""
        answers: list[Result | InputError] = []
        checked = check_requests(requests, keep_going=keep_going)
        known = self._known(
            [request.key for request in checked if isinstance(request, Request) and request.key is not None]
        )
        for request in checked:
            try:
                if isinstance(request, InputError):
                    raise request
                if self._ledger is not None and request.key in known:
                    answers.append(self._ledger.execute(request))  # there already, so nothing is written
                else:
                    answers.append(self._decide(request))
            except InputError as error:
                answers.append(error)
                if not keep_going:
                    break
        return answers

    @property
    def fleet(self) -> Fleet:
        """What the commands so far would have left."""
        return self._fleet

    # Loading: a ``domain.deciding.reads.Aggregates``

    def vm(self, id: str) -> VmAggregate:
        """The decided VM with this id. Raises ``UnknownVm``, or ``InputError`` if a hypervisor decides about it."""
        self._check_known(vm_stream(id))
        return decided_vm(id, self._fleet.vms.get(id))

    def host(self, id: str) -> HostAggregate:
        """The decided host with this id. Raises ``UnknownHost``, or ``InputError`` if a hypervisor decides about it."""
        self._check_known(host_stream(id))
        return decided_host(id, self._fleet.hosts.get(id))

    def is_taken(self, stream: StreamName) -> bool:
        """Whether a stream of this name ever began."""
        recorded = self._ledger is not None and self._ledger.has_begun(stream)
        return stream in self._begun or recorded

    def count_vms(self, host: str) -> int:
        """How many VMs, running or not, are on a host."""
        return count_on(self._fleet, host)

    def vms_on(self, host: str) -> list[VmAggregate]:
        """The decided VMs that are on a host."""
        return decided_on(self._fleet, host)

    def all_vms(self) -> list[VmAggregate]:
        """All decided VMs."""
        return decided_vms(self._fleet)

    def group(self, policy: EnforcedPolicy) -> GroupAggregate:
        """What the VMs of the group of a policy hold together."""
        return sum_group(policy, self.all_vms())

    @property
    def policies(self) -> tuple[EnforcedPolicy, ...]:
        """The policies that the ledger has adopted."""
        if self._policies is None:
            self._policies = self._ledger.policy_set().enforced if self._ledger is not None else ()
        return self._policies

    def _check_known(self, stream: StreamName) -> None:
        if stream in self._fleet.ended:
            raise self._fleet.ended[stream]

    # Deciding

    def _known(self, keys: Sequence[str]) -> frozenset[str]:
        return frozenset() if self._ledger is None or not keys else self._ledger.known(keys)

    def _decide(self, request: Request) -> Result:
        recorded = current_time(self._clock)
        try:
            reads = load(request.command, self)
            if has_windows(reads.policies):
                moment = self._time_of(request, recorded, reads.streams or named_streams(request.command))
                reads = replace(reads, policies=at_time(reads.policies, moment))
            answer = decide(request.command, reads)
        except (UnreadableEvent, HistoryError) as error:
            raise undecidable(error) from error
        streams = reads.streams.union([stream for stream, _ in answer.events])
        happened = self._time_of(request, recorded, streams or named_streams(request.command))
        metadata = Metadata(
            actor=request.actor,
            via=request.via,
            happened=happened,
            recorded=recorded,
            correlation=request.correlation or "rehearsal",
        )
        for stream, event in answer.events:
            self._begun.add(stream)
            position = self._fleet.position + 1
            self._fleet.apply(Envelope(stream=stream, version=0, event=event, metadata=metadata, position=position))
        return result_of(request, answer, (), happened if answer.events else None)

    def _time_of(self, request: Request, recorded: UtcTime, streams: set[StreamName]) -> UtcTime:
        newest = max(streams, key=self._as_of)
        return find_moment(request, recorded, self._as_of(newest), lambda: newest)

    def _as_of(self, stream: StreamName) -> UtcTime:
        kind, id = split_stream(stream)
        tracked = (self._fleet.vms if kind == "vm" else self._fleet.hosts).get(id)
        return UtcTime("") if tracked is None else tracked.as_of

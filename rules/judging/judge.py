"""The door: takes a history event by event, in its order, and gives the findings.

Memory grows with the number of hosts and VMs, not with the length of the history.
"""

from __future__ import annotations

from domain.envelope import Envelope
from domain.events import Decided, Event, VmDefined, VmEvent
from domain.identifiers import subject_id, vm_id
from domain.observed.events import Observed, VmObserved
from rules.judging.collector import Docket
from rules.judging.completeness import Wholeness
from rules.judging.decided.attribution import rules_of
from rules.judging.decided.judge import DecidedJudge
from rules.judging.findings import Account, Finding
from rules.judging.observed.judge import ObservedJudge
from rules.judging.origins import Origins
from rules.judging.scope import EVERYTHING, Scope


class Judge:
    """Judges one history. Events come in the order in which they are told.

    ``place`` is ``file:line`` of each, or empty; ``source`` the ledger that it is of, where the file says so. If not
    ``alone``, other judges are given the events in between, and somebody has seen that none is missing.
    """

    def __init__(self, scope: Scope = EVERYTHING, *, alone: bool = True) -> None:
        self.scope = scope
        self._docket = Docket(scope)
        self._wholeness = Wholeness(self._docket, self._is_asked_about, alone=alone)
        self._read = 0
        self._origins = Origins(self._docket)
        self._decided = DecidedJudge(self._docket, self._wholeness)
        self._observed = ObservedJudge(self._docket)

    @property
    def events(self) -> int:
        """How many events were read, asked about or not."""
        return self._read

    @property
    def account(self) -> Account:
        """What was judged so far, and how often each rule was asked."""
        self._docket.settle(rules_of)
        return self._docket.account

    def take(self, envelope: Envelope[Event], place: str = "", source: str = "") -> list[Finding]:
        """What is found once this event was read; it may be about events before it."""
        docket = self._docket
        self._read += 1
        if docket.everything or self._is_asked_about(envelope):
            docket.account.events += 1
        if self._wholeness.follows(envelope, source):
            self._judge(envelope, place)
        else:
            for told in self._wholeness.take(envelope, place, source):
                self._judge(told.envelope, told.place)
        return docket.drain()

    def finish(self) -> list[Finding]:
        """What is found because the history ends here."""
        for told in self._wholeness.finish():
            self._judge(told.envelope, told.place)
        self._decided.finish()
        self._observed.finish()
        self._docket.finish()
        return self._docket.drain()

    def _is_asked_about(self, envelope: Envelope[Event]) -> bool:
        scope, stream = self.scope, envelope.stream
        host = self._host_of(envelope) if scope.hosts and vm_id(stream) is not None else None
        return scope.takes(stream, host, envelope.metadata.happened)

    def _host_of(self, envelope: Envelope[Event]) -> str | None:
        """Where a VM is when its event happens; of its first one, where that says."""
        event, id = envelope.event, subject_id(envelope.stream)
        host = self._decided.host_of(id) or self._observed.host_of(id)
        if host is not None:
            return host
        if isinstance(event, VmDefined | VmObserved):
            return event.host
        read = event.evidence.host if isinstance(event, VmEvent) else None
        return None if read is None else read.id

    def _judge(self, envelope: Envelope[Event], place: str) -> None:
        if not self._origins.fits(envelope, place):
            return
        if isinstance(envelope.event, Decided):
            self._decided.take(envelope, place)
        elif isinstance(envelope.event, Observed):
            self._observed.take(envelope, place)

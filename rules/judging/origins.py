"""Whether an event may stand on its stream: a VM's on a VM's, and nothing both decided by the ledger and observed."""

from __future__ import annotations

from functools import cache

from domain.envelope import Envelope
from domain.events import Event
from domain.kinds import DECIDED
from rules.judging.collector import Docket
from rules.judging.descriptions import EVENTS_WHERE_DUE

Sort = tuple[str, str]
"""What an event is about, ``vm`` or ``host``, and who is the authority, as ``observed``."""


class Origins:
    """Of every stream, whether a hypervisor is the authority of it, or the ledger: that is so for life."""

    def __init__(self, docket: Docket) -> None:
        self._docket = docket
        self._sorts: dict[str, Sort] = {}

    def fits(self, envelope: Envelope[Event], place: str) -> bool:
        """Whether the event fits its stream. If not, it is told, and says nothing of the VM or host."""
        event, stream = envelope.event, envelope.stream
        sort, known = _sort(event.KIND), self._sorts.get(stream)
        if sort is known:
            return True
        kind, origin = sort
        docket, where = self._docket, (envelope, place)
        if not stream.startswith(f"{kind}/"):
            docket.ask(where, None)
            why, differ = "no such event stands on such a stream", ({"stream": f"{kind}/"}, {"event": event.KIND})
        elif known is None:
            self._sorts[stream] = sort
            return True
        else:
            docket.ask(where, None)
            why = "what the ledger decides about is never observed, and what is observed it never decides"
            differ = {"origin": known[1]}, {"origin": origin}
        docket.violated(EVENTS_WHERE_DUE, where, why, differ)
        return False


@cache
def _sort(name: str) -> Sort:
    decided = any(name == event.KIND for event in DECIDED)
    return _one_of(name.partition(".")[0], "decided by the ledger" if decided else "observed")


@cache
def _one_of(kind: str, origin: str) -> Sort:
    return kind, origin

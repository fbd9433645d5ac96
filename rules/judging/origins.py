"""Whether an event may stand on its stream: a VM's on a VM's, and nothing both decided by the ledger and observed."""

from __future__ import annotations

from typing import Final

from domain.envelope import Envelope
from domain.events import Decided, Event
from rules.judging.docket import Docket
from rules.judging.records import WHERE_DUE

_SAYS: Final = {"decided": "decided by the ledger", "observed": "observed"}


class Origins:
    """Of every stream, whether a hypervisor is the authority of it, or the ledger: that is so for life."""

    def __init__(self, docket: Docket) -> None:
        self._docket = docket
        self._origins: dict[str, str] = {}

    def fits(self, envelope: Envelope[Event], place: str) -> bool:
        """Whether the event fits its stream. If not, it is told, and says nothing of the VM or host."""
        event, stream = envelope.event, envelope.stream
        kind, origin = event.KIND.partition(".")[0], "decided" if isinstance(event, Decided) else "observed"
        known = self._origins.setdefault(stream, origin)
        if known == origin and stream.startswith(kind) and stream[len(kind) : len(kind) + 1] == "/":
            return True
        docket, where = self._docket, (envelope, place)
        docket.ask(where, None)
        if known == origin:
            why, differ = "no such event stands on such a stream", ({"stream": f"{kind}/"}, {"event": event.KIND})
        else:
            why = "what the ledger decides about is never observed, and what is observed it never decides"
            differ = {"origin": _SAYS[known]}, {"origin": _SAYS[origin]}
        docket.violated(WHERE_DUE, where, why, differ)
        return False

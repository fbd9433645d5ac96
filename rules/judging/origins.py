"""Checks that an event may be on its stream: a VM's event on a VM's stream, and no stream both decided and observed."""

from __future__ import annotations

from functools import cache
from typing import Final

from domain.kinds import BY_POLICIES, DECIDED
from rules.judging.collector import EventRef, FindingCollector
from rules.judging.descriptions import EVENTS_WHERE_DUE
from rules.judging.findings import Difference

StreamType = tuple[str, str]
"""What a stream is about, ``vm`` or ``host``, and who has the authority: ``observed`` or ``decided by the ledger``."""
_DECIDED: Final = "decided by the ledger"


class Origins:
    """The type of every stream: whether it is decided by the ledger or observed never changes."""

    def __init__(self, collector: FindingCollector) -> None:
        self._collector = collector
        self._types: dict[str, StreamType] = {}

    def is_decided(self, stream: str) -> bool:
        """Whether events of this stream were accepted before, and the ledger decides them."""
        type = self._types.get(stream)
        return type is not None and type[1] == _DECIDED

    def accept(self, ref: EventRef) -> bool:
        """Whether the event may be on its stream. If not, that is reported, and the event must not change any state."""
        event, stream = ref.envelope.event, ref.envelope.stream
        type, known = _type_of(event.KIND), self._types.get(stream)
        if type is known:
            return True
        kind, origin = type
        difference: Difference
        if not stream.startswith(f"{kind}/"):
            why = "this kind of event does not belong on this stream"
            difference = {"stream": f"{kind}/"}, {"event": event.KIND}
        elif known is None:
            self._types[stream] = type
            return True
        else:
            why = "a stream is either decided by the ledger or observed, never both"
            difference = {"origin": known[1]}, {"origin": origin}
        self._collector.enter(ref, None)
        self._collector.report_violation(EVENTS_WHERE_DUE, ref, why, difference)
        return False


@cache
def _type_of(name: str) -> StreamType:
    decided = any(name == event.KIND for event in DECIDED + BY_POLICIES)
    return _shared(name.partition(".")[0], _DECIDED if decided else "observed")


@cache
def _shared(kind: str, origin: str) -> StreamType:
    """One tuple per type, so that types can be compared by identity."""
    return kind, origin

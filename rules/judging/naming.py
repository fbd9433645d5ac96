"""Which rules a wrong decision breaks, and which rules speak of which event."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from domain.decision import Decision
from domain.events import VmEvent
from rules.judging.records import FORWARD, HALVES, TELLS_ALL, WHERE_DUE
from rules.judging.tracks import HostTrack, VmTrack
from rules.judging.wholeness import WHOLE

EVERY_EVENT: Final = (TELLS_ALL, WHERE_DUE, FORWARD)

HOST_COMMANDS: Final[Mapping[str, str]] = {
    "register-host": "host.registered",
    "resize-host": "host.resized",
    "set-reserve": "host.reserve-set",
    "remove-host": "host.removed",
}
"""The event of each command on a host, by its stored name."""


def broken(event: VmEvent, again: Decision, vm: VmTrack, host: HostTrack | None) -> list[str]:
    """The rules that the recorded decision breaks, the most telling first."""
    return ["outcome_is_honest"]


def rules_of(kind: object) -> Iterable[str]:
    """The rules that speak of a kind of event."""
    return (WHOLE,) if kind == WHOLE else (*EVERY_EVENT, HALVES)

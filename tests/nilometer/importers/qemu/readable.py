"""Facts as lines that a person can check against a recording: sizes in MiB, times as minutes and seconds."""

from __future__ import annotations

import sys

from domain.guests import Mechanism
from domain.observed.events import (
    Grounds,
    HostObserved,
    Observed,
    VmChangeRequested,
    VmCheckpoint,
    VmLost,
    VmMemoryMoved,
    VmObserved,
    VmRequestSettled,
)
from domain.quantities import MiB
from nilometer.ledger.requests import Fact
from tests.nilometer.importers.qemu.reading import facts
from tests.nilometer.importers.qemu.synthetic import Recording


def mib(size: int | None) -> str:
    """A size in MiB, with two decimals where it is no whole number of them."""
    if size is None:
        return "?"
    return str(size // MiB) if size % MiB == 0 else f"{size / MiB:.2f}"


def when(fact: Fact) -> str:
    """``47:10.293`` for a moment, ``(47:10.239, 47:10.435]`` for an interval."""
    happened = fact.happened[14:23]
    return happened if fact.earliest is None else f"({fact.earliest[14:23]}, {happened}]"


def line(fact: Fact) -> str:
    """One event."""
    event = fact.event
    assert isinstance(event, Observed)
    record = f"#{(event.record or '').rpartition('#')[2]}"
    subject = fact.stream.rpartition(".")[2] if fact.stream.startswith("vm/") else "host"
    return f"{record:<4} {subject:<4} {_what(event)}  @ {when(fact)}"


def list_events(recording: Recording) -> list[str]:
    """The moves, requests and settlements, as lines without their record and VM."""
    kinds = VmMemoryMoved | VmRequestSettled | VmChangeRequested
    return [line(fact)[10:] for fact in facts(recording.lines) if isinstance(fact.event, kinds)]


def _what(event: Observed) -> str:
    if isinstance(event, VmChangeRequested):
        asked = f"asked r{event.request} {event.device} {mib(event.size_from)} -> {mib(event.target)}"
        answer = {True: "accepted", False: "refused", None: "unanswered"}[event.accepted]
        return f"{asked} ({mib(event.amount)}), {answer}{_grounds(event.grounds)}"
    if isinstance(event, VmMemoryMoved):
        why = event.why if event.request is None else f"for r{event.request}"
        by = "" if event.mechanism in (None, Mechanism.HOT_REMOVE) else f" by {event.mechanism}"
        return f"moved {event.device} {mib(event.size_from)} -> {mib(event.size_to)}{by}, {why}{', late' * event.late}"
    if isinstance(event, VmRequestSettled):
        why = "" if event.code is None else f", {event.code} ({event.cause_is})"
        ends = ", still open" * event.still_open + ", late" * event.late
        quoted = "" if event.told is None else f", told: {event.told}"
        granted = f"{mib(event.granted)} of {mib(event.amount)}"
        return f"settled r{event.request} {event.outcome} {granted}{why}{ends}{quoted}"
    if isinstance(event, VmObserved):
        return "observed " + _figures(
            power=event.power,
            session=event.session,
            held=None if event.held is None else mib(event.held),
            assigned=None if event.assigned is None else mib(event.assigned),
            in_use=None if event.in_use is None else mib(event.in_use),
            total=None if event.guest_total is None else mib(event.guest_total),
            label=event.label,
        )
    if isinstance(event, HostObserved):
        return "observed " + _figures(budget=mib(event.budget), free=mib(event.free), label=event.label)
    if isinstance(event, VmCheckpoint):
        return f"checkpoint {event.name} {'applied' if event.applied else 'taken'}"
    assert isinstance(event, VmLost)
    return f"lost: {event.told}"


def _figures(**figures: object) -> str:
    return " ".join(f"{name}={value}" for name, value in figures.items() if value is not None)


def _grounds(grounds: Grounds) -> str:
    known = _figures(
        in_use=None if grounds.in_use is None else mib(grounds.in_use),
        free=None if grounds.free is None else mib(grounds.free),
    )
    return f" [{known}]" if known else ""


if __name__ == "__main__":
    from tests.nilometer.importers.qemu.reading import facts, lines_of

    for name in sys.argv[1:]:
        print(*map(line, facts(lines_of(name))), sep="\n")

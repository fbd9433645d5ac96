"""One host or VM after its next event: what follows, and what cannot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import pytest

from domain.aggregates import HistoryError
from domain.envelope import Envelope
from domain.events import Event
from domain.observed.events import HostObserved, VmObserved
from domain.quantities import GiB
from domain.state import Power
from projections.advancing import advance, advance_vm
from projections.tracked import LastChange, States, TrackedVm
from tests.projections.histories import HOST, START, WEB, Recorder, add, in_use, time, told

REMOVED = told(HOST, WEB, {"command": "remove-vm", "vm": "web01"}, {"command": "remove-host", "host": "hv01"})


def folded(history: Iterable[Envelope[Event]]) -> States:
    states: States = {}
    for envelope in history:
        advance(states, envelope)
    return states


def web01(history: Iterable[Envelope[Event]]) -> TrackedVm:
    tracked = None
    for envelope in history:
        if envelope.stream == "vm/web01":
            tracked = advance_vm(tracked, envelope)
    assert tracked is not None
    return tracked


def observed() -> list[Envelope[Event]]:
    recorder = Recorder()
    recorder.append("host/seen", HostObserved(total=8 * GiB, budget=2 * GiB, free=GiB), 1, "a")
    recorder.append("vm/seen1", VmObserved(host="seen", power=Power.RUNNING, session=1, in_use=GiB), 2, "b")
    return recorder.history


@pytest.mark.parametrize("stream", ["vm/web01", "host/hv01"])
def test_nothing_follows_a_removal(stream: str) -> None:
    states = folded(REMOVED)
    first = next(envelope for envelope in REMOVED if envelope.stream == stream)
    with pytest.raises(HistoryError, match="cannot stand there on this stream"):
        advance(states, replace(first, version=9, position=99))


@pytest.mark.parametrize("kind", ["vm", "host"])
def test_what_was_decided_and_what_was_observed_do_not_follow_each_other(kind: str) -> None:
    decided, seen = told(HOST, WEB, START), observed()
    own, other = (
        [envelope for envelope in history if envelope.stream.startswith(kind)][-1] for history in (decided, seen)
    )
    for states, following in (
        (folded(decided), replace(other, stream=own.stream)),
        (folded(seen), replace(own, stream=other.stream)),
    ):
        with pytest.raises(HistoryError, match=f"{following.event.KIND} cannot stand there"):
            advance(states, following)


def test_the_last_change_of_what_a_vm_is_assigned_is_known() -> None:
    history = told(HOST, WEB, START, add("1GiB"), in_use("2GiB"))
    added = next(envelope for envelope in history if envelope.event.KIND == "vm.memory-added")
    assert web01(history[:2]).last_change is None
    assert web01(history).last_change == LastChange(added.position, added.metadata.happened, 4 * GiB, 5 * GiB)


@pytest.mark.parametrize("command", ["stop", "reboot-guest"])
def test_what_the_guest_uses_is_known_from_its_report_until_it_begins_anew(command: str) -> None:
    history = told(HOST, WEB, START, in_use("2GiB"), add("1GiB"))
    report = next(envelope for envelope in history if envelope.event.KIND == "vm.in-use-reported")
    assert web01(history).in_use_as_of == report.metadata.happened
    longer = told(HOST, WEB, START, in_use("2GiB"), add("1GiB"), {"command": command, "vm": "web01"})
    assert web01(longer).in_use_as_of is None


def test_what_an_observed_guest_uses_is_as_old_as_its_measurement() -> None:
    recorder, known = Recorder(), list[tuple[str | None, str]]()
    for seconds, event in (
        (1, VmObserved(host="seen", power=Power.RUNNING, session=1)),
        (5, VmObserved(in_use=GiB)),
        (9, VmObserved(host="other")),
    ):
        recorder.append("vm/a", event, seconds, "a")
        tracked = recorder.fleet.vms["a"]
        known.append((tracked.in_use_as_of, tracked.as_of))
    assert known == [(None, time(1)), (time(5), time(5)), (time(5), time(9))]


@pytest.mark.parametrize("stream", ["vm/a", "host/a"])
def test_an_event_of_before_changes_nothing_of_how_recent_the_figures_are(stream: str) -> None:
    event = VmObserved(host="seen") if stream == "vm/a" else HostObserved(total=8 * GiB)
    recorder = Recorder()
    for seconds in (5, 3):
        recorder.append(stream, event, seconds, "a")
    assert folded(recorder.history)[stream].as_of == time(5)


def test_figures_are_as_recent_as_what_happened_whenever_it_was_recorded() -> None:
    history = told(HOST, WEB, START, add("1GiB")) + observed()
    late = [replace(one, metadata=replace(one.metadata, recorded=time(900))) for one in history]
    known, again = folded(history), folded(late)
    assert {stream: tracked.as_of for stream, tracked in again.items()} == {
        stream: tracked.as_of for stream, tracked in known.items()
    }
    assert max(tracked.as_of for tracked in again.values()) < time(900)

"""The audit trail: an entry an event, and one a command that somebody asked for."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from domain.envelope import Metadata
from domain.observed.events import HostObserved, VmObserved
from domain.observed.imports import ImportBegun
from domain.observed.words import FAILED_JOB
from projections.timeline import entry
from tests.projections import test_requests
from tests.projections.histories import HOST, START, WEB, Recorder, add, decided, in_use, remove, time, told

GiB = 2**30


@given(st.integers(0, 2**20), st.integers(1, 100))
@settings(max_examples=40, deadline=None)
def test_every_command_is_asked_for_exactly_once(seed: int, lines: int) -> None:
    history, _ = decided(seed, lines)
    entries = [entry(each) for each in history]

    asked = Counter(each.correlation for each in entries if each.asked)

    assert asked == Counter({each.correlation: 1 for each in entries})
    assert [each.position for each in entries] == list(range(1, len(history) + 1))


def test_an_entry_tells_what_was_asked_and_what_was_granted() -> None:
    history = told(HOST, WEB, START, in_use("3GiB"), remove("2GiB"))

    removed, returned = (entry(each) for each in history[-2:])

    assert (removed.kind, removed.vm, removed.host, removed.asked) == ("vm.memory-removed", "web01", "hv01", True)
    assert (removed.command, removed.requested, removed.granted) == ("remove-memory", 2 * GiB, GiB)
    assert (removed.outcome, removed.code) == ("partially-completed", "memory-in-use")
    assert (returned.kind, returned.vm, returned.host, returned.asked) == (
        "host.memory-returned",
        "web01",
        "hv01",
        False,
    )
    assert removed.actor == "CONTOSO\\ops"
    assert removed.correlation == returned.correlation


def test_a_refused_definition_names_the_vm_and_stands_on_the_host() -> None:
    history = told(HOST, {**WEB, "memory": {"static": {"size": 9001}}})

    refused = entry(history[-1])

    assert (refused.vm, refused.host, refused.stream) == ("web01", "hv01", "host/hv01")
    assert (refused.outcome, refused.code, refused.asked) == ("rejected", "invalid-setting", True)


def test_a_refused_grant_names_the_host_that_had_no_memory() -> None:
    refused = entry(told(HOST, WEB, START, add("1GiB"), {"command": "add-memory", "vm": "web01", "amount": 1})[-1])

    assert (refused.kind, refused.vm, refused.host) == ("vm.command-refused", "web01", "hv01")
    assert (refused.requested, refused.granted, refused.code) == (1, 0, "invalid-amount")


def test_a_move_is_an_entry_of_the_host_that_it_came_to() -> None:
    history = told(HOST, {**HOST, "host": "hv02"}, WEB, START, {"command": "move-vm", "vm": "web01", "to": "hv02"})

    entries = [entry(each) for each in history[-3:]]

    assert [(each.kind, each.host, each.asked) for each in entries] == [
        ("vm.moved", "hv02", True),
        ("host.memory-returned", "hv01", False),
        ("host.memory-granted", "hv02", False),
    ]


def test_an_entry_has_all_that_its_event_says_of_itself() -> None:
    history = told(HOST, WEB, START)
    said = Metadata("anna", "powershell", time(7), time(9), "c1", time(5), "month end", "vm/web01/2")
    shown = entry(replace(history[2], metadata=said))
    assert (shown.position, shown.stream, shown.version, shown.kind) == (3, "vm/web01", 2, "vm.started")
    assert (shown.happened, shown.earliest, shown.recorded) == (time(7), time(5), time(9))
    assert (shown.actor, shown.via, shown.reason, shown.correlation) == ("anna", "powershell", "month end", "c1")


def test_what_was_observed_is_a_request_where_somebody_asked() -> None:
    recorder = Recorder()
    for event in (test_requests.ASKED, test_requests.OPEN, VmObserved(label=FAILED_JOB), VmObserved(in_use=1)):
        recorder.append("vm/seen", event, 1, "c")
    recorder.append("host/seen1", HostObserved(total=GiB), 1, "c")
    recorder.append(
        "import/1", ImportBegun(file="s", format="qemu", sha256="0", size=1, prefix="s", began_after=0), 1, "c"
    )
    assert [
        (shown.vm, shown.host, shown.asked, shown.outcome, shown.code, shown.requested, shown.granted)
        for shown in (
            entry(envelope, "hv09" if envelope.stream == "vm/seen" else None) for envelope in recorder.history
        )
    ] == [
        ("seen", "hv09", True, None, None, 2 * GiB, None),
        ("seen", "hv09", False, "partially-completed", "insufficient-host-memory", 2 * GiB, GiB),
        ("seen", "hv09", True, "failed", None, None, None),
        ("seen", "hv09", False, None, None, None, None),
        (None, "seen1", False, None, None, None, None),
        (None, None, False, None, None, None, None),
    ]

"""Logs of a QEMU monitor: the same requests, moves and outcomes as a driver's recording of the same messages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from domain.errors import InputError
from domain.observed.events import VmChangeRequested, VmMemoryMoved, VmObserved, VmRequestSettled
from domain.quantities import MiB
from nilometer.ledger.requests import Fact
from tests.nilometer.importers.qemu.logs.logged import Form, Json, by_libvirt, logged, stamped, with_arrows
from tests.nilometer.importers.qemu.reading import N1, N5, N6, S1, facts, lines_of, observations

FORMS = [stamped, with_arrows, by_libvirt]
AT = "2026-11-23T09:00:{:06.3f}Z"


def requests(found: list[Fact]) -> list[tuple[Any, ...]]:
    """What was requested, what moved for it, and what came of it, without times that only a driver knows."""
    return [
        (event.device, event.size_from, event.target, event.accepted)
        if isinstance(event, VmChangeRequested)
        else (event.request, event.outcome, event.granted, event.code)
        for event in (fact.event for fact in found)
        if isinstance(event, VmChangeRequested | VmRequestSettled)
    ]


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("name", [S1, N1, N5])
def test_the_log_of_a_recording_has_its_requests_and_what_came_of_them(name: str, form: Form) -> None:
    recording = lines_of(name)
    log = logged([json.loads(line) for line in recording], form)
    assert requests(facts(log, final=True)) == requests(facts(recording, final=True))


def test_what_qemu_refuses_is_refused_with_its_words() -> None:
    found = facts(logged([json.loads(line) for line in lines_of(N6)]), final=True)
    settled = [fact.event for fact in found if isinstance(fact.event, VmRequestSettled)]
    words = {event.told for event in settled if event.told}
    assert words == {
        "'requested-size' has to be multiples of 'block-size' (0x200000)",
        "'requested-size' cannot exceed the memory backend size(0x40000000)",
    }


def command(second: float, name: str, answer: Json | None = None, **arguments: object) -> list[str]:
    """A command and its answer."""
    sent = {"execute": name, "arguments": arguments, "id": f"{name} {second}"}
    return [
        f"{AT.format(second)} {json.dumps(sent)}",
        f"{AT.format(second + 0.01)} {json.dumps({'return': {}, **(answer or {}), 'id': sent['id']})}",
    ]


def ballooned(second: float, size: int) -> str:
    """A size of the balloon, as QEMU reports it."""
    event = {"event": "BALLOON_CHANGE", "data": {"actual": size * MiB}}
    return f"{AT.format(second)} {json.dumps(event)}"


def balloon(second: float, size: int) -> list[str]:
    """The answer to the question for it."""
    return command(second, "query-balloon", {"return": {"actual": size * MiB}})


def read(*lines: str, final: bool = True) -> list[Fact]:
    """The facts of a log."""
    return facts([line.encode() for line in lines], final=final)


def test_a_log_of_a_balloon_alone_shows_what_the_vm_has() -> None:
    change = command(2, "balloon", value=512 * MiB)
    found = read(*balloon(1, 1024), *change, ballooned(3, 512), *balloon(20, 512))
    (request,) = [fact.event for fact in found if isinstance(fact.event, VmChangeRequested)]
    (settled,) = [fact.event for fact in found if isinstance(fact.event, VmRequestSettled)]
    assert (request.size_from, request.target, settled.granted) == (1024 * MiB, 512 * MiB, 512 * MiB)
    named = [(event.name, event.host) for fact in found if isinstance(event := fact.event, VmObserved) and event.name]
    assert named == [("vm0", "recording")], "its host is the one whose log it is"


def test_the_human_monitors_words_for_a_balloon_are_a_request_too() -> None:
    asked = command(2, "human-monitor-command", {"return": ""}, **{"command-line": "balloon 512"})
    (request,) = [fact.event for fact in read(*balloon(1, 1024), *asked) if isinstance(fact.event, VmChangeRequested)]
    assert (request.target, request.amount) == (512 * MiB, 512 * MiB)


@pytest.mark.parametrize(("age", "is_believed"), [(5, True), (90, False), (-5, False)])
def test_what_a_guest_reported_counts_if_that_was_just_before(age: int, is_believed: bool) -> None:
    stats = {"stat-total-memory": 1000 * MiB, "stat-available-memory": 700 * MiB, "stat-free-memory": 2**64 - 1}
    now = 1795424430  # 09:00:30
    answer = {"return": {"stats": stats, "last-update": now - age}}
    where = {"path": "/machine/peripheral/balloon0", "property": "guest-stats"}
    found = read(*balloon(29.5, 1024), *command(30, "qom-get", answer, **where))
    in_use = [fact.event.in_use for fact in found if isinstance(fact.event, VmObserved) and fact.event.in_use]
    assert in_use == ([324 * MiB] if is_believed else [])


def test_what_a_guest_reported_before_its_memory_moved_does_not_count() -> None:
    stats = {"stat-total-memory": 500 * MiB, "stat-available-memory": 300 * MiB}
    answer = {"return": {"stats": stats, "last-update": 1795424425}}
    where = {"path": "/machine/peripheral/balloon0", "property": "guest-stats"}
    found = read(*balloon(20, 1024), ballooned(28, 512), *balloon(29.9, 512), *command(30, "qom-get", answer, **where))
    assert [fact.event.in_use for fact in found if isinstance(fact.event, VmObserved) and fact.event.in_use] == []


def test_a_quiet_vm_that_is_asked_each_minute_gives_four_records_a_day() -> None:
    lines = list[bytes]()
    for minute in range(1440):
        at = f"2026-11-23T{minute // 60:02}:{minute % 60:02}:00Z"
        lines += [
            f'{at} {{"execute": "query-balloon"}}\n'.encode(),
            f'{at} {{"return": {{"actual": {GIB}}}}}\n'.encode(),
        ]
    assert len(facts(lines)) <= 6


GIB = 1024 * MiB


def test_the_monitors_of_one_log_are_vms_in_the_order_in_which_they_appear() -> None:
    lines = [
        line.replace("0x7f8b", f"0x{number}")
        for number in (2, 1, 2)
        for line in by_libvirt("2026-11-23T09:00:00.000Z", "RECV_EVENT", {"event": "STOP", "data": {}})
    ]
    streams = [fact.stream for fact in read(*lines)]
    assert list(dict.fromkeys(streams)) == ["vm/recording.vm0", "vm/recording.vm1"]


def test_a_log_that_grows_gives_what_it_gives_at_once() -> None:
    lines = logged([json.loads(line) for line in lines_of(S1)], by_libvirt)
    whole = [observation.key for observation in observations(lines)[0]]
    part = [observation.key for observation in observations(lines[: len(lines) // 2])[0]]
    assert part == whole[: len(part)] != []


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (['{"execute":"balloon","arguments":{"value":1}}'], "1: the message has no time"),
        (['2026-11-23T09:00:00 {"execute":"query-balloon"}'], "1: the time 2026-11-23 09:00:00 has no zone"),
        (['2026-13-23T09:00:00Z {"execute":"query-balloon"}'], "1: 2026-13-23 09:00:00 is not a time"),
        (['2026-11-23T09:00:00Z {"execute":"query-ball'], "1: is not a message of QMP, or is cut off"),
        (['2026-11-23T09:00:00Z {"execute":"stop"} {}'], "1: is not a message of QMP"),
        ([*balloon(1, 1024), '2026-11-23T09:00:02Z {"return":'], "3: is not a message of QMP, or is cut off"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place_and_a_way_out(lines: list[str], error: str) -> None:
    with pytest.raises(InputError) as refused:
        read(*lines)
    assert refused.value.message.startswith(f"recording.jsonl:{error}")
    assert refused.value.hint


def test_events_have_a_time_of_their_own() -> None:
    event = {"timestamp": {"seconds": 1693272173, "microseconds": 88667}, "event": "BALLOON_CHANGE"}
    moved = [json.dumps(event | {"data": {"actual": size}}) for size in (2 * GIB, GIB)]
    found = read(*moved)
    assert {fact.happened for fact in found} == {"2023-08-29T01:22:53.088667Z"}
    assert [fact.event.size_to for fact in found if isinstance(fact.event, VmMemoryMoved)] == [GIB]

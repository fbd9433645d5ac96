"""The size that ``set-memory`` asked for: it is recorded, and one that contradicts its command is found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from domain.events import VmEvent
from tests.domain.given import DYNAMIC, HOST, START, WEB, do
from tests.oracle.shapes import Line
from tests.rules.judging.histories import Recorded, causes, history, tampered, violations

RUNS: tuple[Line, ...] = (HOST, WEB, START, do("report-in-use", in_use="1GiB"))
DYNAMIC_WEB: Line = {**WEB, "memory": DYNAMIC}
GiB = 2**30

RECORDED = [
    pytest.param((HOST, WEB, do("set-memory", size="8GiB")), "configure-memory", 8 * GiB, id="configured"),
    pytest.param((HOST, WEB, do("set-memory", size="1")), "configure-memory", 1, id="not configured"),
    pytest.param((*RUNS, do("set-memory", size="6GiB")), "add-memory", 6 * GiB, id="added"),
    pytest.param((*RUNS, do("set-memory", size="96GiB")), "add-memory", 96 * GiB, id="added in part"),
    pytest.param((HOST, WEB, START, do("set-memory", size="1GiB")), "remove-memory", GiB, id="not removed"),
    pytest.param((*RUNS, do("set-memory", size="2GiB")), "remove-memory", 2 * GiB, id="removed"),
    pytest.param((*RUNS, do("set-memory", size="0")), "remove-memory", 0, id="removed in part"),
    pytest.param((HOST, DYNAMIC_WEB, do("set-memory", size="6GiB")), "set-memory", 6 * GiB, id="dynamic"),
]


def with_size(size: int) -> Callable[[Any], Any]:
    """What gives an event a recorded size."""
    return lambda event: replace(event, size=size)


def on_vm(envelopes: list[Recorded]) -> tuple[int, VmEvent]:
    """The last event on the VM's stream, and where it stands from the end."""
    index = next(index for index in (-1, -2) if isinstance(envelopes[index].event, VmEvent))
    event = envelopes[index].event
    assert isinstance(event, VmEvent)
    return index, event


@pytest.mark.parametrize(("lines", "command", "size"), RECORDED)
def test_the_size_is_recorded_beside_the_command_that_it_came_to(
    lines: tuple[Line, ...], command: str, size: int
) -> None:
    envelopes = history(*lines)
    _, event = on_vm(envelopes)
    assert (event.command, getattr(event, "size", None)) == (command, size)
    assert violations(envelopes) == []


@pytest.mark.parametrize(("lines", "command", "size"), RECORDED)
def test_a_size_that_contradicts_the_command_is_found(lines: tuple[Line, ...], command: str, size: int) -> None:
    envelopes = history(*lines)
    index, _ = on_vm(envelopes)
    for other in (size + 1, size + 2**21, 4 * GiB):
        wrong = tampered(envelopes, index, with_size(other))
        assert causes(wrong) == [("event_tells_all", wrong[index].position)]


@pytest.mark.parametrize(
    "line",
    [
        do("configure-memory", memory=DYNAMIC),
        do("start", vm="web01"),
        do("grow", amount="2MiB"),
        do("move-vm", to="hv01"),
    ],
    ids=lambda line: str(line["command"]),
)
def test_a_size_of_a_command_that_set_memory_never_becomes_is_found(line: Line) -> None:
    envelopes = history(HOST, WEB, *([] if line["command"] == "configure-memory" else [START]), line)
    wrong = tampered(envelopes, -1, with_size(4 * GiB))
    assert causes(wrong) == [("event_tells_all", wrong[-1].position)]


def test_a_size_of_a_vm_in_another_state_is_found() -> None:
    """``set-memory`` configures a VM that is off, and never one with Dynamic Memory."""
    off = history(HOST, WEB, do("add-memory", amount="2GiB"))
    dynamic = history(HOST, DYNAMIC_WEB, START, do("add-memory", amount="2GiB"))
    for envelopes, size in ((off, 2 * GiB), (dynamic, 4 * GiB)):
        wrong = tampered(envelopes, -1, with_size(size))
        assert causes(wrong) == [("event_tells_all", wrong[-1].position)]

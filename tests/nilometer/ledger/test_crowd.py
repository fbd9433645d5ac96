"""Eight processes at a time write to one ledger on two hosts, and are killed: it is as if one had written."""

from __future__ import annotations

import json
from collections import Counter
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest

from domain.deciding.redecide import redecide
from domain.decision import Code, Outcome
from domain.envelope import Envelope
from domain.events import Decided, Event, HostCommandRefused, HostEvent, HostFigures, HostRead, VmEvent
from domain.identifiers import split_stream
from nilometer.ledger.ledger import Ledger
from tests.domain.world import World
from tests.nilometer.ledger import processes
from tests.oracle.model import PlainModel
from tests.oracle.properties import INVARIANTS
from tests.rules.judging.histories import judged

REFUSED = (Outcome.REJECTED, Outcome.FAILED)


@pytest.mark.xdist_group("processes")  # one after the other: the machine has few cores
def test_a_crowd_of_writers_that_are_killed_leaves_a_history_as_if_one_had_written(url: str, tmp_path: Path) -> None:
    told = processes.run("crowd", url, "7", str(tmp_path / "seen"))
    assert (told["failed"], told["reader"]) == ([], 0)
    assert told["killed"] >= 20
    with Ledger.open(url) as ledger:
        history = list(ledger.events())
        # Nothing is missed by a reader who follows along, and no position is missing.
        assert [envelope.position for envelope in history] == list(range(1, len(history) + 1))
        seen = (tmp_path / "seen").read_text().splitlines()
        assert seen == [f"{envelope.position} {envelope.id}" for envelope in history]
        judge(history)
        assert judged(history)[0] == []
        # What is stored beside the events, by whoever lived long enough, is what they come to.
        ledger.views.catch_up()
        assert ledger.views.compare().equal


def judge(history: list[Envelope[Event]]) -> None:
    """Follows the history command by command, on an independent model and on the events themselves."""
    model, world = PlainModel(), World()
    hosts: dict[tuple[str, int], HostFigures] = {}
    counted: Counter[Any] = Counter()
    for _, group in groupby(history, key=lambda envelope: envelope.metadata.correlation):
        envelopes = list(group)
        events = [(envelope.stream, envelope.event) for envelope in envelopes]
        told = envelopes[0].event
        assert isinstance(told, Decided)
        counted[told.outcome] += 1
        counted[told.KIND] += 1
        again = redecide(told)
        assert again is not None
        assert (again.outcome, again.code) == (told.outcome, told.code or Code.NONE), told
        if isinstance(told, VmEvent):
            assert told.granted in (again.granted, None), told
        for read in read_hosts(told):
            assert HostFigures(read.total, read.reserve, read.free, read.held) == hosts[read.id, read.stream_version]
        if told.outcome not in REFUSED:  # one that is refused may have read a host that others changed since
            expected = model.apply(json.loads(envelopes[0].metadata.reason or "null"))
            assert tuple(stream for stream, _ in events) == expected.streams, told
            assert (told.outcome, told.code) == (expected.outcome, expected.code), told
        else:
            assert len(events) == 1, told
        world.record(events)
        for envelope in envelopes:
            kind, id = split_stream(envelope.stream)
            if kind == "host" and isinstance(envelope.event, HostEvent):
                assert envelope.event.after is not None
                hosts[id, envelope.version] = envelope.event.after
        stands = world.snapshot()
        assert [broken for rule in INVARIANTS if (broken := rule(stands)) is not None] == []
        assert stands == model.snapshot()
    commands = {envelope.metadata.correlation for envelope in history}
    assert len(commands) == sum(counted[outcome] for outcome in Outcome), "the events of a command stand together"
    for reached in (*Outcome, "vm.moved", "vm.memory-added", "vm.memory-removed", "vm.command-refused"):
        assert counted[reached] > 0, reached


def read_hosts(event: Event) -> list[HostRead]:
    """The hosts that a decision read."""
    if not isinstance(event, VmEvent | HostCommandRefused):
        return []
    return [read for read in (event.evidence.host, event.evidence.destination) if read is not None]

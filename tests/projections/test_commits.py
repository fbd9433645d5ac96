"""The events of one command are one commit; what was observed is one alone."""

from __future__ import annotations

from dataclasses import replace

from domain.envelope import Envelope
from domain.events import Event
from domain.observed.events import VmObserved
from projections.commits import Commit, are_together, commit_of, commits
from tests.oracle.shapes import Line
from tests.projections.histories import HOST, START, WEB, Recorder, time

MOVE: Line = {"command": "move-vm", "vm": "web01", "to": "hv02"}


def recorded() -> list[Envelope[Event]]:
    """A definition, a start on two streams, a move on three, and an observation; causes as a ledger writes them."""
    recorder = Recorder()
    for line in (HOST, {**HOST, "host": "hv02"}, WEB, START, MOVE):
        begin = len(recorder.history)
        recorder.run(line)
        root = recorder.history[begin].id
        recorder.history[begin + 1 :] = [
            replace(one, metadata=replace(one.metadata, causation=root)) for one in recorder.history[begin + 1 :]
        ]
    recorder.append("vm/seen", VmObserved(in_use=1), 90, "import")
    return recorder.history


def test_events_of_one_command_are_together() -> None:
    assert [[one.position for one in group] for group in commits(recorded())] == [[1], [2], [3], [4, 5], [6, 7, 8], [9]]
    assert list(commits([])) == []


def test_what_is_observed_or_has_no_cause_or_another_one_stands_alone() -> None:
    history = recorded()
    first, second = history[3:5]
    without, another = (replace(second.metadata, causation=cause) for cause in (None, "vm/web01/99"))
    assert are_together(first, second)
    assert not are_together(first, replace(second, metadata=without))
    assert not are_together(first, replace(second, metadata=another))
    assert not are_together(replace(first, metadata=replace(first.metadata, causation=None)), history[2])
    assert not are_together(first, replace(history[-1], metadata=second.metadata))


def test_a_commit_is_at_its_last_event_and_names_each_stream_once() -> None:
    group = recorded()[3:5]
    again = replace(group[0], position=6, metadata=replace(group[0].metadata, happened=time(1)))
    assert commit_of([*group, again], ["one", "two"]) == Commit(
        position=6,
        positions=(4, 5, 6),
        at=max(one.metadata.happened for one in group),
        subjects=("vm/web01", "host/hv01"),
        correlation=group[0].metadata.correlation,
        says=("one", "two"),
    )

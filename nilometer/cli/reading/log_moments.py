"""The moments of a ledger: of a command all events together, so that no view shows half of one."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator

from domain.envelope import Envelope
from domain.events import Event
from domain.identifiers import split_stream
from nilometer.cli.documents import to_document
from nilometer.cli.output import Output
from nilometer.errors import UnreadableEvent
from nilometer.messages.events import describe
from nilometer.messages.provenance import describe_origin
from nilometer.storage.reader import ReadEvent
from nilometer.times import format_time
from projections.commits import Commit, commit_of, commits
from projections.fleet import HISTORY


def show_moments(out: Output, events: Iterable[ReadEvent], count: int | None) -> None:
    """Shows each moment in a line; with ``count`` so many of the newest."""
    moments: Iterable[tuple[Commit, str]] = _moments(events)
    for moment, actor in moments if count is None else deque(moments, maxlen=count):
        if out.json:
            out.write_event(to_document(moment))
            continue
        first, last = moment.positions[0], moment.position
        places = f"#{first}" if first == last else f"#{first} to #{last}"
        out.write_line(f"{places} {format_time(moment.at)} · {actor}: {moment.says[0]}")


def _moments(events: Iterable[ReadEvent]) -> Iterator[tuple[Commit, str]]:
    for group in commits(_readable(events)):
        yield commit_of(group, map(describe, group)), describe_origin(group[0])


def _readable(events: Iterable[ReadEvent]) -> Iterator[Envelope[Event]]:
    """What happened to hosts and VMs: an import did not."""
    history = (event for event in events if split_stream(event.stream)[0] in HISTORY)
    return (event for event in history if not isinstance(event, UnreadableEvent))

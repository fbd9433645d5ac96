"""What events claim: the state before, and what was asked, as columns of the variables of the rules.

Most of it has a column of its own in an export; what has none is read from the body.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import cached_property, partial
from typing import Final, cast

import numpy
import pyarrow
import pyarrow.compute
from pydantic_core import from_json, to_json

from domain.events import HostMemoryGranted, HostMemoryReturned
from domain.identifiers import host_stream, split_stream, subject_id
from domain.quantities import LARGEST
from nilometer.audit.expected import HOST_READ, Path
from nilometer.audit.sieve.arrow_texts import Texts, constant, figures_as_json, join, texts_as_json
from nilometer.audit.sieve.bodies import StoredBodies
from nilometer.audit.sieve.columns import Column, encode
from nilometer.audit.sieve.events import ALIKE, CLAIMED, NOTHING, Events
from nilometer.audit.sieve.streams import Streams
from nilometer.storage.bodies import topic_of
from rules.symbolic.terms import Sort

_LONGEST: Final = 4
"""A part of a configuration version with more digits is unreadable."""
VM_READ: Final[Path] = ("evidence", "vm")
"""Where the settings of the VM stand that a decision read."""
_BEHIND: Final = ',"correlation":"'
"""What stands behind the causation of an event."""
_ELSEWHERE: Final[Mapping[Path, str]] = {("in_use",): "after_in_use"}
"""What has no column of its own, but is said a second time where there is one."""


class EventRows:
    """Some of the events, which are looked at together."""

    def __init__(self, events: Events, streams: Streams, index: Column, stored: StoredBodies | None = None) -> None:
        self.events = events
        self.index = index
        """Which ones."""
        self._streams = streams
        self._stored = stored
        """What is stored of them, if it was kept."""

    def __len__(self) -> int:
        return len(self.index)

    def only(self, which: Column) -> EventRows:
        """Some of them."""
        return self.at(self.index[which])

    def at(self, index: Column) -> EventRows:
        """Some of all the events, by their places."""
        return EventRows(self.events, self._streams, index, self._stored)

    def alike(self) -> tuple[EventRows, Column] | None:
        """One of each of those that are alike, and for each of them the number of that one; ``None`` if few are."""
        if self.events.alike is None:
            return None
        rows, which = self.events.alike
        mine = which[self.index]
        here = numpy.zeros(len(rows), bool)
        here[mine] = True
        numbers = (numpy.cumsum(here) - 1).astype(numpy.int32)
        return self.at(rows[here]), numbers[mine]

    @property
    def readable(self) -> Column:
        """What can be read, and has no remark."""
        return self.events.readable[self.index]

    def are_of(self, kind: str) -> Column:
        """Whether they are events of VMs (``vm``), or of hosts (``host``)."""
        is_so: Column = self.events.kept(("kind", kind), lambda: _are_of(self.events, kind))[self.index]
        return is_so

    @property
    def version(self) -> Column:
        """Their versions."""
        return self.events.integers("version")[self.index]

    @property
    def stream(self) -> Column:
        """The numbers of their streams."""
        return self.events.stream[self.index]

    def read_version(self, place: Path) -> Column:
        """The version of a host's stream that was read, by the place that says what was read of it."""
        return self.claimed((*place, "stream_version"), int)

    def read_host(self, place: Path) -> Column:
        """The number of the stream of a host that was read; -1 where none is named."""
        if place == HOST_READ:
            return self.events.kept(
                ("read_host", ""), lambda: self.events.labels("read_host_id").numbered(self._number_of_host)
            )[self.index]
        ids = (_at(data, (*place, "id")) for data in self.data)
        return numpy.array([self._number_of_host(id) if isinstance(id, str) else NOTHING for id in ids], numpy.int64)

    def _number_of_host(self, id: str) -> int:
        return self._streams.number(host_stream(id))

    def is_followed_by(
        self, stream: Column, version: Column, gives: Column, gets_back: Column, *, after: Column
    ) -> Column:
        """Whether an event comes that is of this stream and version, recorded at the same time, and grants or returns.

        ``after`` says how many events after each it has to stand.
        """
        events, following = self.events, self.following(after)
        topics = events.kept(("books", ""), lambda: _books_of(events))[following]
        is_so: Column = (
            (events.position[following] == events.position[self.index] + after)
            & (events.stream[following] == stream)
            & (events.integers("version")[following] == version)
            & (events.recorded[following] == events.recorded[self.index])
            & (topics == numpy.where(gives, 0, 1))
            & (gives != gets_back)
        )
        return is_so

    def following(self, after: Column) -> Column:
        """The places of the events that stand so many events after each; of the last ones that of the last."""
        following: Column = numpy.minimum(self.index + after, self.events.count - 1)
        return following

    # Parts of bodies, as JSON

    @property
    def causation(self) -> Sequence[Texts]:
        """The event that caused it, or ``null``, and what stands between it and the correlation."""
        causes, behind = self.events.texts("causation").take(pyarrow.array(self.index)), Texts.same(_BEHIND, len(self))
        if causes.null_count == len(causes):
            return Texts.same("null", len(self)), behind
        return Texts(pyarrow.compute.fill_null(texts_as_json(causes), constant("null"))), behind

    @property
    def own_id(self) -> Sequence[Texts]:
        """The same of an event that they caused: their own ids."""
        return (
            self.events.labels("stream").written(_beginning_of_id).at(self.index),
            Texts(join([figures_as_json(self.version, int), f'"{_BEHIND}'])),
        )

    @property
    def subject(self) -> Texts:
        """The id of the VM or host that an event is about."""
        return self.events.labels("stream").written(_subject_of).at(self.index)

    def read_version_text(self, place: Path) -> Texts:
        """The version of a host's stream that was read."""
        return Texts(figures_as_json(self.read_version(place), int))

    @property
    def version_before_text(self) -> Texts:
        """The version of its own stream before it."""
        return Texts(figures_as_json(self.version - 1, int))

    @cached_property
    def data(self) -> Sequence[object]:
        """The data in the bodies; ``None`` where it cannot be read."""
        assert self._stored is not None
        return [_data_in(body) for body in self._stored.write(self.index).to_pylist()]

    def claimed(self, path: Path, sort: Sort) -> Column:
        """What the events claim at a place in their data, as numbers; -1 where they claim nothing that is one."""
        name, events = _column_of(path), self.events
        if name is not None and sort is int:
            return events.integers(name)[self.index]
        if name is not None or path[:2] == VM_READ:
            labels = events.labels(name or "read_vm")
            table = events.kept(("/".join(path), sort.__name__), lambda: _in_labels(events, name, path, sort))
            found: Column = table[labels.numbers[self.index]]
            return found
        number, place = _number_of(path, sort), _place_of(path)
        return numpy.array([number(_at(data, place)) for data in self.data], numpy.int64)

    def claimed_text(self, path: Path) -> Texts:
        """The texts that the events claim at a place in their data, as JSON; null where they claim none."""
        name = _column_of(path)
        if name is not None:
            return self.events.labels(name).written(_as_json).at(self.index)
        texts = (_at(data, path) for data in self.data)
        return Texts(
            pyarrow.array((_as_json(text) if isinstance(text, str) else None for text in texts), pyarrow.string())
        )


_BOOK_TOPICS: Final = {topic_of(kind): number for number, kind in enumerate((HostMemoryGranted, HostMemoryReturned))}


def _are_of(events: Events, kind: str) -> Column:
    names = events.labels("stream")
    return names.chosen([split_stream(name)[0] == kind and subject_id(name) != "" for name in names.texts]) > 0


def _books_of(events: Events) -> Column:
    return events.labels("topic").numbered(lambda topic: _BOOK_TOPICS.get(topic, NOTHING))


def _in_labels(events: Events, name: str | None, path: Path, sort: Sort) -> Column:
    """What each text of a column claims; or each of the settings of VMs that were read, which are one as JSON."""
    number, place = _number_of(path, sort), _place_of(path)
    if name is not None:
        return events.labels(name).table([number(text) for text in events.labels(name).texts])
    return events.labels("read_vm").table([number(_at(part, place[len(VM_READ) :])) for part in events.settings])


def has_column(path: Path) -> bool:
    """Whether what stands at a place in the data of an event has a column of an export."""
    return path[:2] == VM_READ or _column_of(path) is not None


def is_alike(path: Path) -> bool:
    """Whether events that are alike claim the same at a place in their data."""
    return path[:2] == VM_READ or _column_of(path) in ALIKE


def _place_of(path: Path) -> Path:
    return path[:-1] if path[-2:-1] == ("config_version",) else path


def _subject_of(stream: str) -> str:
    return _as_json(subject_id(stream))


def _beginning_of_id(stream: str) -> str:
    return f"{_as_json(stream)[:-1]}/"


def _as_json(text: str) -> str:
    return to_json(text).decode()


def _column_of(path: Path) -> str | None:
    """The column of an export that has what stands at a place in the data."""
    if path[:2] == ("evidence", "host"):
        name = "_".join(("read", *path[1:]))
    else:
        name = _ELSEWHERE.get(path) or "_".join(path) if path[0] == "before" or len(path) == 1 else ""
    return name if name in CLAIMED else None


def _data_in(body: str) -> object:
    try:
        return _at(from_json(body), ("data",))
    except ValueError:
        return None


def _at(value: object, path: Sequence[str]) -> object:
    for name in path:
        if not isinstance(value, dict):
            return None
        value = cast("Mapping[str, object]", value).get(name)
    return value


def _number_of(path: Path, sort: Sort) -> Callable[[object], int]:
    """How what stands at a place becomes a number; -1 for what is none."""
    if path[-2:-1] == ("config_version",):
        return partial(_part_of_version, {"major": 0, "minor": 1}[path[-1]])
    if issubclass(sort, StrEnum):
        members = {member.value: int(encode(member)) for member in sort}
        return lambda value: members.get(value, NOTHING) if isinstance(value, str) else NOTHING
    if sort is bool:
        return lambda value: int(value) if isinstance(value, bool) else NOTHING
    return lambda value: value if type(value) is int and 0 <= value <= LARGEST else NOTHING


def _part_of_version(part: int, value: object) -> int:
    """The major or minor number of a configuration version such as ``10.0``."""
    text = value.split(".")[part : part + 1] if isinstance(value, str) else []
    return int(text[0]) if text and len(text[0]) <= _LONGEST and text[0].isdecimal() else NOTHING

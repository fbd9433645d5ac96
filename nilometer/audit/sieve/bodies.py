"""The bodies that events should have, and those that they have.

Forms say what is expected of their events; then all bodies are written in the order in which the stored ones are read,
and compared with these, a little at a time. What is stored right is not kept: it can be written again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy
import pyarrow
import pyarrow.compute

from nilometer.audit.sieve.arrow_texts import Texts, join
from nilometer.audit.sieve.columns import Column
from nilometer.audit.sieve.events import NOTHING, Events

CAUSATION: Final = 2
"""So many texts are the causation of an event; the others are its data."""


class ExpectedBodies:
    """The bodies that events of a piece should have; each is made of an event and of texts."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._texts: list[_Column] = []
        self._causes = numpy.full(events.count, NOTHING, numpy.int64)
        """The event of whose columns a body is made."""
        self._numbers = numpy.full(events.count, NOTHING, numpy.int64)
        """What was expected last of each event, by number."""
        self._expected = 0
        self._right = numpy.zeros(events.count, bool)

    def expect(self, places: Column, causes: Column, texts: Sequence[Texts], which: Column) -> int:
        """Expects the events of a form at some places. Gives the number of this expectation.

        A body is made of the columns of the event at ``causes``, and of texts; ``which`` says of which of the events
        of the form something is expected.
        """
        chosen = numpy.flatnonzero(which)
        some = places[chosen]
        self._causes[some], self._numbers[some] = causes[chosen], self._expected
        while len(self._texts) < len(texts):
            self._texts.append(_Column(self._events.count))
        for number, column in enumerate(self._texts):
            column.put(some, texts[number].at(chosen) if number < len(texts) else None)
        self._expected += 1
        return self._expected - 1

    def compare(self, places: Column, stored: pyarrow.Array) -> Column:
        """Compares what is stored of some events with what is expected: whether it is the same."""
        is_right: Column = _equal(stored, self.write(places)) & (self._causes[places] != NOTHING)
        self._right[places] = is_right
        return is_right

    def are_right(self, number: int, places: Column, causes: Column) -> Column:
        """Whether events are stored as it was expected by this number, of the events at ``causes``."""
        are_so: Column = self._right[places] & (self._numbers[places] == number) & (self._causes[places] == causes)
        return are_so

    def write(self, places: Column) -> pyarrow.Array:
        """The bodies that are expected of some events; of an event of which nothing is expected, any text."""
        events, causes = self._events, numpy.maximum(self._causes[places], 0)
        texts = [column.take(places) for column in self._texts]
        happened, reason, recorded, via = events.end
        return join(
            [
                events.beginning.take_one_if_same(causes),
                *texts[:CAUSATION],
                ',"correlation":"',
                events.correlation.take(causes),
                '","data":',
                *texts[CAUSATION:],
                ',"earliest":null,"happened":"',
                happened.take(causes),
                reason.take_one_if_same(causes),
                recorded.take(causes),
                via.take_one_if_same(causes),
            ]
        )


class _Column:
    """A text of each event of a piece; empty where none was put."""

    def __init__(self, count: int) -> None:
        self._which = numpy.zeros(count, numpy.int32)
        self._size = 1
        self._parts: list[pyarrow.Array] = [_EMPTY]

    def put(self, places: Column, texts: Texts | None) -> None:
        """Puts texts at some places, in their order."""
        if texts is None:
            self._which[places] = 0
            return
        which = numpy.arange(len(places)) if texts.which is None else texts.which
        self._which[places] = which + self._size
        self._size += len(texts.texts)
        self._parts.append(texts.texts)

    def take(self, places: Column) -> pyarrow.Array:
        """The texts of some events."""
        if len(self._parts) > 1:
            self._parts = [pyarrow.concat_arrays(self._parts)]
        return self._parts[0].take(pyarrow.array(self._which[places]))


_EMPTY: Final = pyarrow.array([""], pyarrow.string())


class StoredBodies:
    """What is stored of some events of a piece."""

    def __init__(self, places: Sequence[Column], bodies: Sequence[pyarrow.Array]) -> None:
        self.places: Column = numpy.concatenate([*places, numpy.zeros(0, numpy.int64)])
        """Which events, in the order of their rows."""
        self.bodies = pyarrow.concat_arrays([*bodies, _EMPTY[:0]])

    def write(self, places: Column) -> pyarrow.Array:
        """What is stored of some of them."""
        return self.bodies.take(pyarrow.array(numpy.searchsorted(self.places, places)))


def keep_others(expected: ExpectedBodies, stored: Iterable[pyarrow.Array]) -> StoredBodies:
    """Compares what is stored of all events of a piece with what is expected, and keeps what is another."""
    places, others, begin = list[Column](), list[pyarrow.Array](), 0
    for bodies in stored:
        rows = numpy.arange(begin, begin + len(bodies))
        is_other = ~expected.compare(rows, bodies)
        if is_other.any():
            places.append(rows[is_other])
            others.append(bodies.filter(pyarrow.array(is_other)))
        begin += len(bodies)
    return StoredBodies(places, others)


_FALSE: Final = pyarrow.scalar(False, pyarrow.bool_())


def _equal(one: pyarrow.Array, other: pyarrow.Array) -> Column:
    found = pyarrow.compute.equal(one, other)
    if found.null_count:
        found = pyarrow.compute.fill_null(found, _FALSE)
    return found.to_numpy(zero_copy_only=False)

"""The bodies that events should have, and those that they have.

Forms say of which texts the bodies of their events are made; then what is stored is compared with these in the order in
which it is read, a little at a time. What is stored right is not kept: it can be written again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final

import numpy
import pyarrow

from nilometer.audit.sieve.arrow_texts import Texts
from nilometer.audit.sieve.columns import Column
from nilometer.audit.sieve.events import NOTHING, Events
from nilometer.audit.sieve.text_pool import EMPTY, TextPool

CAUSATION: Final = 2
"""So many texts are the causation of an event; the others are its data."""


class ExpectedBodies:
    """The bodies that events of a piece should have; each is made of an event and of texts."""

    def __init__(self, events: Events) -> None:
        self._events = events
        self._pool = TextPool()
        self._which = numpy.full((events.count, _WIDTH), EMPTY, numpy.int32)
        """The texts of each body, one after the other, by number."""
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
        some, source = places[chosen], causes[chosen]
        written = self._numbers_of(texts, chosen, source)
        if len(written) > self._which.shape[1]:
            more = len(written) - self._which.shape[1]
            self._which = numpy.pad(self._which, ((0, 0), (0, more)), constant_values=EMPTY)
        rows = numpy.full((len(some), self._which.shape[1]), EMPTY, numpy.int32)
        for number, column in enumerate(written):
            rows[:, number] = column
        self._which[some] = rows
        self._causes[some], self._numbers[some] = source, self._expected
        self._expected += 1
        return self._expected - 1

    def _numbers_of(self, texts: Sequence[Texts], chosen: Column, source: Column) -> Sequence[Column]:
        """The numbers of all texts of bodies: of the events at ``source``, and of those that a form has written."""
        events = self._events
        given = [self._at(text, chosen) for text in texts]
        return [
            self._at(events.beginning, source),
            *given[:CAUSATION],
            self._at(events.correlation, source),
            *given[CAUSATION:],
            *(self._at(text, source) for text in events.end),
        ]

    def _at(self, texts: Texts, places: Column) -> Column:
        """The numbers of the texts that stand at some places."""
        which = places if texts.which is None else texts.which[places]
        return which + self._pool.add(texts.texts)

    def compare(self, places: Column, stored: pyarrow.Array) -> Column:
        """Compares what is stored of some events with what is expected: whether it is the same."""
        is_right = self._pool.are_joined(stored, self._which.take(places, axis=0))
        is_right &= self._causes[places] != NOTHING
        self._right[places] = is_right
        return is_right

    def are_right(self, number: int, places: Column, causes: Column) -> Column:
        """Whether events are stored as it was expected by this number, of the events at ``causes``."""
        are_so: Column = self._right[places] & (self._numbers[places] == number) & (self._causes[places] == causes)
        return are_so

    def write(self, places: Column) -> pyarrow.Array:
        """The bodies that are expected of some events; of an event of which nothing is expected, an empty text."""
        return self._pool.join(self._which[places])


_WIDTH: Final = 11
"""Of so many texts most bodies are made."""


class StoredBodies:
    """What is stored of some events of a piece."""

    def __init__(self, places: Sequence[Column], bodies: Sequence[pyarrow.Array]) -> None:
        self.places: Column = numpy.concatenate([*places, numpy.zeros(0, numpy.int64)])
        """Which events, in the order of their rows."""
        self.bodies = pyarrow.concat_arrays([*bodies, pyarrow.array([], pyarrow.string())])

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
